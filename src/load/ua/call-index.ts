/**
 * Finds the call that an INVITE began when it comes again, or is cancelled: a hash table over 64-bit keys of Call-ID and
 * CSeq number, chained through the call records. What has ended is remembered for a while in a table that forgets by being
 * written over, so that a late copy does not ring twice.
 */
import { CALL_SLOTS, F_CHAIN, F_KEY_HI, F_KEY_LO, type CallTable } from './call-table.js';

/** Ended requests that are remembered: some ten seconds at 10,000 calls per second. */
const RECENT = 1 << 17;

export class CallIndex {
  /** Of the last key made by `keyOf`. */
  lo = 0;
  hi = 0;
  private readonly buckets: Int32Array;
  private readonly mask: number;
  private readonly recent = new Int32Array(RECENT * 2);
  private readonly slots: Int32Array;

  constructor(table: CallTable) {
    const size = 1 << Math.max(10, 32 - Math.clz32(table.capacity - 1));
    this.buckets = new Int32Array(size);
    this.mask = size - 1;
    this.slots = table.slots;
  }

  /** Makes the key of a Call-ID and a CSeq number (with the method in it). */
  keyOf(bytes: Uint8Array, start: number, end: number, cseq: number): void {
    let lo = 0x811c9dc5 ^ cseq;
    let hi = 0x9e3779b9 ^ (end - start);
    for (let at = start; at < end; at++) {
      const byte = bytes[at]!;
      lo = Math.imul(lo ^ byte, 0x01000193);
      hi = Math.imul(hi ^ byte, 0x85ebca6b) + lo;
    }
    lo ^= lo >>> 15;
    this.lo = Math.imul(lo, 0x2c1b3c6d) ^ (hi >>> 13);
    this.hi = hi | 1;
  }

  /** The call with the last key made, -1 when there is none. */
  find(): number {
    const { slots, lo, hi } = this;
    for (let index = this.buckets[lo & this.mask]! - 1; index >= 0; index = slots[index * CALL_SLOTS + F_CHAIN]! - 1) {
      const at = index * CALL_SLOTS;
      if (slots[at + F_KEY_LO] === lo && slots[at + F_KEY_HI] === hi) return index;
    }
    return -1;
  }

  /** Enters call `index` under the last key made. */
  add(index: number): void {
    const { slots, buckets } = this;
    const at = index * CALL_SLOTS;
    slots[at + F_KEY_LO] = this.lo;
    slots[at + F_KEY_HI] = this.hi;
    const bucket = this.lo & this.mask;
    slots[at + F_CHAIN] = buckets[bucket]!;
    buckets[bucket] = index + 1;
  }

  /** Takes call `index` out and remembers its key as one that is over. */
  remove(index: number): void {
    const { slots, buckets } = this;
    const at = index * CALL_SLOTS;
    const lo = slots[at + F_KEY_LO]!;
    const hi = slots[at + F_KEY_HI]!;
    if (hi === 0) return;
    const bucket = lo & this.mask;
    let place = buckets[bucket]! - 1;
    if (place === index) {
      buckets[bucket] = slots[at + F_CHAIN]!;
    } else {
      while (place >= 0) {
        const next = slots[place * CALL_SLOTS + F_CHAIN]! - 1;
        if (next === index) {
          slots[place * CALL_SLOTS + F_CHAIN] = slots[at + F_CHAIN]!;
          break;
        }
        place = next;
      }
    }
    slots[at + F_KEY_HI] = 0;
    this.remember(lo, hi);
  }

  /** Whether the last key made is of a request that is over; remembers it if not. For requests that make no call. */
  seenBefore(): boolean {
    if (this.ended()) return true;
    this.remember(this.lo, this.hi);
    return false;
  }

  /** Whether the last key made is of a request that is over. */
  ended(): boolean {
    const at = (this.lo & (RECENT - 1)) * 2;
    return this.recent[at] === this.lo && this.recent[at + 1] === this.hi;
  }

  private remember(lo: number, hi: number): void {
    const at = (lo & (RECENT - 1)) * 2;
    this.recent[at] = lo;
    this.recent[at + 1] = hi;
  }
}
