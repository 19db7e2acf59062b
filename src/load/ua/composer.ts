/**
 * Writes messages straight into the send arena: requests from templates, answers from what they repeat of their request.
 * The same call in the same state gives the same bytes, so nothing sent has to be kept for retransmission.
 */
import { F_ANSWER, F_AUTHORIZATION, F_DIALOG, F_GENERATION, F_PEER, F_SOCKET, F_USER, CALL_SLOTS } from './call-table.js';
import type { UaContext } from './context.js';
import { TAG_BYTES, writeHex2, writeHex6 } from './identity.js';
import {
  T_AUTHORIZATION, T_BRANCH, T_CALL, T_COPY, T_DIALOG, T_LENGTH, T_NUMBER, T_PEER, T_TARGET, T_USER,
} from './template-writer.js';
import { REPLY_SLOTS } from './templates.js';

/** Room for what a template has beside literals, names and blocks: numbers. */
const SPARE_BYTES = 128;
/** Below this a loop beats `copyWithin` (bench/micro/copy.ts). */
const SHORT_COPY = 16;
/** Names that one template may have room for. */
const NAMES_MAX = 16;

export class Composer {
  private readonly ua: UaContext;
  private readonly bytes: Uint8Array;
  private readonly ops: Int32Array;
  private readonly tagPrefix: Uint8Array;
  /** To tag of answers that belong to no call. */
  private readonly strangerTag: Uint8Array;
  private readonly requestBytes: number;

  constructor(ua: UaContext) {
    this.ua = ua;
    this.bytes = ua.bytes;
    this.ops = ua.templates.ops;
    const encoder = new TextEncoder();
    this.tagPrefix = encoder.encode(`;tag=${ua.identity.tagPrefix}`);
    this.strangerTag = encoder.encode(`;tag=${ua.identity.tagPrefix}-none`);
    this.requestBytes = ua.templates.literalBytesMax + NAMES_MAX * ua.names.longest + SPARE_BYTES;
  }

  /** Sends request `spec` of call `index` to endpoint `to`. */
  request(spec: number, index: number, ordinal: number, cseq: number, to: number): void {
    const { ua } = this;
    const { slots, words } = ua;
    const at = index * CALL_SLOTS;
    let room = this.requestBytes;
    const dialog = slots[at + F_DIALOG]!;
    if (dialog !== 0) room += words[dialog >> 2]! + words[(dialog >> 2) + 1]!;
    const authorization = slots[at + F_AUTHORIZATION]!;
    if (authorization !== 0) room += words[authorization >> 2]!;
    const start = ua.io.reserve(room);
    if (start < 0) return;
    const end = this.write(start, ua.templates.requestAt[spec * ua.sockets + slots[at + F_SOCKET]!]!, index, at, ordinal, cseq);
    ua.io.commit(start, end, ua.endpoints.all[to]!);
  }

