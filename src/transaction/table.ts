/**
 * Transaction records: fixed-size rows of int32 in one typed array, with a hash index and a free list. No object, no
 * closure and no allocation per transaction, so that hundreds of thousands of lingering ones cost the garbage collector
 * nothing. The server and the client transactions of a shard are two tables of this kind.
 *
 * A record is named by its id, 1 to `capacity`; 0 means none. Its fields are `records[id * RECORD_STRIDE + FIELD]`.
 * Arrays start as zeroes and are touched only where used, so a large bound costs address space, not memory. Sans-I/O.
 */
import { S_FREE } from './machines.js';

export const RECORD_STRIDE = 32;

// Fields of every record
export const F_STATE = 0;
export const F_KEY_LO = 1;
export const F_KEY_HI = 2;
/** Method class of the key: see `methodClass`. */
export const F_CLASS = 3;
/** Next record in the bucket, or next free record. */
export const F_NEXT = 4;
export const F_FLAGS = 5;
/** Counts how often the id was given out: tells a late event from an earlier owner of the id. */
export const F_GENERATION = 6;
/** Peer: where responses go (server), where the request went (client). */
export const F_LISTENER = 7;
export const F_FAMILY = 8;
export const F_PORT = 9;
export const F_A0 = 10;
export const F_A1 = 11;
export const F_A2 = 12;
export const F_A3 = 13;
export const F_CONNECTION = 14;
/** Interval of the running retransmission timer, milliseconds. */
export const F_INTERVAL_MS = 15;
/** Last status sent (server) or received (client). */
export const F_STATUS = 16;
/** Stored message that is sent again (server: last response; client: request), as block and length. */
export const F_LAST = 17;
export const F_LAST_BYTES = 18;

// Fields of server transactions: the response context (RFC 3261 §16)
/** The request as stored (block, length): for its answers and further branches. 0 once it is not needed any more. */
export const S_REQUEST = 19;
export const S_REQUEST_BYTES = 20;
/** First of its client transactions; the others follow by `C_NEXT`. */
export const S_FIRST = 21;
/** Branches without a final response. */
export const S_PENDING = 22;
/** Index of the next target: how many there have been. */
export const S_NEXT_INDEX = 23;
/** Best final response so far (§16.7 step 6): status (0: none), and its bytes, block 0 when it is one of our own. */
export const S_BEST_STATUS = 24;
export const S_BEST = 25;
export const S_BEST_BYTES = 26;
/** Reason header lines of the CANCEL that came (RFC 3326), as block and length. */
export const S_REASON = 27;
export const S_REASON_BYTES = 28;

// Fields of client transactions
/** Its server transaction, 0 for a CANCEL of our own or when that one is gone. */
export const C_SERVER = 19;
/** Next branch of the same server transaction. */
export const C_NEXT = 20;
/** Target index: part of the branch. */
export const C_INDEX = 21;

export class TransactionTable {
  readonly records: Int32Array;
  readonly capacity: number;
  readonly #buckets: Int32Array;
  readonly #mask: number;
  #free = 0;
  #fresh = 1;
  #alive = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.records = new Int32Array((capacity + 1) * RECORD_STRIDE);
    let buckets = 1024;
    while (buckets < capacity) buckets *= 2;
    this.#buckets = new Int32Array(buckets);
    this.#mask = buckets - 1;
  }

  /** Records in use. */
  get alive(): number {
    return this.#alive;
  }

  /** A blank record (only its generation is set), or 0 when the table is full. Not yet in the index. */
  allocate(): number {
    const records = this.records;
    let id = this.#free;
    if (id !== 0) {
      const at = id * RECORD_STRIDE;
      this.#free = records[at + F_NEXT]!;
      const generation = records[at + F_GENERATION]!;
      records.fill(0, at, at + RECORD_STRIDE);
      records[at + F_GENERATION] = (generation + 1) | 0;
    } else if (this.#fresh <= this.capacity) {
      id = this.#fresh++;
    } else {
      return 0;
    }
    this.#alive++;
    return id;
  }

  /** Puts a record into the index. A second record with the same key hides the first until it is gone. */
  insert(id: number, lo: number, hi: number, cls: number): void {
    const records = this.records;
    const at = id * RECORD_STRIDE;
    records[at + F_KEY_LO] = lo;
    records[at + F_KEY_HI] = hi;
    records[at + F_CLASS] = cls;
    const bucket = lo & this.#mask;
    records[at + F_NEXT] = this.#buckets[bucket]!;
    this.#buckets[bucket] = id;
  }

  /** The record with this key, or 0. */
  find(lo: number, hi: number, cls: number): number {
    const records = this.records;
    let id = this.#buckets[lo & this.#mask]!;
    while (id !== 0) {
      const at = id * RECORD_STRIDE;
      if (records[at + F_KEY_LO] === lo && records[at + F_KEY_HI] === hi && records[at + F_CLASS] === cls) return id;
      id = records[at + F_NEXT]!;
    }
    return 0;
  }

  /** A record with this key and any class but `cls`, or 0: what a CANCEL is for may be any request (RFC 3261 §9.2). */
  findOther(lo: number, hi: number, cls: number): number {
    const records = this.records;
    let id = this.#buckets[lo & this.#mask]!;
    while (id !== 0) {
      const at = id * RECORD_STRIDE;
      if (records[at + F_KEY_LO] === lo && records[at + F_KEY_HI] === hi && records[at + F_CLASS] !== cls) return id;
      id = records[at + F_NEXT]!;
    }
    return 0;
  }

  /** Takes a record out of the index and gives its id back. */
  release(id: number): void {
    const records = this.records;
    const at = id * RECORD_STRIDE;
    const bucket = records[at + F_KEY_LO]! & this.#mask;
    let previous = 0;
    let cursor = this.#buckets[bucket]!;
    while (cursor !== 0 && cursor !== id) {
      previous = cursor;
      cursor = records[cursor * RECORD_STRIDE + F_NEXT]!;
    }
    if (cursor === id) {
      if (previous === 0) this.#buckets[bucket] = records[at + F_NEXT]!;
      else records[previous * RECORD_STRIDE + F_NEXT] = records[at + F_NEXT]!;
    }
    records[at + F_STATE] = S_FREE;
    records[at + F_NEXT] = this.#free;
    this.#free = id;
    this.#alive--;
  }
}
