/** Counts allocations in a process of its own, which has the young generation that it takes. */
import { fork } from 'node:child_process';
import { ROOT } from '../results.js';
import type { CoreAllocations } from './core.js';
import { MEASURING_FLAGS } from './heap-growth.js';

/** @param calls in a round; @param measurements how often it is counted. Rejects when the process does not answer. */
export function coreAllocationsApart(calls: number, measurements: number): Promise<CoreAllocations> {
  const child = fork('bench/run.mjs', ['bench/alloc/core-process.ts', String(calls), String(measurements)], {
    cwd: ROOT,
    execArgv: [...MEASURING_FLAGS],
    timeout: 120_000,
  });
  return new Promise((resolve, reject) => {
    let found: CoreAllocations | undefined;
    child.on('message', (message) => { found = message as CoreAllocations; });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (found !== undefined) resolve(found);
      else reject(new Error(`the process that counts allocations ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}
