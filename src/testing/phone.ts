/**
 * A phone of the simulation: acts when the test says so, or by itself. Acting is sync and only puts messages on the network;
 * waiting is async and lets virtual time go on.
 *
 * It does by itself what a transaction layer does (retransmissions, ACK to failures, answers sent again), and what its
 * behaviour says. Everything else is the test's.
 */
import { type Behaviour, BEHAVIOUR_OPTIONS, calleePlan, type CalleePlan } from './behaviour.js';
import { type Dialog, hostPortOf, uriOf } from './dialog.js';
import { refuseUnknown } from './failure.js';
import { type Field, givenValues, messageText, type MessageOptions } from './headers.js';
import { IncomingInvite, IncomingRequest } from './incoming.js';
import { cameText, type Kernel, type Station, type Waiting } from './kernel.js';
import type { Message } from './message.js';
import type { NetworkConditions } from './network.js';
import { type CallerPlan, OutgoingInvite, OutgoingRequest, type RequestIdentity } from './outgoing.js';
import { spanText, type Time, toMs } from './time.js';

/** What a phone is, and what it does by itself. */
export interface PhoneOptions extends Behaviour {
  /** `address:port` of the phone, IPv6 in brackets; port 5060 when there is none. Made up by default: `10.1.0.1:5060` … */
  readonly address?: string;
  /** The URI in its From; default `sip:NAME@example.com`. */
  readonly aor?: string;
  /** Conditions of the network between this phone and everybody, over those of all. */
  readonly network?: NetworkConditions;
  /** False: it sends nothing again by itself; `retransmit()` does. */
  readonly retransmits?: boolean;
  /** False: it does not acknowledge failures by itself; `call.ack()` does. */
  readonly acks?: boolean;
  /**
   * True: a phone of RFC 2543 times, whose Via has no branch. Proxies tell its transactions by Request-URI, From tag, Call-ID, CSeq
   * and Via (RFC 3261 §17.2.3).
   */
  readonly rfc2543?: boolean;
}

/** What an automatic call does. */
export interface CallOptions extends MessageOptions {
  /** Sends a CANCEL after this time, or when the first provisional response has come after it, unless it was answered. */
  readonly cancels?: Time;
  /** Sends a BYE when the call has been up for this time. */
  readonly hangsUp?: Time;
}

/** Who is called: a phone, or a URI. */
export type Callee = string | { readonly uri: string };

const PHONE_OPTIONS: readonly string[] = [...BEHAVIOUR_OPTIONS, 'address', 'aor', 'network', 'retransmits', 'acks', 'rfc2543'];
const EARLY_MEDIA = ['v=0', 'o=- 0 0 IN IP4 0.0.0.0', 's=-', 't=0 0', 'c=IN IP4 0.0.0.0', 'm=audio 9 RTP/AVP 8', ''].join('\r\n');

/** A phone. Made by `sim.phone(name)`. */
export class Phone implements Station {
  readonly name: string;
  /** `address:port`. */
  readonly address: string;
  /** Its Contact: `sip:NAME@ADDRESS:PORT`. What scripts relay to. */
  readonly uri: string;
  /** The URI in its From: `sip:NAME@example.com`. */
  readonly aor: string;
  /** Every message that came, in order, also those that came again. */
  readonly received: Message[] = [];
  /** Every INVITE that came, in order. */
  readonly invites: IncomingInvite[] = [];
  /** @internal */
  readonly dialogs: Dialog[] = [];
  /** @internal */
  readonly kernel: Kernel;
  /** @internal */
  readonly retransmits: boolean;
  /** @internal */
  readonly acks: boolean;
  readonly #clients = new Map<string, OutgoingRequest>();
  readonly #servers = new Map<string, IncomingRequest>();
  readonly #unseen: IncomingRequest[] = [];
  readonly #isV6: boolean;
  readonly #hasBranches: boolean;
  #plan: CalleePlan;
  #isOffline = false;
  #ids = 0;

  /** @internal */
  constructor(kernel: Kernel, name: string, address: string, options: PhoneOptions) {
    refuseUnknown(`phone "${name}"`, options, PHONE_OPTIONS);
    if (!/^[\w.+-]+$/.test(name)) throw new TypeError(`a phone's name has letters, digits, "-", "_", "." and "+" only: ${JSON.stringify(name)}`);
    this.kernel = kernel;
    this.name = name;
    this.address = address;
    this.#isV6 = address.startsWith('[');
    this.uri = `sip:${name}@${address}`;
    this.aor = options.aor ?? `sip:${name}@example.com`;
    this.retransmits = options.retransmits ?? true;
    this.acks = options.acks ?? true;
    this.#hasBranches = !(options.rfc2543 ?? false);
    this.#plan = calleePlan(behaviourOf(options), `phone "${name}"`);
    if (options.network !== undefined) this.setNetwork(options.network);
    kernel.attach(this);
  }

