/**
 * Whether a load thread lets messages gather before it reads them: to be woken costs a thread more CPU than a call does, so where
 * many messages come they are read together, at the ends of equal steps of the clock. Arrivals and timers stand on the same steps
 * (arrivals.ts, ua/agent.ts), so that all of it is one waking. Latencies do not suffer: a message has the kernel's time stamp. What
 * does wait is the answer to it, for one step at most, and callers are told how long their callee took (SETUP_TURN in ua/context.ts).
 *
 * Where few messages come there is no pause, since nothing would gather. Pure arithmetic on the times handed in. Load thread.
 */

import { PauseRate } from '../net/pause-rate.js';

/** What the kernel adds to a short sleep (timer slack of Linux threads). */
const SLACK_US = 50;
/** A step has to be expected to gather this many messages. */
const LEAST_MESSAGES = 4;
/** A step that is nearly over is taken together with the next. */
const SHORTEST_SHARE = 0.25;

export class Gathering {
  private readonly stepUs: number;
  private readonly rate: PauseRate;

  /** `stepUs` 0: never pause. */
  constructor(stepUs: number) {
    this.stepUs = stepUs;
    this.rate = new PauseRate(stepUs > 0 ? (LEAST_MESSAGES * 1000) / (stepUs + SLACK_US) : Infinity);
  }

  /** After a turn that read `received` messages: microseconds to pause from `nowUs` on; 0: wait for the next message. */
  pauseUs(received: number, nowUs: number): number {
    this.rate.note(received, nowUs / 1000);
    if (!this.rate.active) return 0;
    const { stepUs } = this;
    const leftUs = stepUs - (nowUs % stepUs);
    return leftUs < stepUs * SHORTEST_SHARE ? leftUs + stepUs : leftUs;
  }
}
