/**
 * What a simulated shard has in memory: messages that wait for it, and one array with the message at hand, the outbox and
 * the engine's arena, as in the product.
 */
import { ARENA_OVERHEAD_BYTES } from '../proxy/arena.js';
import type { Endpoint, Outbox, PacketMeta } from '../proxy/ports.js';
import type { Port } from './network.js';
import type { ViaView } from '../sip/via.js';

const LARGEST_MESSAGE_BYTES = 65_536;
/** Where an engine finds its messages is never the beginning of its memory. */
export const INBOUND_AT = 16;
const OUTBOX_AT = INBOUND_AT + LARGEST_MESSAGE_BYTES + 16;
/** Where the engine's part begins. */
export const ARENA_AT = OUTBOX_AT + LARGEST_MESSAGE_BYTES;
/** What a message store loses at most by being cut into whole pages. */
const ROUNDING_BYTES = 1 << 19;

/** A message waiting for its shard, and its meta in one: the engine is lent the whole object, which is used again after. */
export class Queued implements PacketMeta {
  bytes: Uint8Array = NO_BYTES;
  start = 0;
  end = 0;
  /** Undefined when another shard offered it. */
  sender: Port | undefined = undefined;
  listener = 0;
  family = 4;
  port = 0;
  a0 = 0;
  a1 = 0;
  a2 = 0;
  a3 = 0;
  connection = 0;
  keyLo = 0;
  keyHi = 0;
  kind = 0;
  hops = 0;
  topVia: ViaView | undefined = undefined;

  set(bytes: Uint8Array, start: number, end: number, sender: Port | undefined, listener: number, from: Endpoint): void {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.sender = sender;
    this.listener = listener;
    this.family = from.family;
    this.port = from.port;
    this.a0 = from.a0;
    this.a1 = from.a1;
    this.a2 = from.a2;
    this.a3 = from.a3;
    this.connection = from.connection;
  }
}

const NO_BYTES = new Uint8Array(0);

/** Memory of shards that are gone, for the next ones: clearing megabytes for every short run costs more than its calls. */
const spareMemory: Uint8Array[] = [];
const MOST_SPARE_MEMORY = 16;

function memoryOf(bytes: number): Uint8Array {
  const at = spareMemory.findIndex((memory) => memory.length === bytes);
  return at < 0 ? new Uint8Array(bytes) : spareMemory.splice(at, 1)[0]!;
}

/** Takes back memory whose engine is gone. */
export function giveBackMemory(bytes: Uint8Array): void {
  if (spareMemory.length < MOST_SPARE_MEMORY) spareMemory.push(bytes);
}

/** Where an outbox sends. */
export interface OutboxOwner {
  /** False when the transport refused the message, and its owner is to be told. */
  transmit(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean;
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean;
}

/** The outbox port of one engine: what it commits is on the network at once. A dead engine's outbox swallows all. */
export class SimOutbox implements Outbox {
  /** The shard's memory, of which a part is the outbox. */
  readonly bytes: Uint8Array;
  isDead = false;
  /** Owners of messages that the transport refused, for the engine to be told of. */
  readonly refused: number[] = [];
  private readonly node: OutboxOwner;

  constructor(node: OutboxOwner, storeBytes: number) {
    this.node = node;
    this.bytes = memoryOf(ARENA_AT + ARENA_OVERHEAD_BYTES + storeBytes + ROUNDING_BYTES);
  }

  reserve(maxBytes: number): number {
    return maxBytes <= LARGEST_MESSAGE_BYTES ? OUTBOX_AT : -1;
  }

  commit(start: number, end: number, to: Endpoint, owner: number): void {
    if (!this.isDead && !this.node.transmit(this.bytes, start, end, to, owner)) this.refused.push(owner);
  }

  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    if (!this.isDead && !this.node.transmit(bytes, start, end, to, owner)) this.refused.push(owner);
    return true;
  }

  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    return this.isDead || this.node.offer(shard, bytes, start, end, meta);
  }
}
