/**
 * The messages of one call, made from one another as RFC 3261 says, for tests that play caller and callee on bare sockets
 * (`sip-socket.ts`): what is sent is exactly what stands here.
 */
import { hostPort, type Address } from './free-port.js';
import { fieldsNamed, readRaw, statusOf, value } from './raw-message.js';
import { type SipSocket } from './sip-socket.js';

export interface InviteOptions {
  readonly from: Address;
  /** Host and port of the Request-URI. */
  readonly to: Address;
  /** Its user; `callee` by default. */
  readonly user?: string;
  /** Whole header lines after the Via. */
  readonly headers?: readonly string[];
}

let calls = 0;

/** A new INVITE with a branch, tag and Call-ID of its own. */
export function newInvite({ from, to, user = 'callee', headers = [] }: InviteOptions): string {
  const id = `${String(process.pid)}-${String(++calls)}`;
  const uri = `sip:${user}@${hostPort(to)}`;
  return lines([
    `INVITE ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP ${hostPort(from)};branch=z9hG4bK-raw-${id}`,
    ...headers,
    'Max-Forwards: 70',
    `From: <sip:caller@${hostPort(from)}>;tag=caller-${id}`,
    `To: <${uri}>`,
    `Call-ID: raw-${id}`,
    'CSeq: 1 INVITE',
    `Contact: <sip:caller@${hostPort(from)}>`,
    'Content-Length: 0',
  ]);
}

/** The CANCEL of an INVITE (RFC 3261 §9.1), without its Route. */
export function cancelOf(invite: string, headers: readonly string[] = []): string {
  return lines([
    startLine('CANCEL', invite),
    header(invite, 'via'),
    'Max-Forwards: 70',
    ...headers,
    header(invite, 'from'),
    header(invite, 'to'),
    header(invite, 'call-id'),
    'CSeq: 1 CANCEL',
    'Content-Length: 0',
  ]);
}

/** The ACK to a response other than a 2xx (§17.1.1.3), without the Route of the INVITE. */
export function ackTo(invite: string, response: string): string {
  return lines([
    startLine('ACK', invite),
    header(invite, 'via'),
    'Max-Forwards: 70',
    header(invite, 'from'),
    header(response, 'to'),
    header(invite, 'call-id'),
    'CSeq: 1 ACK',
    'Content-Length: 0',
  ]);
}

/** A request of the caller in the dialog that a 2xx made: the ACK to it, or a BYE. */
export function inDialog(method: 'ACK' | 'BYE', invite: string, response: string): string {
  const routes = all(response, 'record-route').reverse().map((line) => line.replace(/^Record-Route/i, 'Route'));
  return lines([
    startLine(method, invite),
    `${header(invite, 'via')}-${method}`,
    ...routes,
    'Max-Forwards: 70',
    header(invite, 'from'),
    header(response, 'to'),
    header(invite, 'call-id'),
    `CSeq: ${method === 'ACK' ? '1' : '2'} ${method}`,
    'Content-Length: 0',
  ]);
}

/** The callee's answer to a request: `180 Ringing`. */
export function respond(request: string, status: string): string {
  const to = header(request, 'to');
  return lines([
    `SIP/2.0 ${status}`,
    ...all(request, 'via'),
    ...all(request, 'record-route'),
    header(request, 'from'),
    to.includes(';tag=') ? to : `${to};tag=callee`,
    header(request, 'call-id'),
    header(request, 'cseq'),
    'Content-Length: 0',
  ]);
}

/** The first header line of that name, as it stands. */
export function header(message: string, name: string): string {
  return all(message, name)[0] ?? '';
}

/** All header lines of that name. */
export function all(message: string, name: string): string[] {
  return fieldsNamed(readRaw(message), name).map(({ raw }) => raw);
}

/** The branch of the top Via. */
export function branchOf(message: string): string {
  return /;branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? '';
}

/** What came to a socket, in short and in order: `INVITE`, `200 INVITE`. */
export function seen(socket: SipSocket): string[] {
  return socket.received.map((text) => summary(text));
}

function summary(text: string): string {
  const method = /^CSeq: *\d+ +(\S+)/im.exec(text)?.[1] ?? '?';
  const status = statusOf(text);
  return status === undefined ? method : `${String(status)} ${method}`;
}

const WAIT_MS = 20_000;

/** Waits for the `nth` message (1 by default) that `seen` would call `what`. */
export async function arrival(socket: SipSocket, what: string, nth = 1): Promise<string> {
  const found = (): string[] => socket.received.filter((text) => summary(text) === what);
  await socket.find(() => found().length >= nth, WAIT_MS, `${what}, number ${String(nth)}, among ${seen(socket).join(', ')}`);
  return found()[nth - 1] ?? '';
}

/** How often a socket got what `seen` would call `what`. */
export function times(socket: SipSocket, what: string): number {
  return socket.received.filter((text) => summary(text) === what).length;
}

/** The URI in a start line. */
export function requestUri(request: string): string {
  return request.split(' ', 2)[1] ?? '';
}

/** The value of a header without its name. */
export function textOf(message: string, name: string): string {
  const [field] = fieldsNamed(readRaw(message), name);
  return field === undefined ? '' : value(field);
}

function startLine(method: string, invite: string): string {
  return `${method} ${requestUri(invite)} SIP/2.0`;
}

function lines(all: readonly string[]): string {
  return [...all, '', ''].join('\r\n');
}
