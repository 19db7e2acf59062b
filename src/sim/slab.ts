/**
 * Memory for the messages of a simulation: large arrays that are filled from front to back and never reused, so that a
 * message is three numbers and costs no allocation of its own. A slab goes when nothing refers to it any more.
 */
const SLAB_BYTES = 256 * 1024;

/** A stretch of bytes that nobody writes any more. */
export interface ByteRange {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Hands out memory. One for each simulated world. */
export class Slab {
  /** The array in use: read it after `room`. */
  bytes = new Uint8Array(SLAB_BYTES);
  private used = 0;

  /** Where at least `length` bytes may be written next. Nothing is taken until `take`. */
  room(length: number): number {
    if (this.used + length > this.bytes.length) {
      this.bytes = new Uint8Array(Math.max(SLAB_BYTES, length));
      this.used = 0;
    }
    return this.used;
  }

  /** Everything up to `end` stays as it is from here on. */
  take(end: number): void {
    this.used = end;
  }

  /** Copies a stretch of foreign bytes; returns where it starts in `this.bytes`. */
  copy(bytes: Uint8Array, start: number, end: number): number {
    const at = this.room(end - start);
    this.bytes.set(bytes.subarray(start, end), at);
    this.used = at + end - start;
    return at;
  }
}
