/**
 * A moment's statistics as plain data: what the control socket hands out and `viaduct stats` prints. Main thread.
 *
 * The counters of a running shard are read as they are: each value is exact, two of them may be a message apart.
 */
import { COUNTERS, type CounterInfo } from './counters.js';

/** Counter values by name (see `COUNTERS`). */
export type CounterValues = Readonly<Record<string, number>>;

/** How full the rings of a shard are, in bytes. */
export interface RingLevels {
  /** Main to shard. */
  readonly inBytes: number;
  /** Shard to main. */
  readonly outBytes: number;
  /** Room of each. */
  readonly ringBytes: number;
}

export interface ThreadStats {
  /** `main`, `shard 0`, … */
  readonly thread: string;
  readonly counters: CounterValues;
  readonly rings?: RingLevels;
}

export interface StatsSnapshot {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly uptimeMs: number;
  /** `sharding.node` of the instance. */
  readonly node: number;
  readonly pid: number;
  readonly version: string;
  /** Threads that run engines; 0: the main thread does. */
  readonly shards: number;
  /** Main first, then the shards in order. */
  readonly threads: readonly ThreadStats[];
  /** Over all threads: sums, and of peaks the largest. */
  readonly totals: CounterValues;
}

export interface SnapshotSource {
  readonly nowMs: number;
  readonly uptimeMs: number;
  readonly node: number;
  readonly pid: number;
  readonly version: string;
  /** Counter block of the main thread. Borrowed, as are the others. */
  readonly main: Float64Array;
  /** Counter blocks of the shards, in order. */
  readonly shards: readonly Float64Array[];
  /** Ring levels of the shards, in order, if known. */
  readonly rings?: readonly RingLevels[];
}

/** Copies the blocks into a snapshot. */
export function takeSnapshot(source: SnapshotSource): StatsSnapshot {
  const { nowMs, uptimeMs, node, pid, version, main, shards, rings } = source;
  const threads: ThreadStats[] = [{ thread: 'main', counters: valuesOf(main) }];
  for (const [shard, block] of shards.entries()) {
    const level = rings?.[shard];
    threads.push({ thread: `shard ${shard}`, counters: valuesOf(block), ...(level === undefined ? {} : { rings: level }) });
  }
  return { time: new Date(nowMs).toISOString(), uptimeMs, node, pid, version, shards: shards.length, threads, totals: sum(threads) };
}

function valuesOf(block: Float64Array): CounterValues {
  return Object.fromEntries(COUNTERS.map(({ name }, index) => [name, block[index] ?? 0]));
}

function sum(threads: readonly ThreadStats[]): CounterValues {
  const of = (name: string): number[] => threads.map(({ counters }) => counters[name] ?? 0);
  const total = (name: string, kind: CounterInfo['kind']): number => (kind === 'peak' ? Math.max(...of(name)) : of(name).reduce((all, one) => all + one, 0));
  return Object.fromEntries(COUNTERS.map(({ name, kind }) => [name, total(name, kind)]));
}