  private write(start: number, template: number, index: number, at: number, ordinal: number, cseq: number): number {
    const { ops, bytes, ua } = this;
    const { slots, words } = ua;
    let op = template;
    let to = start;
    for (;;) {
      switch (ops[op]!) {
        case T_COPY: {
          const from = ops[op + 1]!;
          const length = ops[op + 2]!;
          to = copy(bytes, to, from, length);
          op += 3;
          break;
        }
        case T_CALL: {
          const hole = to - ops[op + 1]!;
          writeHex6(bytes, hole, index);
          writeHex6(bytes, hole + 6, slots[at + F_GENERATION]!);
          op += 2;
          break;
        }
        case T_BRANCH: {
          const hole = to - ops[op + 1]!;
          writeHex6(bytes, hole, index);
          writeHex6(bytes, hole + 6, slots[at + F_GENERATION]!);
          writeHex2(bytes, hole + 12, ordinal);
          op += 2;
          break;
        }
        case T_NUMBER:
          to = writeDecimal(bytes, to, cseq);
          op++;
          break;
        case T_USER:
          to = this.name(to, slots[at + F_USER]!);
          op++;
          break;
        case T_PEER:
          to = this.name(to, slots[at + F_PEER]!);
          op++;
          break;
        case T_TARGET: {
          const block = slots[at + F_DIALOG]!;
          to = copy(bytes, to, block + 8, words[block >> 2]!);
          op++;
          break;
        }
        case T_DIALOG: {
          const block = slots[at + F_DIALOG]!;
          to = copy(bytes, to, block + 8 + words[block >> 2]!, words[(block >> 2) + 1]!);
          op++;
          break;
        }
        case T_AUTHORIZATION: {
          const block = slots[at + F_AUTHORIZATION]!;
          if (block !== 0) to = copy(bytes, to, block + 4, words[block >> 2]!);
          op++;
          break;
        }
        case T_LENGTH: {
          const names = ua.names.at;
          const user = slots[at + F_USER]!;
          const peer = slots[at + F_PEER]!;
          const userBytes = names[user + 1]! - names[user]!;
          const peerBytes = names[peer + 1]! - names[peer]!;
          to = writeDecimal(bytes, to, ops[op + 1]! + ops[op + 2]! * userBytes + ops[op + 3]! * peerBytes + ops[op + 4]! * digits(cseq));
          op += 5;
          break;
        }
        default:
          return to;
      }
    }
  }

  private name(to: number, user: number): number {
    const { at } = this.ua.names;
    const start = at[user]!;
    return copy(this.bytes, to, start, at[user + 1]! - start);
  }

  /**
   * Sends the ACK to a response other than 2xx, in the transaction of the INVITE outside of a dialog (§17.1.1.3), from the
   * response that was scanned: request URI from its To, which is what the INVITE had.
   */
  acknowledge(index: number, alive: boolean, to: number): void {
    const { ua, bytes } = this;
    const { scan } = ua;
    let uri = scan.toStart;
    while (uri < scan.toEnd && bytes[uri] !== 0x3c) uri++;
    let uriEnd = ++uri;
    while (uriEnd < scan.toEnd && bytes[uriEnd] !== 0x3e) uriEnd++;
    if (uriEnd >= scan.toEnd || scan.branchEnd < scan.viaStart) return;
    const authorization = alive ? ua.slots[index * CALL_SLOTS + F_AUTHORIZATION]! : 0;
    const lines = scan.branchEnd - scan.viaStart + (scan.fromEnd - scan.fromStart) + (scan.toEnd - scan.toStart) + (scan.callIdEnd - scan.callIdStart);
    const start = ua.io.reserve(lines + (uriEnd - uri) + (authorization === 0 ? 0 : ua.words[authorization >> 2]!) + SPARE_BYTES);
    if (start < 0) return;
    let at = text(bytes, start, 'ACK ');
    at = copy(bytes, at, uri, uriEnd - uri);
    at = text(bytes, at, ' SIP/2.0\r\n');
    // Parameters behind our branch are what others wrote into it on the way.
    at = copy(bytes, at, scan.viaStart, scan.branchEnd - scan.viaStart);
    at = text(bytes, at, '\r\nMax-Forwards: 70\r\nFrom: ');
    at = copy(bytes, at, scan.fromStart, scan.fromEnd - scan.fromStart);
    at = text(bytes, at, '\r\nTo: ');
    at = copy(bytes, at, scan.toStart, scan.toEnd - scan.toStart);
    at = text(bytes, at, '\r\nCall-ID: ');
    at = copy(bytes, at, scan.callIdStart, scan.callIdEnd - scan.callIdStart);
    at = text(bytes, at, '\r\nCSeq: ');
    at = writeDecimal(bytes, at, scan.cseq);
    at = text(bytes, at, ' ACK\r\n');
    if (authorization !== 0) at = copy(bytes, at, authorization + 4, ua.words[authorization >> 2]!);
    at = text(bytes, at, 'Content-Length: 0\r\n\r\n');
    ua.io.commit(start, at, ua.endpoints.all[to]!);
  }

