/**
 * The outbox of a shard with the dgram driver: every datagram becomes a RECORD_SEND in the out-ring, which the main
 * thread sends. Messages are composed in the memory of the ring itself. Lives in the shard's thread.
 */
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import type { Ringer } from '../ring/doorbell.js';
import { RECORD_SEND } from '../ring/layout.js';
import type { RingWriter } from '../ring/spsc-ring.js';
import { OfferWriter } from './offer-writer.js';
import type { ShardOutbox } from './shard-outbox.js';

export class RingOutbox implements ShardOutbox {
  readonly bytes: Uint8Array;
  private readonly out: RingWriter;
  private readonly offers: OfferWriter;
  private claimedAt = -1;

  /** Records go into `out`, whose reader is woken by `bell`. The caller counts what is refused. */
  constructor(out: RingWriter, bell: Ringer) {
    this.out = out;
    this.bytes = out.bytes;
    this.offers = new OfferWriter(out, bell);
  }

  reserve(maxBytes: number): number {
    this.claimedAt = this.out.claim(maxBytes);
    return this.claimedAt;
  }

  commit(start: number, end: number, to: Endpoint, owner: number): void {
    if (start !== this.claimedAt) this.bytes.copyWithin(this.claimedAt, start, end);
    this.out.commit(RECORD_SEND, this.claimedAt, end - start, to, owner);
  }

  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    const at = this.out.claim(end - start);
    if (at < 0) return false;
    this.bytes.set(bytes.subarray(start, end), at);
    this.out.commit(RECORD_SEND, at, end - start, to, owner);
    return true;
  }

  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    return this.offers.offer(shard, bytes, start, end, meta);
  }

  flush(): void {
    this.offers.flush();
  }

  nextFailure(): number {
    return -1;
  }
}
