/** Where an outbox leaves the CANCEL and ACK requests that it offers to other shards. Lives in the shard's thread. */
import type { Outbox, PacketMeta } from '../proxy/ports.js';
import type { Ringer } from '../ring/doorbell.js';
import { RECORD_OFFER, createPacketMeta } from '../ring/layout.js';
import type { RingWriter } from '../ring/spsc-ring.js';

/** What an outbox needs of it. */
export interface OfferPort {
  /** As `Outbox.offer`. */
  readonly offer: Outbox['offer'];
  /** Makes what was offered visible, and wakes who has to take it. */
  flush(): void;
}

/** For an engine that is alone, and so has nobody to offer to. */
export const NO_OFFERS: OfferPort = { offer: () => false, flush: () => {} };

/** Puts offers into the out-ring, on whose other end the main thread passes them on. */
export class OfferWriter implements OfferPort {
  private readonly out: RingWriter;
  private readonly bell: Ringer;
  private readonly raised = createPacketMeta();

  /** `bell` wakes the reader of `out`. */
  constructor(out: RingWriter, bell: Ringer) {
    this.out = out;
    this.bell = bell;
  }

  /** As `Outbox.offer`: pushes a RECORD_OFFER whose owner is the shard it is meant for. Published by the outbox's flush. */
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    if (meta.hops >= 255) return false;
    Object.assign(this.raised, meta);
    this.raised.hops = meta.hops + 1;
    return this.out.push(RECORD_OFFER, bytes, start, end, this.raised, shard);
  }
  /** Publishes everything in the ring, offers or not. */
  flush(): void {
    if (this.out.publish()) this.bell.ring();
  }
}
