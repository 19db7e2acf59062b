/**
 * The batch driver (Linux): sockets and system calls of its own through koffi, up to 64 datagrams a call. The main
 * thread pulls with `receiveBatch`; shards send on the same descriptors with a UdpBatchSender of their own.
 *
 * Invariant: between two calls of `receiveBatch` no received datagram waits in here; they are in the kernel or handed over.
 */
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import type { EventFdBell } from '../ring/doorbell.js';
import { createPacketMeta } from '../ring/layout.js';
import { C_DATAGRAMS_IN, C_DROP_OUTBOX_FULL, C_DROP_TRUNCATED } from '../telemetry/counters.js';
import { openBatchSocket } from './batch-socket.js';
import { SOCKADDR_IN6_BYTES, readSockaddr } from './endpoint.js';
import {
  EBADF, EFAULT, EINVAL, ENOTSOCK, MSG_DONTWAIT, MSG_TRUNC, MSG_WAITFORONE, POLLIN, SOL_SOCKET, SO_RCVTIMEO, errnoName,
  type Libc,
} from './libc.js';
import { MmsgVector } from './mmsg-vector.js';
import { UdpBatchSender } from './udp-batch-sender.js';
import type { BoundListener, DatagramHandler, UdpDriver, UdpDriverOptions } from './udp-driver.js';

/** Datagrams that one call takes from one listener. */
export const RECEIVE_SLOTS = 64;
/**
 * Room for one datagram: more than UDP can carry, so that none is cut. Pages that no datagram reached are never
 * touched. The odd kilobyte spreads the slots over the sets of the processor's caches.
 */
const SLOT_BYTES = 65_536;
const SLOT_STRIDE = SLOT_BYTES + 1024;
/** Memory that a driver receives into: see `UdpDriverOptions.receivePlace`. */
export const RECEIVE_BYTES = RECEIVE_SLOTS * SLOT_STRIDE;

/** Longest single sleep, so that a lost bell would be a delay and not the end. */
const SLEEP_MS_MAX = 60_000;

export class UdpBatchDriver implements UdpDriver {
  readonly kind = 'batch';
  readonly listeners: readonly BoundListener[];
  private readonly libc: Libc;
  private readonly counters: Float64Array;
  private readonly onDatagram: DatagramHandler;
  private readonly onBatchEnd: () => void;
  private readonly bell: EventFdBell | undefined;
  private readonly sender: UdpBatchSender;
  private readonly slots: Uint8Array;
  private readonly slotsStart: number;
  private readonly vector: MmsgVector;
  private readonly meta: PacketMeta = createPacketMeta();
  /** struct pollfd { int fd; short events; short revents }, the listeners first, then the bell. */
  private readonly pollfds: Int32Array;
  private readonly pollfdsBytes: Uint8Array;
  private readonly timeval = new BigInt64Array(2);
  private receiveTimeoutMs = -1;
  private closed = false;

  /** Opens the sockets of `options.listen` in order. Throws ListenError for the first that cannot be; none stays open then. */
  static open(libc: Libc, options: UdpDriverOptions): UdpBatchDriver {
    const listeners: BoundListener[] = [];
    try {
      for (const address of options.listen) {
        listeners.push(openBatchSocket(libc, address, options.receiveBufferBytes, options.sendBufferBytes));
      }
      return new UdpBatchDriver(libc, listeners, options);
    } catch (error) {
      for (const listener of listeners) libc.close(listener.fd);
      throw error;
    }
  }

  private constructor(libc: Libc, listeners: readonly BoundListener[], options: UdpDriverOptions) {
    this.libc = libc;
    this.listeners = listeners;
    this.counters = options.counters;
    this.onDatagram = options.onDatagram;
    this.onBatchEnd = options.onBatchEnd;
    this.bell = options.bell;
    const { onSendFailed } = options;
    this.sender = new UdpBatchSender(libc, listeners, options.counters, (owner, shard) => { onSendFailed(shard, owner); });
    this.slots = options.receivePlace?.bytes ?? new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
    this.slotsStart = options.receivePlace?.start ?? 0;
    this.vector = new MmsgVector(libc, RECEIVE_SLOTS, this.slots);
    for (let i = 0; i < RECEIVE_SLOTS; i++) {
      this.vector.setPayload(i, this.slotsStart + i * SLOT_STRIDE, SLOT_BYTES);
      this.vector.setNameBytes(i, SOCKADDR_IN6_BYTES);
    }
    this.pollfds = new Int32Array(new ArrayBuffer((listeners.length + 1) * 8));
    this.pollfdsBytes = new Uint8Array(this.pollfds.buffer);
    for (const [i, listener] of listeners.entries()) this.pollfds[i * 2] = listener.fd;
    // poll() skips a negative descriptor.
    this.pollfds[listeners.length * 2] = this.bell?.fd ?? -1;
  }

