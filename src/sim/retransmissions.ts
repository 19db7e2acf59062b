/**
 * When a message has to be sent again (RFC 3261 §17, Timers A, E and G), computed from the RFC alone and compared with when
 * it was.
 *
 * A timer never fires early and at most `lateMs` late; the next interval runs from when it was due, so that lateness adds
 * up by a tick at each firing and no more.
 */

/** Timers A, E in Trying, and G, which is E without a Proceeding. */
export const DOUBLES = 0;
export const DOUBLES_TO_T2 = 1;

export interface RetransmissionTimes {
  readonly t1Ms: number;
  readonly t2Ms: number;
  /** How late a timer may be. */
  readonly lateMs: number;
  /** How much closer to each other two sendings may be when the first was late. */
  readonly lagMs: number;
}

export class Retransmissions {
  readonly firstMs: number;
  /** Sendings by the timer, the first one included. */
  sends = 1;
  /** When the next one is due; Infinity when none is. */
  dueMs: number;
  private readonly how: number;
  private readonly times: RetransmissionTimes;
  private intervalMs: number;

  constructor(how: number, firstMs: number, times: RetransmissionTimes) {
    this.how = how;
    this.times = times;
    this.firstMs = firstMs;
    this.intervalMs = times.t1Ms;
    this.dueMs = firstMs + times.t1Ms;
  }

  /** No more are due. */
  stop(): void {
    this.dueMs = Infinity;
  }

  /** It was sent again at `nowMs`; `''`, or what is wrong with that. `isProceeding`: Timer E after a provisional response. */
  again(nowMs: number, isProceeding: boolean): string {
    const { firstMs, dueMs, times } = this;
    const number = this.sends;
    const dueText = dueMs === Infinity ? 'when none was due' : `not ${dueMs - firstMs}`;
    const isInTime = nowMs >= dueMs - times.lagMs && nowMs <= dueMs + times.lateMs * number && nowMs < firstMs + 64 * times.t1Ms + times.lateMs;
    this.sends++;
    if (isProceeding) this.intervalMs = times.t2Ms;
    else this.intervalMs = this.how === DOUBLES ? 2 * this.intervalMs : Math.min(2 * this.intervalMs, times.t2Ms);
    this.dueMs = dueMs + this.intervalMs;
    return isInTime ? '' : `retransmission ${number} came ${nowMs - firstMs} ms after the first sending, ${dueText}`;
  }

  /** `''`, or which one should have been sent before `untilMs` and was not. */
  missing(untilMs: number): string {
    const { firstMs, dueMs, times, sends } = this;
    const latestMs = dueMs + times.lateMs * sends;
    if (latestMs >= untilMs || latestMs >= firstMs + 64 * times.t1Ms) return '';
    return `retransmission ${sends} was due ${dueMs - firstMs} ms after the first sending and never came`;
  }
}
