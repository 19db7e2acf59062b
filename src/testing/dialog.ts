/** A dialog as one of its two phones sees it (RFC 3261 §12): tags, route set, remote target, and requests within it. */
import type { MessageOptions } from './headers.js';
import type { Message } from './message.js';
import type { OutgoingInvite, OutgoingRequest } from './outgoing.js';
import type { Phone } from './phone.js';

/** One dialog of a phone. Early until a 2xx confirms it. */
export class Dialog {
  readonly callId: string;
  /** Tag of this phone, and of the other side. */
  readonly localTag: string;
  readonly remoteTag: string;
  /** From and To values of this phone's requests, with their tags. */
  readonly local: string;
  readonly remote: string;
  /** Where requests go in the end: the Contact of the other side. */
  remoteTarget: string;
  /** Route values of requests, in order; empty when no proxy recorded itself: then requests go straight to the other phone. */
  routes: readonly string[];
  /** A 2xx came, or was sent. */
  isConfirmed = false;
  /** @internal CSeq number of the last request of this phone. */
  cseq: number;
  readonly #phone: Phone;

  /** @internal */
  constructor(phone: Phone, parts: { readonly callId: string; readonly local: string; readonly remote: string; readonly localTag: string; readonly remoteTag: string; readonly cseq: number; readonly remoteTarget: string; readonly routes: readonly string[] }) {
    this.#phone = phone;
    this.callId = parts.callId;
    this.local = parts.local;
    this.remote = parts.remote;
    this.localTag = parts.localTag;
    this.remoteTag = parts.remoteTag;
    this.cseq = parts.cseq;
    this.remoteTarget = parts.remoteTarget;
    this.routes = parts.routes;
  }

  /** Sends a BYE. */
  bye(options: MessageOptions = {}): OutgoingRequest {
    return this.request('BYE', options);
  }

  /** Sends an INVITE within the dialog. */
  reinvite(options: MessageOptions = {}): OutgoingInvite {
    return this.#phone.sendReinvite(this, options);
  }

  /** Sends any other request within the dialog: INFO, UPDATE, REFER … */
  request(method: string, options: MessageOptions = {}): OutgoingRequest {
    return this.#phone.sendInDialog(this, method, options);
  }
}

/** The URI in a Contact, Route or From value. */
export function uriOf(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? value.split(';', 1)[0]!.trim();
}

/** Values of all fields of a header that lists name-addr values. */
export function listedValues(message: Message, name: string): string[] {
  return message.headers(name).flatMap((value) => value.split(/,(?=\s*(?:"(?:[^"\\]|\\.)*"|[^",<]*)\s*<)/).map((one) => one.trim()));
}

/** Host and port of a SIP URI; the port is 5060 when there is none. */
export function hostPortOf(uri: string): { readonly host: string; readonly port: number } {
  const [, host = '', port] = /^[a-z]+:(?:[^@]*@)?(\[[^\]]*\]|[^:;?>]*)(?::(\d+))?/i.exec(uri) ?? [];
  return { host, port: port === undefined ? 5060 : Number(port) };
}