  /**
   * Takes what has arrived, at most RECEIVE_SLOTS datagrams a listener, hands each to onDatagram, calls onBatchEnd if
   * there was any, and returns their number. When nothing is there it blocks for up to `timeoutMs` (0: not at all).
   *
   * `idle` false is for times of traffic: with one listener the wait is inside of recvmmsg itself, which saves the
   * poll() but is deaf to the bell and no finer than the kernel's tick. `idle` true waits in poll() and the bell ends
   * the wait: announce it first; afterwards it is cancelled and drained.
   */
  receiveBatch(timeoutMs: number, idle: boolean): number {
    let count = 0;
    if (timeoutMs <= 0 && !idle) {
      for (let i = 0; i < this.listeners.length; i++) count += this.receiveFrom(i, MSG_DONTWAIT);
    } else if (this.listeners.length === 1 && !idle) {
      this.setReceiveTimeout(timeoutMs);
      count = this.receiveFrom(0, MSG_WAITFORONE);
    } else {
      count = this.pollAndReceive(timeoutMs, idle);
    }
    if (count > 0) this.onBatchEnd();
    return count;
  }

  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, shard: number, owner: number): boolean {
    if (this.sender.send(bytes, start, end, to, owner, shard)) return true;
    this.counters[C_DROP_OUTBOX_FULL]!++;
    return false;
  }

  flush(): void {
    this.sender.flush();
  }

  /** Closes the sockets. Every UdpBatchSender on them must have ended before: the kernel reuses descriptor numbers. */
  close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.sender.flush();
      for (const listener of this.listeners) this.libc.close(listener.fd);
    }
    return Promise.resolve();
  }

  private pollAndReceive(timeoutMs: number, idle: boolean): number {
    const listeners = this.listeners.length;
    const pollfds = this.pollfds;
    for (let i = 0; i <= listeners; i++) pollfds[i * 2 + 1] = POLLIN;
    const withBell = idle ? 1 : 0;
    const sleepMs = Math.min(Math.ceil(timeoutMs), SLEEP_MS_MAX);
    const ready = this.libc.poll(this.pollfdsBytes, listeners + withBell, sleepMs);
    if (idle) this.bell?.cancel();
    // 0 is the timeout, -1 a signal: neither is an error, the caller comes again.
    if (ready <= 0) return 0;
    let count = 0;
    for (let i = 0; i < listeners; i++) {
      if (pollfds[i * 2 + 1]! >>> 16 !== 0) count += this.receiveFrom(i, MSG_DONTWAIT);
    }
    if (idle && pollfds[listeners * 2 + 1]! >>> 16 !== 0) this.bell?.drain();
    return count;
  }

  private receiveFrom(listener: number, flags: number): number {
    const vector = this.vector;
    const count = this.libc.recvmmsg(this.listeners[listener]!.fd, vector.address, RECEIVE_SLOTS, flags, null);
    if (count < 0) {
      this.checkReceiveError(listener);
      return 0;
    }
    const meta = this.meta;
    this.counters[C_DATAGRAMS_IN]! += count;
    for (let i = 0; i < count; i++) {
      readSockaddr(vector.names, vector.nameAt(i), meta);
      vector.setNameBytes(i, SOCKADDR_IN6_BYTES);
      if ((vector.flags(i) & MSG_TRUNC) !== 0) {
        this.counters[C_DROP_TRUNCATED]!++;
        continue;
      }
      meta.listener = listener;
      const start = this.slotsStart + i * SLOT_STRIDE;
      this.onDatagram(this.slots, start, start + vector.messageBytes(i), meta);
    }
    return count;
  }

  /** "Nothing there", a signal, and what the network did to an earlier datagram pass; a broken descriptor does not. */
  private checkReceiveError(listener: number): void {
    const errno = this.libc.errno();
    if (errno === EBADF || errno === EFAULT || errno === EINVAL || errno === ENOTSOCK) {
      throw new Error(`receiving on listener ${listener} failed: ${errnoName(errno)}`);
    }
  }

  private setReceiveTimeout(timeoutMs: number): void {
    if (timeoutMs === this.receiveTimeoutMs) return;
    this.receiveTimeoutMs = timeoutMs;
    // struct timeval; zero would mean "for ever".
    const us = Math.max(1, Math.round(Math.min(timeoutMs, SLEEP_MS_MAX) * 1000));
    this.timeval[0] = BigInt(Math.floor(us / 1_000_000));
    this.timeval[1] = BigInt(us % 1_000_000);
    this.libc.setsockopt(this.listeners[0]!.fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(this.timeval.buffer), 16);
  }
}
