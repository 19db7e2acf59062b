/**
 * How many bytes a piece of code allocates, exactly: how much the young generation has grown behind it. That holds as long as no
 * collection comes in between, so the process has to be started with a young generation that takes it all in, and every
 * measurement tells whether one came.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';

/** Young generation that a measurement needs, megabytes. */
export const SEMI_SPACE_MB = 64;

/** Flags of Node for a process that measures. */
export const MEASURING_FLAGS: readonly string[] = ['--expose-gc', `--min-semi-space-size=${SEMI_SPACE_MB}`, `--max-semi-space-size=${SEMI_SPACE_MB}`];

/** Heap spaces where new objects are put. */
const YOUNG_SPACES = new Set(['new_space', 'new_large_object_space']);

/** What was allocated. */
export interface Growth {
  readonly bytes: number;
  /** A collection came in between: `bytes` says nothing. */
  readonly wasCollected: boolean;
}

/** Empties the young generation. Throws an Error in a process without `--expose-gc`. */
export function collectGarbage(): void {
  if (globalThis.gc === undefined) throw new Error(`to count allocations Node has to be started with ${MEASURING_FLAGS.join(' ')}`);
  globalThis.gc();
}

/** Bytes that `run` allocates. What the measurement itself allocates is taken off. */
export async function allocatedBy(run: () => void): Promise<Growth> {
  let collections = 0;
  const observer = new PerformanceObserver((list) => { collections += list.getEntries().length; });
  collectGarbage();
  // The collection of the line above is reported in a later turn.
  await nextTurn();
  await nextTurn();
  observer.observe({ entryTypes: ['gc'] });
  const empty = youngBytes();
  const before = youngBytes();
  run();
  const after = youngBytes();
  await nextTurn();
  await nextTurn();
  observer.disconnect();
  return { bytes: after - before - (before - empty), wasCollected: collections > 0 };
}

function youngBytes(): number {
  let bytes = 0;
  for (const space of getHeapSpaceStatistics()) if (YOUNG_SPACES.has(space.space_name)) bytes += space.space_used_size;
  return bytes;
}
