/**
 * The leaf grammars a second time, as plainly as RFC 3261 §25 writes them: regular expressions and string functions, to
 * be compared with the scanners of src/sip. One character is one octet (latin1).
 *
 * Where we are stricter or more liberal than the RFC on purpose, it is said here as well: `_` in host names, no leading
 * zeros in IPv4 numbers, no port 0, no parameter that we act on given twice, a last label that is no number.
 */
import { isIPv4, isIPv6 } from 'node:net';

const LWS = '(?:\\r?\\n)?[ \\t]';
const SWS = `(?:${LWS})*`;
const ESCAPED = '%[0-9A-Fa-f]{2}';
const UNRESERVED = "A-Za-z0-9\\-_.!~*'()";
const TOKEN = "[A-Za-z0-9\\-.!%*_+`'~]+";
const SCHEME = '[A-Za-z][A-Za-z0-9+\\-.]*';
const QUOTED = `"(?:${LWS}|[\\x21\\x23-\\x5b\\x5d-\\x7e\\x80-\\xff]|\\\\[\\x00-\\x09\\x0b\\x0c\\x0e-\\x7f])*"`;
const REFERENCE = '\\[[0-9A-Fa-f:.]*\\]';
const HOST = `[A-Za-z0-9\\-._]+|${REFERENCE}`;

const some = (characters: string): string => `(?:[${UNRESERVED}${characters}]|${ESCAPED})`;

const URI_PARAM = `;${some('\\[\\]/:&+$')}+(?:=${some('\\[\\]/:&+$')}+)?`;
const URI_HEADER = `${some('\\[\\]/?:+$')}+=${some('\\[\\]/?:+$')}*`;
const SIP_URI = new RegExp(
  `^[sS][iI][pP]([sS])?:(?:(${some('&=+$,;?/')}+)(?::(${some('&=+$,')}*))?@)?(${HOST})(?::([0-9]+))?` +
    `((?:${URI_PARAM})*)(?:\\?(${URI_HEADER}(?:&${URI_HEADER})*))?$`,
);

const genericParam = (value: string): string => `${SWS};${SWS}${TOKEN}(?:${SWS}=${SWS}(?:${value}))?`;
const PLAIN_VALUE = `${TOKEN}|${QUOTED}|${REFERENCE}`;
const VALUE_END = `${SWS}(?:,(?!${SWS}$)|$)`;
const NAME_ADDR = new RegExp(
  `^${SWS}(?:(?:(?:(${QUOTED})|(${TOKEN}(?:(?:${LWS})+${TOKEN})*))?${SWS}<([!#-;=?-~]+)>)|(${SCHEME}:[!#-+\\--:=@-~]+))` +
    `((?:${genericParam(PLAIN_VALUE)})*)${VALUE_END}`,
);
// `received` takes an IPv6 address without brackets, so colons are let through here and judged below.
const VIA_VALUE = `[A-Za-z0-9\\-.!%*_+\`'~:]+|${QUOTED}|${REFERENCE}`;
const VIA = new RegExp(
  `^${SWS}(${TOKEN})${SWS}/${SWS}(${TOKEN})${SWS}/${SWS}(${TOKEN})(?:${LWS})+(${HOST})(?:${SWS}:${SWS}([0-9]+))?` +
    `((?:${genericParam(VIA_VALUE)})*)${VALUE_END}`,
);

export interface ReferenceUri {
  secure: boolean;
  user: string | undefined;
  password: string | undefined;
  host: string;
  port: number;
  params: string | undefined;
  headers: string | undefined;
}

export interface ReferenceNameAddr {
  display: string | undefined;
  uri: string;
  bracketed: boolean;
  tag: string | undefined;
}

export interface ReferenceVia {
  protocol: string;
  version: string;
  transport: string;
  host: string;
  port: number;
  branch: string | undefined;
  received: string | undefined;
}

type Params = Map<string, string | undefined>;

