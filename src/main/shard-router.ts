/**
 * The shard router: which shard a message belongs to, read from its bytes without parsing the message.
 *
 * 1. A response: the shard id in our own branch in the top Via.
 * 2. A request whose top Route carries our mark: the shard named there, which had the INVITE of the dialog.
 * 3. Any other request: keyed hash of the top Via's branch and sent-by (RFC 3261 §17.2.3), or of Call-ID when so
 *    configured. CANCEL, ACK to a non-2xx and retransmissions carry the same key as their INVITE.
 * 4. Without the magic cookie (RFC 2543): hash of the fields of §17.2.3 that a CANCEL shares with its INVITE.
 *
 * Invariant: bytes that are equal always get the same shard and the same key. Runs in the main thread (and in the
 * simulator); sans-I/O, one router a thread, nothing allocated per message. The transaction key goes along in the meta,
 * so that the shard does not hash again.
 */
import {
  PACKET_REQUEST,
  PACKET_REQUEST_2543,
  PACKET_RESPONSE,
  PACKET_RESPONSE_FOREIGN,
  PACKET_UNKNOWN,
  type PacketMeta,
} from '../proxy/ports.js';
import { BranchView, findRouteMark, readBranch } from '../proxy/branch.js';
import { ByteWords } from '../sip/byte-words.js';
import { H_CALL_ID, H_ROUTE, H_VIA, headerId } from '../sip/header-names.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import { MessageView } from '../sip/message.js';
import { ViaView, parseVia } from '../sip/via.js';
import { type KeyHasher, branchHasher, upstreamHasher } from '../transaction/key.js';
import { hasUniqueBranch, hashRequestUri, hashUpstreamKey, hashUpstreamKey2543 } from '../transaction/upstream-key.js';

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;
const COLON = 0x3a;

/** What `route` returns for a datagram that is no SIP message and wants no answer: keep-alives (RFC 5626 §4.4) and the like. */
export const ROUTE_NONE = -1;

/** Header fields looked through by the slow path for RFC 2543 requests: as many as `limits.headers` may allow. */
const MAX_FIELDS_2543 = 1024;

export interface ShardRouterOptions {
  readonly shards: number;
  readonly node: number;
  /** 128 bits, shared with the shards. */
  readonly secret: Uint32Array;
  readonly key: 'transaction' | 'call-id';
}

export class ShardRouter {
  readonly #shards: number;
  readonly #node: number;
  readonly #byCallId: boolean;
  /** There is a choice to make: what only that needs, Route and Call-ID, is not looked for otherwise. */
  readonly #chooses: boolean;
  readonly #hasher: KeyHasher;
  readonly #branchHasher: KeyHasher;
  readonly #words = new ByteWords();
  readonly #via = new ViaView();
  readonly #branch = new BranchView();
  readonly #view = new MessageView(MAX_FIELDS_2543);

  // What the last scan found; -1 absent.
  #viaStart = -1;
  #viaEnd = -1;
  #routeStart = -1;
  #routeEnd = -1;
  #callIdStart = -1;
  #callIdEnd = -1;

  constructor(options: ShardRouterOptions) {
    this.#shards = options.shards;
    this.#node = options.node;
    this.#byCallId = options.key === 'call-id';
    this.#chooses = options.shards > 1;
    this.#hasher = upstreamHasher(options.secret);
    this.#branchHasher = branchHasher(options.secret);
  }

  /**
   * The shard for the message in `bytes[start, end)`, 0 to shards - 1, or `ROUTE_NONE`. Fills `meta.kind`, `keyLo`,
   * `keyHi` and `hops` (0); the other fields are the caller's.
   */
  route(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): number {
    meta.hops = 0;
    meta.keyLo = 0;
    meta.keyHi = 0;
    meta.kind = PACKET_UNKNOWN;
    meta.topVia = undefined;
    if (isKeepAlive(bytes, start, end)) return ROUTE_NONE;
    const isResponse =
      end - start > 4 &&
      (bytes[start]! | 0x20) === 0x73 &&
      (bytes[start + 1]! | 0x20) === 0x69 &&
      (bytes[start + 2]! | 0x20) === 0x70 &&
      bytes[start + 3] === 0x2f;
    this.#scan(bytes, start, end, isResponse);
    if (this.#viaStart < 0 || parseVia(bytes, this.#viaStart, this.#viaEnd, this.#via) !== 0) {
      return this.#anyShard(bytes, start, end);
    }
    meta.topVia = this.#via;
    return isResponse ? this.#routeResponse(bytes, start, end, meta) : this.#routeRequest(bytes, start, end, meta);
  }

