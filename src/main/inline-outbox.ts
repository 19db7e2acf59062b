/**
 * The outbox of an engine that runs in the main thread, where the driver sends at once and tells later what it could not
 * send: dgram. (With the batch driver the engine has the outbox that shards have.) Main thread.
 */
import type { UdpDriver } from '../net/udp-driver.js';
import { SEND_ARENA_BYTES, type SendArenaPlace } from '../net/udp-batch-sender.js';
import type { Endpoint } from '../proxy/ports.js';
import { SendFailures } from '../shard/send-failures.js';
import type { ShardOutbox } from '../shard/shard-outbox.js';

/** Composes one message after the other at the same place, and hands each to the driver. */
export class DriverOutbox implements ShardOutbox {
  readonly bytes: Uint8Array;
  private readonly start: number;
  private readonly driver: UdpDriver;
  private readonly failures = new SendFailures();
  /** Which engine this is the outbox of: goes along with each datagram. */
  private life = 0;

  /** `place`: memory of the engine for the message being composed, SEND_ARENA_BYTES. */
  constructor(driver: UdpDriver, place: SendArenaPlace) {
    this.driver = driver;
    this.bytes = place.bytes;
    this.start = place.start;
  }

  reserve(maxBytes: number): number {
    return maxBytes <= SEND_ARENA_BYTES ? this.start : -1;
  }

  commit(start: number, end: number, to: Endpoint, owner: number): void {
    this.driver.send(this.bytes, start, end, to, this.life, owner);
  }

  /** Always true: the driver counts what it has to drop, and that is like a loss in the network. */
  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    this.driver.send(bytes, start, end, to, this.life, owner);
    return true;
  }

  /** There is no other shard. */
  offer(): boolean {
    return false;
  }

  flush(): void {
    this.driver.flush();
  }

  nextFailure(): number {
    return this.failures.next();
  }

  /** For `UdpDriverOptions.onSendFailed`. */
  sendFailed(life: number, owner: number): void {
    if (life === this.life) this.failures.note(owner);
  }

  /** Another engine sends from here on: what the last one sent concerns nobody, also when it fails later. */
  disown(): void {
    this.life++;
    this.failures.clear();
  }
}
