/**
 * Sockets through koffi: up to 64 datagrams a system call in both directions, and a sleep of microseconds that a datagram
 * ends. Linux only.
 */
import { openBatchSocket } from '../../net/batch-socket.js';
import { SOCKADDR_IN6_BYTES, readSockaddr } from '../../net/endpoint.js';
import { EBADF, EFAULT, EINVAL, ENOTSOCK, MSG_DONTWAIT, MSG_TRUNC, POLLIN, errnoName, type Libc } from '../../net/libc.js';
import { MmsgVector } from '../../net/mmsg-vector.js';
import { UdpBatchSender } from '../../net/udp-batch-sender.js';
import type { BoundListener, ListenAddress } from '../../net/udp-driver.js';
import type { Endpoint } from '../../proxy/ports.js';
import { createPacketMeta } from '../../ring/layout.js';
import { COUNTER_COUNT, C_DATAGRAMS_OUT, C_DROP_OUTBOX_FULL, C_DROP_SEND_ERROR } from '../../telemetry/counters.js';
import { nowUs } from '../clock.js';
import { RECEIVE_SLOTS, RECEIVE_SLOT_BYTES, type LoadIo, type LoadMemory, type LoadReceiver } from './load-io.js';
import { TimeStamps } from './time-stamps.js';

const SLOT_BYTES = 65_536;
/** All sockets are asked at least this often, in calls of `receive`. */
const SWEEP_EVERY = 64;

export class BatchIo implements LoadIo {
  readonly kind = 'batch';
  readonly sockets: readonly BoundListener[];
  private readonly libc: Libc;
  private readonly vector: MmsgVector;
  private readonly sender: UdpBatchSender;
  private readonly counters = new Float64Array(COUNTER_COUNT);
  private readonly from: Endpoint = createPacketMeta();
  private readonly receiveStart: number;
  /** struct pollfd { int fd; short events; short revents } for each socket. */
  private readonly pollfds: Int32Array;
  private readonly pollfdsAt: number;
  /** struct timespec as four int32. */
  private readonly timespec = new Int32Array(new ArrayBuffer(128));
  private readonly timespecAt: number;
  /** Sockets that something is likely to have come to: the others are not asked, which saves a system call each. */
  private readonly expected: Uint8Array;
  /** Sockets that will be among them once the queue is flushed. */
  private readonly sending: Uint8Array;
  /** By socket: the one of this thread that what it sends arrives at; -1: it goes elsewhere. */
  private readonly arrivesAt: Int32Array;
  /** Undefined: a message came when it was read. */
  private readonly stamps: TimeStamps | undefined;
  private sweepIn = SWEEP_EVERY;
  private closed = false;

  /**
   * Opens the sockets in order. Throws ListenError for the first that cannot be; none stays open then. With `stamped`, messages have the
   * kernel's time stamps, which cost a tenth of a microsecond each.
   */
  static open(libc: Libc, addresses: readonly ListenAddress[], memory: LoadMemory, bufferBytes: number, stamped: boolean): BatchIo {
    const sockets: BoundListener[] = [];
    try {
      for (const address of addresses) sockets.push(openBatchSocket(libc, address, bufferBytes, bufferBytes));
      return new BatchIo(libc, sockets, memory, stamped);
    } catch (error) {
      for (const { fd } of sockets) libc.close(fd);
      throw error;
    }
  }

  private constructor(libc: Libc, sockets: readonly BoundListener[], memory: LoadMemory, stamped: boolean) {
    this.libc = libc;
    this.sockets = sockets;
    this.receiveStart = memory.receiveStart;
    const arena = { bytes: memory.bytes, start: memory.sendStart };
    this.sender = new UdpBatchSender(libc, sockets, this.counters, () => undefined, arena);
    this.vector = new MmsgVector(libc, RECEIVE_SLOTS, memory.bytes);
    for (let i = 0; i < RECEIVE_SLOTS; i++) {
      this.vector.setPayload(i, memory.receiveStart + i * RECEIVE_SLOT_BYTES, SLOT_BYTES);
      this.vector.setNameBytes(i, SOCKADDR_IN6_BYTES);
    }
    this.stamps = stamped ? new TimeStamps(libc, this.vector, RECEIVE_SLOTS) : undefined;
    for (const { fd } of sockets) this.stamps?.enable(fd);
    this.pollfds = new Int32Array(new ArrayBuffer(Math.max(128, sockets.length * 8)));
    this.pollfdsAt = libc.addressOf(new Uint8Array(this.pollfds.buffer));
    this.timespecAt = libc.addressOf(new Uint8Array(this.timespec.buffer));
    this.expected = new Uint8Array(sockets.length);
    this.sending = new Uint8Array(sockets.length);
    this.arrivesAt = new Int32Array(sockets.length).fill(-1);
    for (const [i, { fd }] of sockets.entries()) this.pollfds[i * 2] = fd;
  }

