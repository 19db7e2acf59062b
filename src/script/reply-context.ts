/** A response as the `reply` handler sees it. One object per engine, used again for every response: sync handlers only. Sans-I/O. */
import type { MutableHeaders, RouteReply, ScriptLog, SourceAddress } from './api.js';
import type { ScriptHost } from './host.js';
import { MessageHeaders } from './message-headers.js';
import { callIdOf } from './request-context.js';
import { sourceOf } from './source-address.js';
import { textOf } from './text.js';
import type { Endpoint } from '../proxy/ports.js';
import { createEndpoint } from '../proxy/via-fix.js';
import type { MessageView } from '../sip/message.js';

export class ReplyContext implements RouteReply {
  readonly origin: Endpoint = createEndpoint();
  readonly messageHeaders: MessageHeaders;
  dropped = false;
  state: Record<string, unknown> = {};
  readonly #host: ScriptHost;
  readonly #view: MessageView;
  #keyLo = 0;
  #keyHi = 0;

  constructor(host: ScriptHost, view: MessageView) {
    this.#host = host;
    this.#view = view;
    this.messageHeaders = new MessageHeaders(view);
  }

  /** Ready for the response that the view has now, of the transaction with that upstream key. */
  reset(state: Record<string, unknown>, keyLo: number, keyHi: number): void {
    this.#keyLo = keyLo;
    this.#keyHi = keyHi;
    this.messageHeaders.reset();
    this.dropped = false;
    this.state = state;
  }

  get status(): number {
    return this.#view.status;
  }

  get reason(): string {
    return textOf(this.#view.bytes, this.#view.reasonStart, this.#view.reasonEnd);
  }

  get headers(): MutableHeaders {
    return this.messageHeaders;
  }

  get body(): string {
    return textOf(this.#view.bytes, this.#view.bodyStart, this.#view.end);
  }

  get source(): SourceAddress {
    return sourceOf(this.origin);
  }

  get method(): string {
    return textOf(this.#view.bytes, this.#view.cseqMethodStart, this.#view.cseqMethodEnd);
  }

  get callId(): string {
    return callIdOf(this.#view);
  }

  get log(): ScriptLog {
    return this.#host.scriptLog(this.#view, this.#keyLo, this.#keyHi);
  }

  drop(): boolean {
    if (this.status >= 200) return false;
    this.dropped = true;
    return true;
  }
}
