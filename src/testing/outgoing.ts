/** Requests that a phone sent, and what came back: client transactions (RFC 3261 §17.1), driven by the test. */
import { Dialog, listedValues, uriOf } from './dialog.js';
import { patternText, statusMatches, type StatusPattern } from './filter.js';
import { messageText, type MessageOptions } from './headers.js';
import { cameText, type Waiting } from './kernel.js';
import type { Message } from './message.js';
import type { Phone } from './phone.js';
import { Retransmission } from './retransmission.js';

/** What `expect` of a request may be told. */
export interface ResponseWaiting extends Waiting {
  /** True passes over provisional responses that came before the one that is expected. 100 is passed over anyway. */
  readonly skipProvisional?: boolean;
}

/** The values of a request that its CANCEL and its ACK repeat. */
export interface RequestIdentity {
  readonly method: string;
  readonly uri: string;
  /** Top Via value. */
  readonly via: string;
  readonly routes: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly cseq: number;
  /** `address:port` that it is sent to. */
  readonly destination: string;
}

/** A request that a phone sent outside of an INVITE's business: OPTIONS, REGISTER, BYE, CANCEL … */
export class OutgoingRequest {
  readonly phone: Phone;
  /** As it was sent first. */
  readonly message: Message;
  /** Every response that came, in order, without those that came again. */
  readonly responses: Message[] = [];
  /** @internal */
  readonly identity: RequestIdentity;
  /** @internal Text of the request. */
  readonly text: string;
  readonly #unseen: Message[] = [];
  #retransmission: Retransmission | undefined;

  /** @internal */
  constructor(phone: Phone, identity: RequestIdentity, text: string) {
    this.phone = phone;
    this.identity = identity;
    this.text = text;
    this.message = phone.transmit(text, identity.destination);
    if (phone.retransmits) {
      const mostMs = identity.method === 'INVITE' ? Infinity : phone.kernel.settings.t2Ms;
      this.#retransmission = new Retransmission(phone.kernel, mostMs, () => { this.retransmit(); });
    }
  }

  get method(): string {
    return this.identity.method;
  }

  get callId(): string {
    return this.identity.callId;
  }

  /** The first final response, undefined until it came. */
  get final(): Message | undefined {
    return this.responses.find(({ status }) => status >= 200);
  }

  /** Status of the first final response, undefined until it came. */
  get status(): number | undefined {
    return this.final?.status;
  }

  /**
   * Waits for the next response, which must have this status. 100 is passed over unless asked for, and so is what comes again.
   * Throws a `SimulationError` when another response comes, or none in time.
   */
  async expect(status: StatusPattern, waiting: ResponseWaiting = {}): Promise<Message> {
    const what = `${this.phone.name}: expected ${patternText(status)} to ${this.method}`;
    const passed: string[] = [];
    const passesProvisional = status === 'final' || (waiting.skipProvisional ?? false);
    const take = (): Message | undefined => {
      for (let next = this.#unseen.shift(); next !== undefined; next = this.#unseen.shift()) {
        if (statusMatches(next.status, status)) return next;
        if (next.status !== 100 && !(next.status < 200 && passesProvisional)) {
          const hint = next.status < 200 && isFinal(status) ? ' ({ skipProvisional: true } passes over it)' : '';
          throw this.phone.kernel.failure(`${what}, but ${next.status} ${next.reason} came${hint}.`);
        }
        passed.push(String(next.status));
      }
      return undefined;
    };
    return this.phone.kernel.waitFor(what, take, waiting, () => cameText(passed));
  }

  /** Sends the request again, by hand. */
  retransmit(): void {
    this.phone.transmit(this.text, this.identity.destination);
  }

  /** @internal */
  receive(response: Message): void {
    if (response.status >= 200 || this.method === 'INVITE') this.#retransmission?.stop();
    else this.#retransmission?.slow();
    if (this.responses.some(({ text }) => text === response.text)) {
      this.receivedAgain(response);
      return;
    }
    this.responses.push(response);
    this.#unseen.push(response);
    this.received(response);
  }

  protected received(_response: Message): void {}

  protected receivedAgain(_response: Message): void {}
}

function isFinal(status: StatusPattern): boolean {
  return typeof status === 'number' ? status >= 200 : status !== '1xx';
}

/** What an automatic caller does. @internal */
export interface CallerPlan {
  readonly cancelsAfterMs: number;
  readonly hangsUpAfterMs: number;
}

/** An INVITE that a phone sent, and the dialogs that come of it. */
export class OutgoingInvite extends OutgoingRequest {
  /** Dialogs of this call, early ones included, in the order in which their first response came: several when it forked. */
  readonly dialogs: Dialog[] = [];
  /** Set for an automatic call. */
  readonly #plan: CallerPlan | undefined;
  readonly #acks = new Map<string, string>();
  #cancel: OutgoingRequest | undefined;
  #wantsCancel = false;

