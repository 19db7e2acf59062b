/** A response as the `reply` handler sees it, for as long as that handler runs: such handlers are sync. Sans-I/O. */
import type { MutableHeaders, RouteReply, ScriptLog, SourceAddress } from './api.js';
import type { ScriptHost } from './host.js';
import { MessageHeaders } from './message-headers.js';
import { callIdOf, overError } from './request-context.js';
import { sourceOf } from './source-address.js';
import { textOf } from './text.js';
import type { Endpoint } from '../proxy/ports.js';
import type { MessageView } from '../sip/message.js';

export class ReplyContext implements RouteReply {
  dropped = false;
  readonly state: Record<string, unknown>;
  /** The response, borrowed until `close`. */
  readonly view: MessageView;
  readonly #origin: Endpoint;
  readonly #host: ScriptHost;
  readonly #keyLo: number;
  readonly #keyHi: number;
  #headers: MessageHeaders | undefined;
  #closed = false;

  /** @param view the response; @param origin where it came from: both borrowed until `close`. */
  constructor(host: ScriptHost, view: MessageView, origin: Endpoint, state: Record<string, unknown>, keyLo: number, keyHi: number) {
    this.#host = host;
    this.view = view;
    this.#origin = origin;
    this.state = state;
    this.#keyLo = keyLo;
    this.#keyHi = keyHi;
  }

  /** The handler has ended. */
  close(): void {
    this.#closed = true;
    this.#headers?.close();
  }

  /** Changes that the script made to the header, if any. */
  get changedHeaders(): MessageHeaders | undefined {
    return this.#headers?.changed === true ? this.#headers : undefined;
  }

  get status(): number {
    return this.#open().status;
  }

  get reason(): string {
    const { bytes, reasonStart, reasonEnd } = this.#open();
    return textOf(bytes, reasonStart, reasonEnd);
  }

  get headers(): MutableHeaders {
    this.#open();
    this.#headers ??= new MessageHeaders(this);
    return this.#headers;
  }

  get body(): string {
    const { bytes, bodyStart, end } = this.#open();
    return textOf(bytes, bodyStart, end);
  }

  get source(): SourceAddress {
    this.#open();
    return sourceOf(this.#origin);
  }

  get method(): string {
    const { bytes, cseqMethodStart, cseqMethodEnd } = this.#open();
    return textOf(bytes, cseqMethodStart, cseqMethodEnd);
  }

  get callId(): string {
    return callIdOf(this.#open());
  }

  get log(): ScriptLog {
    return this.#host.scriptLog(this.#open(), this.#keyLo, this.#keyHi);
  }

  drop(): boolean {
    if (this.#closed || this.status >= 200) return false;
    this.dropped = true;
    return true;
  }

  #open(): MessageView {
    if (this.#closed) throw overError();
    return this.view;
  }
}
