/**
 * Whether datagrams come so fast that a loop does well to pause between two receives and let some gather: measured over short
 * windows, and with some inertia, so that the decision does not flutter at the threshold. For the main thread of the proxy and the
 * threads of the load generator. Pure arithmetic on the times handed in.
 */

/** Long enough to be steady, short enough to follow a ramp. */
const WINDOW_MS = 8;
/** Once pausing, keep on down to this share of the rate. */
const HYSTERESIS = 0.75;

export class PauseRate {
  /** Whether to pause; as of the last window. */
  active = false;
  /** Datagrams per millisecond in the last window. */
  perMs = 0;
  private readonly startPerMs: number;
  private readonly stopPerMs: number;
  private windowStartMs = 0;
  private windowCount = 0;

  /** `startPerMs`: datagrams per millisecond from which on to pause; Infinity: never. */
  constructor(startPerMs: number) {
    this.startPerMs = startPerMs;
    this.stopPerMs = startPerMs * HYSTERESIS;
  }

  /** `count` datagrams were received up to `nowMs` (any monotonic clock, fractions welcome). True when a window ended with it. */
  note(count: number, nowMs: number): boolean {
    this.windowCount += count;
    const elapsedMs = nowMs - this.windowStartMs;
    if (elapsedMs < WINDOW_MS) return false;
    this.perMs = this.windowCount / elapsedMs;
    this.active = this.perMs >= (this.active ? this.stopPerMs : this.startPerMs);
    this.windowStartMs = nowMs;
    this.windowCount = 0;
    return true;
  }
}
