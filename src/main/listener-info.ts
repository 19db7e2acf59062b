/**
 * From open sockets to what the core knows of them: the sent-by of each listener, and every address by which a URI is
 * recognised as ours. Pure; the interfaces of the machine are handed in. Main thread.
 */
import type { NetworkInterfaceInfo } from 'node:os';
import type { BoundListener } from '../net/udp-driver.js';
import type { ListenerInfo } from '../proxy/ports.js';

/** Host (IP literal without brackets, or a name) and port under which the world reaches a listener. */
export interface AdvertisedAddress {
  readonly host: string;
  readonly port: number;
}

/** The interfaces of this machine, as `os.networkInterfaces()` returns them. */
export type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/** `host:port`, IPv6 in brackets. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** True for the addresses that stand for every address of the machine. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || /^[0:]+$/.test(host);
}

/** IP literals of the machine in one family: those that other machines can reach first, then loopback. */
function localAddresses(interfaces: Interfaces, family: 4 | 6): string[] {
  const outside: string[] = [];
  const inside: string[] = [];
  for (const addresses of Object.values(interfaces)) {
    for (const entry of addresses ?? []) {
      if (entry.family !== `IPv${family}`) continue;
      // A link-local address is no sent-by: it means nothing without its interface.
      if (family === 6 && /^fe[89ab]/i.test(entry.address)) continue;
      (entry.internal ? inside : outside).push(entry.address);
    }
  }
  return [...outside, ...inside];
}

/**
 * The address that a listener writes into Via and Record-Route: the advertised one; else the one it is bound to; for a
 * wildcard the first address of the machine that others can reach, or loopback.
 */
export function advertisedAddress(
  bound: BoundListener, advertised: AdvertisedAddress | undefined, interfaces: Interfaces,
): AdvertisedAddress {
  if (advertised !== undefined) return advertised;
  if (!isWildcard(bound.host)) return { host: bound.host, port: bound.port };
  const host = localAddresses(interfaces, bound.family)[0] ?? (bound.family === 4 ? '127.0.0.1' : '::1');
  return { host, port: bound.port };
}

/** What the core gets to know of a listener. IPv6 hosts in `ours` stand in brackets, as they do in a URI. */
export function listenerInfo(
  bound: BoundListener, advertised: AdvertisedAddress | undefined, interfaces: Interfaces,
): ListenerInfo {
  const shown = advertisedAddress(bound, advertised, interfaces);
  const hosts = isWildcard(bound.host) ? localAddresses(interfaces, bound.family) : [bound.host];
  const ours: AdvertisedAddress[] = [shown];
  for (const host of hosts) {
    if (host !== shown.host || bound.port !== shown.port) ours.push({ host, port: bound.port });
  }
  return {
    family: bound.family,
    sentBy: hostPort(shown.host, shown.port),
    ours: ours.map(({ host, port }) => ({ host: host.includes(':') ? `[${host}]` : host, port })),
  };
}
