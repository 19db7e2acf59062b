/**
 * The addresses of the configuration, from text to parts: `udp:127.0.0.1:5060` and `sip.example.com:5060`.
 * Pure, any thread.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** An IP literal (IPv6 without brackets) and a port, 0 included. */
export interface BindAddress {
  readonly host: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** Reads `udp:ADDRESS:PORT`; the `udp:` may be left out. Undefined for names, zones and other transports. */
export function parseBind(text: string): BindAddress | undefined {
  const match = /^(?:udp:)?(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/i.exec(text);
  if (match === null) return undefined;
  const [, host6, host4] = match;
  const port = Number(match[3]);
  if (port > 65_535) return undefined;
  if (host6 !== undefined) return isIPv6(host6) ? { host: host6.toLowerCase(), family: 6, port } : undefined;
  return host4 !== undefined && isIPv4(host4) ? { host: host4, family: 4, port } : undefined;
}

/** The text that `parseBind` reads. */
export function formatBind(address: BindAddress): string {
  return `udp:${address.family === 6 ? `[${address.host}]` : address.host}:${address.port}`;
}

/** A host name or IP literal (IPv6 without brackets), and a port from 1 if there is one. */
export interface AdvertiseAddress {
  readonly host: string;
  readonly port: number | undefined;
}

/** A host name as RFC 3261 §25.1 wants it: labels of letters, digits and hyphens, the last one starting with a letter. */
const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?\.?$/i;

/** Reads `HOST` or `HOST:PORT`, IPv6 in brackets. Undefined for anything else. */
export function parseAdvertise(text: string): AdvertiseAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/i.exec(text);
  if (match === null) return undefined;
  const [, host6, other, portText] = match;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port < 1 || port > 65_535)) return undefined;
  if (host6 !== undefined) return isIPv6(host6) ? { host: host6.toLowerCase(), port } : undefined;
  if (other === undefined || other.length > 253) return undefined;
  return isIPv4(other) || HOST_NAME.test(other) ? { host: other, port } : undefined;
}

/** The text that `parseAdvertise` reads. */
export function formatAdvertise(address: AdvertiseAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return address.port === undefined ? host : `${host}:${address.port}`;
}
