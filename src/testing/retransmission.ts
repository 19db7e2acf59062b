/** The retransmissions of a phone (RFC 3261 §17): the interval doubles from T1, up to a bound, until 64·T1 have passed. */
import type { ClockEvent } from '../sim/virtual-clock.js';
import type { Kernel } from './kernel.js';

export class Retransmission {
  readonly #kernel: Kernel;
  readonly #send: () => void;
  readonly #mostMs: number;
  readonly #endMs: number;
  #intervalMs: number;
  #event: ClockEvent | undefined;

  /** Sends again from now on. `mostMs`: longest interval (T2, or Infinity for Timer A). */
  constructor(kernel: Kernel, mostMs: number, send: () => void) {
    this.#kernel = kernel;
    this.#send = send;
    this.#mostMs = mostMs;
    this.#intervalMs = kernel.settings.t1Ms;
    this.#endMs = kernel.nowMs + 64 * kernel.settings.t1Ms;
    this.#arm();
  }

  /** From now on at the longest interval: a provisional response came (Timer E in Proceeding). */
  slow(): void {
    this.#intervalMs = this.#mostMs;
  }

  stop(): void {
    this.#kernel.cancel(this.#event);
    this.#event = undefined;
  }

  #arm(): void {
    if (this.#kernel.nowMs + this.#intervalMs >= this.#endMs) return;
    this.#event = this.#kernel.after(this.#intervalMs, () => {
      this.#send();
      this.#intervalMs = Math.min(2 * this.#intervalMs, this.#mostMs);
      this.#arm();
    });
  }
}