  /** @internal `dialog`: of a re-INVITE. */
  constructor(phone: Phone, identity: RequestIdentity, text: string, dialog?: Dialog, plan?: CallerPlan) {
    super(phone, identity, text);
    if (dialog !== undefined) this.dialogs.push(dialog);
    this.#plan = plan;
    if (plan !== undefined && plan.cancelsAfterMs >= 0) {
      phone.kernel.after(plan.cancelsAfterMs, () => {
        this.#wantsCancel = true;
        this.#cancelIfAllowed();
      });
    }
  }

  /** The dialog of the call: the first that a 2xx confirmed, else the first early one. Throws when there is none yet. */
  get dialog(): Dialog {
    const dialog = this.dialogs.find(({ isConfirmed }) => isConfirmed) ?? this.dialogs[0];
    if (dialog === undefined) throw this.phone.kernel.failure(`${this.phone.name}: there is no dialog yet: await expect(200) first.`);
    return dialog;
  }

  /**
   * Sends a CANCEL for this INVITE, at once: waiting for a provisional response first, as RFC 3261 §9.1 wants, is up to the
   * test.
   */
  cancel(options: MessageOptions = {}): OutgoingRequest {
    this.#cancel = this.phone.sendCancel(this, options);
    return this.#cancel;
  }

  /**
   * Sends the ACK: to every 2xx that has none yet, or to that of `dialog` only. When a 2xx comes again, its ACK is sent again by
   * itself. For a failure it is needed only with the phone's option `acks: false`.
   */
  ack(options: MessageOptions & { readonly dialog?: Dialog } = {}): void {
    const { dialog, ...parts } = options;
    const { final } = this;
    if (final === undefined) throw this.phone.kernel.failure(`${this.phone.name}: there is no final response to acknowledge yet: await expect(200) first.`);
    if (final.status >= 300) {
      this.#ackFailure(final, parts);
      return;
    }
    const successes = this.responses.filter(({ status, toTag }) => status >= 200 && status < 300 && (dialog === undefined ? !this.#acks.has(toTag) : toTag === dialog.remoteTag));
    for (const { toTag } of successes) {
      const to = this.dialogs.find(({ remoteTag }) => remoteTag === toTag);
      if (to !== undefined) this.#acks.set(toTag, this.phone.sendAck(to, this.identity.cseq, parts));
    }
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

  protected override received(response: Message): void {
    const { status } = response;
    if (status < 300 && response.toTag !== '') this.#learn(response);
    if (status >= 300 && this.phone.acks) this.#ackFailure(response, {});
    if (this.#wantsCancel) this.#cancelIfAllowed();
    if (this.#plan !== undefined && status >= 200 && status < 300) this.#answered(response);
  }

  protected override receivedAgain(response: Message): void {
    if (response.status >= 300 && this.phone.acks) this.#ackFailure(response, {});
    const ack = this.#acks.get(response.toTag);
    if (response.status >= 200 && response.status < 300 && ack !== undefined) this.phone.repeatAck(ack);
  }

  /** Automatic: acknowledges each 2xx, keeps the first unless it was cancelled, hangs up the others (RFC 3261 §13.2.2.4). */
  #answered(response: Message): void {
    const dialog = this.dialogs.find(({ remoteTag }) => remoteTag === response.toTag);
    if (dialog === undefined) return;
    this.ack({ dialog });
    if (this.final !== response || this.#cancel !== undefined) dialog.bye();
    else if (this.#plan !== undefined && this.#plan.hangsUpAfterMs >= 0) this.phone.kernel.after(this.#plan.hangsUpAfterMs, () => { this.phone.hangUp(dialog); });
  }

  #cancelIfAllowed(): void {
    if (this.#cancel === undefined && this.final === undefined && this.responses.length > 0) this.cancel();
  }

  #ackFailure(response: Message, options: MessageOptions): void {
    const { uri, via, routes, from, callId, cseq, destination } = this.identity;
    const text = messageText(
      `ACK ${uri} SIP/2.0`,
      [
        ['Via', via],
        ['Max-Forwards', '70'],
        ...routes.map((route) => ['Route', route] as const),
        ['From', from],
        ['To', response.header('to')],
        ['Call-ID', callId],
        ['CSeq', `${cseq} ACK`],
      ],
      options,
    );
    this.phone.transmit(text, destination);
  }

  #learn(response: Message): void {
    let dialog = this.dialogs.find(({ remoteTag }) => remoteTag === response.toTag);
    const contact = response.header('contact');
    if (dialog === undefined) {
      dialog = new Dialog(this.phone, {
        callId: this.identity.callId,
        local: this.identity.from,
        remote: response.header('to'),
        localTag: response.fromTag,
        remoteTag: response.toTag,
        cseq: this.identity.cseq,
        remoteTarget: this.identity.uri,
        routes: [],
      });
      this.dialogs.push(dialog);
      this.phone.dialogs.push(dialog);
    }
    if (contact !== '') dialog.remoteTarget = uriOf(contact);
    // Set once: the route set of a dialog never changes after its 2xx (RFC 3261 §12.1.2, §12.2).
    if (!dialog.isConfirmed) dialog.routes = listedValues(response, 'record-route').reverse();
    if (response.status >= 200) dialog.isConfirmed = true;
  }
}
