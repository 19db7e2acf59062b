/**
 * A byte ring between exactly one writing thread and one reading thread, in a SharedArrayBuffer.
 *
 * Invariant: head <= cursor <= tail (modulo 2^32) and tail - head <= capacity. The writer alone stores the tail, the
 * reader alone head and cursor; whatever lies between head and tail is never written to. Each side keeps a copy of the
 * other's index and reads the shared one only when the copy says "full" or "empty", so that the common path has no
 * Atomics. Indices are published per batch: `publish` by the writer, `release` by the reader.
 */
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import {
  CONTROL_BYTES, CONTROL_CURSOR, CONTROL_HEAD, CONTROL_TAIL, RECORD_HEADER_BYTES, RECORD_PAD, RING_BYTES_MAX,
  RING_BYTES_MIN, WORD_A0, WORD_A1, WORD_A2, WORD_A3, WORD_CONNECTION, WORD_KEY_HI, WORD_KEY_LO, WORD_LISTENER_PORT,
  WORD_OWNER, WORD_PAYLOAD_BYTES, WORD_RECEIVED_MS, WORD_TYPE, createPacketMeta, recordBytes,
} from './layout.js';

/**
 * Memory for an empty ring with `capacityBytes` of data (a power of two, 256 KiB to 1 GiB). Hand it to one RingWriter
 * and one RingReader. Throws RangeError for any other size. `extraBytes` follow the ring in the same memory for the
 * reader's own use: what it copies out of the ring then stays within one array. Name the capacity to both ends then.
 */
export function createRing(capacityBytes: number, extraBytes = 0): SharedArrayBuffer {
  const powerOfTwo = Number.isInteger(capacityBytes) && (capacityBytes & (capacityBytes - 1)) === 0;
  if (!powerOfTwo || capacityBytes < RING_BYTES_MIN || capacityBytes > RING_BYTES_MAX) {
    throw new RangeError(
      `ring capacity is ${capacityBytes} bytes; allowed: a power of two from ${RING_BYTES_MIN} to ${RING_BYTES_MAX}`,
    );
  }
  return new SharedArrayBuffer(CONTROL_BYTES + capacityBytes + extraBytes);
}

/** The writing end. One per ring and thread; a replacement may take over after the first one's thread has ended. */
export class RingWriter {
  /** The data area of the ring: where `claim` lets the caller write. */
  readonly bytes: Uint8Array;
  /** The whole memory: the ring, and what follows it. */
  readonly memory: Uint8Array;
  /** Stamped into every record as its receive time (milliseconds, modulo 2^32). Set it once a batch. */
  nowMs = 0;
  private readonly control: Int32Array;
  private readonly words: Int32Array;
  private readonly capacity: number;
  private readonly mask: number;
  /** End of what was pushed; published or not. */
  private tail: number;
  private published: number;
  /** Copy of the reader's head, at most as far as the real one. */
  private head: number;
  /** Bytes of the pad that the present claim needs in front. */
  private pad = 0;

  constructor(memory: SharedArrayBuffer, capacityBytes = memory.byteLength - CONTROL_BYTES) {
    this.capacity = capacityBytes;
    this.mask = capacityBytes - 1;
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.words = new Int32Array(memory, CONTROL_BYTES, capacityBytes / 4);
    this.bytes = new Uint8Array(memory, CONTROL_BYTES, capacityBytes);
    this.memory = new Uint8Array(memory);
    this.tail = Atomics.load(this.control, CONTROL_TAIL);
    this.published = this.tail;
    this.head = Atomics.load(this.control, CONTROL_HEAD);
  }

