/**
 * Doorbells: how a reader of rings sleeps and a writer wakes it, at no cost to the writer while the reader is awake.
 *
 * The word is AWAKE or SLEEPING. The reader announces its sleep, looks at its rings once more, and only then waits; the
 * writer publishes first and looks at the word afterwards. As both are sequentially consistent, either the reader sees
 * the record or the writer sees the announcement: no wake-up is lost. Of several writers exactly one rings.
 *
 * ```
 * bell.announce();
 * if (reader.empty()) bell.wait(timeoutMs); else bell.cancel();
 * ```
 */
import type { Libc } from '../net/libc.js';

const AWAKE = 0;
const SLEEPING = 1;

const DAY_MS = 86_400_000;

/** The writer's side of either kind of bell. */
export interface Ringer {
  /** Wakes the reader if it sleeps. Call it after `publish`. True when it slept. Any thread. */
  ring(): boolean;
}

/** Bytes of shared memory that a bell takes: a cache line pair of its own. */
export const BELL_BYTES = 128;

/** Memory for a bell whose reader is awake. */
export function createBell(): SharedArrayBuffer {
  return new SharedArrayBuffer(BELL_BYTES);
}

/** A bell on `Atomics.wait`: for readers that are worker threads, or that wait in their event loop. */
export class Doorbell implements Ringer {
  private readonly word: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.word = new Int32Array(memory, 0, 1);
  }

  ring(): boolean {
    if (Atomics.load(this.word, 0) === AWAKE) return false;
    if (Atomics.exchange(this.word, 0, AWAKE) === AWAKE) return false;
    Atomics.notify(this.word, 0);
    return true;
  }

  /** Reader: from here on a writer will ring. Look at the rings once more before waiting. */
  announce(): void {
    Atomics.store(this.word, 0, SLEEPING);
  }

  /** Reader: calls the announcement off. Ends a pending `waitAsync` of its own. */
  cancel(): void {
    this.callOff();
  }

  /**
   * Reader: blocks the thread until the bell rings or `timeoutMs` (0 to Infinity) have passed; returns at once when it
   * rang since `announce`. The reader is awake afterwards. False when the time passed and nobody rang. A writer that
   * rang for an earlier sleep may be late with its notify and end this one: look at the rings, and sleep again.
   * Not for the main thread.
   */
  wait(timeoutMs: number): boolean {
    const outcome = Atomics.wait(this.word, 0, SLEEPING, timeoutMs);
    return Atomics.exchange(this.word, 0, AWAKE) === AWAKE || outcome !== 'timed-out';
  }

  /**
   * Reader: as `wait`, but the event loop keeps turning, and a timer keeps the thread alive meanwhile (a promise of
   * `Atomics.waitAsync` alone does not). One wait at a time. Resolves to false when the time passed and nobody rang.
   */
  async waitAsync(timeoutMs: number): Promise<boolean> {
    const waiting = Atomics.waitAsync(this.word, 0, SLEEPING);
    if (!waiting.async) return true;
    let timedOut = false;
    // Calling the announcement off ends the wait. A day stands for "for ever": setTimeout has 31 bits of milliseconds.
    const timer = setTimeout(() => { timedOut = this.callOff(); }, Math.min(timeoutMs, DAY_MS));
    await waiting.value;
    clearTimeout(timer);
    Atomics.store(this.word, 0, AWAKE);
    return !timedOut;
  }

  /** True when the reader was announced and nobody had rung. */
  private callOff(): boolean {
    if (Atomics.exchange(this.word, 0, AWAKE) === AWAKE) return false;
    Atomics.notify(this.word, 0);
    return true;
  }
}

/**
 * A bell for a reader that sleeps in poll(): ringing makes the eventfd readable. The descriptor is process-wide, so
 * `(memory, fd)` is all that a worker thread needs to construct its own. Linux.
 */
export class EventFdBell implements Ringer {
  readonly fd: number;
  readonly memory: SharedArrayBuffer;
  private readonly libc: Libc;
  private readonly word: Int32Array;
  /** On explicit buffers, which do not move. */
  private readonly one = new Uint8Array(new ArrayBuffer(8));
  private readonly count = new Uint8Array(new ArrayBuffer(8));

  constructor(libc: Libc, memory: SharedArrayBuffer, fd: number) {
    this.libc = libc;
    this.memory = memory;
    this.fd = fd;
    this.word = new Int32Array(memory, 0, 1);
    this.one[0] = 1;
  }

  ring(): boolean {
    if (Atomics.load(this.word, 0) === AWAKE) return false;
    if (Atomics.exchange(this.word, 0, AWAKE) === AWAKE) return false;
    this.libc.write(this.fd, this.one, 8);
    return true;
  }

  /** Reader: from here on a writer will ring. Look at the rings once more before polling. */
  announce(): void {
    Atomics.store(this.word, 0, SLEEPING);
  }

  /** Reader: awake again. A writer that was just about to ring may still make the descriptor readable: drain it then. */
  cancel(): void {
    Atomics.store(this.word, 0, AWAKE);
  }

  /** Reader: makes the descriptor unreadable again, after poll() said that it is readable. Never blocks. */
  drain(): void {
    this.libc.read(this.fd, this.count, 8);
  }
}
