/**
 * The canonical address-of-record of a To or a Request-URI (RFC 3261 §10.3 step 5): the index of the location store.
 *
 * It is written `user@host`: the user with as few escapes as a URI allows (so that equal users are equal texts, and nothing in it can
 * break a line or a log), the host as the main name of its domain in lower case. Scheme, port, password and parameters are no part
 * of it: `sip:` and `sips:` of one user are one address-of-record (RFC 5630 §5.4). The case of the user counts. Sans-I/O.
 */
import { CHAR_CLASS, C_HEX, C_USER } from '../sip/chars.js';
import { AddressWords, IPV6_TEXT_BYTES, parseIpv6, writeHost } from '../sip/address-text.js';
import { HOST_IPV6, SCHEME_SIPS, UriView, parseUri } from '../sip/uri.js';

/** Why a URI is no address-of-record of ours. */
export const AOR_OK = 0;
/** It does not parse: 400. */
export const AOR_MALFORMED = 1;
/** It is neither SIP nor SIPS: 404. */
export const AOR_SCHEME = 2;
/** Its domain is none of ours: 404, or the request belongs elsewhere. */
export const AOR_FOREIGN = 3;
/** It names a domain without a user: 404. */
export const AOR_NO_USER = 4;

const PERCENT = 0x25;
const DOT = 0x2e;
const HEX_DIGITS = '0123456789ABCDEF';

/** One domain of the registrar. */
export interface Domain {
  /** Its main name, under which its users are kept. */
  readonly name: string;
  /** Other names, and addresses, by which it is called. */
  readonly aliases?: readonly string[];
}

/** The domains that the registrar is responsible for. Made once from the configuration, and only read after that. */
export class Domains {
  readonly #mainNames = new Map<string, string>();

  /** Names in any case, IPv6 addresses with or without brackets. A name that stands twice belongs to the first domain with it. */
  constructor(domains: readonly Domain[]) {
    for (const { name } of domains) this.#add(name, canonicalHost(name));
    for (const { name, aliases } of domains) {
      for (const alias of aliases ?? []) this.#add(alias, canonicalHost(name));
    }
  }

  /** Main name of the domain that `host` (canonical, see `canonicalHost`) belongs to, or undefined when it is none of ours. */
  mainName(host: string): string | undefined {
    return this.#mainNames.get(host);
  }

  #add(name: string, mainName: string): void {
    const host = canonicalHost(name);
    if (!this.#mainNames.has(host)) this.#mainNames.set(host, mainName);
  }
}

/** A host as address-of-records have it: lower case, no dot at its end, IPv6 in brackets in its one form (RFC 5952). */
export function canonicalHost(host: string): string {
  const lower = host.toLowerCase();
  if (lower.includes(':')) {
    const inner = lower.replace(/^\[|\]$/g, '');
    const bytes = new Uint8Array(inner.length);
    for (let i = 0; i < inner.length; i++) bytes[i] = inner.charCodeAt(i);
    if (inner.length <= 0xff && parseIpv6(bytes, 0, bytes.length, words)) return textOfAddress();
  }
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

/** What `readAor` found. Reused by its owner. */
export class Aor {
  /** `user@host`; '' unless the code was AOR_OK. */
  key = '';
  /** The user as in `key`, and the main name of the domain. */
  user = '';
  host = '';
  /**
   * Whether the URI has a `gr` parameter, and its value as it stands: '' without one (RFC 5627 §3.2). Such a URI means one instance
   * of the user.
   */
  isGruu = false;
  gr = '';
}

const view = new UriView();
const words = new AddressWords();
const hostText = new Uint8Array(IPV6_TEXT_BYTES + 2);

/**
 * Reads the address-of-record of the URI `bytes[start, end)` into `out`. A code `AOR_*`. Bytes are borrowed for the call.
 */
export function readAor(bytes: Uint8Array, start: number, end: number, domains: Domains, out: Aor): number {
  out.key = '';
  out.user = '';
  out.host = '';
  out.isGruu = false;
  out.gr = '';
  if (parseUri(bytes, start, end, view) !== 0) return AOR_MALFORMED;
  if (view.scheme > SCHEME_SIPS) return AOR_SCHEME;
  const host = domains.mainName(hostOf(bytes));
  if (host === undefined) return AOR_FOREIGN;
  if (view.userStart < 0) return AOR_NO_USER;
  out.host = host;
  out.user = canonicalUser(bytes, view.userStart, view.userEnd);
  out.key = `${out.user}@${host}`;
  readGr(bytes, out);
  return AOR_OK;
}

/** Main name of the domain of the URI `bytes[start, end)`, or undefined when it is none of ours (RFC 3261 §10.3 step 1). */
export function domainOf(bytes: Uint8Array, start: number, end: number, domains: Domains): string | undefined {
  if (parseUri(bytes, start, end, view) !== 0 || view.scheme > SCHEME_SIPS) return undefined;
  return domains.mainName(hostOf(bytes));
}

function hostOf(bytes: Uint8Array): string {
  if (view.hostKind === HOST_IPV6) {
    words.family = 6;
    words.a0 = view.a0;
    words.a1 = view.a1;
    words.a2 = view.a2;
    words.a3 = view.a3;
    return textOfAddress();
  }
  const end = view.hostEnd - view.hostStart > 1 && bytes[view.hostEnd - 1] === DOT ? view.hostEnd - 1 : view.hostEnd;
  return latin1(bytes, view.hostStart, end).toLowerCase();
}

function textOfAddress(): string {
  return latin1(hostText, 0, writeHost(hostText, 0, words));
}

/** The user with every escape taken off that a URI can do without, and the others in upper case. */
function canonicalUser(bytes: Uint8Array, start: number, end: number): string {
  let user = '';
  for (let i = start; i < end; i++) {
    let c = bytes[i]!;
    if (c === PERCENT && i + 2 < end && (CHAR_CLASS[bytes[i + 1]!]! & CHAR_CLASS[bytes[i + 2]!]! & C_HEX) !== 0) {
      c = (hexDigit(bytes[i + 1]!) << 4) | hexDigit(bytes[i + 2]!);
      i += 2;
    }
    user += (CHAR_CLASS[c]! & C_USER) !== 0 ? String.fromCharCode(c) : `%${HEX_DIGITS[c >>> 4]!}${HEX_DIGITS[c & 15]!}`;
  }
  return user;
}

function readGr(bytes: Uint8Array, out: Aor): void {
  if (view.paramsStart < 0) return;
  for (const param of latin1(bytes, view.paramsStart + 1, view.paramsEnd).split(';')) {
    if (!/^gr(=|$)/i.test(param)) continue;
    out.isGruu = true;
    out.gr = param.slice(3);
    return;
  }
}

function hexDigit(c: number): number {
  return c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
