/**
 * The whole sweep: more than 200,000 calls over every knob, with every rule checked on every message. It runs bundled, in
 * processes of its own: through the module transform of the test runner it would take twice the time.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CALLS_A_RUN, type SweepRun, sweepRuns } from '../../src/sim/sweep.js';
import type { SweepOutcome } from './sweep-worker.js';

const LEAST_CALLS = 200_000;
/** Short runs fit into the nursery of the heap whole. */
const NODE_OPTIONS = ['--max-semi-space-size=64', '--min-semi-space-size=16'];

let folder: string;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viaduct-sweep-'));
  await build({
    entryPoints: [fileURLToPath(new URL('sweep-worker.ts', import.meta.url))],
    outfile: join(folder, 'worker.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Fields that are assigned cost less than fields that are defined.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    logLevel: 'silent',
  });
});

afterAll(async () => {
  for (const child of children) child.kill();
  await rm(folder, { recursive: true, force: true });
});

/** Works off the queue in one process. */
function work(queue: Iterator<SweepRun, undefined>, report: (outcome: SweepOutcome) => void): Promise<void> {
  const child = fork(join(folder, 'worker.mjs'), [], { execArgv: NODE_OPTIONS, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  children.push(child);
  return new Promise((resolve, reject) => {
    const next = (): void => {
      const { value, done } = queue.next();
      if (done === true || value === undefined) {
        child.removeAllListeners('exit');
        child.disconnect();
        resolve();
      } else child.send(value.knobs);
    };
    child.on('exit', (code) => { reject(new Error(`a process of the sweep ended with ${code}`)); });
    child.on('message', (outcome) => {
      report(outcome as SweepOutcome);
      next();
    });
    next();
  });
}

it('keeps every rule in more than 200,000 calls', { timeout: 300_000 }, async () => {
  const runs = sweepRuns();
  const failures: string[] = [];
  const startedMs = performance.now();
  let calls = 0;
  let datagrams = 0;
  let done = 0;
  const report = (outcome: SweepOutcome): void => {
    calls += outcome.calls;
    datagrams += outcome.datagrams;
    if (outcome.failure !== '') failures.push(outcome.failure);
    if (++done % 50 === 0) console.log(`${calls} of ${runs.length * CALLS_A_RUN} calls simulated`);
  };
  const queue = runs[Symbol.iterator]();
  const processes = Math.min(4, Math.max(2, availableParallelism()));
  await Promise.all(Array.from({ length: processes }, () => work(queue, report)));
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  console.log(`${calls} simulated calls, ${datagrams} datagrams, ${seconds} s in ${processes} processes`);
  expect(failures.length === 0, failures.slice(0, 3).join('\n\n')).toBe(true);
  expect(calls).toBeGreaterThanOrEqual(LEAST_CALLS);
});
