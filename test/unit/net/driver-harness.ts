/** What the driver tests stand on: either driver behind one face, and a plain socket as the peer. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { onTestFinished } from 'vitest';
import { parseAddress } from '../../../src/net/endpoint.js';
import { loadLibc } from '../../../src/net/libc.js';
import { UdpBatchDriver } from '../../../src/net/udp-batch.js';
import { UdpDgramDriver } from '../../../src/net/udp-dgram.js';
import type { ListenAddress, UdpDriver, UdpDriverOptions } from '../../../src/net/udp-driver.js';
import type { Endpoint, PacketMeta } from '../../../src/proxy/ports.js';
import { COUNTER_COUNT } from '../../../src/telemetry/counters.js';

export const libcHere = loadLibc();
/** Which drivers run here; the batch driver is skipped, with the reason in the test's name, where it cannot. */
export const DRIVERS: readonly { readonly kind: 'batch' | 'dgram'; readonly skip: string | undefined }[] = [
  { kind: 'batch', skip: libcHere.libc === undefined ? libcHere.reason : undefined },
  { kind: 'dgram', skip: undefined },
];

export const hasIpv6 = Object.values(networkInterfaces()).flat().some((one) => one?.address === '::1');

export const V4: ListenAddress = { host: '127.0.0.1', family: 4, port: 0 };
export const V6: ListenAddress = { host: '::1', family: 6, port: 0 };

export interface Received {
  readonly bytes: Buffer;
  readonly meta: PacketMeta;
}

export interface OpenDriver {
  readonly driver: UdpDriver;
  readonly counters: Float64Array;
  readonly received: Received[];
  readonly failures: { shard: number; owner: number }[];
  /** Turns the event loop, and pulls where the driver wants it, until `done` holds (the test's timeout ends it). */
  until(done: () => boolean): Promise<void>;
}

export interface DriverSettings {
  readonly receiveBufferBytes?: number;
  readonly onDatagram?: (driver: UdpDriver, bytes: Uint8Array, start: number, end: number, meta: PacketMeta) => void;
  readonly onBatchEnd?: (driver: UdpDriver) => void;
}

/** Opens a driver that is closed when the test ends. */
export async function openDriver(
  kind: 'batch' | 'dgram', listen: readonly ListenAddress[], settings: DriverSettings = {},
): Promise<OpenDriver> {
  const received: Received[] = [];
  const failures: { shard: number; owner: number }[] = [];
  const counters = new Float64Array(COUNTER_COUNT);
  const options: UdpDriverOptions = {
    listen,
    receiveBufferBytes: settings.receiveBufferBytes ?? 0,
    sendBufferBytes: 0,
    counters,
    onDatagram: (bytes, start, end, meta) => {
      received.push({ bytes: Buffer.from(bytes.slice(start, end)), meta: { ...meta } });
      settings.onDatagram?.(driver, bytes, start, end, meta);
    },
    onBatchEnd: () => { settings.onBatchEnd?.(driver); },
    onSendFailed: (shard, owner) => { failures.push({ shard, owner }); },
  };
  const driver: UdpDriver = kind === 'dgram' ? await UdpDgramDriver.open(options) : UdpBatchDriver.open(libcHere.libc!, options);
  onTestFinished(() => driver.close());
  return {
    driver, counters, received, failures,
    async until(done) {
      while (!done()) {
        if (driver instanceof UdpBatchDriver) driver.receiveBatch(0, false);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

export interface Peer {
  readonly socket: Socket;
  readonly host: string;
  readonly port: number;
  readonly received: { readonly bytes: Buffer; readonly fromPort: number }[];
}

/** A plain socket on loopback that is closed when the test ends. */
export async function openPeer(family: 4 | 6): Promise<Peer> {
  const host = family === 4 ? '127.0.0.1' : '::1';
  const socket = createSocket({ type: family === 4 ? 'udp4' : 'udp6', recvBufferSize: 1 << 20 });
  const received: { bytes: Buffer; fromPort: number }[] = [];
  socket.on('message', (bytes, from) => { received.push({ bytes, fromPort: from.port }); });
  socket.bind(0, host);
  await once(socket, 'listening');
  onTestFinished(() => { socket.close(); });
  return { socket, host, port: socket.address().port, received };
}

/** `host:port` as seen from listener `listener`. */
export function endpointOf(host: string, port: number, listener = 0): Endpoint {
  return { ...parseAddress(host)!, listener, port, connection: 0 };
}
