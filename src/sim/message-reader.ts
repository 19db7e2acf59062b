/**
 * Reads the messages of a simulation: for simulated phones and for the checks on what a proxy sends.
 *
 * It is deliberately not the engine's parser, so that a mistake there does not hide itself, and it reads no more than
 * what phones need: where the header fields are, and the numbers and hashes by which messages belong together. One
 * reader is used for many messages; what it says is valid until its next `read`.
 */

export const M_OTHER = 0;
export const M_INVITE = 1;
export const M_ACK = 2;
export const M_CANCEL = 3;
export const M_BYE = 4;
export const M_REGISTER = 5;
export const M_OPTIONS = 6;
export const M_INFO = 7;
export const M_MESSAGE = 8;

/** Names by `M_*` number. */
export const METHODS: readonly string[] = ['?', 'INVITE', 'ACK', 'CANCEL', 'BYE', 'REGISTER', 'OPTIONS', 'INFO', 'MESSAGE'];

export const H_OTHER = 0;
export const H_VIA = 1;
export const H_FROM = 2;
export const H_TO = 3;
export const H_CALL_ID = 4;
export const H_CSEQ = 5;
export const H_CONTACT = 6;
export const H_ROUTE = 7;
export const H_RECORD_ROUTE = 8;
export const H_MAX_FORWARDS = 9;
export const H_REASON = 10;

const LONG_NAMES: readonly string[] = [
  '',
  'via',
  'from',
  'to',
  'call-id',
  'cseq',
  'contact',
  'route',
  'record-route',
  'max-forwards',
  'reason',
];
const COMPACT = 'vftim';
const COMPACT_IDS = [H_VIA, H_FROM, H_TO, H_CALL_ID, H_CONTACT];
const MAX_HEADERS = 128;

const LF = 10;
const CR = 13;
const SPACE = 32;
const TAB = 9;
const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const GREATER = 62;
const BACKSLASH = 92;

const latin1 = new TextDecoder('latin1');

export class MessageReader {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  isRequest = false;
  /** Of a request its method, of a response the method in its CSeq: one of `M_*`. */
  method = M_OTHER;
  /** Status of a response, 0 of a request. */
  status = 0;
  /** Request-URI. */
  uriStart = 0;
  uriEnd = 0;
  /** CSeq number. */
  cseq = 0;
  /** Via header fields read so far. */
  private viasSeen = 0;
  /** Hash of the branch of the top Via, 0 when it has none. */
  branch = 0;
  branchStart = 0;
  branchEnd = 0;
  /** Header fields read so far, in order: `H_*`, first byte of the name, first byte and end of the value. */
  headerCount = 0;
  readonly ids = new Uint8Array(MAX_HEADERS);
  readonly nameAt = new Int32Array(MAX_HEADERS);
  readonly valueAt = new Int32Array(MAX_HEADERS);
  readonly valueEnd = new Int32Array(MAX_HEADERS);
  /** Where the next header field begins; past the empty line when `isComplete`. */
  private at = 0;
  private isComplete = false;
  private hasCallId = false;

  /**
   * Reads a message; false when it is none. Most of the time nobody asks for more than what identifies a message, so it
   * stops after Via, CSeq and Call-ID; `find` and its like go on from there. Header fields past the 128th are not seen.
   */
  read(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.headerCount = 0;
    this.cseq = -1;
    this.viasSeen = 0;
    this.branch = 0;
    this.status = 0;
    this.isComplete = false;
    this.hasCallId = false;
    const lineEnd = bytes.indexOf(LF, start);
    if (lineEnd < 0 || lineEnd >= end) return false;
    if (!this.readStartLine(start, lineEnd)) return false;
    this.at = lineEnd + 1;
    while (!this.isComplete && (this.cseq < 0 || !this.hasCallId || this.viasSeen === 0)) this.readNext();
    return this.cseq >= 0 && this.viasSeen > 0;
  }

  /** Reads all header fields that are left. */
  complete(): this {
    while (!this.isComplete) this.readNext();
    return this;
  }

  /** Via values in all Via header fields. */
  get viaCount(): number {
    this.complete();
    const { bytes } = this;
    let count = 0;
    for (let index = 0; index < this.headerCount; index++) {
      if (this.ids[index] !== H_VIA) continue;
      count++;
      const stop = this.valueEnd[index]!;
      let quoted = false;
      for (let i = this.valueAt[index]!; i < stop; i++) {
        const byte = bytes[i]!;
        if (byte === QUOTE) quoted = !quoted;
        else if (quoted && byte === BACKSLASH) i++;
        else if (byte === COMMA && !quoted) count++;
      }
    }
    return count;
  }

  /** First byte of the body; `end` when there is none. */
  get bodyStart(): number {
    return this.complete().at;
  }

  /** Index of the first header field of that kind, -1 when there is none. */
  find(id: number): number {
    for (let i = 0; ; i++) {
      while (i >= this.headerCount) {
        if (this.isComplete) return -1;
        this.readNext();
      }
      if (this.ids[i] === id) return i;
    }
  }

