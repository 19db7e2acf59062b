/** What all threads have counted and timed at one moment: their blocks merged. Main thread. */
import { Histogram } from '../histogram.js';
import { L_IN_FLIGHT, L_IN_FLIGHT_UAS, LOAD_COUNTERS, LOAD_TIMES, STATUSES, STATUS_LEAST, statusAt, timeAt } from '../metrics.js';

/** A reading. Owned by whoever took it; it does not change any more. */
export class Snapshot {
  private constructor(
    /** When it was taken, milliseconds of the run's clock. */
    readonly atMs: number,
    /** By `L_*`. */
    readonly counters: Float64Array,
    /** By `T_*`. */
    readonly times: readonly Histogram[],
    /** Unexpected statuses, from STATUS_LEAST on. */
    readonly statuses: Float64Array,
  ) {}

  /** Reads the threads' blocks (each METRICS_SLOTS float64), which may be written meanwhile. */
  static take(blocks: readonly Float64Array[], atMs: number): Snapshot {
    const counters = new Float64Array(LOAD_COUNTERS.length);
    const times = LOAD_TIMES.map(() => new Histogram());
    const statuses = new Float64Array(STATUSES);
    for (const block of blocks) {
      for (let i = 0; i < counters.length; i++) counters[i]! += block[i]!;
      for (let i = 0; i < STATUSES; i++) statuses[i]! += block[statusAt(STATUS_LEAST + i)]!;
      for (const [index, histogram] of times.entries()) histogram.add(block, timeAt(index));
    }
    return new Snapshot(atMs, counters, times, statuses);
  }

  /** What came since an earlier reading; what is in progress is that of now. */
  since(earlier: Snapshot): Snapshot {
    const counters = this.counters.map((value, i) => (GAUGES.has(i) ? value : value - earlier.counters[i]!));
    return new Snapshot(this.atMs - earlier.atMs, counters, this.times.map((histogram, i) => histogram.since(earlier.times[i]!)), this.statuses.map((value, i) => value - earlier.statuses[i]!));
  }
}

const GAUGES = new Set([L_IN_FLIGHT, L_IN_FLIGHT_UAS]);
