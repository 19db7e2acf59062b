/**
 * A request as its script sees it: the implementation of `RouteRequest` over a message view. Nothing is computed before a
 * script asks for it.
 *
 * Invariant: a context belongs to one request for good, since a script may hold on to it; only its parts (view, endpoints)
 * are used again. While nobody reads it a context can do without them (it is parked): they are made anew from the stored
 * message when somebody does. So a call that rings costs the heap a small object, and not the six kilobytes that its parts are.
 * A context that is closed, because its request is over, refuses to act and to be read. Sans-I/O.
 */
import {
  ScriptError,
  type MutableHeaders,
  type NameAddr,
  type ReplyOptions,
  type RouteRequest,
  type ScriptLog,
  type SipUri,
  type SourceAddress,
  type Target,
} from './api.js';
import type { ScriptHost } from './host.js';
import { MessageHeaders } from './message-headers.js';
import { nameAddrOf, uriBytesOf, uriOf } from './sip-values.js';
import { sourceOf } from './source-address.js';
import { textOf, unfold } from './text.js';
import type { Endpoint } from '../proxy/ports.js';
import { RouteSet } from '../proxy/route-set.js';
import { createEndpoint } from '../proxy/via-fix.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import { MessageView } from '../sip/message.js';
import { METHOD_NAMES, M_UNKNOWN } from '../sip/methods.js';

/** What of a context is used again for the next request. */
export class RequestParts {
  readonly view: MessageView;
  readonly origin: Endpoint = createEndpoint();
  readonly replyTo: Endpoint = createEndpoint();
  readonly routeSet = new RouteSet();

  constructor(maxFields: number) {
    this.view = new MessageView(maxFields);
  }
}

export class RequestContext implements RouteRequest {
  /** Server transaction, 0 for a request without one (ACK, CANCEL that matched nothing). */
  server = 0;
  /** Upstream transaction key, for branches of requests without a transaction. */
  keyLo = 0;
  keyHi = 0;
  /** Shard to which the transaction key of the request belongs: named in its branches. */
  homeShard = 0;
  /** Store block of the message. */
  block = 0;
  /** The context frees the block: its transaction ended while the handler was pending, or there never was one. */
  ownsBlock = false;
  /** The transaction is over: relay and reply are refused. */
  dead = false;
  /** The handler did something: relayed or replied. */
  acted = false;
  /** In a handler of a live transaction other than its first. */
  live = false;
  recordRouted = false;
  /** New Request-URI, when a script set one. */
  uriBytes: Uint8Array | undefined = undefined;
  /** Port of the source, while the context is parked: the rest of it is in the record of its server transaction. */
  parkedPort = 0;

  readonly #host: ScriptHost;
  #parts: RequestParts | undefined;
  #closed = false;
  #headers: MessageHeaders | undefined = undefined;
  #state: Record<string, unknown> | undefined = undefined;
  #abort: AbortController | undefined = undefined;
  #aborted = false;

  constructor(host: ScriptHost, parts: RequestParts) {
    this.#host = host;
    this.#parts = parts;
  }

