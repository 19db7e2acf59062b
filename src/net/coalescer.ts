/**
 * Receive coalescing: decides how long the thread that reads the sockets pauses between two batches. A short pause lets several datagrams
 * gather, so that every later stage (router, ring, doorbell, timers, send) works on batches: what a batch costs beside its
 * datagrams, threads that go to sleep and wake each other, is shared by all of them. At low rates a pause would only add latency,
 * so there is none; at high ones a batch is large soon, so the pause is short.
 *
 * Pure arithmetic on the times handed in.
 */

import { PauseRate } from './pause-rate.js';

/** A pause must be expected to collect this many datagrams before it pays for itself. */
const MIN_DATAGRAMS = 2;
/** Datagrams that a pause is to collect: more of them in a batch save next to nothing. */
const ENOUGH_DATAGRAMS = 24;

/** One decision maker for all sockets of a thread. */
export class Coalescer {
  private readonly longest: number;
  private readonly rate: PauseRate;
  /** The present pause, microseconds; 0: none. */
  private pause = 0;

  /** `coalesceUs`: the longest pause in microseconds; 0 turns coalescing off. */
  constructor(coalesceUs: number) {
    this.longest = coalesceUs;
    // The rate at which the longest pause collects MIN_DATAGRAMS.
    this.rate = new PauseRate(coalesceUs > 0 ? (MIN_DATAGRAMS * 1000) / coalesceUs : Infinity);
  }

  /**
   * Microseconds to pause after a batch of `count` datagrams that ended at `nowMs` (any monotonic clock, fractions
   * welcome). 0: receive again at once. A batch that was `full` has a backlog behind it, and is never paused for.
   */
  pauseUs(count: number, full: boolean, nowMs: number): number {
    const { rate } = this;
    if (rate.note(count, nowMs)) {
      this.pause = rate.active ? Math.min(this.longest, Math.round((ENOUGH_DATAGRAMS * 1000) / rate.perMs)) : 0;
    }
    return full ? 0 : this.pause;
  }
}
