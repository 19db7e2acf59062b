/** Requests that a phone got, and its answers: server transactions (RFC 3261 §17.2), driven by the test. */
import { Dialog, listedValues, uriOf } from './dialog.js';
import { messageText, type Field, type MessageOptions } from './headers.js';
import { cameText, type Waiting } from './kernel.js';
import type { Message } from './message.js';
import type { OutgoingInvite, OutgoingRequest } from './outgoing.js';
import type { Phone } from './phone.js';
import { Retransmission } from './retransmission.js';
import { reasonPhrase } from '../sip/reasons.js';

/** What can be said of an answer beside its status and reason. */
export interface ReplyParts extends MessageOptions {
  /** To tag in place of the phone's own: different tags in several 2xx make them answers of several phones behind this one. */
  readonly toTag?: string;
}

/** A request that came to a phone. */
export class IncomingRequest {
  readonly phone: Phone;
  readonly message: Message;
  /** The answers of the phone so far, in order, without those that were sent again. */
  readonly replies: Message[] = [];
  #tag: string | undefined;

  /** @internal */
  constructor(phone: Phone, message: Message) {
    this.phone = phone;
    this.message = message;
  }

  get method(): string {
    return this.message.method;
  }

  /** Request-URI. */
  get uri(): string {
    return this.message.uri;
  }

  get callId(): string {
    return this.message.callId;
  }

  /** The body, `''` without one. */
  get body(): string {
    return this.message.body;
  }

  /** Value of the first header field of that name, `''` when there is none. */
  header(name: string): string {
    return this.message.header(name);
  }

  /** Values of all header fields of that name, in order. */
  headers(name: string): string[] {
    return this.message.headers(name);
  }

  /** Status of the final answer, undefined until there is one. */
  get status(): number | undefined {
    return this.replies.find(({ status }) => status >= 200)?.status;
  }

  /**
   * Answers the request. The reason phrase may be left out; the options may take its place. A final answer to an INVITE is sent
   * again until its ACK comes. A second final answer to an INVITE goes out too: what a phone may not do is for tests to do.
   */
  reply(status: number, reason?: string | ReplyParts, parts?: ReplyParts): Message {
    if (this.method === 'ACK') throw this.phone.kernel.failure(`${this.phone.name}: an ACK is never answered.`);
    if (this.method !== 'INVITE' && this.status !== undefined) {
      throw this.phone.kernel.failure(`${this.phone.name}: the ${this.method} was answered with ${this.status} already${this.phone.isAutomatic ? ', by the phone itself' : ''}.`);
    }
    const options = typeof reason === 'object' ? reason : (parts ?? {});
    const phrase = typeof reason === 'string' ? reason : reasonPhrase(status);
    const message = this.phone.transmit(this.#text(status, phrase, options), this.message.fromAddress);
    this.replies.push(message);
    this.replied(message);
    return message;
  }

  /** Sends the last answer again, by hand. */
  retransmit(): void {
    const last = this.replies.at(-1);
    if (last === undefined) throw this.phone.kernel.failure(`${this.phone.name}: there is no answer yet that could be sent again.`);
    this.phone.transmit(last.text, this.message.fromAddress);
  }

  /** @internal The request came again. */
  receiveAgain(): void {
    if (this.replies.length > 0) this.retransmit();
  }

  protected replied(_reply: Message): void {}

  #text(status: number, reason: string, options: ReplyParts): string {
    const { message, phone } = this;
    const isInvite = message.method === 'INVITE';
    const to = message.header('to');
    this.#tag ??= phone.nextId();
    const hasTag = message.toTag !== '' || status === 100;
    const opensDialog = isInvite && status > 100 && status < 300;
    const own: Field[] = [
      ...message.headers('via').map((via) => ['Via', via] as const),
      ['From', message.header('from')],
      ['To', hasTag ? to : `${to};tag=${options.toTag ?? this.#tag}`],
      ['Call-ID', message.callId],
      ['CSeq', message.header('cseq')],
      ...message.headers('record-route').map((route) => ['Record-Route', route] as const),
      ...(opensDialog ? [['Contact', `<${phone.uri}>`] as const] : []),
    ];
    return messageText(`SIP/2.0 ${status} ${reason}`, own, options);
  }
}