/** A SIP or SIPS URI taken apart, or undefined if it is none. */
export function referenceUri(text: string): ReferenceUri | undefined {
  const match = SIP_URI.exec(text);
  if (!match) return undefined;
  const [, secure, user, password, host, port, params, headers] = match;
  if (!isHost(host!) || !isPort(port)) return undefined;
  const byName: Params = new Map();
  for (const param of params!.split(';').slice(1)) {
    const [name, value] = param.split('=');
    const key = name!.toLowerCase();
    if (byName.has(key) && (key === 'transport' || key === 'maddr')) return undefined;
    byName.set(key, value);
  }
  if (byName.has('transport') && byName.get('transport') === undefined) return undefined;
  if (byName.has('maddr') && !isHost(byName.get('maddr') ?? '')) return undefined;
  return { secure: secure !== undefined, user, password, host: host!, port: Number(port ?? 0), params: params === '' ? undefined : params, headers };
}

/** The first address value of a field taken apart, or undefined if it is none. */
export function referenceNameAddr(text: string): ReferenceNameAddr | undefined {
  const match = NAME_ADDR.exec(text);
  if (!match) return undefined;
  const [, quoted, words, bracketed, bare, params] = match;
  const byName = headerParams(params!, ['tag'], PLAIN_VALUE);
  if (!byName) return undefined;
  if (byName.has('tag') && !isToken(byName.get('tag'))) return undefined;
  return {
    display: quoted === undefined ? words : quoted.slice(1, -1),
    uri: bracketed ?? bare!,
    bracketed: bracketed !== undefined,
    tag: byName.get('tag'),
  };
}

/** The first value of a Via field taken apart, or undefined if it is none. */
export function referenceVia(text: string): ReferenceVia | undefined {
  const match = VIA.exec(text);
  if (!match) return undefined;
  const [, protocol, version, transport, host, port, params] = match;
  if (!isHost(host!) || !isPort(port)) return undefined;
  const byName = headerParams(params!, ['branch', 'received', 'rport', 'maddr', 'ttl'], VIA_VALUE);
  if (!byName) return undefined;
  for (const [name, value] of byName) {
    if (name !== 'received' && value !== undefined && /^[^"[]*:/.test(value)) return undefined;
  }
  const received = byName.get('received');
  if (byName.has('received') && !isToken(received) && !isAddress(received ?? '')) return undefined;
  if (byName.has('branch') && !isToken(byName.get('branch'))) return undefined;
  const rport = byName.get('rport');
  if (rport !== undefined && (!/^[0-9]+$/.test(rport) || !isPort(rport))) return undefined;
  if (byName.has('maddr') && !isHost(byName.get('maddr') ?? '')) return undefined;
  if (byName.has('ttl') && (!/^[0-9]+$/.test(byName.get('ttl') ?? '') || Number(byName.get('ttl')) > 255)) return undefined;
  return { protocol: protocol!, version: version!, transport: transport!, host: host!, port: Number(port ?? 0), branch: byName.get('branch'), received };
}

/** Whether `text` is an IPv6 address without a zone. */
export function isPlainIPv6(text: string): boolean {
  return !text.includes('%') && isIPv6(text);
}

/** Parameters by lower-case name, or undefined when one of `single` stands twice or a reference is no address. */
function headerParams(text: string, single: readonly string[], value: string): Params | undefined {
  const byName: Params = new Map();
  const one = new RegExp(`${SWS};${SWS}(${TOKEN})(?:${SWS}=${SWS}(${value}))?`, 'gy');
  for (const match of text.matchAll(one)) {
    const key = match[1]!.toLowerCase();
    if (byName.has(key) && single.includes(key)) return undefined;
    if (match[2]?.startsWith('[') && !isHost(match[2])) return undefined;
    byName.set(byName.has(key) ? `${key} again at ${match.index}` : key, match[2]);
  }
  return byName;
}

function isToken(text: string | undefined): boolean {
  return text !== undefined && new RegExp(`^${TOKEN}$`).test(text);
}

function isPort(text: string | undefined): boolean {
  return text === undefined || (Number(text) >= 1 && Number(text) <= 65535);
}

function isAddress(text: string): boolean {
  return text.startsWith('[') ? isHost(text) : isIPv4(text) || isPlainIPv6(text);
}

function isHost(text: string): boolean {
  if (text.startsWith('[')) return text.endsWith(']') && isPlainIPv6(text.slice(1, -1));
  if (isIPv4(text)) return true;
  const labels = (text.endsWith('.') ? text.slice(0, -1) : text).split('.');
  if (!labels.every((label) => /^[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?$/.test(label))) return false;
  return !/^[0-9]+$/.test(labels.at(-1)!);
}