  /** Sends reply `reply` of call `index` from the lines that were kept of its request. */
  reply(reply: number, index: number, to: number): void {
    const { ua, bytes } = this;
    const at = index * CALL_SLOTS;
    const block = ua.slots[at + F_ANSWER]!;
    const length = ua.words[block >> 2]!;
    const start = ua.io.reserve(ua.templates.literalBytesMax + length);
    if (start < 0) return;
    const { replies } = ua.templates;
    const parts = (reply * ua.sockets + ua.slots[at + F_SOCKET]!) * REPLY_SLOTS;
    let end = copy(bytes, start, replies[parts]!, replies[parts + 1]!);
    end = copy(bytes, end, block + 4, length);
    end = copy(bytes, end, replies[parts + 2]!, replies[parts + 3]!);
    ua.io.commit(start, end, ua.endpoints.all[to]!);
  }

  /** Sends reply `reply` straight from the request that was scanned; the To tag is that of call `index`, or a stranger's (-1). */
  replyToScan(reply: number, index: number, socket: number, to: number): void {
    const { ua, bytes } = this;
    const start = ua.io.reserve(ua.templates.literalBytesMax + this.scanBytes());
    if (start < 0) return;
    const { replies } = ua.templates;
    const parts = (reply * ua.sockets + socket) * REPLY_SLOTS;
    let end = copy(bytes, start, replies[parts]!, replies[parts + 1]!);
    end = this.copyScan(end, index);
    end = copy(bytes, end, replies[parts + 2]!, replies[parts + 3]!);
    ua.io.commit(start, end, ua.endpoints.all[to]!);
  }

  /** Bytes that `copyScan` may write. */
  scanBytes(): number {
    const { scan } = this.ua;
    let bytes = this.strangerTag.length + TAG_BYTES + 8;
    for (let run = 0; run < scan.runs; run++) bytes += scan.runEnd[run]! - scan.runStart[run]!;
    return bytes;
  }

  /** Writes at `to` what an answer repeats of the scanned request, with a To tag where it has none; returns the end. */
  copyScan(to: number, index: number): number {
    const { bytes } = this;
    const { scan } = this.ua;
    let at = to;
    for (let run = 0; run < scan.runs; run++) {
      const start = scan.runStart[run]!;
      at = copy(bytes, at, start, scan.runEnd[run]! - start);
      if (run === scan.toRun && scan.toTagStart < 0) at = this.tag(at, index);
    }
    return at;
  }

  /** Writes `;tag=` and the tag of call `index`, or the stranger's for -1. */
  tag(to: number, index: number): number {
    const { bytes } = this;
    const prefix = index < 0 ? this.strangerTag : this.tagPrefix;
    let at = to;
    for (let i = 0; i < prefix.length; i++) bytes[at++] = prefix[i]!;
    if (index < 0) return at;
    writeHex6(bytes, at, index);
    writeHex6(bytes, at + 6, this.ua.slots[index * CALL_SLOTS + F_GENERATION]!);
    return at + 12;
  }
}

/** Copies within the memory of the thread and returns the end of the copy. */
export function copy(bytes: Uint8Array, to: number, from: number, length: number): number {
  if (length < SHORT_COPY) for (let i = 0; i < length; i++) bytes[to + i] = bytes[from + i]!;
  else bytes.copyWithin(to, from, from + length);
  return to + length;
}

/** Writes ASCII text and returns its end. For what is not sent with every call. */
export function text(bytes: Uint8Array, to: number, ascii: string): number {
  for (let i = 0; i < ascii.length; i++) bytes[to + i] = ascii.charCodeAt(i);
  return to + ascii.length;
}

function writeDecimal(bytes: Uint8Array, to: number, value: number): number {
  if (value < 10) {
    bytes[to] = 48 + value;
    return to + 1;
  }
  const end = to + digits(value);
  let rest = value;
  for (let at = end - 1; at >= to; at--) {
    const tens = Math.floor(rest / 10);
    bytes[at] = 48 + (rest - tens * 10);
    rest = tens;
  }
  return end;
}

function digits(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) count++;
  return count;
}
