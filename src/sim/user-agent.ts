/**
 * What the simulated caller and callee have in common: an address, transactions, dialogs, BYE in both directions.
 *
 * Phones are sans-I/O objects of a world; they react to packets and to the clock, and every random choice was made for
 * them in a plan beforehand, so that the network alone decides how a planned call goes.
 */
import { formatEndpoint, parseEndpoint } from './address.js';
import {
  hashBytes,
  M_ACK,
  M_BYE,
  M_INVITE,
  METHODS,
  type MessageReader,
} from './message-reader.js';
import { type MessageWriter, writeResponse } from './message-writer.js';
import type { Network, Packet, Port, SimHost } from './network.js';
import type { ByteRange } from './slab.js';
import { UaClientTransaction, UaServerTransaction, type UaTimers } from './ua-transaction.js';
import { ClockEvent, type VirtualClock } from './virtual-clock.js';
import type { Endpoint } from '../proxy/ports.js';

/** What a phone needs of its world. Reader and writer are shared: nothing of theirs is kept across events. */
export interface UaWorld {
  readonly clock: VirtualClock;
  readonly network: Network;
  readonly reader: MessageReader;
  readonly writer: MessageWriter;
  readonly timers: UaTimers;
  /** The proxy that a phone sends to when no Route says otherwise. */
  readonly proxy: Port;
  /** `host:port` of it. */
  readonly proxyAddress: string;
}

/** One side of a dialog (RFC 3261 §12). */
export interface UaDialog {
  /** Hash of the remote tag, by which it is found. */
  readonly remoteTag: number;
  /** From and To of requests of ours, whole values. */
  readonly local: string;
  readonly remote: string;
  /** Remote target. */
  readonly target: string;
  /** Route values joined by commas, `''`: none. */
  readonly routes: string;
  /** CSeq number of our latest request. */
  cseq: number;
  /** The ACK of the caller's side, sent again for every 2xx. */
  ack: ByteRange | undefined;
  ackTo: Port | undefined;
  isEnded: boolean;
}

/** A moment in the plan of a phone. */
export class PlannedMoment extends ClockEvent {
  private readonly agent: UserAgent;
  private readonly what: number;
  constructor(agent: UserAgent, what: number) {
    super();
    this.agent = agent;
    this.what = what;
  }
  override fire(): void {
    this.agent.onMoment(this.what);
  }
}

export abstract class UserAgent implements SimHost {
  readonly world: UaWorld;
  readonly port: Port;
  /** `a.b.c.d:port`, for Via and Contact. */
  readonly address: string;
  /** Number of the call: the Call-ID is made of it. */
  readonly call: number;
  readonly clients: UaClientTransaction[] = [];
  readonly servers: UaServerTransaction[] = [];
  /** Responses that belong to no request of this phone, or carry more than its own Via: a proxy's mistake. */
  strays = 0;
  /** Requests in a dialog that got no final response, or an ACK that never came. */
  timeouts = 0;
  /** BYE received in a dialog, and sent and answered with 2xx. */
  byesReceived = 0;
  byesAnswered = 0;
  /** False for a phone of RFC 2543 times: no magic cookie in its branches. */
  protected readonly hasCookie: boolean;
  private branches = 0;

  constructor(world: UaWorld, endpoint: Endpoint, call: number, hasCookie: boolean) {
    this.world = world;
    this.call = call;
    this.hasCookie = hasCookie;
    this.address = formatEndpoint(endpoint);
    this.port = world.network.attach(endpoint, this, call);
  }

  get nowMs(): number {
    return this.world.clock.nowMs;
  }

  /** A moment of the plan has come. */
  abstract onMoment(what: number): void;
  /** A response to a transaction of ours, in the world's reader. `isFirstFinal`: not a retransmission. */
  protected abstract onResponse(transaction: UaClientTransaction, isFirstFinal: boolean): void;
  /** A new request other than ACK and BYE, in the world's reader. */
  protected abstract onRequest(transaction: UaServerTransaction): void;
  /** An ACK, in the world's reader. */
  protected abstract onAck(): void;
  protected abstract onBye(): void;

  receive(packet: Packet): void {
    const { reader } = this.world;
    if (!reader.read(packet.bytes, packet.start, packet.end)) {
      this.strays++;
      return;
    }
    if (reader.isRequest) this.receiveRequest(packet);
    else this.receiveResponse();
  }

  send(message: ByteRange, to: Port): void {
    this.world.network.send(message.bytes, message.start, message.end, this.port, to);
  }

  onTimeout(_transaction: UaClientTransaction): void {
    this.timeouts++;
  }

  onAckMissing(_transaction: UaServerTransaction): void {
    this.timeouts++;
  }

  /** Answers with a response of no body. */
  protected respond(transaction: UaServerTransaction, status: number, reason: string, toTag: string, contact = ''): void {
    const { reader, writer } = this.world;
    const { bytes, start, end } = transaction.request;
    reader.read(bytes, start, end);
    transaction.respond(writeResponse(writer, reader, { status, reason, toTag, contact }), status);
  }

