/**
 * Frames of the control socket: four bytes of length, big-endian, then that many bytes of msgpack. Pure.
 *
 * Invariant: a reader holds at most one frame, of at most `maxBytes`; whoever claims more is cut off by its caller.
 */
import { decode, encode } from '@msgpack/msgpack';
import { CONTROL_ITEMS_MAX } from '../limits.js';

const HEADER_BYTES = 4;

/** A frame that cannot be: too long, empty, or no msgpack. The connection is of no more use. */
export class FrameError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FrameError';
  }
}

/** `value` as a frame. Throws `FrameError` when it takes more than `maxBytes`. */
export function encodeFrame(value: unknown, maxBytes: number): Uint8Array {
  const body = encode(value, { ignoreUndefined: true });
  if (body.length > maxBytes) throw new FrameError(`a message of ${body.length} bytes; allowed: up to ${maxBytes}`);
  const frame = new Uint8Array(HEADER_BYTES + body.length);
  new DataView(frame.buffer).setUint32(0, body.length);
  frame.set(body, HEADER_BYTES);
  return frame;
}

/** Puts frames together again from a stream of bytes. */
export class FrameReader {
  private readonly maxBytes: number;
  private readonly header = new Uint8Array(HEADER_BYTES);
  private body: Uint8Array | undefined;
  private filled = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** Takes the next bytes (borrowed) and returns what they complete. Throws `FrameError`; the reader is unusable then. */
  push(bytes: Uint8Array): unknown[] {
    const values: unknown[] = [];
    let at = 0;
    while (at < bytes.length) {
      const into: Uint8Array = this.body ?? this.header;
      const taken = Math.min(into.length - this.filled, bytes.length - at);
      into.set(bytes.subarray(at, at + taken), this.filled);
      at += taken;
      this.filled += taken;
      if (this.filled < into.length) break;
      this.filled = 0;
      if (this.body === undefined) {
        this.body = new Uint8Array(this.claimedBytes());
      } else {
        values.push(decodeBody(this.body));
        this.body = undefined;
      }
    }
    return values;
  }

  private claimedBytes(): number {
    const bytes = new DataView(this.header.buffer).getUint32(0);
    if (bytes === 0 || bytes > this.maxBytes) throw new FrameError(`a frame of ${bytes} bytes; allowed: 1 to ${this.maxBytes}`);
    return bytes;
  }
}

function decodeBody(body: Uint8Array): unknown {
  try {
    return decode(body, { maxArrayLength: CONTROL_ITEMS_MAX, maxMapLength: CONTROL_ITEMS_MAX });
  } catch (error) {
    throw new FrameError('a frame that is not msgpack', { cause: error });
  }
}
