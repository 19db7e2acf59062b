/** Random numbers of a load thread: seeded, so that the plan of arrivals can be repeated; and samples of durations. */
import { Random as Generator } from '../sim/random.js';
import type { Duration } from './options.js';

const TWO_32 = 0x1_0000_0000;
/** An exponential time is cut at so many times its mean. */
const EXPONENTIAL_CUT = 10;

export class Random extends Generator {
  /** From 0 up to, but not with, 1. */
  fraction(): number {
    return this.bits() / TWO_32;
  }

  /** Exponential with mean 1. */
  exponential(): number {
    return -Math.log(1 - this.fraction());
  }

  /** A time of the distribution, milliseconds. */
  durationMs(duration: Duration): number {
    switch (duration.kind) {
      case 'fixed':
        return duration.ms;
      case 'uniform':
        return duration.minMs + this.fraction() * (duration.maxMs - duration.minMs);
      case 'exponential':
        return Math.min(this.exponential(), EXPONENTIAL_CUT) * duration.meanMs;
    }
  }
}
