/**
 * The longest pause of a shard: for how long at most its thread did not look at its ring lately, while it had work. Whatever holds
 * the thread counts: a long batch, many timers, the garbage collector, a script that computes, another thread on its core. Sleep
 * does not. One number in the block of counters, the longest of the present window and of the one before it, so that what
 * happened at the start is forgotten and what happened just now is not. Belongs to the thread of the shard.
 */
import { C_LONGEST_PAUSE } from '../telemetry/counters.js';

/** Length of a window, milliseconds. */
export const PAUSE_WINDOW_MS = 10_000;

export class PauseGauge {
  readonly #counters: Float64Array;
  #lookedMs: number;
  #windowEndMs: number;
  /** Longest pause of the present window. */
  #longestMs = 0;

  /** All times are milliseconds of one clock, with their fraction. */
  constructor(counters: Float64Array, nowMs: number) {
    this.#counters = counters;
    this.#lookedMs = nowMs;
    this.#windowEndMs = nowMs + PAUSE_WINDOW_MS;
    counters[C_LONGEST_PAUSE] = 0;
  }

  /** The thread looks at its ring. */
  look(nowMs: number): void {
    const awayMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    if (nowMs >= this.#windowEndMs) {
      this.#counters[C_LONGEST_PAUSE] = this.#longestMs;
      this.#longestMs = 0;
      this.#windowEndMs = nowMs + PAUSE_WINDOW_MS;
    }
    if (awayMs <= this.#longestMs) return;
    this.#longestMs = awayMs;
    if (awayMs > this.#counters[C_LONGEST_PAUSE]!) this.#counters[C_LONGEST_PAUSE] = awayMs;
  }

  /** The thread has slept since it looked: that was no pause. */
  slept(nowMs: number): void {
    this.#lookedMs = nowMs;
  }
}
