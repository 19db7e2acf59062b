/** Output into a pipe whose reader has gone, and onto a disk that is full. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';
import { MAIN, start } from './cli-process.js';

const FULL = '/dev/full';

it.each([
  ['help', ['load', '--help'], 'stdout'],
  // It would take calls until it is stopped.
  ['a run', ['load', '--role', 'uas', '--listen', '127.0.0.1:0'], 'stderr'],
] as const)('%s ends quietly when nobody reads it', async (_name, args, stream) => {
  const command = start(args);
  command.process[stream].destroy();
  const { code, stdout, stderr } = await command.ended;
  expect({ code, stdout, stderr }).toEqual({ code: 141, stdout: '', stderr: '' });
});

it.skipIf(!existsSync(FULL)).each(['--help', 'load --help', 'run --print-config'])('%s ends with one line when the disk is full', (line) => {
  const full = openSync(FULL, 'w');
  try {
    const { status, stderr } = spawnSync(process.execPath, [MAIN, ...line.split(' ')], { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, 'viaduct: cannot write to standard output: there is no space left on the device\n']);
  } finally {
    closeSync(full);
  }
});