  /**
   * Appends a record with a copy of `bytes[start, end)`. False when the ring is full: nothing was written, and the
   * caller drops and counts. A record longer than half of the ring may be refused even by an empty one. The reader sees
   * the record after `publish`. `bytes` that lie in `memory` are copied within it, which is the fastest copy there is and makes no
   * view of them; from elsewhere TypedArray.set is the fastest from about 50 bytes on (bench/micro/copy.ts).
   */
  push(type: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta, owner: number): boolean {
    const at = this.claim(end - start);
    if (at < 0) return false;
    if (bytes === this.memory) bytes.copyWithin(CONTROL_BYTES + at, start, end);
    else if (end > start) this.bytes.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), at);
    this.writeHeader(type, at, end - start, meta, owner, meta.keyLo, meta.keyHi, meta.kind, meta.hops);
    return true;
  }

  /**
   * Makes room for a record with up to `payloadBytes` and returns where in `bytes` its payload starts, or -1 when the
   * ring is full. The caller writes there, then calls `commit`; a second claim before it forgets the first.
   */
  claim(payloadBytes: number): number {
    const total = recordBytes(payloadBytes);
    const offset = this.tail & this.mask;
    const rest = this.capacity - offset;
    const pad = total > rest ? rest : 0;
    const needed = pad + total;
    if (this.capacity - ((this.tail - this.head) >>> 0) < needed) {
      this.head = Atomics.load(this.control, CONTROL_HEAD);
      if (this.capacity - ((this.tail - this.head) >>> 0) < needed) return -1;
    }
    this.pad = pad;
    return (pad > 0 ? 0 : offset) + RECORD_HEADER_BYTES;
  }

  /**
   * Appends the claimed record, whose payload the caller wrote at `bytes[at, at + payloadBytes)`; `at` as returned by
   * `claim`, `payloadBytes` at most what was claimed. Key, kind and hops are 0.
   */
  commit(type: number, at: number, payloadBytes: number, to: Endpoint, owner: number): void {
    this.writeHeader(type, at, payloadBytes, to, owner, 0, 0, 0, 0);
  }

  /** Makes everything pushed so far visible to the reader. True when there was something new: ring the doorbell. */
  publish(): boolean {
    if (this.published === this.tail) return false;
    this.published = this.tail;
    Atomics.store(this.control, CONTROL_TAIL, this.tail);
    return true;
  }

  /** Bytes that are taken now, as far as the reader has released: 0 to the capacity. For gauges, not for the hot path. */
  usedBytes(): number {
    return (this.tail - Atomics.load(this.control, CONTROL_HEAD)) >>> 0;
  }

  private writeHeader(
    type: number, at: number, payloadBytes: number, to: Endpoint, owner: number,
    keyLo: number, keyHi: number, kind: number, hops: number,
  ): void {
    const words = this.words;
    if (this.pad > 0) {
      const padWord = (this.tail & this.mask) >> 2;
      words[padWord + WORD_PAYLOAD_BYTES] = this.pad - RECORD_HEADER_BYTES;
      words[padWord + WORD_TYPE] = RECORD_PAD;
    }
    const word = (at - RECORD_HEADER_BYTES) >> 2;
    words[word + WORD_PAYLOAD_BYTES] = payloadBytes;
    words[word + WORD_TYPE] = type | (to.family << 8) | (kind << 16) | (hops << 24);
    words[word + WORD_LISTENER_PORT] = to.listener | (to.port << 16);
    words[word + WORD_A0] = to.a0;
    words[word + WORD_A1] = to.a1;
    words[word + WORD_A2] = to.a2;
    words[word + WORD_A3] = to.a3;
    words[word + WORD_CONNECTION] = to.connection;
    words[word + WORD_KEY_LO] = keyLo;
    words[word + WORD_KEY_HI] = keyHi;
    words[word + WORD_OWNER] = owner;
    words[word + WORD_RECEIVED_MS] = this.nowMs;
    this.tail = (this.tail + this.pad + recordBytes(payloadBytes)) | 0;
    this.pad = 0;
  }
}

/**
 * The reading end. The fields describe the record that `next` returned last; `bytes[start, end)` stays valid until
 * `release`, `meta` until the following `next`.
 *
 * The constructor goes on where the last reader of this memory left: behind the record that was handed to it last. A
 * message that killed its shard is therefore not given to the replacement, all that came after it is.
 */
