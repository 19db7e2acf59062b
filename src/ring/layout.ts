/**
 * Layout of the memory that a ring lives in: the control block and the record header. Shared by the writer and the
 * reader of a ring, which run on different threads; nothing here has state.
 *
 * Memory:  | read line, 128 bytes | write line, 128 bytes | data, a power of two of bytes |
 *
 * A record is a 48-byte header followed by the payload, and takes a multiple of 8 bytes. It never wraps: where the rest
 * of the data area is too short, a pad record fills it and the record starts at offset 0. A pad may be as short as
 * 8 bytes, which is why the two words that a pad needs come first.
 */
import type { PacketMeta } from '../proxy/ports.js';

/** Filler in front of the wrap; never seen by the user of a reader. */
export const RECORD_PAD = 0;
/** Main to shard: a datagram from the network. */
export const RECORD_DATAGRAM = 1;
/** Shard to main and main to shard: a CANCEL or ACK offered by another shard. `owner` is the shard it is offered to. */
export const RECORD_OFFER = 2;
/** Shard to main: a datagram to send (the dgram driver). `owner` as in `Outbox.commit`. */
export const RECORD_SEND = 3;
/** Main to shard: the datagram committed with `owner` could not be sent. No payload. */
export const RECORD_SEND_FAILED = 4;

/** Bytes of a record header. */
export const RECORD_HEADER_BYTES = 48;

/**
 * Header words (int32 indices from the start of the record).
 * The payload length stands for the size of the whole record too: see `recordBytes`. For a pad it may be negative.
 */
export const WORD_PAYLOAD_BYTES = 0;
/** type | family << 8 | kind << 16 | hops << 24, each 0 to 255. */
export const WORD_TYPE = 1;
/** listener | port << 16, each 0 to 65535. */
export const WORD_LISTENER_PORT = 2;
export const WORD_A0 = 3;
export const WORD_A1 = 4;
export const WORD_A2 = 5;
export const WORD_A3 = 6;
export const WORD_CONNECTION = 7;
export const WORD_KEY_LO = 8;
export const WORD_KEY_HI = 9;
export const WORD_OWNER = 10;
export const WORD_RECEIVED_MS = 11;

/**
 * Control block (int32 indices). Two cache lines lie between what the reader and what the writer stores, because
 * processors fetch lines in pairs.
 */
/** Stored by the reader: everything before it is free again. A byte count that runs freely modulo 2^32. */
export const CONTROL_HEAD = 0;
/** Stored by the reader: the end of the record it was handed last. What a replacement reader goes on from. */
export const CONTROL_CURSOR = 1;
/** Stored by the writer: everything before it is readable. A byte count that runs freely modulo 2^32. */
export const CONTROL_TAIL = 32;
/** Bytes of the control block; the data area follows it. */
export const CONTROL_BYTES = 256;

/** Smallest and largest data area, bytes. The smallest takes the largest UDP datagram in half of its space. */
export const RING_BYTES_MIN = 1 << 18;
export const RING_BYTES_MAX = 1 << 30;

/** Bytes that a record with this much payload takes in the ring. */
export function recordBytes(payloadBytes: number): number {
  return (RECORD_HEADER_BYTES + payloadBytes + 7) & ~7;
}

/** A fresh PacketMeta with every field 0 except `family`, which is 4, and no Via. For callers that reuse one object. */
export function createPacketMeta(): PacketMeta {
  return {
    listener: 0, family: 4, port: 0, a0: 0, a1: 0, a2: 0, a3: 0, connection: 0,
    keyLo: 0, keyHi: 0, kind: 0, hops: 0, topVia: undefined,
  };
}
