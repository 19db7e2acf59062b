/**
 * Whether a load thread lets messages gather before it reads them: to be woken costs a thread more CPU than a call does, so where
 * many messages come they are read together, at the ends of equal steps of the clock. Arrivals and timers stand on the same steps
 * (arrivals.ts, ua/agent.ts), so that all of it is one waking. Latencies do not suffer: a message has the kernel's time stamp. What
 * does wait is the answer to it, for one step at most, and callers are told how long their callee took (SETUP_TURN in ua/context.ts).
 *
 * Where few messages come there is no pause, since nothing would gather. Pure arithmetic on the times handed in. Load thread.
 */

/** The rate is measured over windows of this length: long enough to be steady, short enough to follow a ramp. */
const WINDOW_US = 8000;
/** What the kernel adds to a short sleep (timer slack of Linux threads). */
const SLACK_US = 50;
/** A step has to be expected to gather this many messages. */
const LEAST_MESSAGES = 4;
/** Once pausing, keep on down to this share of the rate, so that the decision does not flutter at the threshold. */
const HYSTERESIS = 0.75;
/** A step that is nearly over is taken together with the next. */
const SHORTEST_SHARE = 0.25;

export class Gathering {
  private readonly stepUs: number;
  /** Messages per microsecond from which on it pauses, and goes on pausing. */
  private readonly startRate: number;
  private readonly stopRate: number;
  private windowStartUs = 0;
  private windowMessages = 0;
  private active = false;

  /** `stepUs` 0: never pause. */
  constructor(stepUs: number) {
    this.stepUs = stepUs;
    this.startRate = stepUs > 0 ? LEAST_MESSAGES / (stepUs + SLACK_US) : Infinity;
    this.stopRate = this.startRate * HYSTERESIS;
  }

  /** After a turn that read `received` messages: microseconds to pause from `nowUs` on; 0: wait for the next message. */
  pauseUs(received: number, nowUs: number): number {
    this.windowMessages += received;
    const elapsedUs = nowUs - this.windowStartUs;
    if (elapsedUs >= WINDOW_US) {
      const rate = this.windowMessages / elapsedUs;
      this.active = rate >= (this.active ? this.stopRate : this.startRate);
      this.windowStartUs = nowUs;
      this.windowMessages = 0;
    }
    if (!this.active) return 0;
    const { stepUs } = this;
    const leftUs = stepUs - (nowUs % stepUs);
    return leftUs < stepUs * SHORTEST_SHARE ? leftUs + stepUs : leftUs;
  }
}