export class RingReader {
  /** The whole memory: the ring, and what follows it. */
  readonly bytes: Uint8Array;
  /** One of the `RECORD_*` constants, never RECORD_PAD. */
  type = 0;
  start = 0;
  end = 0;
  readonly meta: PacketMeta = createPacketMeta();
  /** int32: see the `RECORD_*` constants. */
  owner = -1;
  /** The writer's `nowMs` when the record was pushed, 0 to 2^32 - 1. */
  receivedMs = 0;
  private readonly control: Int32Array;
  private readonly words: Int32Array;
  private readonly mask: number;
  private cursor: number;
  private released: number;
  /** Copy of the writer's tail, at most as far as the real one. */
  private tail: number;

  constructor(memory: SharedArrayBuffer, capacityBytes = memory.byteLength - CONTROL_BYTES) {
    this.mask = capacityBytes - 1;
    this.control = new Int32Array(memory, 0, CONTROL_BYTES / 4);
    this.words = new Int32Array(memory, CONTROL_BYTES, capacityBytes / 4);
    this.bytes = new Uint8Array(memory);
    this.released = Atomics.load(this.control, CONTROL_HEAD);
    this.cursor = Atomics.load(this.control, CONTROL_CURSOR);
    this.tail = this.cursor;
    // The last reader may have died before it released what it was through with.
    this.release();
  }

  /** Moves to the next record. False when there is none (anything unreleased stays valid). */
  next(): boolean {
    const words = this.words;
    for (;;) {
      if (this.cursor === this.tail) {
        this.tail = Atomics.load(this.control, CONTROL_TAIL);
        if (this.cursor === this.tail) return false;
      }
      const offset = this.cursor & this.mask;
      const word = offset >> 2;
      const payloadBytes = words[word + WORD_PAYLOAD_BYTES]!;
      this.cursor = (this.cursor + recordBytes(payloadBytes)) | 0;
      // A plain store is enough: it is only read by a replacement, after this thread has ended.
      this.control[CONTROL_CURSOR] = this.cursor;
      const packed = words[word + WORD_TYPE]!;
      const type = packed & 0xff;
      if (type === RECORD_PAD) continue;
      const listenerPort = words[word + WORD_LISTENER_PORT]!;
      const meta = this.meta;
      this.type = type;
      this.start = CONTROL_BYTES + offset + RECORD_HEADER_BYTES;
      this.end = this.start + payloadBytes;
      meta.family = (packed >> 8) & 0xff;
      meta.kind = (packed >> 16) & 0xff;
      meta.hops = packed >>> 24;
      meta.listener = listenerPort & 0xffff;
      meta.port = listenerPort >>> 16;
      meta.a0 = words[word + WORD_A0]!;
      meta.a1 = words[word + WORD_A1]!;
      meta.a2 = words[word + WORD_A2]!;
      meta.a3 = words[word + WORD_A3]!;
      meta.connection = words[word + WORD_CONNECTION]!;
      meta.keyLo = words[word + WORD_KEY_LO]!;
      meta.keyHi = words[word + WORD_KEY_HI]!;
      this.owner = words[word + WORD_OWNER]!;
      this.receivedMs = words[word + WORD_RECEIVED_MS]! >>> 0;
      return true;
    }
  }

  /** Gives everything that `next` returned so far back to the writer. */
  release(): void {
    if (this.released === this.cursor) return;
    this.released = this.cursor;
    Atomics.store(this.control, CONTROL_HEAD, this.cursor);
  }

  /** True when `next` would return false. Ask it between `announce` and `wait` of a doorbell. */
  empty(): boolean {
    if (this.cursor !== this.tail) return false;
    this.tail = Atomics.load(this.control, CONTROL_TAIL);
    return this.cursor === this.tail;
  }
}
