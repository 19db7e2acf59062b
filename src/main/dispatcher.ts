/**
 * Hands what comes in to the shards: router, in-rings, doorbells. The one writer of every in-ring. Main thread.
 *
 * Invariant: whatever was pushed is published and its shard woken by the next `flush`; a full ring drops and counts, and
 * never blocks.
 */
import type { PacketMeta } from '../proxy/ports.js';
import type { Doorbell } from '../ring/doorbell.js';
import { RECORD_DATAGRAM, RECORD_OFFER, RECORD_SEND_FAILED, createPacketMeta } from '../ring/layout.js';
import type { RingWriter } from '../ring/spsc-ring.js';
import type { Clock } from '../shard/clock.js';
import { C_DROP_RING_FULL, C_KEEPALIVES_IN } from '../telemetry/counters.js';

/** The way into one shard. */
export interface ShardInlet {
  readonly ring: RingWriter;
  readonly bell: Doorbell;
}

/** Picks the shard of a message: see `ShardRouter`. */
export interface Router {
  /** Shard index, with key and kind filled into `meta`; negative for keep-alives, which no shard needs to see. */
  route(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): number;
}

const EMPTY = new Uint8Array(0);

/** The inlets of all shards. */
export class Dispatcher {
  private readonly router: Router;
  private readonly inlets: readonly ShardInlet[];
  private readonly counters: Float64Array;
  private readonly clock: Clock;
  private readonly noMeta = createPacketMeta();
  private stamped = false;

  /** `counters`: main's block. */
  constructor(router: Router, inlets: readonly ShardInlet[], counters: Float64Array, clock: Clock) {
    this.router = router;
    this.inlets = inlets;
    this.counters = counters;
    this.clock = clock;
  }

  /** One datagram from a socket. `bytes[start, end)` is borrowed. */
  datagram(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    if (!this.stamped) this.stamp();
    const shard = this.router.route(bytes, start, end, meta);
    if (shard < 0) {
      this.counters[C_KEEPALIVES_IN]!++;
      return;
    }
    if (!this.inlets[shard]!.ring.push(RECORD_DATAGRAM, bytes, start, end, meta, -1)) this.counters[C_DROP_RING_FULL]!++;
  }

  /** A CANCEL or ACK that one shard offers to shard `shard`; `meta.hops` is kept. */
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    const inlet = this.inlets[shard];
    if (inlet === undefined) return;
    if (!inlet.ring.push(RECORD_OFFER, bytes, start, end, meta, shard)) this.counters[C_DROP_RING_FULL]!++;
  }

  /** Tells shard `shard` that its datagram `owner` could not be sent. */
  sendFailed(shard: number, owner: number): void {
    const inlet = this.inlets[shard];
    if (inlet === undefined) return;
    if (!inlet.ring.push(RECORD_SEND_FAILED, EMPTY, 0, 0, this.noMeta, owner)) this.counters[C_DROP_RING_FULL]!++;
  }

  /** Makes everything handed over since the last flush visible, with at most one doorbell a shard. */
  flush(): void {
    this.stamped = false;
    const inlets = this.inlets;
    for (let i = 0; i < inlets.length; i++) {
      const inlet = inlets[i]!;
      if (inlet.ring.publish()) inlet.bell.ring();
    }
  }

  /** Sets the receive time once a batch. */
  private stamp(): void {
    this.stamped = true;
    const nowMs = this.clock.nowMs();
    for (let i = 0; i < this.inlets.length; i++) this.inlets[i]!.ring.nowMs = nowMs;
  }
}
