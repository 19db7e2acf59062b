/**
 * Sleeps of microseconds, for the thread that makes it. Linux.
 */
import { PR_SET_TIMERSLACK, type Libc } from './libc.js';

export class Pause {
  private readonly libc: Libc;
  /** struct timespec on 64-bit Linux: seconds and nanoseconds, 8 bytes each. Both stay within their lower halves. */
  private readonly timespec = new Int32Array(new ArrayBuffer(16));
  private readonly bytes = new Uint8Array(this.timespec.buffer);

  /** To be made in the thread that pauses. */
  constructor(libc: Libc) {
    this.libc = libc;
    // The kernel lets a sleep last up to 50 µs longer than asked, to save wake-ups: here that is half of it.
    libc.prctl(PR_SET_TIMERSLACK, 1000);
  }

  /** Blocks the thread for `us` microseconds, 1 to 999,999, or until a signal comes. */
  sleepUs(us: number): void {
    this.timespec[2] = us * 1000;
    this.libc.nanosleep(this.bytes, null);
  }
}
