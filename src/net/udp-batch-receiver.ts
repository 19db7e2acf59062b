/**
 * The receiving half of the batch driver: takes what has arrived on sockets that are open, up to 64 datagrams a system call. For
 * the thread that reads the sockets: main, or the only shard. Linux.
 *
 * Invariant: between two calls of `receiveBatch` no received datagram waits in here; they are in the kernel or handed over.
 */
import type { PacketMeta } from '../proxy/ports.js';
import type { EventFdBell } from '../ring/doorbell.js';
import { createPacketMeta } from '../ring/layout.js';
import { C_DATAGRAMS_IN, C_DROP_TRUNCATED } from '../telemetry/counters.js';
import { SOCKADDR_IN6_BYTES, readSockaddr } from './endpoint.js';
import {
  EBADF, EFAULT, EINVAL, ENOTSOCK, MSG_DONTWAIT, MSG_TRUNC, MSG_WAITFORONE, POLLIN, SOL_SOCKET, SO_RCVTIMEO, errnoName,
  type Libc,
} from './libc.js';
import { MmsgVector } from './mmsg-vector.js';
import type { UdpDriverOptions } from './udp-driver.js';

/** Datagrams that one call takes from one listener. */
export const RECEIVE_SLOTS = 64;
/**
 * Room for one datagram: more than UDP can carry, so that none is cut. Pages that no datagram reached are never
 * touched. The odd kilobyte spreads the slots over the sets of the processor's caches.
 */
const SLOT_BYTES = 65_536;
const SLOT_STRIDE = SLOT_BYTES + 1024;
/** Memory that a receiver receives into: see `UdpDriverOptions.receivePlace`. */
export const RECEIVE_BYTES = RECEIVE_SLOTS * SLOT_STRIDE;

/** Longest single sleep, so that a lost bell would be a delay and not the end. */
const SLEEP_MS_MAX = 60_000;

/** What a loop sees of a receiver. */
export interface BatchReceiver {
  /**
   * Receives what has arrived, hands it over, and returns how many datagrams there were; waits up to `timeoutMs` when
   * there is nothing. `idle`: the bell ends the wait too.
   */
  receiveBatch(timeoutMs: number, idle: boolean): number;
}

/** What a receiver works with. `sockets[i]` is listener i; with a `bell` it can be woken out of an idle wait. */
export interface UdpBatchReceiverOptions extends Pick<UdpDriverOptions, 'counters' | 'onDatagram' | 'onBatchEnd' | 'receivePlace'> {
  readonly sockets: readonly { readonly fd: number }[];
  readonly bell?: EventFdBell | undefined;
}

/** See the head of this file. At most one for a socket may be in use at a time. */
export class UdpBatchReceiver implements BatchReceiver {
  private readonly options: UdpBatchReceiverOptions;
  private readonly libc: Libc;
  private readonly fds: readonly number[];
  private readonly counters: Float64Array;
  private readonly bell: EventFdBell | undefined;
  private readonly slots: Uint8Array;
  private readonly slotsStart: number;
  private readonly vector: MmsgVector;
  private readonly meta: PacketMeta = createPacketMeta();
  /** struct pollfd { int fd; short events; short revents }, the listeners first, then the bell. */
  private readonly pollfds: Int32Array;
  private readonly pollfdsBytes: Uint8Array;
  private readonly timeval = new BigInt64Array(2);
  private receiveTimeoutMs = -1;

  /** In the thread that receives. */
  constructor(libc: Libc, options: UdpBatchReceiverOptions) {
    this.options = options;
    this.libc = libc;
    this.fds = options.sockets.map(({ fd }) => fd);
    this.counters = options.counters;
    this.bell = options.bell;
    this.slots = options.receivePlace?.bytes ?? new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
    this.slotsStart = options.receivePlace?.start ?? 0;
    this.vector = new MmsgVector(libc, RECEIVE_SLOTS, this.slots);
    for (let i = 0; i < RECEIVE_SLOTS; i++) {
      this.vector.setPayload(i, this.slotsStart + i * SLOT_STRIDE, SLOT_BYTES);
      this.vector.setNameBytes(i, SOCKADDR_IN6_BYTES);
    }
    const { fds } = this;
    this.pollfds = new Int32Array(new ArrayBuffer((fds.length + 1) * 8));
    this.pollfdsBytes = new Uint8Array(this.pollfds.buffer);
    for (const [i, fd] of fds.entries()) this.pollfds[i * 2] = fd;
    // poll() skips a negative descriptor.
    this.pollfds[fds.length * 2] = this.bell?.fd ?? -1;
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
      for (let i = 0; i < this.fds.length; i++) count += this.receiveFrom(i, MSG_DONTWAIT);
    } else if (this.fds.length === 1 && !idle) {
      this.setReceiveTimeout(timeoutMs);
      count = this.receiveFrom(0, MSG_WAITFORONE);
    } else {
      count = this.pollAndReceive(timeoutMs, idle);
    }
    if (count > 0) this.options.onBatchEnd();
    return count;
  }

  private pollAndReceive(timeoutMs: number, idle: boolean): number {
    const listeners = this.fds.length;
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
    const count = this.libc.recvmmsg(this.fds[listener]!, vector.address, RECEIVE_SLOTS, flags, null);
    if (count < 0) {
      this.checkReceiveError(listener);
      return 0;
    }
    const { meta, options, slots } = this;
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
      options.onDatagram(slots, start, start + vector.messageBytes(i), meta);
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
    this.libc.setsockopt(this.fds[0]!, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(this.timeval.buffer), 16);
  }
}
