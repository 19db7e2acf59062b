/**
 * A small stateless proxy (RFC 3261 §16.11) with faults that a test decides on, message by message. It stands in the path
 * of everything: with a Via in requests and a Record-Route in INVITEs. Requests go to one callee, responses where their next
 * Via says. It counts what it has seen, so that a test can compare figures.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { hostPort, type Address } from './free-port.js';
import { answerTo, fieldsNamed, readRaw, value } from './raw-message.js';

/** A message on its way. */
export interface Passing {
  /** `INVITE`, `200 INVITE`: the method, behind the status of a response. */
  readonly kind: string;
  /** The how manieth call it belongs to, from 1. */
  readonly call: number;
  /** The very same message was here before. */
  readonly copy: boolean;
}

/** What becomes of a message: it goes on, is lost, or is answered with this status (requests). */
export type Fate = 'pass' | 'lose' | `${number} ${string}`;

export interface StandInOptions {
  readonly callee: Address;
  readonly fate?: (message: Passing) => Fate;
  /** How long every message is held back. */
  readonly delayMs?: number;
}

/** Messages of one kind. */
export interface KindCount {
  readonly first: number;
  readonly copies: number;
  readonly lost: number;
}

/** Asked of the kernel for the socket; it gives what it allows. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export class StandInProxy {
  readonly address: Address;
  readonly #socket: Socket;
  readonly #options: StandInOptions;
  readonly #seen = new Set<string>();
  readonly #calls = new Map<string, number>();
  readonly #counts = new Map<string, { first: number; copies: number; lost: number }>();
  /** Held back, oldest first. */
  readonly #held: { readonly dueMs: number; readonly text: string; readonly to: Pick<Address, 'port'> & { host: string } }[] = [];
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket, options: StandInOptions) {
    this.#socket = socket;
    this.#options = options;
    this.address = { host: '127.0.0.1', port: socket.address().port };
    socket.on('message', (bytes) => this.#take(bytes.toString('latin1')));
    // A process at the other end that is gone already.
    socket.on('error', () => undefined);
  }

  static async open(options: StandInOptions): Promise<StandInProxy> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new StandInProxy(socket, options);
  }

  /** By kind. */
  get counts(): Readonly<Record<string, KindCount>> {
    return Object.fromEntries(this.#counts);
  }

  /** Messages lost, of all kinds. */
  get lost(): number {
    return [...this.#counts.values()].reduce((sum, { lost }) => sum + lost, 0);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #take(text: string): void {
    const { startLine, ...message } = readRaw(text);
    const [cseq, callId] = ['cseq', 'call-id'].map((name) => fieldsNamed({ startLine, ...message }, name).map(value)[0]);
    // Line ends that keep a path open are no message.
    if (cseq === undefined || callId === undefined) return;
    const status = /^SIP\/2\.0 (\d{3}) /.exec(startLine)?.[1];
    const kind = status === undefined ? startLine.slice(0, startLine.indexOf(' ')) : `${status} ${cseq.slice(cseq.indexOf(' ') + 1)}`;
    let call = this.#calls.get(callId);
    if (call === undefined) this.#calls.set(callId, (call = this.#calls.size + 1));
    const copy = this.#seen.has(text);
    this.#seen.add(text);
    const fate = this.#options.fate?.({ kind, call, copy }) ?? 'pass';
    const count = this.#counts.get(kind) ?? { first: 0, copies: 0, lost: 0 };
    this.#counts.set(kind, count);
    if (copy) count.copies++;
    else count.first++;
    if (fate === 'lose') count.lost++;
    else if (status !== undefined) this.#response(text);
    else if (fate === 'pass') this.#request(text, kind);
    // An ACK to an answer of ours ends here.
    else if (kind !== 'ACK') this.#send(answerTo(text, fate).replace(/^(To: [^\r]*)/m, '$1;tag=stand-in'), viaOf(text));
  }

  #request(text: string, kind: string): void {
    const branch = /^Via:[^\r]*?;branch=([^;,\r]+)/im.exec(text)?.[1] ?? '';
    const own = hostPort(this.address);
    const route = kind === 'INVITE' ? `Record-Route: <sip:${own};lr>\r\n` : '';
    const line = text.indexOf('\r\n') + 2;
    const rest = text.slice(line).replace(new RegExp(`^Route: <sip:${own};lr>\r\n`, 'm'), '');
    this.#send(`${text.slice(0, line)}Via: SIP/2.0/UDP ${own};branch=z9hG4bKstand-in-${branch}\r\n${route}${rest}`, this.#options.callee);
  }

  #response(text: string): void {
    const rest = text.replace(/^Via:[^\r]*\r\n/m, '');
    this.#send(rest, viaOf(rest));
  }

  #send(text: string, to: { host: string; port: number }): void {
    const { delayMs = 0 } = this.#options;
    if (delayMs === 0) {
      this.#socket.send(Buffer.from(text, 'latin1'), to.port, to.host);
      return;
    }
    this.#held.push({ dueMs: performance.now() + delayMs, text, to });
    if (this.#held.length === 1) this.#timer = setTimeout(() => this.#release(), delayMs);
  }

  /** Sends what has been held back long enough; timers of Node may fire a little early, so the clock decides. */
  #release(): void {
    const now = performance.now();
    let due = 0;
    while (due < this.#held.length && this.#held[due]!.dueMs <= now) due++;
    for (const { text, to } of this.#held.splice(0, due)) this.#socket.send(Buffer.from(text, 'latin1'), to.port, to.host);
    const [next] = this.#held;
    if (next !== undefined) this.#timer = setTimeout(() => this.#release(), Math.max(1, Math.ceil(next.dueMs - now)));
  }
}

/** Where the sender of a request wants its answers: host and port of the top Via. */
function viaOf(text: string): { host: string; port: number } {
  const [, host = '127.0.0.1', port = '5060'] = /^Via: SIP\/2\.0\/UDP ([^:;\r]+):(\d+)/m.exec(text) ?? [];
  return { host, port: Number(port) };
}