  /** Hash of the branch of the second Via (of the first in the second Via header field), 0 when there is none. */
  secondBranch(): number {
    let seen = 0;
    for (let i = 0; ; i++) {
      while (i >= this.headerCount) {
        if (this.isComplete) return 0;
        this.readNext();
      }
      if (this.ids[i] !== H_VIA || ++seen < 2) continue;
      const to = this.valueEnd[i]!;
      const found = findParam(this.bytes, this.valueAt[i]!, to, 98, 114, 97);
      return found < 0 ? 0 : hashBytes(this.bytes, found, tokenEnd(this.bytes, found, to));
    }
  }

  /** Hash of the `tag` parameter of From or To, 0 when there is none. */
  tag(id: number): number {
    const index = this.find(id);
    if (index < 0) return 0;
    const { bytes } = this;
    const to = this.valueEnd[index]!;
    let at = bytes.indexOf(GREATER, this.valueAt[index]);
    if (at < 0 || at >= to) at = this.valueAt[index]!;
    const found = findParam(bytes, at, to, 116, 97, 103);
    return found < 0 ? 0 : hashBytes(bytes, found, tokenEnd(bytes, found, to));
  }

  /** Hash of the values of all header fields of that kind, in order; 0 when there is none. */
  hashAll(id: number): number {
    this.complete();
    let hash = 0;
    for (let i = 0; i < this.headerCount; i++) {
      if (this.ids[i] === id) hash = hash * 31 + hashBytes(this.bytes, this.valueAt[i]!, this.valueEnd[i]!);
      if (hash > 2 ** 45) hash %= 2 ** 45;
    }
    return hash;
  }

  /** The decimal number at the beginning of the first header field of that kind, -1 when there is none. */
  numberIn(id: number): number {
    const index = this.find(id);
    return index < 0 ? -1 : readNumber(this.bytes, this.valueAt[index]!, this.valueEnd[index]!);
  }

  /** A stretch of the message as text. */
  text(start: number, end: number): string {
    return latin1.decode(this.bytes.subarray(start, end));
  }

  /** Value of the first header field of that kind as text, `''` when there is none. */
  value(id: number): string {
    const index = this.find(id);
    return index < 0 ? '' : this.text(this.valueAt[index]!, this.valueEnd[index]!);
  }

  private readStartLine(start: number, lineEnd: number): boolean {
    const { bytes } = this;
    let stop = lineEnd;
    if (bytes[stop - 1] === CR) stop--;
    const space = bytes.indexOf(SPACE, start);
    if (space < 0 || space >= stop) return false;
    // "SIP/2.0 200 OK" or "METHOD uri SIP/2.0".
    if (space - start === 7 && bytes[start] === 83 && bytes[start + 3] === 47) {
      this.isRequest = false;
      this.status = readNumber(bytes, space + 1, stop);
      return this.status >= 100;
    }
    this.isRequest = true;
    this.method = methodOf(bytes, start, space);
    this.uriStart = space + 1;
    const uriEnd = bytes.indexOf(SPACE, space + 1);
    if (uriEnd < 0 || uriEnd >= stop) return false;
    this.uriEnd = uriEnd;
    return true;
  }

