/**
 * The clock of one thread, on a time line that all threads of a server share: milliseconds since an origin that main
 * chose. It is monotonic and survives the replacement of a shard. Any thread.
 */
import { performance } from 'node:perf_hooks';
import { hrtime } from 'node:process';

/** Monotonic milliseconds on the scale that every thread of this machine shares. To be handed to `Clock` as origin. */
export function sharedNowMs(): number {
  return Number(hrtime.bigint()) / 1e6;
}

/** Reads the shared time line cheaply: `performance.now()` and one addition, no BigInt on the hot path. */
export class Clock {
  private readonly offsetMs: number;

  /** `originMs`: the value of `sharedNowMs()` that is zero on the shared time line. */
  constructor(originMs: number) {
    // performance.timeOrigin would do too, but it follows the wall clock, which may step between two thread starts.
    this.offsetMs = sharedNowMs() - performance.now() - originMs;
  }

  /** Whole milliseconds since the origin: what `Engine.advance` takes. */
  nowMs(): number {
    return Math.floor(performance.now() + this.offsetMs);
  }

  /** Milliseconds since the origin with their fraction, for sleeping up to a deadline. */
  exactMs(): number {
    return performance.now() + this.offsetMs;
  }
}
