/**
 * All bindings of one address-of-record as bytes: the value that a store keeps. Decoding any bytes at all never throws, and never
 * hands out a binding that an encoding could not have come from. Sans-I/O, any thread.
 *
 * Layout, numbers big-endian:
 *
 *     0     version, 1
 *     1..6  when the first binding ends, ms: a store learns it without decoding
 *     7     count of bindings, varint (seven bits an octet, lowest first, the top bit set on all but the last)
 *     then each binding:
 *       expires ms (6 octets), updated ms (6), q + 1 (varint), CSeq (varint), reg-id (varint), methods (varint),
 *       contact, Call-ID, instance, user agent (each a varint of its length and the octets),
 *       count of Path values (varint) and each of them (length and octets),
 *       family (1 octet: 0, 4 or 6) and, unless it is 0: port (2), one or four address words (4 each), listener (varint),
 *       connection (varint)
 */
import { type Binding, NO_BYTES, RECEIVED_NOWHERE, type ReceivedFrom, earliestExpiryMs } from './binding.js';
import { BINDINGS_MAX, CALL_ID_BYTES_MAX, CONTACT_BYTES_MAX, INSTANCE_BYTES_MAX, PATH_BYTES_MAX, PATH_VALUES_MAX, REG_ID_MAX, USER_AGENT_BYTES_MAX } from './bounds.js';

/** Version of the layout. A store that finds another one has been written by another release. */
export const BINDINGS_VERSION = 1;

const TIME_BYTES = 6;
const HEADER_BYTES = 1 + TIME_BYTES;
/** Largest time that is encoded: 48 bits of milliseconds reach the year 10889. */
const TIME_MS_MAX = 2 ** 48 - 1;
const VARINT_BYTES_MAX = 5;
const UINT32_MAX = 0xffffffff;
const CSEQ_MAX = 0x7fffffff;
const Q_MAX = 1000;
/** Fixed parts, and the longest varints, of one binding. */
const BINDING_BYTES_MAX = 2 * TIME_BYTES + 9 * VARINT_BYTES_MAX + 1 + 2 + 16 + 2 * VARINT_BYTES_MAX;

/**
 * The encoding of `bindings`, in an array of its own. At most `BINDINGS_MAX`.
 * @throws RangeError when a binding is past the bounds of `bounds.ts`: whoever makes bindings keeps them.
 */
export function encodeBindings(bindings: readonly Binding[]): Uint8Array {
  if (bindings.length > BINDINGS_MAX) throw new RangeError(`more than ${BINDINGS_MAX} bindings`);
  let bound = HEADER_BYTES + VARINT_BYTES_MAX;
  for (const binding of bindings) {
    checkBounds(binding);
    bound += BINDING_BYTES_MAX + binding.contact.length + binding.callId.length + binding.instance.length + binding.userAgent.length;
    for (const value of binding.path) bound += VARINT_BYTES_MAX + value.length;
  }
  const bytes = new Uint8Array(bound);
  bytes[0] = BINDINGS_VERSION;
  writeTime(bytes, 1, bindings.length === 0 ? 0 : earliestExpiryMs(bindings));
  let at = writeVarint(bytes, HEADER_BYTES, bindings.length);
  for (const binding of bindings) at = writeBinding(bytes, at, binding);
  return bytes.slice(0, at);
}

/**
 * The bindings in `bytes`, or undefined when they are no encoding of this version. Their octets are views of `bytes`, borrowed:
 * a store whose values do not stay where they are hands in a copy.
 */
export function decodeBindings(bytes: Uint8Array): Binding[] | undefined {
  if (bytes.length <= HEADER_BYTES || bytes[0] !== BINDINGS_VERSION) return undefined;
  const reader = new Reader(bytes, HEADER_BYTES);
  const count = reader.varint(BINDINGS_MAX);
  const bindings: Binding[] = [];
  for (let i = 0; i < count; i++) {
    const binding = readBinding(reader);
    if (reader.failed) return undefined;
    bindings.push(binding);
  }
  if (reader.failed || reader.at !== bytes.length) return undefined;
  const earliest = count === 0 ? 0 : earliestExpiryMs(bindings);
  return earliest === readTime(bytes, 1) ? bindings : undefined;
}

/** When the first binding of an encoding ends, ms, without decoding it; -1 when it is no encoding of this version or holds none. */
export function encodedExpiryMs(bytes: Uint8Array): number {
  if (bytes.length <= HEADER_BYTES || bytes[0] !== BINDINGS_VERSION || bytes[HEADER_BYTES] === 0) return -1;
  return readTime(bytes, 1);
}

function checkBounds(binding: Binding): void {
  let pathBytes = 0;
  for (const value of binding.path) pathBytes += value.length;
  const { received } = binding;
  const inBounds =
    isUint(binding.expiresMs, TIME_MS_MAX) &&
    isUint(binding.updatedMs, TIME_MS_MAX) &&
    isUint(binding.q + 1, Q_MAX + 1) &&
    isUint(binding.cseq, CSEQ_MAX) &&
    isUint(binding.regId, REG_ID_MAX) &&
    isUint(binding.methods, UINT32_MAX) &&
    binding.contact.length <= CONTACT_BYTES_MAX &&
    binding.callId.length <= CALL_ID_BYTES_MAX &&
    binding.instance.length <= INSTANCE_BYTES_MAX &&
    binding.userAgent.length <= USER_AGENT_BYTES_MAX &&
    binding.path.length <= PATH_VALUES_MAX &&
    pathBytes <= PATH_BYTES_MAX &&
    (received.family === 0 || received.family === 4 || received.family === 6) &&
    isUint(received.port, 0xffff) &&
    isUint(received.listener, UINT32_MAX) &&
    isUint(received.connection, UINT32_MAX);
  if (!inBounds) throw new RangeError('a binding is past its bounds');
}

