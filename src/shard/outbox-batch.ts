/**
 * The outbox of an engine with the batch driver: messages are composed straight into the arena of a UdpBatchSender, and
 * the engine's own thread hands them to the kernel. Offers leave a shard through its out-ring.
 */
import type { Libc } from '../net/libc.js';
import { UdpBatchSender, type SendArenaPlace, type SendSocket } from '../net/udp-batch-sender.js';
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import type { OfferPort } from './offer-writer.js';
import { SendFailures } from './send-failures.js';
import type { ShardOutbox } from './shard-outbox.js';

export type { SendSocket };

export class BatchOutbox implements ShardOutbox {
  readonly bytes: Uint8Array;
  private readonly sender: UdpBatchSender;
  private readonly offers: OfferPort;
  /** A flush may happen inside of `reserve`, in the middle of engine work. */
  private readonly failures = new SendFailures();

  /**
   * `sockets[i]` is listener i. `counters`: the block of the engine. `place`: memory of the engine for the messages being
   * composed.
   */
  constructor(libc: Libc, sockets: readonly SendSocket[], offers: OfferPort, counters: Float64Array, place?: SendArenaPlace) {
    this.sender = new UdpBatchSender(libc, sockets, counters, (owner) => { this.failures.note(owner); }, place);
    this.bytes = this.sender.bytes;
    this.offers = offers;
  }

  reserve(maxBytes: number): number {
    return this.sender.reserve(maxBytes);
  }

  commit(start: number, end: number, to: Endpoint, owner: number): void {
    this.sender.commit(start, end, to, owner);
  }

  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    return this.sender.send(bytes, start, end, to, owner);
  }

  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    return this.offers.offer(shard, bytes, start, end, meta);
  }

  flush(): void {
    this.sender.flush();
    this.offers.flush();
  }

  nextFailure(): number {
    return this.failures.next();
  }

  /** Another engine sends from here on: what the last one sent concerns nobody. Call it behind a `flush`. */
  disown(): void {
    this.failures.clear();
  }
}
