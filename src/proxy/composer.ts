/**
 * Composes what the proxy sends, straight into the send queue: forwarded requests (RFC 3261 §16.6), forwarded responses
 * (§16.7 step 3), answers of our own (§8.2.6, §16.7 step 5), and the CANCEL and ACK of a branch (§9.1, §17.1.1.3).
 *
 * Every method reserves room, writes, and leaves `[start, end)` for the caller to commit; false means that nothing can be
 * sent (the cause is counted here). The source view lies in the arena. No strings and no allocation, but for texts that a
 * script put in. Sans-I/O.
 */
import { ROUTE_MARK_BYTES, writeBranch, writeLoopMark, writeRouteMark, writeUriWord } from './branch.js';
import type { Arena } from './arena.js';
import { type EditPlan, putText } from './edit-plan.js';
import type { EngineOptions } from './ports.js';
import { ascii } from '../sip/chars.js';
import { copyBytes } from '../sip/copy-bytes.js';
import { H_ROUTE, H_TIMESTAMP, H_VIA } from '../sip/header-names.js';
import { FIELD_END, FIELD_ID, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { writeHex32, writeUint } from '../sip/numbers.js';
import { reasonBytes } from '../sip/reasons.js';
import { C_DROP_OUTBOX_FULL, C_DROP_TOO_LONG } from '../telemetry/counters.js';

/** Room for what is added to a message: Via, two Record-Routes, Max-Forwards, Max-Breadth, status line, tag. */
const SLACK_BYTES = 1024;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;

const SIP_VERSION = ascii('SIP/2.0 ');
const REQUEST_END = ascii(' SIP/2.0\r\n');
const TAG = ascii(';tag=');
const CRLF = ascii('\r\n');
const ROUTE_START = ascii('Route: <');
const ROUTE_END = ascii('>\r\n');
const CONTENT_LENGTH = ascii('Content-Length: ');
const CONTENT_LENGTH_0 = ascii('Content-Length: 0\r\n\r\n');
const CONTENT_TYPE = ascii('Content-Type: ');
const MAX_BREADTH = ascii('Max-Breadth: ');
const MAX_FORWARDS_70 = ascii('Max-Forwards: 70\r\n');
const CANCEL = ascii('CANCEL');
const ACK = ascii('ACK');

/** A piece of constant text in the arena. */
interface Constant {
  readonly at: number;
  readonly bytes: number;
}

/** What makes one branch of a forwarded request different from another. */
export class ForwardParams {
  /** Listener that sends. */
  listener = 0;
  /** Listener by which the request came in: named in a second Record-Route when it is another. */
  inbound = 0;
  index = 0;
  lo = 0;
  hi = 0;
  /** Shard named in the branch: where its responses go. */
  shard = 0;
  /** Of an RFC 2543 request: the hash of its Request-URI goes behind the branch. */
  hasUriWord = false;
  uriWord = 0;
  /** The Via carries a loop part. */
  hasLoopPart = false;
  loopPart = 0;
  /** Max-Breadth to be added, 0: none. */
  breadth = 0;
  recordRoute = false;
  /** New Request-URI: `uriBytes[uriStart, uriEnd)`, or undefined to leave it. */
  uriBytes: Uint8Array | undefined = undefined;
  uriStart = 0;
  uriEnd = 0;
  /** For a strict router (§16.6 step 6): this URI, `lastRoute[lastRouteStart, lastRouteEnd)`, goes to the end of the Route set. */
  lastRoute: Uint8Array | undefined = undefined;
  lastRouteStart = 0;
  lastRouteEnd = 0;
}

export class Composer {
  /** The message composed last. */
  start = 0;
  end = 0;
  readonly #arena: Arena;
  readonly #counters: Float64Array;
  readonly #datagramBytes: number;
  readonly #node: number;
  /** By listener: the whole Via line up to the branch. */
  readonly #vias: readonly Constant[];
  /** By listener: the whole Record-Route line. */
  readonly #recordRoutes: readonly Constant[];
  readonly #sentBy: readonly string[];
  readonly #maxForwardsLine: Constant;
  readonly #serverLine: Uint8Array;

  constructor(arena: Arena, counters: Float64Array, options: EngineOptions) {
    this.#arena = arena;
    this.#counters = counters;
    this.#datagramBytes = options.limits.datagramBytes;
    this.#node = options.node;
    const mark = new Uint8Array(ROUTE_MARK_BYTES);
    writeRouteMark(mark, 0, options.node, options.shard);
    const markText = String.fromCharCode(...mark);
    const constant = (text: string): Constant => ({ at: arena.constant(text), bytes: text.length });
    this.#sentBy = options.listeners.map((listener) => listener.sentBy);
    this.#vias = options.listeners.map((listener) => constant(`Via: SIP/2.0/UDP ${listener.sentBy};branch=`));
    this.#recordRoutes = options.listeners.map((listener) => constant(`Record-Route: <sip:${listener.sentBy};lr${markText}>\r\n`));
    this.#maxForwardsLine = constant(`Max-Forwards: ${options.maxForwards}\r\n`);
    this.#serverLine = options.serverHeader === '' ? ascii('') : ascii(`Server: ${options.serverHeader}\r\n`);
  }

  /** The request of `view` for one branch, with the edits of `plan` (which holds what is the same for all branches). */
  forwardRequest(view: MessageView, params: ForwardParams, plan: EditPlan): boolean {
    const bytes = this.#arena.bytes;
    const uriBytes = params.uriBytes;
    const uriGrowth = params.uriEnd - params.uriStart + params.lastRouteEnd - params.lastRouteStart;
    const room = view.end - view.start + plan.insertBytes + uriGrowth + SLACK_BYTES;
    let at = this.#begin(room);
    if (at < 0) return false;
    if (uriBytes === undefined) {
      at = copyBytes(bytes, view.start, view.headersStart, at);
    } else {
      at = copyBytes(bytes, view.methodStart, view.methodEnd, at);
      bytes[at++] = SP;
      at = this.#putForeign(uriBytes, params.uriStart, params.uriEnd, at);
      at = putText(bytes, at, REQUEST_END, REQUEST_END.length);
    }
    at = this.#putConstant(at, this.#vias[params.listener]!);
    at = writeBranch(bytes, at, this.#node, params.shard, params.index, params.lo, params.hi);
    if (params.hasUriWord) at = writeUriWord(bytes, at, params.uriWord);
    if (params.hasLoopPart) at = writeLoopMark(bytes, at, params.loopPart);
    bytes[at++] = CR;
    bytes[at++] = LF;
    if (params.recordRoute) {
      at = this.#putConstant(at, this.#recordRoutes[params.listener]!);
      // Each side of the dialog reaches the listener of its own address family (RFC 5658 §3).
      if (params.inbound !== params.listener && this.#sentBy[params.inbound] !== this.#sentBy[params.listener]) {
        at = this.#putConstant(at, this.#recordRoutes[params.inbound]!);
      }
    }
    if (view.maxForwards < 0) at = this.#putConstant(at, this.#maxForwardsLine);
    if (params.breadth > 0) {
      at = putText(bytes, at, MAX_BREADTH, MAX_BREADTH.length);
      at = writeUint(bytes, at, params.breadth);
      bytes[at++] = CR;
      bytes[at++] = LF;
    }
    const lastRoute = params.lastRoute;
    if (lastRoute !== undefined) {
      // The last Route field ends somewhere in the header; a field of its own behind it keeps the order.
      let last = -1;
      for (let field = view.nextField(H_ROUTE, -1); field >= 0; field = view.nextField(H_ROUTE, field)) last = field;
      const behind = last < 0 ? view.headersStart : view.lineEnd(last);
      at = plan.apply(bytes, view.headersStart, behind, at);
      at = putText(bytes, at, ROUTE_START, ROUTE_START.length);
      at = this.#putForeign(lastRoute, params.lastRouteStart, params.lastRouteEnd, at);
      at = putText(bytes, at, ROUTE_END, ROUTE_END.length);
      at = plan.apply(bytes, behind, view.end, at);
    } else {
      at = plan.apply(bytes, view.headersStart, view.end, at);
    }
    return this.#finish(at);
  }

  /** The response of `view` as `plan` says (our Via taken out), with another status and phrase when `status` is not 0. */
  forwardResponse(view: MessageView, plan: EditPlan, status: number): boolean {
    const bytes = this.#arena.bytes;
    let at = this.#begin(view.end - view.start + plan.insertBytes + SLACK_BYTES);
    if (at < 0) return false;
    if (status === 0) {
      at = plan.apply(bytes, view.start, view.end, at);
    } else {
      at = this.#putStatusLine(at, status, reasonBytes(status));
      at = plan.apply(bytes, view.headersStart, view.end, at);
    }
    return this.#finish(at);
  }

  /**
   * An answer of our own to the request of `view`: its Vias, From, To, Call-ID and CSeq, a To tag when there is none and
   * the status is not 100, then `extra` (whole header lines), Server, and the body.
   * `viaPlan` holds edits for the Vias of a view that was not stored with them; pass an empty plan otherwise.
   */
  reply(
    view: MessageView,
    status: number,
    reason: Uint8Array,
    tagLo: number,
    tagHi: number,
    viaPlan: EditPlan,
    extra: Uint8Array,
    bodyType: Uint8Array,
    body: Uint8Array,
  ): boolean {
    const bytes = this.#arena.bytes;
    const fixed = reason.length + extra.length + bodyType.length + body.length + this.#serverLine.length;
    let at = this.#begin(view.headersEnd - view.start + viaPlan.insertBytes + fixed + SLACK_BYTES);
    if (at < 0) return false;
    at = this.#putStatusLine(at, status, reason);
    const fields = view.fields;
    for (let field = 0; field < view.fieldCount; field++) {
      const id = fields[field * FIELD_STRIDE + FIELD_ID];
      if (id !== H_VIA && !(id === H_TIMESTAMP && status === 100)) continue;
      at = this.#endLine(viaPlan.apply(bytes, fields[field * FIELD_STRIDE + FIELD_LINE]!, view.lineEnd(field), at));
    }
    at = this.#copyField(view, view.from, at);
    if (view.to >= 0) {
      if (status === 100 || view.toTagStart >= 0) {
        at = this.#copyField(view, view.to, at);
      } else {
        const slot = view.to * FIELD_STRIDE;
        at = copyBytes(bytes, fields[slot + FIELD_LINE]!, fields[slot + FIELD_END]!, at);
        at = putText(bytes, at, TAG, TAG.length);
        at = writeHex32(bytes, writeHex32(bytes, at, tagHi), tagLo);
        at = putText(bytes, at, CRLF, 2);
      }
    }
    at = this.#copyField(view, view.callId, at);
    at = this.#copyField(view, view.cseq, at);
    at = putText(bytes, at, extra, extra.length);
    if (this.#serverLine.length > 0 && status !== 100) at = putText(bytes, at, this.#serverLine, this.#serverLine.length);
    if (body.length === 0) {
      at = putText(bytes, at, CONTENT_LENGTH_0, CONTENT_LENGTH_0.length);
    } else {
      at = putText(bytes, at, CONTENT_TYPE, CONTENT_TYPE.length);
      at = putText(bytes, at, bodyType, bodyType.length);
      at = putText(bytes, at, CRLF, 2);
      at = putText(bytes, at, CONTENT_LENGTH, CONTENT_LENGTH.length);
      at = writeUint(bytes, at, body.length);
      at = putText(bytes, at, CRLF, 2);
      at = putText(bytes, at, CRLF, 2);
      at = putText(bytes, at, body, body.length);
    }
    return this.#finish(at);
  }

  /**
   * The CANCEL of a branch (§9.1) from the request that was sent on it: same Request-URI, top Via, Route set, From, To,
   * Call-ID and CSeq number. `reason` is a whole Reason line in `reasonBytes[…]`, or empty.
   */
  cancel(sent: MessageView, reason: Uint8Array, reasonStart: number, reasonEnd: number): boolean {
    let at = this.#begin(sent.headersEnd - sent.start + (reasonEnd - reasonStart) + SLACK_BYTES);
    if (at < 0) return false;
    at = this.#putSentHead(sent, CANCEL, at);
    at = this.#copyField(sent, sent.to, at);
    at = this.#putSentTail(sent, CANCEL, at);
    at = this.#putForeign(reason, reasonStart, reasonEnd, at);
    at = putText(this.#arena.bytes, at, CONTENT_LENGTH_0, CONTENT_LENGTH_0.length);
    return this.#finish(at);
  }

  /** The ACK of a branch to a non-2xx (§17.1.1.3): as CANCEL, with the To of the response that came. */
  ack(sent: MessageView, response: MessageView): boolean {
    let at = this.#begin(sent.headersEnd - sent.start + (response.headersEnd - response.start) + SLACK_BYTES);
    if (at < 0) return false;
    at = this.#putSentHead(sent, ACK, at);
    at = this.#copyField(response.to >= 0 ? response : sent, response.to >= 0 ? response.to : sent.to, at);
    at = this.#putSentTail(sent, ACK, at);
    at = putText(this.#arena.bytes, at, CONTENT_LENGTH_0, CONTENT_LENGTH_0.length);
    return this.#finish(at);
  }

  /** Request line, top Via (a line of its own: we wrote it), Route set, From. */
  #putSentHead(sent: MessageView, method: Uint8Array, at: number): number {
    const bytes = this.#arena.bytes;
    at = putText(bytes, at, method, method.length);
    at = copyBytes(bytes, sent.methodEnd, sent.headersStart, at);
    at = this.#copyField(sent, sent.via, at);
    for (let field = sent.nextField(H_ROUTE, -1); field >= 0; field = sent.nextField(H_ROUTE, field)) at = this.#copyField(sent, field, at);
    at = putText(bytes, at, MAX_FORWARDS_70, MAX_FORWARDS_70.length);
    return this.#copyField(sent, sent.from, at);
  }

  /** Call-ID, and CSeq with the same number and another method. */
  #putSentTail(sent: MessageView, method: Uint8Array, at: number): number {
    const bytes = this.#arena.bytes;
    at = this.#copyField(sent, sent.callId, at);
    const slot = sent.cseq * FIELD_STRIDE;
    let numberEnd = sent.fields[slot + FIELD_VALUE]!;
    while (bytes[numberEnd]! >= 0x30 && bytes[numberEnd]! <= 0x39) numberEnd++;
    at = copyBytes(bytes, sent.fields[slot + FIELD_LINE]!, numberEnd, at);
    bytes[at++] = SP;
    at = putText(bytes, at, method, method.length);
    return putText(bytes, at, CRLF, 2);
  }

  #putStatusLine(at: number, status: number, reason: Uint8Array): number {
    const bytes = this.#arena.bytes;
    at = putText(bytes, at, SIP_VERSION, SIP_VERSION.length);
    at = writeUint(bytes, at, status);
    bytes[at++] = SP;
    at = putText(bytes, at, reason, reason.length);
    bytes[at++] = CR;
    bytes[at++] = LF;
    return at;
  }

  #putForeign(from: Uint8Array, start: number, end: number, at: number): number {
    if (from === this.#arena.bytes) return copyBytes(from, start, end, at);
    for (let i = start; i < end; i++) this.#arena.bytes[at++] = from[i]!;
    return at;
  }

  /** Copies a whole header field; nothing when there is none (`field` -1). */
  #copyField(view: MessageView, field: number, at: number): number {
    if (field < 0) return at;
    return this.#endLine(copyBytes(this.#arena.bytes, view.fields[field * FIELD_STRIDE + FIELD_LINE]!, view.lineEnd(field), at));
  }

  /** A header cut off by the end of the datagram, which is only ever quoted in a 400, gets its line end. */
  #endLine(at: number): number {
    const bytes = this.#arena.bytes;
    return bytes[at - 1] === LF ? at : putText(bytes, at, CRLF, 2);
  }

  #putConstant(at: number, constant: Constant): number {
    return copyBytes(this.#arena.bytes, constant.at, constant.at + constant.bytes, at);
  }

  #begin(room: number): number {
    const at = this.#arena.reserve(room);
    if (at < 0) this.#counters[C_DROP_OUTBOX_FULL]!++;
    this.start = at;
    return at;
  }

  #finish(at: number): boolean {
    this.end = at;
    if (at - this.start <= this.#datagramBytes) return true;
    this.#counters[C_DROP_TOO_LONG]!++;
    return false;
  }
}
