/**
 * Receive coalescing: decides how long the main thread pauses between two batches. A short pause lets several datagrams
 * gather, so that every later stage (router, ring, doorbell, timers, send) works on batches; half of the cost of a call
 * at single-datagram batches is threads waking each other. At low rates a pause would only add latency, so there is none.
 *
 * Pure arithmetic on the times handed in. Main thread.
 */

/** The rate is measured over windows of this length: long enough to be steady, short enough to follow a ramp. */
const WINDOW_MS = 8;
/** What the kernel adds to a short sleep (default timer slack of Linux threads), microseconds. */
const SLEEP_SLACK_US = 50;
/** A pause must be expected to collect this many datagrams before it pays for itself. */
const MIN_DATAGRAMS = 2;
/** Once pausing, keep on down to this share of the rate, so that the decision does not flutter at the threshold. */
const HYSTERESIS = 0.75;

/** One decision maker for all sockets of the main thread. */
export class Coalescer {
  private readonly pause: number;
  private readonly startRate: number;
  private readonly stopRate: number;
  private windowStartMs = 0;
  private windowCount = 0;
  private active = false;

  /** `coalesceUs`: length of a pause in microseconds; 0 turns coalescing off. */
  constructor(coalesceUs: number) {
    this.pause = coalesceUs;
    // datagrams per millisecond at which a pause collects MIN_DATAGRAMS
    this.startRate = coalesceUs > 0 ? (MIN_DATAGRAMS * 1000) / (coalesceUs + SLEEP_SLACK_US) : Infinity;
    this.stopRate = this.startRate * HYSTERESIS;
  }

  /**
   * Microseconds to pause after a batch of `count` datagrams that ended at `nowMs` (any monotonic clock, fractions
   * welcome). 0: receive again at once. A batch that was `full` has a backlog behind it, and is never paused for.
   */
  pauseUs(count: number, full: boolean, nowMs: number): number {
    this.windowCount += count;
    const elapsedMs = nowMs - this.windowStartMs;
    if (elapsedMs >= WINDOW_MS) {
      const rate = this.windowCount / elapsedMs;
      this.active = rate >= (this.active ? this.stopRate : this.startRate);
      this.windowStartMs = nowMs;
      this.windowCount = 0;
    }
    return this.active && !full ? this.pause : 0;
  }
}
