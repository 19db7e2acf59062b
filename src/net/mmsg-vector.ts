/**
 * The array of `struct mmsghdr` that recvmmsg and sendmmsg work on, with its iovecs and socket addresses, built once
 * and reused for every batch. One message has one iovec. Layout of 64-bit Linux (LP64), the same for x64 and arm64,
 * glibc and musl. Belongs to one thread.
 *
 *   mmsghdr, 64 bytes:  name ptr 0 | name length u32 8 | iovec ptr 16 | iovec count 24 | control ptr 32 |
 *                       control length 40 | flags i32 48 | message length u32 56
 *   iovec, 16 bytes:    base ptr 0 | length u64 8
 */
import { SOCKADDR_SLOT_BYTES } from './endpoint.js';
import type { Libc } from './libc.js';

/** Bytes of one mmsghdr: the step from a message to the next. */
export const MMSGHDR_BYTES = 64;
const IOVEC_BYTES = 16;
/** int32 indices inside of a mmsghdr. */
const HEADER_WORDS = MMSGHDR_BYTES / 4;
const WORD_NAME_BYTES = 2;
const WORD_CONTROL = 8;
const WORD_CONTROL_BYTES = 10;
const WORD_FLAGS = 12;
const WORD_MESSAGE_BYTES = 14;
const IOVEC_WORDS = IOVEC_BYTES / 4;
const NAME_WORDS = SOCKADDR_SLOT_BYTES / 4;

export class MmsgVector {
  /** Address of message 0; message i is at `address + i * MMSGHDR_BYTES`. */
  readonly address: number;
  /** Socket addresses as int32 words for writeSockaddr and readSockaddr: message i at `nameAt(i)`. */
  readonly names: Int32Array;
  private readonly headers: Int32Array;
  private readonly iovecs: Uint32Array;
  /** Where the payloads lie; kept so that the memory outlives the vector. */
  private readonly payloads: Uint8Array;
  private readonly baseLow: number;
  private readonly baseHigh: number;

  /** For `slots` messages whose payloads lie in `payloads`. */
  constructor(libc: Libc, slots: number, payloads: Uint8Array) {
    const headerBytes = slots * MMSGHDR_BYTES;
    const iovecBytes = slots * IOVEC_BYTES;
    const memory = new ArrayBuffer(headerBytes + iovecBytes + slots * SOCKADDR_SLOT_BYTES);
    this.address = libc.addressOf(new Uint8Array(memory));
    this.headers = new Int32Array(memory, 0, headerBytes / 4);
    this.iovecs = new Uint32Array(memory, headerBytes, iovecBytes / 4);
    this.names = new Int32Array(memory, headerBytes + iovecBytes);
    this.payloads = payloads;
    const base = libc.addressOf(payloads);
    this.baseLow = base % 2 ** 32;
    this.baseHigh = Math.floor(base / 2 ** 32);
    const view = new DataView(memory);
    for (let i = 0; i < slots; i++) {
      const at = i * MMSGHDR_BYTES;
      view.setBigUint64(at, BigInt(this.address + headerBytes + iovecBytes + i * SOCKADDR_SLOT_BYTES), true);
      view.setBigUint64(at + 16, BigInt(this.address + headerBytes + i * IOVEC_BYTES), true);
      view.setBigUint64(at + 24, 1n, true);
    }
  }

  nameAt(index: number): number {
    return index * NAME_WORDS;
  }

  /** Length of the socket address: of the room before a receive, of the address before a send. */
  setNameBytes(index: number, bytes: number): void {
    this.headers[index * HEADER_WORDS + WORD_NAME_BYTES] = bytes;
  }

  /** Where ancillary data of message `index` are received: an address of `bytes` bytes that the caller keeps alive. */
  setControl(index: number, address: number, bytes: number): void {
    const at = index * HEADER_WORDS;
    this.headers[at + WORD_CONTROL] = address % 2 ** 32;
    this.headers[at + WORD_CONTROL + 1] = Math.floor(address / 2 ** 32);
    this.headers[at + WORD_CONTROL_BYTES] = bytes;
  }

  /** Room for ancillary data, which a receive replaces by what it has written. */
  setControlBytes(index: number, bytes: number): void {
    this.headers[index * HEADER_WORDS + WORD_CONTROL_BYTES] = bytes;
  }

  /** Bytes of ancillary data received with message `index`. */
  controlBytes(index: number): number {
    return this.headers[index * HEADER_WORDS + WORD_CONTROL_BYTES]!;
  }

  /** Payload of message `index`: `payloads[start, start + bytes)`. */
  setPayload(index: number, start: number, bytes: number): void {
    // An address does not fit an int32, and a BigInt would be allocated for each: two halves and a carry by hand.
    const low = this.baseLow + start;
    const at = index * IOVEC_WORDS;
    this.iovecs[at] = low;
    this.iovecs[at + 1] = low >= 2 ** 32 ? this.baseHigh + 1 : this.baseHigh;
    this.iovecs[at + 2] = bytes;
  }

  /** Bytes received into message `index`. */
  messageBytes(index: number): number {
    return this.headers[index * HEADER_WORDS + WORD_MESSAGE_BYTES]!;
  }

  /** msg_flags of received message `index`: MSG_TRUNC. */
  flags(index: number): number {
    return this.headers[index * HEADER_WORDS + WORD_FLAGS]!;
  }

  /** Bytes of memory that the payloads have. */
  get payloadBytes(): number {
    return this.payloads.length;
  }
}
