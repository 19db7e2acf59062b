/**
 * Peer addresses by small numbers: a call remembers one int32 instead of an address. Addresses come from received datagrams
 * and from URIs of the other side; there are few in practice, and a bound stands against the rest.
 */
import { formatAddress, parseAddress } from '../../net/endpoint.js';
import type { Endpoint } from '../../proxy/ports.js';

/** Different addresses that one thread can talk to. */
export const ENDPOINTS_MAX = 65_536;
/** Host texts whose address is remembered. */
const HOSTS_MAX = 64;
const COLON = 58;

export class Endpoints {
  /** By number; each is also what the socket layer sends to. */
  readonly all: Endpoint[] = [];
  private readonly byKey = new Map<number, number[]>();
  private last = 0;
  private readonly hostBytes: Uint8Array[] = [];
  private readonly hostNumbers: number[] = [];
  private readonly hostListeners: number[] = [];

  /** Number of an address; -1 when there are too many. The object is copied. */
  numberOf(from: Endpoint): number {
    const known = this.all[this.last];
    if (known !== undefined && same(known, from)) return this.last;
    const key = (Math.imul(from.a0 ^ from.a3, 0x9e3779b1) ^ (from.port << 8) ^ from.listener) >>> 0;
    let numbers = this.byKey.get(key);
    if (numbers !== undefined) {
      for (const number of numbers) {
        if (same(this.all[number]!, from)) {
          this.last = number;
          return number;
        }
      }
    }
    if (this.all.length >= ENDPOINTS_MAX) return -1;
    const { listener, family, port, a0, a1, a2, a3 } = from;
    const number = this.all.push({ listener, family, port, a0, a1, a2, a3, connection: 0 }) - 1;
    if (numbers === undefined) {
      numbers = [];
      this.byKey.set(key, numbers);
    }
    numbers.push(number);
    this.last = number;
    return number;
  }

  /**
   * Number of the address that `host:port` in `bytes[start, end)` names, as seen from socket `listener`: an IP literal,
   * IPv6 in brackets, port 5060 when absent. -1: it is a name, or no address at all.
   */
  numberOfHostPort(bytes: Uint8Array, start: number, end: number, listener: number): number {
    for (let i = 0; i < this.hostBytes.length; i++) {
      if (this.hostListeners[i] === listener && equals(this.hostBytes[i]!, bytes, start, end)) return this.hostNumbers[i]!;
    }
    const number = this.parse(bytes, start, end, listener);
    const place = this.hostBytes.length < HOSTS_MAX ? this.hostBytes.length : number & (HOSTS_MAX - 1);
    this.hostBytes[place] = bytes.slice(start, end);
    this.hostNumbers[place] = number;
    this.hostListeners[place] = listener;
    return number;
  }

  /** `127.0.0.1:5070`, `[::1]:5070`. */
  text(number: number): string {
    const endpoint = this.all[number]!;
    return endpoint.family === 6 ? `[${formatAddress(endpoint)}]:${endpoint.port}` : `${formatAddress(endpoint)}:${endpoint.port}`;
  }

  private parse(bytes: Uint8Array, start: number, end: number, listener: number): number {
    const text = new TextDecoder('latin1').decode(bytes.subarray(start, end));
    const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
    const words = parseAddress(match?.[1] ?? match?.[2] ?? '');
    if (match === null || words === undefined) return -1;
    const port = match[3] === undefined ? 5060 : Number(match[3]);
    if (port === 0 || port > 65_535) return -1;
    return this.numberOf({ ...words, listener, port, connection: 0 });
  }
}

/**
 * Finds host and port of the SIP URI in `bytes[start, end)`: writes their range into `range`. False: there is none.
 * Parameters and headers of the URI are left out; user parts are skipped.
 */
export function uriHostPort(bytes: Uint8Array, start: number, end: number, range: Int32Array): boolean {
  let at = start;
  while (at < end && bytes[at] !== COLON) at++;
  if (at >= end) return false;
  let host = at + 1;
  // A user part may have semicolons and question marks in it, so it goes first.
  for (at = host; at < end; at++) if (bytes[at] === 0x40) host = at + 1;
  let stop = host;
  while (stop < end && bytes[stop] !== 0x3b && bytes[stop] !== 0x3f && bytes[stop] !== 0x3e) stop++;
  range[0] = host;
  range[1] = stop;
  return stop > host;
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.a0 === b.a0 && a.listener === b.listener && a.family === b.family && a.a1 === b.a1 && a.a2 === b.a2 && a.a3 === b.a3;
}

function equals(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}
