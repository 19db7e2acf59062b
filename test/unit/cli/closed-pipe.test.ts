/** Output into a pipe whose reader has gone. */
import { expect, it } from 'vitest';
import { start } from './cli-process.js';

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
