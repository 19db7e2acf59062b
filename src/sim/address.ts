/**
 * Addresses of a simulation: text such as `10.1.0.7:5060` or `[2001:db8::7]:5060` to and from the words of an `Endpoint`,
 * and one number that names an endpoint in a map.
 */
import type { Endpoint } from '../proxy/ports.js';

/** An endpoint of the IPv4 address `word` (as one unsigned number). */
export function endpointV4(word: number, port: number): Endpoint {
  return { listener: 0, family: 4, port, a0: word >>> 0, a1: 0, a2: 0, a3: 0, connection: 0 };
}

/** Reads `a.b.c.d:port` or `[v6]:port`. Throws for anything else: these are texts of a test, not of a network. */
export function parseEndpoint(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  const port = Number(text.slice(colon + 1));
  const host = text.slice(0, colon);
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`not an address: ${text}`);
  if (host.startsWith('[')) {
    const words = parseV6(host.slice(1, -1));
    return { listener: 0, family: 6, port, a0: words[0]!, a1: words[1]!, a2: words[2]!, a3: words[3]!, connection: 0 };
  }
  const parts = host.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) {
    throw new Error(`not an address: ${text}`);
  }
  return endpointV4(((parts[0]! << 24) | (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!) >>> 0, port);
}

function parseV6(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const all = tail === undefined ? front : [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
  if (all.length !== 8 || all.some((group) => !(group >= 0 && group <= 0xffff))) throw new Error(`not an IPv6 address: ${text}`);
  return [0, 2, 4, 6].map((at) => ((all[at]! << 16) | all[at + 1]!) >>> 0);
}

/** `a.b.c.d` of an IPv4 word. */
export function formatV4(word: number): string {
  return `${word >>> 24}.${(word >>> 16) & 255}.${(word >>> 8) & 255}.${word & 255}`;
}

/** The text that `parseEndpoint` reads. IPv6 comes without `::` shortening except for leading zeros of a group. */
export function formatEndpoint(endpoint: Endpoint): string {
  if (endpoint.family !== 6) return `${formatV4(endpoint.a0)}:${endpoint.port}`;
  const groups = [endpoint.a0, endpoint.a1, endpoint.a2, endpoint.a3].flatMap((word) => [word >>> 16, word & 0xffff]);
  return `[${groups.map((group) => group.toString(16)).join(':')}]:${endpoint.port}`;
}

/**
 * One number for an endpoint's address and port: exact for IPv4; for IPv6 it is made of the last word only, which is
 * enough for a simulation that numbers its hosts there.
 */
export function endpointKey(endpoint: Endpoint): number {
  return endpoint.family === 6 ? -((endpoint.a3 >>> 0) * 65536 + endpoint.port) - 1 : (endpoint.a0 >>> 0) * 65536 + endpoint.port;
}
