/**
 * The memory of one shard's messages: one byte array that holds stored messages, scratch for inbound ones, constant
 * texts, and — when the driver shares it — the send queue. Everything lies in one array because a copy between two arrays
 * costs a view object and more time than one within an array (`copy-bytes.ts`).
 *
 * Composing: `reserve` room, write at `bytes[at…]`, `commit`. When the outbox has an array of its own, composing happens
 * in scratch and the commit copies; the rest of the core sees no difference. Sans-I/O.
 */
import { MessageStore } from '../transaction/message-store.js';
import type { Endpoint, Outbox, PacketMeta } from './ports.js';

/** Room for one inbound message. */
const INBOUND_BYTES = 65536;
/** Room for one message being composed, when the outbox has an array of its own. */
const OUTBOUND_BYTES = 131072;
/** Room for constant texts. */
const CONSTANT_BYTES = 65536;

/** Bytes the arena takes beside the message store. */
export const ARENA_OVERHEAD_BYTES = INBOUND_BYTES + OUTBOUND_BYTES + CONSTANT_BYTES;

/** A part of a byte array that the driver hands to the engine; the rest of that array is the driver's. */
export interface ArenaMemory {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

export class Arena {
  readonly bytes: Uint8Array;
  readonly store: MessageStore;
  readonly #outbox: Outbox;
  readonly #inbound: number;
  readonly #outbound: number;
  #constantsAt: number;
  readonly #constantsEnd: number;

  /** @param memory where to live; absent: an array of its own with room for `storeBytes`. */
  constructor(outbox: Outbox, storeBytes: number, memory: ArenaMemory | undefined) {
    this.#outbox = outbox;
    const bytes = memory?.bytes ?? new Uint8Array(ARENA_OVERHEAD_BYTES + storeBytes + STORE_ROUNDING_BYTES);
    const start = memory?.start ?? 0;
    const end = memory?.end ?? bytes.length;
    this.bytes = bytes;
    this.#inbound = start;
    this.#outbound = start + INBOUND_BYTES;
    this.#constantsAt = this.#outbound + OUTBOUND_BYTES;
    this.#constantsEnd = this.#constantsAt + CONSTANT_BYTES;
    this.store = new MessageStore(bytes, this.#constantsEnd, end);
  }

  /** Where `bytes[start, end)` lies in the arena: as it is when it lies there already, else copied into scratch. -1: too long. */
  take(bytes: Uint8Array, start: number, end: number): number {
    if (bytes === this.bytes) return start;
    if (end - start > INBOUND_BYTES) return -1;
    this.bytes.set(bytes.subarray(start, end), this.#inbound);
    return this.#inbound;
  }

  /**
   * Room to compose a message of at most `maxBytes`; -1 when it is too long. With a full send queue it is composed in
   * scratch: it will not be sent now, but a transaction can keep it and its timers send it again.
   */
  reserve(maxBytes: number): number {
    if (this.#outbox.bytes === this.bytes) {
      const at = this.#outbox.reserve(maxBytes);
      if (at >= 0) return at;
    }
    return maxBytes <= OUTBOUND_BYTES ? this.#outbound : -1;
  }

  /** Sends what was composed at `[start, end)`. False when the send queue is full. */
  commit(start: number, end: number, to: Endpoint, owner: number): boolean {
    if (this.#outbox.bytes === this.bytes && start !== this.#outbound) {
      this.#outbox.commit(start, end, to, owner);
      return true;
    }
    return this.#outbox.send(this.bytes, start, end, to, owner);
  }

  /** Sends stored bytes. False when the send queue is full. */
  send(start: number, end: number, to: Endpoint, owner: number): boolean {
    return this.#outbox.send(this.bytes, start, end, to, owner);
  }

  /** Offers a message of the arena to another shard (see `Outbox.offer`). */
  offer(shard: number, start: number, end: number, meta: PacketMeta): boolean {
    return this.#outbox.offer(shard, this.bytes, start, end, meta);
  }

  /** Keeps a constant text for good; returns where. For start-up only: the room is small, and running out is a bug. */
  constant(text: string): number {
    const at = this.#constantsAt;
    if (at + text.length > this.#constantsEnd) throw new RangeError('no room for constant texts in the arena');
    for (let i = 0; i < text.length; i++) this.bytes[at + i] = text.charCodeAt(i);
    this.#constantsAt += text.length;
    return at;
  }
}

/** The store uses whole pages: at most two are lost to rounding. */
const STORE_ROUNDING_BYTES = 2 << 18;
