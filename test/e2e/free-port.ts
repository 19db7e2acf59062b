/**
 * Free UDP ports on loopback: bind port 0, read what the kernel chose, let go. A port is handed out once per test
 * process; between processes the kernel's own spreading of ephemeral ports makes a clash unlikely.
 */
import { createSocket } from 'node:dgram';

/** A loopback address that peers and proxies bind. */
export type LoopbackHost = '127.0.0.1' | '::1';

/** An address and port; `host` is without brackets. */
export interface Address {
  readonly host: LoopbackHost;
  readonly port: number;
}

/** `host:port` as SIP and command lines write it: IPv6 in brackets. */
export function hostPort(address: Address): string {
  return address.host === '::1' ? `[::1]:${address.port}` : `${address.host}:${address.port}`;
}

const handedOut = new Set<number>();

/** True when UDP port `port` is free on every IPv4 address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind({ port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function probe(host: LoopbackHost): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
    socket.once('error', reject);
    socket.bind(0, host, () => {
      const { port } = socket.address();
      socket.close(() => {
        resolve(port);
      });
    });
  });
}

/** A UDP port that is free on `host` now and was not handed out before by this process. */
export async function freeAddress(host: LoopbackHost): Promise<Address> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = await probe(host);
    if (!handedOut.has(port)) {
      handedOut.add(port);
      return { host, port };
    }
  }
  throw new Error(`no free UDP port found on ${host}`);
}

/** True when this machine has an IPv6 loopback address to bind. */
export async function ipv6Available(): Promise<boolean> {
  return probe('::1').then(
    () => true,
    () => false,
  );
}
