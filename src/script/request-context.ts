/**
 * A request as its script sees it: the implementation of `RouteRequest` over a message view. One context serves one run of
 * a handler; contexts of sync handlers are used again for the next request, so nothing here is computed before a script
 * asks for it. Sans-I/O.
 */
import type {
  MutableHeaders,
  NameAddr,
  ReplyOptions,
  RouteRequest,
  ScriptLog,
  SipUri,
  SourceAddress,
  Target,
} from './api.js';
import type { ScriptHost } from './host.js';
import { MessageHeaders } from './message-headers.js';
import { nameAddrOf, uriBytesOf, uriOf } from './sip-values.js';
import { sourceOf } from './source-address.js';
import { textOf, unfold } from './text.js';
import type { Endpoint } from '../proxy/ports.js';
import { RouteSet } from '../proxy/route-set.js';
import { createEndpoint } from '../proxy/via-fix.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE, MessageView } from '../sip/message.js';
import { METHOD_NAMES, M_UNKNOWN } from '../sip/methods.js';

export class RequestContext implements RouteRequest {
  readonly view: MessageView;
  readonly origin: Endpoint = createEndpoint();
  /** Where answers go (RFC 3261 §18.2.2). */
  readonly replyTo: Endpoint = createEndpoint();
  readonly routeSet = new RouteSet();
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

  readonly #host: ScriptHost;
  readonly #headers: MessageHeaders;
  #state: Record<string, unknown> | undefined;
  #abort: AbortController | undefined;
  #aborted = false;

  constructor(host: ScriptHost, maxFields: number) {
    this.#host = host;
    this.view = new MessageView(maxFields);
    this.#headers = new MessageHeaders(this.view);
  }

  /** Makes the context ready for another message, which the view has by now. */
  reset(): void {
    this.server = 0;
    this.block = 0;
    this.ownsBlock = false;
    this.dead = false;
    this.acted = false;
    this.live = false;
    this.recordRouted = false;
    this.uriBytes = undefined;
    this.#state = undefined;
    this.#abort = undefined;
    this.#aborted = false;
    if (this.#headers.changed) this.#headers.reset();
  }

  get method(): string {
    const { method, bytes, methodStart, methodEnd } = this.view;
    return method === M_UNKNOWN ? textOf(bytes, methodStart, methodEnd) : METHOD_NAMES[method]!;
  }

  get uri(): SipUri {
    if (this.uriBytes !== undefined) return uriOf(this.uriBytes, 0, this.uriBytes.length);
    const { bytes, uriStart, uriEnd } = this.view;
    if (this.routeSet.fromStrict) return uriOf(bytes, this.routeSet.uriStart, this.routeSet.uriEnd);
    return uriOf(bytes, uriStart, uriEnd);
  }

  set uri(value: string | SipUri) {
    this.uriBytes = uriBytesOf(value);
  }

  get from(): NameAddr {
    return this.#nameAddr(this.view.from);
  }

  get to(): NameAddr {
    return this.#nameAddr(this.view.to);
  }

  get callId(): string {
    return callIdOf(this.view);
  }

  get cseq(): number {
    return this.view.cseqNumber;
  }

  get maxForwards(): number | undefined {
    return this.view.hops < 0 ? undefined : this.view.hops;
  }

  get headers(): MutableHeaders {
    return this.#headers;
  }

  get messageHeaders(): MessageHeaders {
    return this.#headers;
  }

  get body(): string {
    return textOf(this.view.bytes, this.view.bodyStart, this.view.end);
  }

  get source(): SourceAddress {
    return sourceOf(this.origin);
  }

  get inDialog(): boolean {
    return this.view.toTagStart >= 0;
  }

  get looseRouted(): boolean {
    return this.routeSet.own > 0 || this.routeSet.fromStrict;
  }

  get hasRoute(): boolean {
    return this.routeSet.left > 0;
  }

  get state(): Record<string, unknown> {
    this.#state ??= {};
    return this.#state;
  }

  get log(): ScriptLog {
    return this.#host.scriptLog(this.view, this.keyLo, this.keyHi);
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
    return this.#host.relay(this, target);
  }

  reply(status: number, reason?: string, options?: ReplyOptions): boolean {
    return this.#host.reply(this, status, reason, options);
  }

  #nameAddr(field: number): NameAddr {
    const { bytes, fields } = this.view;
    const slot = field * FIELD_STRIDE;
    return nameAddrOf(bytes, field < 0 ? -1 : fields[slot + FIELD_VALUE]!, field < 0 ? -1 : fields[slot + FIELD_END]!);
  }
}

/** Call-ID of a message as text, '' when it has none. */
export function callIdOf(view: MessageView): string {
  if (view.callId < 0) return '';
  const slot = view.callId * FIELD_STRIDE;
  return unfold(textOf(view.bytes, view.fields[slot + FIELD_VALUE]!, view.fields[slot + FIELD_END]!));
}