  // What it does when the test says so

  /** Sends an INVITE to the proxy. The test goes on with `call.expect(180)`, `call.cancel()`, `call.ack()` … */
  invite(to: Callee, options: MessageOptions = {}): OutgoingInvite {
    return this.#startCall(to, options, undefined);
  }

  /** Makes a call that goes on by itself: acknowledges, and cancels or hangs up when it was told to. */
  call(to: Callee, options: CallOptions = {}): OutgoingInvite {
    const { cancels, hangsUp, ...parts } = options;
    return this.#startCall(to, parts, {
      cancelsAfterMs: cancels === undefined ? -1 : toMs(cancels, 'cancels'),
      hangsUpAfterMs: hangsUp === undefined ? -1 : toMs(hangsUp, 'hangsUp'),
    });
  }

  /** Sends a request outside of dialogs to the proxy: OPTIONS, REGISTER, MESSAGE … An INVITE is sent by `invite`. */
  request(method: string, to: Callee, options: MessageOptions = {}): OutgoingRequest {
    if (method === 'INVITE') throw new TypeError('an INVITE is sent by invite() or call()');
    const identity = this.#identity(method, to, options);
    return this.#client(new OutgoingRequest(this, identity, this.#requestText(identity, options)));
  }

  /** Sends any text to the proxy as one datagram, be it SIP or not. Line ends must be as SIP wants them, `\r\n`. */
  send(text: string): Message {
    return this.transmit(text, this.kernel.proxyAddress(this.#isV6));
  }

  /** Changes what the phone does by itself with requests that come from now on. */
  will(behaviour: Behaviour): void {
    this.#plan = calleePlan(behaviour, `phone "${this.name}"`);
  }

  /** Changes the conditions of the network between this phone and everybody. */
  setNetwork(conditions: NetworkConditions): void {
    this.kernel.network.setPhone(this.name, conditions);
  }

  /** Switches the phone off: it neither hears nor says anything, until `goOnline`. */
  goOffline(): void {
    this.#isOffline = true;
  }

  goOnline(): void {
    this.#isOffline = false;
  }

  // What the test waits for

  /** Waits for the next request, which must be an INVITE. */
  async expectInvite(waiting: Waiting = {}): Promise<IncomingInvite> {
    const request = await this.expectRequest('INVITE', waiting);
    if (request instanceof IncomingInvite) return request;
    throw new TypeError('an INVITE that is none');
  }

  /** Waits for the next request, which must be a CANCEL. Who answers it says `whenCancelled`. */
  async expectCancel(waiting: Waiting = {}): Promise<IncomingRequest> {
    return this.expectRequest('CANCEL', waiting);
  }

  /** Waits for the next request, which must be an ACK. */
  async expectAck(waiting: Waiting = {}): Promise<IncomingRequest> {
    return this.expectRequest('ACK', waiting);
  }

  /** Waits for the next request, which must be a BYE. */
  async expectBye(waiting: Waiting = {}): Promise<IncomingRequest> {
    return this.expectRequest('BYE', waiting);
  }

  /**
   * Waits for the next request, which must have this method. ACKs are passed over unless asked for, and so is what comes again.
   * Throws a `SimulationError` when another request comes, or none in time.
   */
  async expectRequest(method: string, waiting: Waiting = {}): Promise<IncomingRequest> {
    const what = `${this.name}: expected ${method}`;
    const passed: string[] = [];
    const take = (): IncomingRequest | undefined => {
      for (let next = this.#unseen.shift(); next !== undefined; next = this.#unseen.shift()) {
        if (next.method === method) return next;
        if (next.method !== 'ACK') throw this.kernel.failure(`${what}, but ${next.method} came.`);
        passed.push(next.method);
      }
      return undefined;
    };
    return this.kernel.waitFor(what, take, waiting, () => cameText(passed));
  }

  /** Lets `time` go on, in which nothing may come to this phone. */
  async expectNothing(time: Time): Promise<void> {
    const before = this.received.length;
    const ms = toMs(time, 'the time of expectNothing');
    await this.kernel.driver.until(`${this.name}.expectNothing()`, () => this.received.length > before, this.kernel.nowMs + ms);
    const came = this.received[before];
    if (came !== undefined) throw this.kernel.failure(`${this.name}: expected nothing for ${spanText(ms)}, but ${came.label} came.`);
  }

  // For the other parts of the simulator

  /** @internal Something that no other id of this phone is; differs from seed to seed, so that calls meet other shards. */
  nextId(): string {
    this.#ids++;
    return `${this.name}-${this.#ids}-${this.kernel.settings.seed}`;
  }

  /** @internal */
  get isAutomatic(): boolean {
    return this.#plan.isAutomatic;
  }

  /** @internal */
  transmit(text: string, destination: string): Message {
    if (!this.#isOffline) return this.kernel.send(this, text, destination);
    return this.kernel.unsent(this, text, destination);
  }

  /** @internal */
  receive(message: Message): void {
    if (this.#isOffline) return;
    this.received.push(message);
    if (message.isRequest) this.#receiveRequest(message);
    else {
      const client = this.#clients.get(message.transactionKey);
      if (client === undefined) this.kernel.strays.push(message);
      else client.receive(message);
    }
  }

  /** @internal The first unseen request of that method that belongs to an INVITE. */
  takeOwn(method: string, invite: IncomingInvite): IncomingRequest | undefined {
    const at = this.#unseen.findIndex((request) => request.method === method && invite.owns(request.message));
    return at < 0 ? undefined : this.#unseen.splice(at, 1)[0];
  }

  /** @internal */
  sendCancel(invite: OutgoingInvite, options: MessageOptions): OutgoingRequest {
    const identity: RequestIdentity = { ...invite.identity, method: 'CANCEL' };
    return this.#client(new OutgoingRequest(this, identity, this.#requestText(identity, options)));
  }

  /** @internal Returns what was sent, for `repeatAck`. */
  sendAck(dialog: Dialog, cseq: number, options: MessageOptions): string {
    const identity = this.#identityIn(dialog, 'ACK', cseq);
    const text = this.#requestText(identity, options);
    this.transmit(text, identity.destination);
    return text;
  }

  /** @internal Sends an ACK to a 2xx again, where it went before. */
  repeatAck(text: string): void {
    this.transmit(text, this.#destinationOf(text));
  }

  /** @internal */
  sendInDialog(dialog: Dialog, method: string, options: MessageOptions): OutgoingRequest {
    if (method === 'INVITE') throw new TypeError('an INVITE within a dialog is sent by reinvite()');
    const identity = this.#identityIn(dialog, method, ++dialog.cseq);
    return this.#client(new OutgoingRequest(this, identity, this.#requestText(identity, options)));
  }

  /** @internal */
  sendReinvite(dialog: Dialog, options: MessageOptions): OutgoingInvite {
    const identity = this.#identityIn(dialog, 'INVITE', ++dialog.cseq);
    return this.#client(new OutgoingInvite(this, identity, this.#requestText(identity, options), dialog));
  }

  /** @internal Ends a dialog unless the other side has. */
  hangUp(dialog: Dialog): void {
    const isOver = this.received.some(({ method, callId, toTag }) => method === 'BYE' && callId === dialog.callId && toTag === dialog.localTag);
    if (!isOver) dialog.bye();
  }

  #startCall(to: Callee, options: MessageOptions, plan: CallerPlan | undefined): OutgoingInvite {
    const identity = this.#identity('INVITE', to, options);
    return this.#client(new OutgoingInvite(this, identity, this.#requestText(identity, options), undefined, plan));
  }

  #client<T extends OutgoingRequest>(client: T): T {
    this.#clients.set(client.message.transactionKey, client);
    return client;
  }

  /** What a request outside of dialogs is made of; headers that the test gave itself are taken over where others repeat them. */
  #identity(method: string, to: Callee, options: MessageOptions): RequestIdentity {
    const uri = typeof to === 'string' ? to : to.uri;
    const given = (name: string): readonly string[] => givenValues(options.headers, name);
    return {
      method,
      uri,
      via: given('via')[0]?.split(',', 1)[0]?.trim() ?? this.#newVia(),
      routes: given('route'),
      from: given('from')[0] ?? `<${this.aor}>;tag=${this.nextId()}`,
      to: given('to')[0] ?? `<${uri}>`,
      callId: given('call-id')[0] ?? `call-${this.nextId()}`,
      cseq: Number.parseInt(given('cseq')[0] ?? '1', 10),
      destination: this.kernel.proxyAddress(this.#isV6),
    };
  }

  #identityIn(dialog: Dialog, method: string, cseq: number): RequestIdentity {
    const { routes, remoteTarget } = dialog;
    return {
      method,
      uri: remoteTarget,
      via: this.#newVia(),
      routes,
      from: dialog.local,
      to: dialog.remote,
      callId: dialog.callId,
      cseq,
      destination: this.#addressOf(routes[0] === undefined ? remoteTarget : uriOf(routes[0])),
    };
  }

  #requestText(identity: RequestIdentity, options: MessageOptions): string {
    const { method, uri, via, routes, from, to, callId, cseq } = identity;
    const own: Field[] = [
      ['Via', via],
      ['Max-Forwards', '70'],
      ...routes.map((route) => ['Route', route] as const),
      ['From', from],
      ['To', to],
      ['Call-ID', callId],
      ['CSeq', `${cseq} ${method}`],
      ...(['ACK', 'CANCEL', 'BYE'].includes(method) ? [] : [['Contact', `<${this.uri}>`] as const]),
    ];
    return messageText(`${method} ${uri} SIP/2.0`, own, options);
  }

  #newVia(): string {
    const sentBy = `SIP/2.0/UDP ${this.address}`;
    return this.#hasBranches ? `${sentBy};branch=z9hG4bK-${this.nextId()}` : sentBy;
  }

  /** Where a URI leads: names lead to the proxy, which is everybody's outbound proxy here. */
  #addressOf(uri: string): string {
    const { host, port } = hostPortOf(uri);
    return /^(?:\d+\.){3}\d+$|^\[/.test(host) ? `${host}:${port}` : this.kernel.proxyAddress(this.#isV6);
  }

  #destinationOf(text: string): string {
    const route = /^Route:\s*(.*)$/im.exec(text)?.[1];
    return this.#addressOf(route === undefined ? (text.split(' ', 2)[1] ?? '') : uriOf(route));
  }

  #receiveRequest(message: Message): void {
    const { method } = message;
    if (method === 'ACK') {
      this.#receiveAck(message);
      return;
    }
    const key = message.transactionKey;
    const known = this.#servers.get(key);
    if (known !== undefined) {
      known.receiveAgain();
      return;
    }
    const request = method === 'INVITE' ? new IncomingInvite(this, message) : new IncomingRequest(this, message);
    this.#servers.set(key, request);
    this.#unseen.push(request);
    if (request instanceof IncomingInvite) this.invites.push(request);
    if (this.#plan.isSilent) return;
    if (request instanceof IncomingInvite) this.#answerInvite(request);
    else if (method === 'CANCEL') this.#answerCancel(request);
    else if (this.#plan.isAutomatic) request.reply(200);
  }

  #receiveAck(message: Message): void {
    const invite = this.invites.findLast((one) => one.owns(message));
    if (invite === undefined) {
      this.kernel.strays.push(message);
      return;
    }
    const isFirst = !invite.isAcknowledged;
    invite.receiveAck();
    if (!isFirst) return;
    this.#unseen.push(new IncomingRequest(this, message));
    const { hangsUpMs } = this.#plan;
    if (hangsUpMs >= 0 && invite.status !== undefined && invite.status < 300) this.kernel.after(hangsUpMs, () => { this.hangUp(invite.dialog); });
  }

  #answerInvite(invite: IncomingInvite): void {
    const plan = this.#plan;
    if (!plan.isAutomatic) return;
    if (invite.message.toTag !== '') {
      invite.reply(200);
      return;
    }
    const later = (ms: number, what: () => void): void => {
      if (ms >= 0) this.kernel.after(ms, () => { if (invite.isOpen) what(); });
    };
    later(plan.ringsMs, () => invite.reply(180));
    later(plan.earlyMediaMs, () => invite.reply(183, { body: EARLY_MEDIA }));
    later(plan.finalMs, () => invite.reply(plan.finalStatus));
  }

  #answerCancel(cancel: IncomingRequest): void {
    const { whenCancelled, isAutomatic } = this.#plan;
    const invite = this.invites.find((one) => one.owns(cancel.message));
    if (invite !== undefined) invite.isCancelled = true;
    if (whenCancelled === 'byHand' || (invite === undefined && !isAutomatic)) return;
    cancel.reply(invite === undefined ? 481 : 200);
    if (invite === undefined || !invite.isOpen || whenCancelled === 'ignores') return;
    invite.reply(whenCancelled === 'answers' ? 200 : 487);
  }
}

function behaviourOf(options: PhoneOptions): Behaviour {
  return Object.fromEntries(Object.entries(options).filter(([name]) => BEHAVIOUR_OPTIONS.includes(name)));
}
