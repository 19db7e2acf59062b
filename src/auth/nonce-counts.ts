/**
 * Which nonce counts of a nonce were used (RFC 7616 §3.4, §5.5): the memory behind replay protection. One table for all shards of a
 * server, in a SharedArrayBuffer, because the request that answers a challenge has another branch than the one that was
 * challenged, and may be in any shard.
 *
 * What it guarantees: a nonce and a count together are accepted once in the whole server. When the table forgets a
 * nonce it remembers, for that bucket, how young the nonces are that it has forgotten; one as old as they that is not in the
 * table is refused, since nobody can tell. The client is given a new nonce then and answers that. The same holds for nonces
 * from before the table was made. An entry is made for right credentials only, so strangers fill nothing.
 *
 * A bucket of eight entries is changed under a lock of its own that is held for some hundred nanoseconds. Who does not get it
 * soon (a thread was stopped inside of it) refuses in the same way: nobody waits for ever, nothing is accepted unchecked.
 *
 * Counts may come out of order: the highest one of a nonce and the 63 below it are told apart. Any thread.
 */

// What `use` returns.
/** The count was not used before; now it is. */
export const COUNT_FRESH = 0;
/** The count was used before, or is too far below the highest one to tell. */
export const COUNT_USED = 1;
/** Whether it was used cannot be told: the nonce may have been forgotten, or the bucket was busy. */
export const COUNT_UNKNOWN = 2;

/** Fewest and most nonces that a table may be made for: 8 KiB to 570 MB. */
export const NONCE_ENTRIES_MIN = 256;
export const NONCE_ENTRIES_MAX = 16_777_216;

/** Counts below the highest one that are told apart, itself included. */
export const COUNT_WINDOW = 64;

const WAYS = 8;

// A bucket, in 32-bit words: lock, spare, floor (a double), then the entries. The floor is never below zero, which
// is the issue time of a free entry.
const BUCKET_FLOOR = 2;
const BUCKET_ENTRIES = 4;
// An entry, in 32-bit words.
const E_ISSUED = 0;
const E_TAG_0 = 2;
const E_TAG_1 = 3;
const E_HIGHEST = 4;
/** Bit n: the count `highest - n` was used. */
const E_WINDOW_0 = 5;
const E_WINDOW_1 = 6;
const ENTRY_WORDS = 8;
const BUCKET_WORDS = BUCKET_ENTRIES + WAYS * ENTRY_WORDS;

/** Tries to take the lock of a bucket, some microseconds altogether: as long as many holders in a row need. */
const SPINS_MAX = 2_000;

export class NonceCounts {
  /** Nonces that this instance has put out of the table to make room, and requests that it refused as COUNT_UNKNOWN. */
  evicted = 0;
  unknown = 0;

  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #mask: number;

  /** A view of a table that `create` has made. Each thread has its own view. */
  constructor(table: SharedArrayBuffer) {
    this.#words = new Int32Array(table);
    this.#doubles = new Float64Array(table);
    this.#mask = table.byteLength / (BUCKET_WORDS * 4) - 1;
  }

  /**
   * Memory of a table for `entries` nonces in use at a time (rounded up to a power of two; 34 bytes each), for all shards of a
   * server. Nonces issued before `nowMs` are unknown to it. A RangeError when `entries` is out of its range.
   */
  static create(entries: number, nowMs: number): SharedArrayBuffer {
    if (!(entries >= NONCE_ENTRIES_MIN && entries <= NONCE_ENTRIES_MAX)) {
      throw new RangeError(`a table of nonces has ${NONCE_ENTRIES_MIN} to ${NONCE_ENTRIES_MAX} entries: ${entries} were asked for`);
    }
    const buckets = 2 ** Math.ceil(Math.log2(entries / WAYS));
    const table = new SharedArrayBuffer(buckets * BUCKET_WORDS * 4);
    const doubles = new Float64Array(table);
    const floorMs = Math.max(Math.floor(nowMs) - 1, 0);
    for (let bucket = 0; bucket < buckets; bucket++) doubles[(bucket * BUCKET_WORDS + BUCKET_FLOOR) >> 1] = floorMs;
    return table;
  }