  get view(): MessageView {
    return (this.#parts ?? this.#wake()).view;
  }

  get origin(): Endpoint {
    return (this.#parts ?? this.#wake()).origin;
  }

  /** Where answers go (RFC 3261 §18.2.2). */
  get replyTo(): Endpoint {
    return (this.#parts ?? this.#wake()).replyTo;
  }

  get routeSet(): RouteSet {
    return (this.#parts ?? this.#wake()).routeSet;
  }

  /** The request is over: its parts, if it has any, go to another one. */
  close(): RequestParts | undefined {
    const parts = this.#parts;
    this.#parts = undefined;
    this.#closed = true;
    this.dead = true;
    this.#headers?.close();
    return parts;
  }

  get parked(): boolean {
    return this.#parts === undefined && !this.#closed;
  }

  /** Gives the parts away until somebody reads the context. Only with a live server transaction that has the message in its block. */
  park(): RequestParts | undefined {
    const parts = this.#parts;
    if (parts !== undefined) this.parkedPort = parts.origin.port;
    this.#parts = undefined;
    return parts;
  }

  get method(): string {
    const { method, bytes, methodStart, methodEnd } = this.#open();
    return method === M_UNKNOWN ? textOf(bytes, methodStart, methodEnd) : METHOD_NAMES[method]!;
  }

  get uri(): SipUri {
    const { bytes, uriStart, uriEnd } = this.#open();
    if (this.uriBytes !== undefined) return uriOf(this.uriBytes, 0, this.uriBytes.length);
    if (this.routeSet.fromStrict) return uriOf(bytes, this.routeSet.uriStart, this.routeSet.uriEnd);
    return uriOf(bytes, uriStart, uriEnd);
  }

  set uri(value: string | SipUri) {
    this.uriBytes = uriBytesOf(value);
  }

  get from(): NameAddr {
    return this.#nameAddr(this.#open().from);
  }

  get to(): NameAddr {
    return this.#nameAddr(this.#open().to);
  }

  get callId(): string {
    return callIdOf(this.#open());
  }

  get cseq(): number {
    return this.#open().cseqNumber;
  }

  get maxForwards(): number | undefined {
    const { hops } = this.#open();
    return hops < 0 ? undefined : hops;
  }

  get headers(): MutableHeaders {
    if (this.#closed) throw overError();
    this.#headers ??= new MessageHeaders(this);
    return this.#headers;
  }

  /** Changes that the script made to the header, if any. */
  get changedHeaders(): MessageHeaders | undefined {
    return this.#headers?.changed === true ? this.#headers : undefined;
  }

  get body(): string {
    const { bytes, bodyStart, end } = this.#open();
    return textOf(bytes, bodyStart, end);
  }

  get source(): SourceAddress {
    this.#open();
    return sourceOf(this.origin);
  }

  get inDialog(): boolean {
    return this.#open().toTagStart >= 0;
  }

  get looseRouted(): boolean {
    return this.routeSet.marked || this.routeSet.fromStrict;
  }

  get hasRoute(): boolean {
    return this.routeSet.left > 0;
  }

  get state(): Record<string, unknown> {
    this.#state ??= {};
    return this.#state;
  }

  get log(): ScriptLog {
    return this.#host.scriptLog(this.#open(), this.keyLo, this.keyHi);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#aborted || this.dead) this.#abort.abort();
    return this.#abort.signal;
  }

  /** The transaction ended or was cancelled: tells a handler that waits on `signal`. */
  abort(): void {
    this.#aborted = true;
    this.#abort?.abort();
  }

  checkTransaction(): boolean {
    return this.live && !this.dead;
  }

  recordRoute(): void {
    this.recordRouted = true;
  }

  relay(target?: Target | readonly Target[]): boolean {
    return this.#closed ? this.#host.refuseLate() : this.#host.relay(this, target);
  }

  reply(status: number, reason?: string, options?: ReplyOptions): boolean {
    return this.#closed ? this.#host.refuseLate() : this.#host.reply(this, status, reason, options);
  }

  #wake(): RequestParts {
    if (this.#closed) throw overError();
    const parts = this.#host.wake(this);
    this.#parts = parts;
    return parts;
  }

  /** The view, for reading. */
  #open(): MessageView {
    if (this.#closed) throw overError();
    return this.view;
  }

  #nameAddr(field: number): NameAddr {
    const { bytes, fields } = this.view;
    const slot = field * FIELD_STRIDE;
    return nameAddrOf(bytes, field < 0 ? -1 : fields[slot + FIELD_VALUE]!, field < 0 ? -1 : fields[slot + FIELD_END]!);
  }
}

/** A script read something whose time is over. */
export function overError(): ScriptError {
  return new ScriptError(
    'VD_SCRIPT_OVER',
    'this request or response is over and can no longer be read: await what has to be done before the handler ends, and copy what is needed later',
  );
}

/** Call-ID of a message as text, '' when it has none. */
export function callIdOf(view: MessageView): string {
  if (view.callId < 0) return '';
  const slot = view.callId * FIELD_STRIDE;
  return unfold(textOf(view.bytes, view.fields[slot + FIELD_VALUE]!, view.fields[slot + FIELD_END]!));
}
