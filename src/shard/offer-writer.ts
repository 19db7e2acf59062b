/** Puts offered CANCEL and ACK requests into the out-ring: what both outboxes share. Lives in the shard's thread. */
import type { PacketMeta } from '../proxy/ports.js';
import { RECORD_OFFER, createPacketMeta } from '../ring/layout.js';
import type { RingWriter } from '../ring/spsc-ring.js';

export class OfferWriter {
  private readonly out: RingWriter;
  private readonly raised = createPacketMeta();

  constructor(out: RingWriter) {
    this.out = out;
  }

  /** As `Outbox.offer`: pushes a RECORD_OFFER whose owner is the shard it is meant for. Published by the outbox's flush. */
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    if (meta.hops >= 255) return false;
    Object.assign(this.raised, meta);
    this.raised.hops = meta.hops + 1;
    return this.out.push(RECORD_OFFER, bytes, start, end, this.raised, shard);
  }
}
