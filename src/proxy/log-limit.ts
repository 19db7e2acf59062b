/** Keeps a log line that a peer can provoke from flooding the log. Sans-I/O: time is handed in. */

const WINDOW_MS = 1000;

/** Lets `perSecond` events through a second and counts the rest. */
export class LogLimit {
  readonly #perSecond: number;
  #windowMs = -Infinity;
  #passed = 0;
  #suppressed = 0;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  /** -1 when this event is to be left out, else how many were left out since the last one that passed. */
  pass(nowMs: number): number {
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = nowMs;
      this.#passed = 0;
    }
    if (this.#passed === this.#perSecond) {
      this.#suppressed++;
      return -1;
    }
    this.#passed++;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    return suppressed;
  }
}
