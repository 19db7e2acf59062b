/**
 * Sends datagrams in batches through sendmmsg. Messages are composed in one arena; each listener has a vector of its
 * own, so that a batch that alternates between sockets still costs one system call a socket.
 *
 * Belongs to the thread that constructed it; any number of threads may send on the same descriptors. Nothing queued
 * survives `flush`: a datagram is sent, or dropped and counted.
 */
import type { Endpoint } from '../proxy/ports.js';
import { C_DATAGRAMS_OUT, C_DROP_OUTBOX_FULL, C_DROP_SEND_ERROR } from '../telemetry/counters.js';
import { writeSockaddr } from './endpoint.js';
import { EAGAIN, EINTR, ENOBUFS, MSG_DONTWAIT, POLLOUT, type Libc } from './libc.js';
import { MMSGHDR_BYTES, MmsgVector } from './mmsg-vector.js';

/** Messages that one listener takes into a batch. */
export const SEND_SLOTS = 64;
/** Size of the arena: 64 messages of 4 KiB, or three of the largest. It is filled from the front, so that it stays in the cache. */
export const SEND_ARENA_BYTES = 1 << 18;
/** How long one flush waits, in all, for a send buffer that is full. */
export const SEND_WAIT_MS = 20;

/** A socket to send from, by its place among the listeners. */
export interface SendSocket {
  readonly fd: number;
}

/** A range of a caller's memory for the arena; `start` is a multiple of 8. */
export interface SendArenaPlace {
  readonly bytes: Uint8Array;
  readonly start: number;
}

/** Told of a datagram that the kernel refused; `owner` and `origin` as committed. Called inside of `flush`. */
export type SendFailureHandler = (owner: number, origin: number) => void;

interface Lane {
  readonly fd: number;
  readonly vector: MmsgVector;
  readonly owners: Int32Array;
  readonly origins: Int32Array;
  count: number;
}

export class UdpBatchSender {
  /** Holds the arena: compose at the offset that `reserve` returned. */
  readonly bytes: Uint8Array;
  /** Where the arena begins in `bytes`, a multiple of 8. */
  private readonly base: number;
  private readonly libc: Libc;
  private readonly lanes: readonly Lane[];
  private readonly counters: Float64Array;
  private readonly onFailure: SendFailureHandler;
  private readonly pollfd = new Int32Array(new ArrayBuffer(64));
  private readonly pollfdBytes = new Uint8Array(this.pollfd.buffer);
  /** Where the next message starts, a multiple of 8; above 0 when anything is queued, be it an empty datagram. */
  private top = 0;
  /** A lane has no slot left. */
  private full = false;
  private waitLeftMs = 0;

  /**
   * `sockets[i]` sends what is addressed from listener i. `counters` is the block of this thread. `place`: where the
   * arena of SEND_ARENA_BYTES lies, so that messages are composed within the caller's memory; absent: on its own.
   */
  constructor(libc: Libc, sockets: readonly SendSocket[], counters: Float64Array, onFailure: SendFailureHandler, place?: SendArenaPlace) {
    this.bytes = place?.bytes ?? new Uint8Array(new ArrayBuffer(SEND_ARENA_BYTES));
    this.base = place?.start ?? 0;
    this.libc = libc;
    this.counters = counters;
    this.onFailure = onFailure;
    this.lanes = sockets.map(({ fd }) => ({
      fd,
      vector: new MmsgVector(libc, SEND_SLOTS, this.bytes),
      owners: new Int32Array(SEND_SLOTS),
      origins: new Int32Array(SEND_SLOTS),
      count: 0,
    }));
  }

  /**
   * Returns the offset of `maxBytes` of free arena; flushes first when there is too little left. -1 when `maxBytes` is
   * more than the arena will ever have.
   */
  reserve(maxBytes: number): number {
    if (this.full || this.top + maxBytes > SEND_ARENA_BYTES) {
      this.flush();
      if (maxBytes > SEND_ARENA_BYTES) return -1;
    }
    return this.base + this.top;
  }

  /**
   * Queues `bytes[start, end)`, which lies inside of what `reserve` returned last. `owner` -1: no failure is reported.
   * A listener that does not exist counts as a failed send.
   */
  commit(start: number, end: number, to: Endpoint, owner: number, origin = 0): void {
    const lane = this.lanes[to.listener];
    if (lane === undefined) {
      this.fail(owner, origin);
      return;
    }
    const index = lane.count++;
    const vector = lane.vector;
    vector.setPayload(index, start, end - start);
    vector.setNameBytes(index, writeSockaddr(vector.names, vector.nameAt(index), to));
    lane.owners[index] = owner;
    lane.origins[index] = origin;
    if (lane.count === SEND_SLOTS) this.full = true;
    this.top = (end - this.base + 8) & ~7;
  }

  /** Queues a copy of `bytes[start, end)`. False when it is longer than the arena. */
  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number, origin = 0): boolean {
    const at = this.reserve(end - start);
    if (at < 0) return false;
    if (bytes === this.bytes) bytes.copyWithin(at, start, end);
    else this.bytes.set(bytes.subarray(start, end), at);
    this.commit(at, at + end - start, to, owner, origin);
    return true;
  }

  /** Hands everything queued to the kernel. Blocks for SEND_WAIT_MS at most, and only when a send buffer is full. */
  flush(): void {
    if (this.top === 0) return;
    this.waitLeftMs = SEND_WAIT_MS;
    for (const lane of this.lanes) if (lane.count > 0) this.flushLane(lane);
    this.top = 0;
    this.full = false;
  }

  private flushLane(lane: Lane): void {
    const count = lane.count;
    lane.count = 0;
    let at = 0;
    while (at < count) {
      const sent = this.libc.sendmmsg(lane.fd, lane.vector.address + at * MMSGHDR_BYTES, count - at, MSG_DONTWAIT);
      if (sent > 0) {
        at += sent;
        this.counters[C_DATAGRAMS_OUT]! += sent;
        continue;
      }
      const errno = this.libc.errno();
      if (errno === EINTR) continue;
      if (errno === EAGAIN || errno === ENOBUFS) {
        if (this.waitWritable(lane.fd)) continue;
        // Like a loss in the network: retransmission heals it, so that no owner is told.
        this.counters[C_DROP_OUTBOX_FULL]! += count - at;
        return;
      }
      // The kernel stops at the message it refuses: skip that one alone.
      this.fail(lane.owners[at]!, lane.origins[at]!);
      at++;
    }
  }

  /** False when the wait budget of this flush is spent. */
  private waitWritable(fd: number): boolean {
    if (this.waitLeftMs <= 0) return false;
    // A millisecond at a time bounds the wait without reading a clock; ENOBUFS comes back although poll says writable.
    this.waitLeftMs--;
    this.pollfd[0] = fd;
    this.pollfd[1] = POLLOUT;
    this.libc.poll(this.pollfdBytes, 1, 1);
    return true;
  }

  private fail(owner: number, origin: number): void {
    this.counters[C_DROP_SEND_ERROR]!++;
    if (owner !== -1) this.onFailure(owner, origin);
  }
}
