/**
 * A bare UDP socket that speaks in raw SIP bytes: for probes and for messages that no well-behaved peer would send.
 * Everything received is kept, as latin1 text so that no byte is lost.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Address, LoopbackHost } from './free-port.js';
import { waitUntil } from './process-group.js';

export class SipSocket {
  readonly received: string[] = [];
  /** Called with each datagram; may answer with `send`. */
  onMessage: ((text: string, from: { host: string; port: number }) => void) | undefined;
  readonly #socket: Socket;
  #address: Address | undefined;

  private constructor(host: LoopbackHost) {
    this.#socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
    this.#socket.on('message', (bytes, from) => {
      const text = bytes.toString('latin1');
      this.received.push(text);
      this.onMessage?.(text, { host: from.address, port: from.port });
    });
  }

  static async open(host: LoopbackHost = '127.0.0.1'): Promise<SipSocket> {
    const socket = new SipSocket(host);
    socket.#socket.bind(0, host);
    await once(socket.#socket, 'listening');
    socket.#address = { host, port: socket.#socket.address().port };
    return socket;
  }

  get address(): Address {
    if (this.#address === undefined) throw new Error('socket is not open');
    return this.#address;
  }

  send(message: string | Uint8Array, to: { host: string; port: number }): void {
    const bytes = typeof message === 'string' ? Buffer.from(message, 'latin1') : message;
    this.#socket.send(bytes, to.port, to.host);
  }

  /** The first message received so far, or within `limitMs`, that `wanted` accepts. */
  async find(wanted: (text: string) => boolean, limitMs: number, what: string): Promise<string> {
    await waitUntil(() => this.received.some(wanted), limitMs, () => `${what}: not received in ${String(limitMs)} ms`);
    return this.received.find(wanted) ?? '';
  }

  close(): void {
    this.#socket.close();
  }
}

let probes = 0;

/** An OPTIONS that a proxy must answer itself, because it may not forward it (Max-Forwards 0). */
export function probeMessage(from: Address, id = String(++probes)): string {
  const host = from.host === '::1' ? '[::1]' : from.host;
  return [
    'OPTIONS sip:probe@127.0.0.1 SIP/2.0',
    `Via: SIP/2.0/UDP ${host}:${String(from.port)};rport;branch=z9hG4bKprobe-${String(process.pid)}-${id}`,
    'Max-Forwards: 0',
    `From: <sip:probe@${host}>;tag=probe${id}`,
    'To: <sip:probe@127.0.0.1>',
    `Call-ID: probe-${String(process.pid)}-${id}`,
    'CSeq: 1 OPTIONS',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

/** True when a proxy at `to` answers a probe within `limitMs`; asks again every 100 ms. */
export async function answersProbe(to: Address, limitMs: number): Promise<boolean> {
  const socket = await SipSocket.open(to.host);
  try {
    const deadline = Date.now() + limitMs;
    while (Date.now() < deadline) {
      socket.send(probeMessage(socket.address), to);
      const answered = await socket.find((text) => text.startsWith('SIP/2.0 '), 100, 'answer').then(
        () => true,
        () => false,
      );
      if (answered) return true;
    }
    return false;
  } finally {
    socket.close();
  }
}
