/**
 * The plan of arrivals: when calls are due, whatever became of those before them (open loop). The rate may change at any
 * moment; what was left until the next arrival then passes at the new rate, so a ramp is followed exactly. Pure: time and
 * randomness are handed in. Load thread.
 *
 * From 1,000 calls per second on, calls are due at the next step of the clock (of 2 ms; from 4,000 on 1 ms, from 8,000 on half a
 * millisecond), so that some four of them are due together: to be woken costs a thread more CPU than a call does. The times of the plan
 * are what is rounded, before anything happens, so no call is late for it and nothing measured is the longer for it.
 */
import type { Random } from './random.js';

/** Calls of one thread per microsecond from which on arrivals stand on a grid; its coarsest and its finest step, microseconds. */
const GRID_RATE = 0.001;
const COARSEST_STEP_US = 2000;
const FINEST_STEP_US = 500;
/** A step is halved while more calls than this are due in half of it. */
const CALLS_PER_STEP = 4;

export class Arrivals {
  private readonly random: Random;
  private readonly even: boolean;
  private ratePerUs = 0;
  /** Exact time of the next call, microseconds; Infinity while the rate is 0. */
  private next = Infinity;
  /** What is left until the next call, in calls, while the rate is 0. */
  private left: number;

  /** Even arrivals of thread `thread` of `threads` stand between those of the others. */
  constructor(random: Random, kind: 'poisson' | 'even', thread: number, threads: number) {
    this.random = random;
    this.even = kind === 'even';
    this.left = this.even ? (thread + 1) / threads : random.exponential();
  }

  /** When the next call is due, microseconds; Infinity while the rate is 0. */
  get nextUs(): number {
    return this.due(this.next);
  }

  private due(exactUs: number): number {
    if (this.ratePerUs < GRID_RATE) return exactUs;
    let stepUs = COARSEST_STEP_US;
    while (stepUs > FINEST_STEP_US && this.ratePerUs * (stepUs / 2) >= CALLS_PER_STEP) stepUs /= 2;
    return Math.ceil(exactUs / stepUs) * stepUs;
  }

  /** The rate is `perSecond` from `nowUs` on; times before are as they were. */
  setRate(perSecond: number, nowUs: number): void {
    const rate = perSecond > 0 ? perSecond / 1e6 : 0;
    if (rate === this.ratePerUs) return;
    if (this.ratePerUs > 0) {
      // What is due already stays due: only the time from now on passes at the new rate.
      if (this.next <= nowUs && rate > 0) {
        this.ratePerUs = rate;
        return;
      }
      this.left = Math.max(0, this.next - nowUs) * this.ratePerUs;
    }
    this.ratePerUs = rate;
    this.next = rate > 0 ? nowUs + this.left / rate : Infinity;
  }

  /** Stops the plan; the next `setRate` begins it anew. */
  stop(): void {
    if (this.ratePerUs === 0) return;
    this.ratePerUs = 0;
    this.next = Infinity;
    this.left = this.gap();
  }

  /** Takes the next call from the plan and returns when it was due. */
  take(): number {
    const exact = this.next;
    this.next = exact + this.gap() / this.ratePerUs;
    return this.due(exact);
  }

  private gap(): number {
    return this.even ? 1 : this.random.exponential();
  }
}