  #routeResponse(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): number {
    const branch = this.#branch;
    if (!readBranch(bytes, this.#via.branchStart, this.#via.branchEnd, branch)) {
      meta.kind = PACKET_RESPONSE_FOREIGN;
      return this.#anyShard(bytes, start, end);
    }
    meta.kind = PACKET_RESPONSE;
    meta.keyLo = branch.lo;
    meta.keyHi = branch.hi;
    if (!this.#chooses) return 0;
    if (branch.node === this.#node && branch.shard < this.#shards) return branch.shard;
    return (branch.hi >>> 0) % this.#shards;
  }

  #routeRequest(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): number {
    const via = this.#via;
    const hasher = this.#hasher;
    if (hasUniqueBranch(via)) {
      meta.kind = PACKET_REQUEST;
      hashUpstreamKey(hasher, bytes, via);
    } else if (this.#hash2543(bytes, start, end)) {
      meta.kind = PACKET_REQUEST_2543;
    } else {
      return this.#anyShard(bytes, start, end);
    }
    meta.keyLo = hasher.lo;
    meta.keyHi = hasher.hi;
    if (!this.#chooses) return 0;
    if (this.#routeStart >= 0) {
      const mark = findRouteMark(bytes, this.#routeStart, this.#routeEnd);
      if (mark >= 0 && mark >>> 8 === this.#node && (mark & 255) < this.#shards) return mark & 255;
    }
    if (this.#byCallId && this.#callIdStart >= 0) {
      hasher.begin();
      hasher.addBytes(bytes, this.#callIdStart, this.#callIdEnd);
      hasher.finish();
    }
    return (hasher.hi >>> 0) % this.#shards;
  }

  /** Request-URI, From tag, Call-ID, CSeq number and top Via (§17.2.3). False when one of them cannot be read. */
  #hash2543(bytes: Uint8Array, start: number, end: number): boolean {
    const view = this.#view;
    if (view.parse(bytes, start, end) !== 0 || !view.isRequest || view.validateRequest() !== 0) return false;
    const uriWord = hashRequestUri(this.#branchHasher, bytes, view.uriStart, view.uriEnd);
    const callId = view.callId * FIELD_STRIDE;
    hashUpstreamKey2543(
      this.#hasher, uriWord, bytes, view.topVia, view.fromTagStart, view.fromTagEnd,
      view.fields[callId + FIELD_VALUE]!, view.fields[callId + FIELD_END]!, view.cseqNumber,
    );
    return true;
  }

  /** For what has no key: the same bytes go to the same shard, so that a flood of junk does not wander. */
  #anyShard(bytes: Uint8Array, start: number, end: number): number {
    if (!this.#chooses) return 0;
    this.#hasher.begin();
    this.#hasher.addBytes(bytes, start, Math.min(end, start + 256));
    this.#hasher.finish();
    return (this.#hasher.hi >>> 0) % this.#shards;
  }

  /** Finds the first Via, and for requests, where there are several shards, the first Route (and Call-ID where it is the key). */
  #scan(bytes: Uint8Array, start: number, end: number, isResponse: boolean): void {
    this.#viaStart = -1;
    this.#routeStart = -1;
    this.#callIdStart = -1;
    const wantRoute = !isResponse && this.#chooses;
    const wantCallId = wantRoute && this.#byCallId;
    const words = this.#words;
    words.attach(bytes);
    let i = words.lineFeed(start, end) + 1;
    while (i < end) {
      const line = i;
      const first = bytes[i]! | 0x20;
      // Only lines that begin with v, r, c or i can be one of ours; the rest is skipped at the speed of one compare a byte.
      let id = 0;
      if (first === 0x76 || (wantRoute && first === 0x72) || (wantCallId && (first === 0x63 || first === 0x69))) {
        while (i < end && bytes[i]! > SP && bytes[i] !== COLON) i++;
        id = headerId(bytes, line, i);
        while (i < end && (bytes[i] === SP || bytes[i] === HT)) i++;
        if (i < end && bytes[i] === COLON) i++;
        else id = 0;
      } else if (bytes[i] === LF || (bytes[i] === CR && i + 1 < end && bytes[i + 1] === LF)) {
        return;
      }
      const value = i;
      for (;;) {
        i = words.lineFeed(i, end) + 1;
        if (i >= end || (bytes[i] !== SP && bytes[i] !== HT)) break;
      }
      if (id === 0) continue;
      let from = value;
      let to = Math.min(i, end);
      while (from < to && bytes[from]! <= SP) from++;
      while (to > from && bytes[to - 1]! <= SP) to--;
      if (id === H_VIA) {
        if (this.#viaStart < 0) {
          this.#viaStart = from;
          this.#viaEnd = to;
          if (!wantRoute) return;
        }
      } else if (id === H_ROUTE) {
        if (this.#routeStart < 0) {
          this.#routeStart = from;
          this.#routeEnd = firstValueEnd(bytes, from, to);
        }
      } else if (id === H_CALL_ID) {
        if (this.#callIdStart < 0) {
          this.#callIdStart = from;
          this.#callIdEnd = to;
        }
      }
      if (this.#viaStart >= 0 && this.#routeStart >= 0 && (!wantCallId || this.#callIdStart >= 0)) return;
    }
  }
}

/** End of the first of several comma-separated values, seen from the brackets: good enough to find a mark in it. */
function firstValueEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) if (bytes[i] === 0x3e) return i;
  return end;
}

/** CRLF keep-alives, single NULs and the like, and STUN (RFC 5389 §6: two zero bits, then the magic cookie). */
function isKeepAlive(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= 20 && bytes[start]! < 4 && bytes[start + 4] === 0x21 && bytes[start + 5] === 0x12 && bytes[start + 6] === 0xa4 && bytes[start + 7] === 0x42) {
    return true;
  }
  if (end - start > 8) return false;
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if (c !== CR && c !== LF && c !== 0 && c !== SP) return false;
  }
  return true;
}