  /**
   * Uses `count` (1 to 2^32 - 1) of the nonce with these tags, issued at `issuedMs`, after its credentials were found
   * right: `COUNT_*`.
   */
  use(tag0: number, tag1: number, issuedMs: number, count: number): number {
    const words = this.#words;
    const bucket = (tag0 & this.#mask) * BUCKET_WORDS;
    let spins = 0;
    while (Atomics.compareExchange(words, bucket, 0, 1) !== 0) {
      if (++spins === SPINS_MAX) {
        this.unknown++;
        return COUNT_UNKNOWN;
      }
    }
    const result = this.#useLocked(bucket, tag0, tag1, issuedMs, count);
    Atomics.store(words, bucket, 0);
    return result;
  }

  #useLocked(bucket: number, tag0: number, tag1: number, issuedMs: number, count: number): number {
    const words = this.#words;
    const doubles = this.#doubles;
    const first = bucket + BUCKET_ENTRIES;
    let oldest = first;
    for (let entry = first; entry < first + WAYS * ENTRY_WORDS; entry += ENTRY_WORDS) {
      const entryIssuedMs = doubles[(entry + E_ISSUED) >> 1]!;
      if (entryIssuedMs === issuedMs && words[entry + E_TAG_0] === tag0 && words[entry + E_TAG_1] === tag1) return this.#useEntry(entry, count);
      if (entryIssuedMs < doubles[(oldest + E_ISSUED) >> 1]!) oldest = entry;
    }

    const floor = (bucket + BUCKET_FLOOR) >> 1;
    if (issuedMs <= doubles[floor]!) {
      this.unknown++;
      return COUNT_UNKNOWN;
    }
    // A free entry has the time zero and is older than all. Whatever is overwritten moves the floor, the long expired too, so
    // that nothing depends on how exactly the clocks of two shards agree.
    const forgottenMs = doubles[(oldest + E_ISSUED) >> 1]!;
    if (forgottenMs > 0) {
      this.evicted++;
      if (forgottenMs > doubles[floor]!) doubles[floor] = forgottenMs;
    }
    doubles[(oldest + E_ISSUED) >> 1] = issuedMs;
    words[oldest + E_TAG_0] = tag0;
    words[oldest + E_TAG_1] = tag1;
    words[oldest + E_HIGHEST] = count | 0;
    words[oldest + E_WINDOW_0] = 1;
    words[oldest + E_WINDOW_1] = 0;
    return COUNT_FRESH;
  }

  #useEntry(entry: number, count: number): number {
    const words = this.#words;
    const ahead = count - (words[entry + E_HIGHEST]! >>> 0);
    if (ahead > 0) {
      const low = words[entry + E_WINDOW_0]!;
      const high = words[entry + E_WINDOW_1]!;
      // A shift by 32 is none in JavaScript, hence the cases.
      if (ahead < 32) {
        words[entry + E_WINDOW_0] = (low << ahead) | 1;
        words[entry + E_WINDOW_1] = (high << ahead) | (low >>> (32 - ahead));
      } else {
        words[entry + E_WINDOW_0] = 1;
        words[entry + E_WINDOW_1] = ahead < COUNT_WINDOW ? low << (ahead - 32) : 0;
      }
      words[entry + E_HIGHEST] = count | 0;
      return COUNT_FRESH;
    }
    const behind = -ahead;
    if (behind >= COUNT_WINDOW) return COUNT_USED;
    const at = entry + (behind < 32 ? E_WINDOW_0 : E_WINDOW_1);
    const bit = 1 << (behind & 31);
    if ((words[at]! & bit) !== 0) return COUNT_USED;
    words[at]! |= bit;
    return COUNT_FRESH;
  }
}