/** An INVITE that came to a phone, and the dialog that comes of it. */
export class IncomingInvite extends IncomingRequest {
  /** A CANCEL for it came. */
  isCancelled = false;
  /** The ACK to its final answer came. */
  isAcknowledged = false;
  #dialog: Dialog | undefined;
  #retransmission: Retransmission | undefined;

  /** The dialog of the call. Throws before the phone has answered with 101 to 299. */
  get dialog(): Dialog {
    if (this.#dialog === undefined) throw this.phone.kernel.failure(`${this.phone.name}: there is no dialog yet: reply(200) first.`);
    return this.#dialog;
  }

  /** Waits for the CANCEL of this INVITE. */
  async expectCancel(waiting: Waiting = {}): Promise<IncomingRequest> {
    const what = `${this.phone.name}: expected the CANCEL of its INVITE`;
    return this.phone.kernel.waitFor(what, () => this.phone.takeOwn('CANCEL', this), waiting, () => cameText([]));
  }

  /** Waits for the ACK to the final answer. */
  async expectAck(waiting: Waiting = {}): Promise<IncomingRequest> {
    const what = `${this.phone.name}: expected the ACK of its INVITE`;
    return this.phone.kernel.waitFor(what, () => this.phone.takeOwn('ACK', this), waiting, () => cameText([]));
  }

  /** Sends a BYE in `dialog`. */
  bye(options: MessageOptions = {}): OutgoingRequest {
    return this.dialog.bye(options);
  }

  /** Sends an INVITE in `dialog`. */
  reinvite(options: MessageOptions = {}): OutgoingInvite {
    return this.dialog.reinvite(options);
  }

  /** Sends another request in `dialog`. */
  request(method: string, options: MessageOptions = {}): OutgoingRequest {
    return this.dialog.request(method, options);
  }

  /** @internal True until it is answered finally. */
  get isOpen(): boolean {
    return this.status === undefined;
  }

  /** @internal Whether an ACK or CANCEL belongs to it. */
  owns(message: Message): boolean {
    if (message.callId !== this.callId || message.cseq !== this.message.cseq) return false;
    if (message.branch === this.message.branch) return true;
    return message.method === 'ACK' && this.replies.some((reply) => reply.status >= 200 && reply.status < 300 && reply.toTag === message.toTag);
  }

  /** @internal */
  receiveAck(): void {
    this.isAcknowledged = true;
    this.#retransmission?.stop();
  }

  protected override replied(reply: Message): void {
    const { status } = reply;
    if (status > 100 && status < 300) this.#learn(reply);
    if (status < 200) return;
    this.#retransmission?.stop();
    if (this.phone.retransmits) {
      this.#retransmission = new Retransmission(this.phone.kernel, this.phone.kernel.settings.t2Ms, () => { this.retransmit(); });
    }
  }

  #learn(reply: Message): void {
    const { message } = this;
    if (message.toTag !== '') {
      // A re-INVITE: the dialog is there, and gets the new remote target.
      this.#dialog ??= this.phone.dialogs.find((dialog) => dialog.callId === message.callId && dialog.localTag === message.toTag && dialog.remoteTag === message.fromTag);
      if (this.#dialog !== undefined && message.header('contact') !== '') this.#dialog.remoteTarget = uriOf(message.header('contact'));
    }
    if (this.#dialog === undefined || this.#dialog.localTag !== reply.toTag) {
      this.#dialog = new Dialog(this.phone, {
        callId: message.callId,
        local: reply.header('to'),
        remote: message.header('from'),
        localTag: reply.toTag,
        remoteTag: message.fromTag,
        cseq: 0,
        remoteTarget: uriOf(message.header('contact') || message.header('from')),
        routes: listedValues(message, 'record-route'),
      });
      this.phone.dialogs.push(this.#dialog);
    }
    if (reply.status >= 200) this.#dialog.isConfirmed = true;
  }
}