function isUint(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max;
}

function writeBinding(bytes: Uint8Array, at: number, binding: Binding): number {
  at = writeTime(bytes, at, binding.expiresMs);
  at = writeTime(bytes, at, binding.updatedMs);
  at = writeVarint(bytes, at, binding.q + 1);
  at = writeVarint(bytes, at, binding.cseq);
  at = writeVarint(bytes, at, binding.regId);
  at = writeVarint(bytes, at, binding.methods);
  at = writeText(bytes, at, binding.contact);
  at = writeText(bytes, at, binding.callId);
  at = writeText(bytes, at, binding.instance);
  at = writeText(bytes, at, binding.userAgent);
  at = writeVarint(bytes, at, binding.path.length);
  for (const value of binding.path) at = writeText(bytes, at, value);
  const { received } = binding;
  bytes[at++] = received.family;
  if (received.family === 0) return at;
  bytes[at++] = received.port >>> 8;
  bytes[at++] = received.port & 0xff;
  at = writeWord(bytes, at, received.a0);
  if (received.family === 6) {
    at = writeWord(bytes, at, received.a1);
    at = writeWord(bytes, at, received.a2);
    at = writeWord(bytes, at, received.a3);
  }
  at = writeVarint(bytes, at, received.listener);
  return writeVarint(bytes, at, received.connection);
}

function readBinding(reader: Reader): Binding {
  const expiresMs = reader.time();
  const updatedMs = reader.time();
  const q = reader.varint(Q_MAX + 1) - 1;
  const cseq = reader.varint(CSEQ_MAX);
  const regId = reader.varint(REG_ID_MAX);
  const methods = reader.varint(UINT32_MAX);
  const contact = reader.text(CONTACT_BYTES_MAX);
  const callId = reader.text(CALL_ID_BYTES_MAX);
  const instance = reader.text(INSTANCE_BYTES_MAX);
  const userAgent = reader.text(USER_AGENT_BYTES_MAX);
  const values = reader.varint(PATH_VALUES_MAX);
  const path: Uint8Array[] = [];
  let left = PATH_BYTES_MAX;
  for (let i = 0; i < values; i++) {
    const value = reader.text(left);
    left -= value.length;
    path.push(value);
  }
  return { contact, expiresMs, updatedMs, q, callId, cseq, path, instance, regId, userAgent, methods, received: readReceived(reader) };
}

function readReceived(reader: Reader): ReceivedFrom {
  const family = reader.octet();
  if (family === 0) return RECEIVED_NOWHERE;
  if (family !== 4 && family !== 6) reader.failed = true;
  const port = (reader.octet() << 8) | reader.octet();
  const a0 = reader.word();
  const a1 = family === 6 ? reader.word() : 0;
  const a2 = family === 6 ? reader.word() : 0;
  const a3 = family === 6 ? reader.word() : 0;
  return { listener: reader.varint(UINT32_MAX), family, port, a0, a1, a2, a3, connection: reader.varint(UINT32_MAX) };
}

/** Reads on until something is wrong, then hands out zeros and empty texts: one look at `failed` at the end is enough. */
class Reader {
  at: number;
  failed = false;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  octet(): number {
    if (this.at >= this.#bytes.length) {
      this.failed = true;
      return 0;
    }
    return this.#bytes[this.at++]!;
  }

  word(): number {
    return (this.octet() << 24) | (this.octet() << 16) | (this.octet() << 8) | this.octet();
  }

  time(): number {
    const high = (this.octet() << 8) | this.octet();
    return high * 2 ** 32 + (this.word() >>> 0);
  }

  /** A number from 0 to `max` in the fewest octets. */
  varint(max: number): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const c = this.octet();
      value += (c & 0x7f) * scale;
      if (c < 0x80) {
        if (value > max || (c === 0 && i > 0)) break;
        return value;
      }
      scale *= 128;
    }
    this.failed = true;
    return 0;
  }

  text(max: number): Uint8Array {
    const length = this.varint(max);
    if (length === 0) return NO_BYTES;
    const start = this.at;
    if (start + length > this.#bytes.length) {
      this.failed = true;
      return NO_BYTES;
    }
    this.at = start + length;
    return this.#bytes.subarray(start, this.at);
  }
}

function readTime(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = at; i < at + TIME_BYTES; i++) value = value * 256 + bytes[i]!;
  return value;
}

function writeTime(bytes: Uint8Array, at: number, ms: number): number {
  const high = Math.floor(ms / 2 ** 32);
  bytes[at] = high >>> 8;
  bytes[at + 1] = high & 0xff;
  return writeWord(bytes, at + 2, ms % 2 ** 32 | 0);
}

function writeWord(bytes: Uint8Array, at: number, word: number): number {
  bytes[at] = word >>> 24;
  bytes[at + 1] = (word >>> 16) & 0xff;
  bytes[at + 2] = (word >>> 8) & 0xff;
  bytes[at + 3] = word & 0xff;
  return at + 4;
}

function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  while (value > 0x7f) {
    bytes[at++] = (value & 0x7f) | 0x80;
    value = Math.floor(value / 128);
  }
  bytes[at] = value;
  return at + 1;
}

function writeText(bytes: Uint8Array, at: number, text: Uint8Array): number {
  at = writeVarint(bytes, at, text.length);
  bytes.set(text, at);
  return at + text.length;
}
