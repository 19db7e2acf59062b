/**
 * The next hop of a request: from a URI to an address (RFC 3261 §16.6 step 7, RFC 3263 for literals). Names are not
 * resolved here; a URI that cannot be reached gives the status that its branch answers with. Sans-I/O.
 */
import { AddressWords, parseIpv4, parseIpv6 } from '../sip/address-text.js';
import { ascii } from '../sip/chars.js';
import type { Endpoint, ListenerInfo } from './ports.js';
import { SCHEME_SIP, TRANSPORT_NONE, TRANSPORT_UDP, UriView, parseUri } from '../sip/uri.js';
import { createEndpoint, isUsable } from './via-fix.js';

const DEFAULT_PORT = 5060;

/** Why a URI cannot be reached: what its branch answers with. */
export const HOP_OK = 0;
export const HOP_BAD_URI = 1;
export const HOP_SCHEME = 2;
export const HOP_TRANSPORT = 3;
export const HOP_NAME = 4;
export const HOP_ADDRESS = 5;
export const HOP_NO_LISTENER = 6;

/** Status by `HOP_*`. What is the script's mistake, or counts as a 503 of the next hop (§16.9), is a 500 to the caller. */
export const HOP_STATUS: readonly number[] = [200, 500, 416, 500, 404, 404, 500];
/** What is wrong, for the log, by `HOP_*`. */
export const HOP_PROBLEM: readonly string[] = [
  '',
  'it is no usable SIP URI, such as sip:192.0.2.1:5060',
  'its URI scheme is not supported',
  'it asks for a transport other than UDP',
  'its host is a name, and names are not resolved',
  'its address is a broadcast, multicast or unspecified one',
  'no listener has its address family',
];

/** A resolved next hop. */
export class NextHop {
  /** `HOP_*`. */
  fault = HOP_OK;
  readonly to: Endpoint = createEndpoint();
  /** 1 when the URI has `lr`. */
  looseRouter = 0;
}

const view = new UriView();
const words = new AddressWords();

/** Resolves the URI in `bytes[start, end)`; which listener sends is left to `chooseListener`. */
export function resolveUri(bytes: Uint8Array, start: number, end: number, out: NextHop): void {
  if (parseUri(bytes, start, end, view) !== 0 || view.headersStart >= 0) {
    out.fault = HOP_BAD_URI;
    return;
  }
  resolveView(bytes, view, out);
}

/** The same for a URI that has been parsed already. */
export function resolveView(bytes: Uint8Array, uri: UriView, out: NextHop): void {
  out.looseRouter = uri.lr;
  if (uri.scheme !== SCHEME_SIP) {
    out.fault = uri.scheme > SCHEME_SIP + 1 ? HOP_SCHEME : HOP_TRANSPORT;
    return;
  }
  if (uri.transport !== TRANSPORT_NONE && uri.transport !== TRANSPORT_UDP) {
    out.fault = HOP_TRANSPORT;
    return;
  }
  const to = out.to;
  if (uri.maddrStart >= 0) {
    // RFC 3261 §16.6 step 7 and RFC 3263 §4: maddr stands in for the host.
    if (!parseIpv4(bytes, uri.maddrStart, uri.maddrEnd, words) && !parseBracketed(bytes, uri.maddrStart, uri.maddrEnd)) {
      out.fault = HOP_NAME;
      return;
    }
    to.family = words.family;
    to.a0 = words.a0;
    to.a1 = words.a1;
    to.a2 = words.a2;
    to.a3 = words.a3;
  } else {
    if (uri.family === 0) {
      out.fault = HOP_NAME;
      return;
    }
    to.family = uri.family;
    to.a0 = uri.a0;
    to.a1 = uri.a1;
    to.a2 = uri.a2;
    to.a3 = uri.a3;
  }
  to.port = uri.port === 0 ? DEFAULT_PORT : uri.port;
  to.connection = 0;
  out.fault = isUsable(to) ? HOP_OK : HOP_ADDRESS;
}

function parseBracketed(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] === 0x5b && parseIpv6(bytes, start + 1, end - 1, words);
}

/** The listeners of this proxy: which one sends to an address, and which URIs are ours (§16.4, §16.6 step 7). */
export class Listeners {
  readonly #families: readonly number[];
  readonly #ours: readonly OwnAddress[];

  constructor(listeners: readonly ListenerInfo[]) {
    this.#families = listeners.map((listener) => listener.family);
    this.#ours = listeners.flatMap((listener, index) => listener.ours.map((own) => ownAddress(index, own.host, own.port)));
  }

  /** Sets `to.listener`: the one the request came in by when the family fits, else the first that does. */
  choose(to: Endpoint, inbound: number): boolean {
    if (this.#families[inbound] === to.family) {
      to.listener = inbound;
      return true;
    }
    const index = this.#families.indexOf(to.family);
    to.listener = index;
    return index >= 0;
  }

  /** Which listener the host and port of a parsed URI name; -1 when they are not ours. */
  named(bytes: Uint8Array, uri: UriView): number {
    if (uri.hostStart < 0) return -1;
    const port = uri.port === 0 ? DEFAULT_PORT : uri.port;
    for (const own of this.#ours) {
      if (own.port !== port) continue;
      if (own.family !== 0) {
        if (own.family === uri.family && own.a0 === uri.a0 && own.a1 === uri.a1 && own.a2 === uri.a2 && own.a3 === uri.a3) return own.listener;
      } else if (uri.family === 0 && sameName(bytes, uri.hostStart, uri.hostEnd, own.name)) {
        return own.listener;
      }
    }
    return -1;
  }
}

interface OwnAddress {
  readonly listener: number;
  /** 0 for a name. */
  readonly family: number;
  readonly a0: number;
  readonly a1: number;
  readonly a2: number;
  readonly a3: number;
  /** Lower case. */
  readonly name: string;
  readonly port: number;
}

function ownAddress(listener: number, host: string, port: number): OwnAddress {
  const bytes = ascii(host);
  const bare = host.startsWith('[') ? bytes.subarray(1, bytes.length - 1) : bytes;
  if (parseIpv4(bare, 0, bare.length, words) || parseIpv6(bare, 0, bare.length, words)) {
    return { listener, family: words.family, a0: words.a0, a1: words.a1, a2: words.a2, a3: words.a3, name: '', port };
  }
  return { listener, family: 0, a0: 0, a1: 0, a2: 0, a3: 0, name: host.toLowerCase(), port };
}

function sameName(bytes: Uint8Array, start: number, end: number, lower: string): boolean {
  if (end - start !== lower.length) return false;
  for (let i = 0; i < lower.length; i++) {
    const c = bytes[start + i]!;
    if ((c >= 0x41 && c <= 0x5a ? c | 0x20 : c) !== lower.charCodeAt(i)) return false;
  }
  return true;
}