  /** Reads one header field, or the empty line. */
  private readNext(): void {
    const { bytes, end, at } = this;
    // Plain loops: for lines this short a call of indexOf costs more than the search.
    let colon = at;
    while (colon < end && bytes[colon] !== COLON && bytes[colon] !== LF) colon++;
    let lineEnd = colon;
    while (lineEnd < end && (bytes[lineEnd] !== LF || (lineEnd + 1 < end && lineEnd > at + 1 && isBlank(bytes[lineEnd + 1]!)))) lineEnd++;
    this.at = lineEnd < end ? lineEnd + 1 : end;
    const stop = lineEnd > at && bytes[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd;
    if (stop === at) this.isComplete = true;
    else if (colon < stop) this.readHeader(at, colon, stop);
  }

  private readHeader(at: number, colon: number, stop: number): void {
    const { bytes } = this;
    if (this.headerCount >= MAX_HEADERS) return;
    let nameEnd = colon;
    while (nameEnd > at && isBlank(bytes[nameEnd - 1]!)) nameEnd--;
    let valueAt = colon + 1;
    while (valueAt < stop && isSpace(bytes[valueAt]!)) valueAt++;
    let valueEnd = stop;
    while (valueEnd > valueAt && isSpace(bytes[valueEnd - 1]!)) valueEnd--;
    const id = headerId(bytes, at, nameEnd);
    const index = this.headerCount++;
    this.ids[index] = id;
    this.nameAt[index] = at;
    this.valueAt[index] = valueAt;
    this.valueEnd[index] = valueEnd;
    if (id === H_CALL_ID) this.hasCallId = true;
    else if (id === H_VIA) {
      if (this.viasSeen++ === 0) this.readTopVia(valueAt, valueEnd);
    }
    else if (id === H_CSEQ) {
      this.cseq = readNumber(bytes, valueAt, valueEnd);
      if (!this.isRequest) {
        let methodAt = valueAt;
        while (methodAt < valueEnd && !isSpace(bytes[methodAt]!)) methodAt++;
        while (methodAt < valueEnd && isSpace(bytes[methodAt]!)) methodAt++;
        this.method = methodOf(bytes, methodAt, valueEnd);
      }
    }
  }

  /** Finds the branch in the first value of a Via header field. */
  private readTopVia(at: number, stop: number): void {
    const { bytes } = this;
    let quoted = false;
    for (let i = at; i < stop; i++) {
      const byte = bytes[i]!;
      if (byte === QUOTE) quoted = !quoted;
      else if (quoted) {
        if (byte === BACKSLASH) i++;
      } else if (byte === COMMA) return;
      else if (byte === SEMICOLON) {
        const found = paramValue(bytes, i, stop, 98, 114, 97);
        if (found < 0) continue;
        this.branchStart = found;
        this.branchEnd = tokenEnd(bytes, found, stop);
        this.branch = hashBytes(bytes, found, this.branchEnd);
        return;
      }
    }
  }
}

/** A hash of 53 bits, never 0: enough that two different ids of one simulation do not meet. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let a = 0x811c9dc5;
  let b = 0x2545f491;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte, 0x5bd1e995);
    b ^= b >>> 15;
  }
  return (a >>> 0) * 0x20_0000 + (b >>> 11) + 1;
}

function readNumber(bytes: Uint8Array, start: number, end: number): number {
  let value = -1;
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) break;
    value = (value < 0 ? 0 : value) * 10 + digit;
  }
  return value;
}

function methodOf(bytes: Uint8Array, start: number, end: number): number {
  const method = METHOD_BY_SHAPE[Math.min(end - start, 15) * 32 + (bytes[start]! & 31)]!;
  const name = METHODS[method]!;
  for (let i = 0; i < name.length; i++) if (bytes[start + i] !== name.charCodeAt(i)) return M_OTHER;
  return method;
}

/** Methods by length and first letter. */
const METHOD_BY_SHAPE = new Uint8Array(16 * 32);
for (let method = 1; method < METHODS.length; method++) {
  const name = METHODS[method]!;
  METHOD_BY_SHAPE[name.length * 32 + (name.charCodeAt(0) & 31)] = method;
}

/** Ids by length and first letter; Call-ID and Contact, which share both, are told apart by the second letter. */
const ID_BY_SHAPE = new Uint8Array(16 * 32);
for (let id = 1; id < LONG_NAMES.length; id++) {
  const name = LONG_NAMES[id]!;
  ID_BY_SHAPE[name.length * 32 + (name.charCodeAt(0) & 31)] = id;
}
for (let i = 0; i < COMPACT.length; i++) ID_BY_SHAPE[32 + (COMPACT.charCodeAt(i) & 31)] = COMPACT_IDS[i]!;

function headerId(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length > 15) return H_OTHER;
  let id = ID_BY_SHAPE[length * 32 + (bytes[start]! & 31)]!;
  if (length === 1 || id === H_OTHER) return id;
  if (id === H_CONTACT && (bytes[start + 1]! | 32) === 97) id = H_CALL_ID;
  const name = LONG_NAMES[id]!;
  for (let i = 1; i < length; i++) if ((bytes[start + i]! | 32) !== (name.charCodeAt(i) | 32)) return H_OTHER;
  return id;
}

/** First byte of the value of the parameter whose name begins with these three lower-case letters (in any case), or -1. */
function findParam(bytes: Uint8Array, start: number, end: number, first: number, second: number, third: number): number {
  for (let i = start; i < end; i++) {
    if (bytes[i] !== SEMICOLON) continue;
    const found = paramValue(bytes, i, end, first, second, third);
    if (found >= 0) return found;
  }
  return -1;
}

/** First byte of the value of the parameter behind the semicolon at `at`, or -1 when its name does not begin so. */
function paramValue(bytes: Uint8Array, semicolon: number, end: number, first: number, second: number, third: number): number {
  let at = semicolon + 1;
  while (at < end && isSpace(bytes[at]!)) at++;
  if ((bytes[at]! | 32) !== first || (bytes[at + 1]! | 32) !== second || (bytes[at + 2]! | 32) !== third) return -1;
  while (at < end && bytes[at] !== EQUALS && bytes[at] !== SEMICOLON) at++;
  if (bytes[at] !== EQUALS) return -1;
  at++;
  while (at < end && isSpace(bytes[at]!)) at++;
  return at;
}

function tokenEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== SEMICOLON && bytes[at] !== COMMA && !isSpace(bytes[at]!)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB;
}

function isSpace(byte: number): boolean {
  return byte === SPACE || byte === TAB || byte === CR || byte === LF;
}