  reserve(maxBytes: number): number {
    return this.sender.reserve(maxBytes);
  }

  commit(start: number, end: number, to: Endpoint): void {
    const at = this.arrivesAt[to.listener]!;
    if (at >= 0) this.sending[at] = 1;
    this.sender.commit(start, end, to, -1);
  }

  arrives(from: number, at: number): void {
    this.arrivesAt[from] = at;
  }

  flush(): void {
    this.sender.flush();
    const { expected, sending } = this;
    for (let i = 0; i < sending.length; i++) {
      if (sending[i] === 0) continue;
      sending[i] = 0;
      expected[i] = 1;
    }
  }

  receive(receiver: LoadReceiver): number {
    const { expected } = this;
    const sweep = --this.sweepIn === 0;
    if (sweep) this.sweepIn = SWEEP_EVERY;
    let count = 0;
    for (let i = 0; i < expected.length; i++) {
      if (!sweep && expected[i] === 0) continue;
      expected[i] = 0;
      const received = this.receiveFrom(i, receiver);
      // A full batch has more behind it.
      if (received === RECEIVE_SLOTS) expected[i] = 1;
      count += received;
    }
    return count;
  }

  idle(): boolean {
    return !this.expected.includes(1);
  }

  wait(us: number): undefined {
    const { pollfds, expected } = this;
    this.setTimeout(us);
    for (let i = 0; i < expected.length; i++) pollfds[i * 2 + 1] = POLLIN;
    if (this.libc.ppoll(this.pollfdsAt, expected.length, this.timespecAt, null) <= 0) return;
    for (let i = 0; i < expected.length; i++) if (pollfds[i * 2 + 1]! >>> 16 !== 0) expected[i] = 1;
  }

  pause(us: number): undefined {
    this.setTimeout(us);
    this.libc.ppoll(this.pollfdsAt, 0, this.timespecAt, null);
    this.expected.fill(1);
  }

  dueUs(): number {
    return Infinity;
  }

  sent(): number {
    return this.counters[C_DATAGRAMS_OUT]!;
  }

  dropped(): number {
    return this.counters[C_DROP_OUTBOX_FULL]! + this.counters[C_DROP_SEND_ERROR]!;
  }

  close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      for (const { fd } of this.sockets) this.libc.close(fd);
    }
    return Promise.resolve();
  }

  private setTimeout(us: number): void {
    const { timespec } = this;
    // A wait has an end even when nothing is due: the coordinator's words are looked at in between.
    const limited = Math.min(1_000_000, Math.max(0, Math.floor(us)));
    timespec[0] = Math.floor(limited / 1_000_000);
    timespec[2] = (limited % 1_000_000) * 1000;
  }

  private receiveFrom(socket: number, receiver: LoadReceiver): number {
    const { vector, from, stamps } = this;
    const count = this.libc.recvmmsg(this.sockets[socket]!.fd, vector.address, RECEIVE_SLOTS, MSG_DONTWAIT, null);
    if (count <= 0) {
      if (count < 0) this.checkReceiveError();
      return 0;
    }
    const readUs = stamps === undefined ? nowUs() : stamps.sync();
    for (let i = 0; i < count; i++) {
      readSockaddr(vector.names, vector.nameAt(i), from);
      vector.setNameBytes(i, SOCKADDR_IN6_BYTES);
      from.listener = socket;
      const start = this.receiveStart + i * RECEIVE_SLOT_BYTES;
      // One that was cut is no message: an empty range says so.
      const bytes = (vector.flags(i) & MSG_TRUNC) !== 0 ? 0 : vector.messageBytes(i);
      receiver(start, start + bytes, from, stamps === undefined ? readUs : stamps.eventUs(i));
    }
    return count;
  }

  private checkReceiveError(): void {
    const errno = this.libc.errno();
    if (errno === EBADF || errno === EFAULT || errno === EINVAL || errno === ENOTSOCK) {
      throw new Error(`receiving failed: ${errnoName(errno)}`);
    }
  }
}
