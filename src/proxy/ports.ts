/**
 * The ports of the sans-I/O core: everything the engine needs from the outside is handed in through these shapes, and
 * everything it wants done goes out through them. The shard loop implements them with rings and sockets, the simulator
 * with queues on virtual time.
 */
import type { ViaView } from '../sip/via.js';

/**
 * Where a datagram came from, or goes to. Addresses are four big-endian 32-bit words: IPv4 uses `a0` alone with
 * `a1 = a2 = a3 = 0`. The object is borrowed: whoever receives one copies what it wants to keep.
 */
export interface Endpoint {
  /** Index into the configured listeners: the local socket. */
  listener: number;
  /** 4 or 6. */
  family: number;
  /** 1 to 65535. */
  port: number;
  a0: number;
  a1: number;
  a2: number;
  a3: number;
  /** Connection id of a stream transport; 0 for UDP. */
  connection: number;
}

/** What the ring carries beside the bytes of an inbound message. Reused from message to message. */
export interface PacketMeta extends Endpoint {
  /** 64-bit keyed transaction key that the shard router computed (requests), or of our branch (responses). */
  keyLo: number;
  keyHi: number;
  /** How the router read the message: one of the `PACKET_*` constants. */
  kind: number;
  /**
   * For an offered CANCEL or ACK: how many shards have looked already. 0 straight from the network; up to the number of
   * shards in the first round, and up to twice that in the second one of a CANCEL that was held.
   */
  hops: number;
  /**
   * The top Via as a router in this thread has parsed it: borrowed, and of the message that the router looked at last, which
   * need not be this one (`ViaView.bytes`). Undefined when there is none, or the router is in another thread.
   */
  topVia: ViaView | undefined;
}

/** The router could not tell what this is: the shard parses, then answers or drops and counts. */
export const PACKET_UNKNOWN = 0;
/** A request with a key by the RFC 3261 magic cookie. */
export const PACKET_REQUEST = 1;
/** A request without the magic cookie: keyed by the RFC 2543 fields. */
export const PACKET_REQUEST_2543 = 2;
/** A response whose top Via branch has the form of ours. */
export const PACKET_RESPONSE = 3;
/** A response whose top Via branch is not ours. */
export const PACKET_RESPONSE_FOREIGN = 4;

/**
 * Send queue of a shard. The core composes straight into `bytes` and commits; nothing is allocated per message.
 *
 * ```
 * const at = outbox.reserve(bound);          // at < 0: queue full; the caller counts the drop
 * … write at most `bound` bytes at outbox.bytes[at …]
 * outbox.commit(at, end, to, owner);         // [at, end) is queued for `to`
 * ```
 * Between reserve and commit no other reserve happens. `bytes` may be another array after a reserve: read it afterwards.
 */
export interface Outbox {
  readonly bytes: Uint8Array;
  /** Makes room for `maxBytes` and returns the offset to write at, or -1 when the queue is full. */
  reserve(maxBytes: number): number;
  /**
   * Queues `[start, end)` for `to` (copied before return).
   * `owner` is an opaque number given back to `Engine.sendFailed` when the send fails; -1: nobody cares.
   */
  commit(start: number, end: number, to: Endpoint, owner: number): void;
  /** Queues a copy of foreign bytes (a stored message sent again). False when the queue is full. */
  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean;
  /** Offers an inbound CANCEL or ACK to shard `shard`, with `meta.hops` raised by one. False when it cannot be queued. */
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean;
}

/** One local UDP address as the core sees it. */
export interface ListenerInfo {
  readonly family: 4 | 6;
  /** The sent-by written into Via and Record-Route: `host` or `[v6]` in brackets, always with `:port`. */
  readonly sentBy: string;
  /** Addresses by which a URI is recognised as ours: bound and advertised, as words plus port. */
  readonly ours: readonly { readonly host: string; readonly port: number }[];
}

/** Timer settings (RFC 3261 Table 4), in milliseconds. */
export interface TimerSettings {
  /** Round-trip estimate: 500. */
  readonly t1Ms: number;
  /** Longest retransmission interval of non-INVITE requests and INVITE responses: 4000. */
  readonly t2Ms: number;
  /** Longest time a message stays in the network: 5000. */
  readonly t4Ms: number;
  /** Timer C, for INVITEs that ring (RFC 3261 §16.6 step 11: over three minutes): 185000. */
  readonly timerCMs: number;
  /** Timer D, over 32 s on unreliable transports. */
  readonly timerDMs: number;
}

/** Bounds of one shard. */
export interface EngineLimits {
  /** Server transactions, live and lingering, in one shard. */
  readonly transactions: number;
  /** Client transactions (branches), live and lingering, in one shard. */
  readonly branches: number;
  /** Bytes of stored messages in one shard. */
  readonly storeBytes: number;
  /** Largest datagram sent, bytes. */
  readonly datagramBytes: number;
  /** Headers in one message. */
  readonly headers: number;
  /** Targets of one request: branches of a fork, all attempts together. */
  readonly targets: number;
  /** CANCELs that wait for their INVITE at a time, and that begin to wait in a second. */
  readonly heldCancels: number;
}

export interface EngineOptions {
  readonly shard: number;
  readonly shards: number;
  /** 0 to 255: tells several instances apart in branches and Record-Route URIs. */
  readonly node: number;
  /** 128-bit secret behind every key and branch; the same in all shards and in the router. */
  readonly secret: Uint32Array;
  readonly listeners: readonly ListenerInfo[];
  readonly timers: TimerSettings;
  readonly limits: EngineLimits;
  /** `Server` header of our own answers; empty: none. */
  readonly serverHeader: string;
  /** Value of Max-Forwards added to a request without one (RFC 3261 §16.6 step 3). */
  readonly maxForwards: number;
  /** How long a CANCEL that matches nothing waits for its INVITE, milliseconds; 0: not at all. */
  readonly earlyCancelMs: number;
  /** Max-Breadth given to a request without one, and the most that is taken over (RFC 5393 §5.3.3); 0: none is given. */
  readonly maxBreadth: number;
  /** What the router shards by. `call-id`: all requests of a Call-ID come here, so that merged ones are found. */
  readonly shardingKey: 'transaction' | 'call-id';
}

/** Log of the core: errors and rare events only, never per message. */
export interface EngineLog {
  error(fields: Readonly<Record<string, unknown>>, text: string): void;
  warn(fields: Readonly<Record<string, unknown>>, text: string): void;
  info(fields: Readonly<Record<string, unknown>>, text: string): void;
  debug(fields: Readonly<Record<string, unknown>>, text: string): void;
}
