/**
 * Socket addresses in their three forms: text, the 32-bit words of `Endpoint`, and the kernel's sockaddr_in and
 * sockaddr_in6. Pure functions, any thread.
 */
import type { Endpoint } from '../proxy/ports.js';
import { AF_INET, AF_INET6 } from './libc.js';
import type { ListenAddress } from './udp-driver.js';

/** Bytes of a sockaddr_in, and of a sockaddr_in6: the length that the kernel is told. */
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN6_BYTES = 28;
/** Room for either, a multiple of 8. */
export const SOCKADDR_SLOT_BYTES = 32;

/** The words of an address, as in `Endpoint`. */
export type AddressWords = Pick<Endpoint, 'family' | 'a0' | 'a1' | 'a2' | 'a3'>;

/**
 * Reads `udp:127.0.0.1:5060`, `udp:[::1]:5060` or the same without `udp:` (port 0 to 65535). Undefined for anything
 * else: names, zones (`%eth0`) and other transports included.
 */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const match = /^(?:udp:)?(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  if (match === null) return undefined;
  const [, host6, host4, portText] = match;
  const port = Number(portText);
  const host = host6 ?? host4 ?? '';
  const family = host6 === undefined ? 4 : 6;
  if (port > 65_535 || parseAddress(host)?.family !== family) return undefined;
  return { host, family, port };
}

/** `udp:127.0.0.1:5060`, `udp:[::1]:5060`: how messages to the operator name a listener. */
export function formatListenAddress(address: ListenAddress): string {
  return address.family === 6 ? `udp:[${address.host}]:${address.port}` : `udp:${address.host}:${address.port}`;
}

/** `127.0.0.1:5060`, `[::1]:5060`. For logs and the portable driver. */
export function formatEndpoint(endpoint: Endpoint): string {
  const host = formatAddress(endpoint);
  return endpoint.family === 6 ? `[${host}]:${endpoint.port}` : `${host}:${endpoint.port}`;
}

/** The words of an IPv4 or IPv6 literal (no brackets, no zone); undefined when it is none. */
export function parseAddress(text: string): AddressWords | undefined {
  if (!text.includes(':')) {
    const a0 = parseIpv4(text);
    return a0 === undefined ? undefined : { family: 4, a0, a1: 0, a2: 0, a3: 0 };
  }
  const groups = parseIpv6(text);
  if (groups === undefined) return undefined;
  const word = (at: number) => (groups[at]! << 16) | groups[at + 1]!;
  return { family: 6, a0: word(0), a1: word(2), a2: word(4), a3: word(6) };
}

function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let word = 0;
  for (let i = 1; i <= 4; i++) {
    const part = match[i]!;
    // A leading zero would be octal to some readers and decimal to others.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    word = (word << 8) | Number(part);
  }
  return word;
}

/** The eight 16-bit groups of an IPv6 literal (RFC 4291 §2.2). */
function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const front = parseGroups(halves[0]!, halves.length === 1);
  const back = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (front === undefined || back === undefined) return undefined;
  const missing = 8 - front.length - back.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...front, ...Array<number>(missing).fill(0), ...back];
}

function parseGroups(text: string, mayEndInIpv4: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes('.')) {
      const word = parseIpv4(part);
      if (word === undefined) return undefined;
      groups.push(word >>> 16, word & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The text of an address: dotted, or the canonical IPv6 form of RFC 5952 (no brackets). */
export function formatAddress(address: AddressWords): string {
  const { a0, a1, a2, a3 } = address;
  if (address.family === 4) return `${a0 >>> 24}.${(a0 >>> 16) & 255}.${(a0 >>> 8) & 255}.${a0 & 255}`;
  if (a0 === 0 && a1 === 0 && a2 === 0xffff) return `::ffff:${formatAddress({ family: 4, a0: a3, a1: 0, a2: 0, a3: 0 })}`;
  const groups = [a0, a1, a2, a3].flatMap((word) => [word >>> 16, word & 0xffff]);
  // RFC 5952 §4.2: `::` stands for the longest run of zero groups, the first of equals, never for a single one.
  let runAt = 0;
  let runLength = 1;
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > runLength) {
      runAt = at;
      runLength = length;
    }
  }
  const hex = groups.map((group) => group.toString(16));
  if (runLength === 1) return hex.join(':');
  return `${hex.slice(0, runAt).join(':')}::${hex.slice(runAt + runLength).join(':')}`;
}

/**
 * Writes a sockaddr at int32 index `at` (SOCKADDR_SLOT_BYTES of room) and returns its length in bytes. The words of
 * `words` are little-endian; the kernel wants addresses and ports big-endian, hence the swapping.
 */
export function writeSockaddr(words: Int32Array, at: number, to: Endpoint): number {
  const port = ((to.port & 0xff) << 24) | ((to.port & 0xff00) << 8);
  if (to.family === 4) {
    words[at] = AF_INET | port;
    words[at + 1] = swap(to.a0);
    words[at + 2] = 0;
    words[at + 3] = 0;
    return SOCKADDR_IN_BYTES;
  }
  words[at] = AF_INET6 | port;
  words[at + 1] = 0;
  words[at + 2] = swap(to.a0);
  words[at + 3] = swap(to.a1);
  words[at + 4] = swap(to.a2);
  words[at + 5] = swap(to.a3);
  words[at + 6] = 0;
  return SOCKADDR_IN6_BYTES;
}

/** Reads the sockaddr at int32 index `at` into family, port and address words of `into`. The zone of IPv6 is left out. */
export function readSockaddr(words: Int32Array, at: number, into: Endpoint): void {
  const first = words[at]!;
  into.port = ((first >>> 8) & 0xff00) | (first >>> 24);
  if ((first & 0xffff) === AF_INET) {
    into.family = 4;
    into.a0 = swap(words[at + 1]!);
    into.a1 = 0;
    into.a2 = 0;
    into.a3 = 0;
    return;
  }
  into.family = 6;
  into.a0 = swap(words[at + 2]!);
  into.a1 = swap(words[at + 3]!);
  into.a2 = swap(words[at + 4]!);
  into.a3 = swap(words[at + 5]!);
}

function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