  /** A branch that was never used before. */
  newBranch(): string {
    return `${this.hasCookie ? 'z9hG4bK' : ''}${this.call}.${this.port.endpoint.a0 & 0xff_ffff}.${++this.branches}`;
  }

  /** Sends a request as a new client transaction. `branch` is the text that `message` carries. */
  request(method: number, cseq: number, branch: string, message: ByteRange, to: Port): UaClientTransaction {
    const transaction = new UaClientTransaction(this, method, cseq, hashText(branch), message, to);
    this.clients.push(transaction);
    transaction.start();
    return transaction;
  }

  /** Builds a request inside a dialog (RFC 3261 §12.2.1.1), `isRouteless`: without its Route. */
  buildInDialog(dialog: UaDialog, method: number, cseq: number, branch: string, isRouteless = false): ByteRange {
    const name = METHODS[method]!;
    const writer = this.world.writer.begin(name).text(' ').text(dialog.target)
      .text(' SIP/2.0\r\nVia: SIP/2.0/UDP ').text(this.address).text(';branch=').text(branch)
      .text('\r\nCSeq: ').text(String(cseq)).text(' ').text(name)
      .text('\r\nCall-ID: ').text(String(this.call))
      .text('@sim\r\nFrom: ').text(dialog.local)
      .text('\r\nTo: ').text(dialog.remote)
      .text('\r\nMax-Forwards: 70\r\n');
    if (method === M_INVITE) writer.text('Contact: <sip:caller@').text(this.address).text('>\r\n');
    if (dialog.routes !== '' && !isRouteless) writer.text('Route: ').text(dialog.routes).text('\r\n');
    return writer.end();
  }

  protected bye(dialog: UaDialog): void {
    if (dialog.isEnded) return;
    dialog.isEnded = true;
    const branch = this.newBranch();
    const message = this.buildInDialog(dialog, M_BYE, ++dialog.cseq, branch);
    this.request(M_BYE, dialog.cseq, branch, message, this.nextHop(dialog));
  }

  /** Where requests of a dialog go first: the topmost Route, else the remote target. */
  nextHop(dialog: UaDialog): Port {
    const { network, proxy, proxyAddress } = this.world;
    const uri = dialog.routes === '' ? dialog.target : dialog.routes;
    const address = hostPort(uri);
    if (address === proxyAddress) return proxy;
    const port = network.portAt(parseEndpoint(address));
    if (port === undefined) throw new Error(`call ${this.call}: nobody is at ${uri}`);
    return port;
  }

  private receiveResponse(): void {
    const { reader } = this.world;
    for (const transaction of this.clients) {
      if (transaction.method !== reader.method || transaction.cseq !== reader.cseq) continue;
      if (transaction.branch !== reader.branch) continue;
      if (reader.viaCount !== 1) break;
      const isFirstFinal = transaction.receive(reader.status);
      if (isFirstFinal && transaction.method === M_BYE && reader.status < 300) this.byesAnswered++;
      this.onResponse(transaction, isFirstFinal);
      return;
    }
    this.strays++;
  }

  private receiveRequest(packet: Packet): void {
    const { reader } = this.world;
    if (reader.method === M_ACK) {
      this.onAck();
      return;
    }
    const known = this.findServer(reader.method, reader.branch);
    if (known !== undefined) {
      known.repeated();
      return;
    }
    const { method, cseq, branch } = reader;
    const transaction = new UaServerTransaction(this, method, cseq, branch, packet, packet.from);
    this.servers.push(transaction);
    if (method === M_BYE) {
      this.byesReceived++;
      this.onBye();
      this.respond(transaction, 200, 'OK', '');
    } else this.onRequest(transaction);
  }

  /** The server transaction of that method and branch. */
  protected findServer(method: number, branch: number): UaServerTransaction | undefined {
    for (const transaction of this.servers) {
      if (transaction.method === method && transaction.branch === branch) return transaction;
    }
    return undefined;
  }

  /** The INVITE that a CANCEL or an ACK in the world's reader belongs to. */
  protected findInvite(): UaServerTransaction | undefined {
    return this.findServer(M_INVITE, this.world.reader.branch);
  }
}

const hashScratch = new Uint8Array(128);

/** The hash that a reader computes of the same text. */
export function hashText(text: string): number {
  for (let i = 0; i < text.length; i++) hashScratch[i] = text.charCodeAt(i);
  return hashBytes(hashScratch, 0, text.length);
}

/** `host:port` of the first URI in a Route value or of a URI; simulated URIs always have a port, or 5060 is meant. */
export function hostPort(uri: string): string {
  const scheme = uri.indexOf('sip:') + 4;
  let end = scheme;
  while (end < uri.length && !';>?, '.includes(uri[end]!)) end++;
  const at = uri.slice(scheme, end).lastIndexOf('@');
  const host = uri.slice(at < 0 ? scheme : scheme + at + 1, end);
  return host.lastIndexOf(':') > host.lastIndexOf(']') ? host : `${host}:5060`;
}
