/** The clock of load threads: microseconds, monotonic, the same in all threads of the process. */
import { performance } from 'node:perf_hooks';

/** Readings that find the offset of this thread; the closest pair counts. */
const READINGS = 16;

/** From this thread's `performance.now()`, which begins with the thread, to the clock of the process. */
const offsetUs = findOffsetUs();

function findOffsetUs(): number {
  let best = 0;
  let bestGap = Infinity;
  for (let i = 0; i < READINGS; i++) {
    const before = performance.now();
    const clock = Number(process.hrtime.bigint()) / 1000;
    const after = performance.now();
    if (after - before >= bestGap) continue;
    bestGap = after - before;
    best = clock - ((before + after) / 2) * 1000;
  }
  return best;
}

/** Now, microseconds. */
export function nowUs(): number {
  return performance.now() * 1000 + offsetUs;
}
