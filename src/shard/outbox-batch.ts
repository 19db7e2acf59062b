/**
 * The outbox of a shard with the batch driver: messages are composed straight into the arena of a UdpBatchSender, and
 * the shard's own thread hands them to the kernel. Offers go to the main thread through the out-ring. Lives in the
 * shard's thread.
 */
import type { Libc } from '../net/libc.js';
import { UdpBatchSender, type SendArenaPlace, type SendSocket } from '../net/udp-batch-sender.js';
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import type { Ringer } from '../ring/doorbell.js';
import type { RingWriter } from '../ring/spsc-ring.js';
import { OfferWriter } from './offer-writer.js';
import type { ShardOutbox } from './shard-outbox.js';

export type { SendSocket };

/** Failed sends that wait to be taken. More than that in one batch are forgotten: their timers end them. */
const FAILURES_MAX = 1024;

export class BatchOutbox implements ShardOutbox {
  readonly bytes: Uint8Array;
  private readonly sender: UdpBatchSender;
  private readonly out: RingWriter;
  private readonly bell: Ringer;
  private readonly offers: OfferWriter;
  /** The engine must not be re-entered from a flush inside of `reserve`, hence a list. */
  private readonly failures = new Int32Array(FAILURES_MAX);
  private failureCount = 0;
  private failureAt = 0;

  /**
   * `sockets[i]` is listener i. Offers go into `out`, whose reader is woken by `bell`. `counters`: this shard's block.
   * `place`: memory of the engine for the messages being composed.
   */
  constructor(libc: Libc, sockets: readonly SendSocket[], out: RingWriter, bell: Ringer, counters: Float64Array, place?: SendArenaPlace) {
    this.sender = new UdpBatchSender(libc, sockets, counters, (owner) => { this.noteFailure(owner); }, place);
    this.bytes = this.sender.bytes;
    this.out = out;
    this.bell = bell;
    this.offers = new OfferWriter(out);
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
    if (this.out.publish()) this.bell.ring();
  }

  nextFailure(): number {
    if (this.failureAt < this.failureCount) return this.failures[this.failureAt++]!;
    this.failureAt = 0;
    this.failureCount = 0;
    return -1;
  }

  private noteFailure(owner: number): void {
    if (this.failureCount < FAILURES_MAX) this.failures[this.failureCount++] = owner;
  }
}
