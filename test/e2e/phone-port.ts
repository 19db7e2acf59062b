/**
 * The UDP port of phones that take thousands of calls, and their retransmissions by RFC 3261: unlike `sip-socket.ts` it
 * keeps nothing of what came.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Address } from './free-port.js';

const BUFFER_BYTES = 4 * 1024 * 1024;
const T1_MS = 500;
const T2_MS = 4000;
/** 64 × T1: what has not been answered by then has failed. */
const GIVE_UP_MS = 64 * T1_MS;

/** What the phones read of a message. */
export interface PhoneMessage {
  /** Of a response, else 0. */
  readonly status: number;
  /** The CSeq's, which for a request is its own. */
  readonly method: string;
  readonly callId: string;
  readonly text: string;
}

export class PhonePort {
  /** Called with each message that parses. */
  onMessage: ((message: PhoneMessage) => void) | undefined;
  readonly address: Address;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.address = { host: '127.0.0.1', port: socket.address().port };
    socket.on('message', (bytes) => {
      const message = read(bytes.toString('latin1'));
      if (message !== undefined) this.onMessage?.(message);
    });
  }

  static async open(): Promise<PhonePort> {
    const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER_BYTES, sendBufferSize: BUFFER_BYTES });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new PhonePort(socket);
  }

  send(text: string, to: Address): void {
    this.#socket.send(Buffer.from(text, 'latin1'), to.port, to.host);
  }

  /**
   * Sends now and again after T1, doubling up to `longestMs` (T2 by default; Infinity for an INVITE), until it is
   * stopped. `gaveUp` is called after 64 × T1.
   */
  repeat(text: string, to: Address, gaveUp: () => void, longestMs = T2_MS): Repetition {
    return new Repetition(() => {
      this.send(text, to);
    }, gaveUp, longestMs);
  }

  /** Datagrams that the kernel has thrown away because this port did not read fast enough (Linux; elsewhere 0). */
  overflowed(): number {
    if (process.platform !== 'linux') return 0;
    const port = `:${this.address.port.toString(16).toUpperCase().padStart(4, '0')} `;
    const line = readFileSync('/proc/net/udp', 'latin1').split('\n').find((text) => text.slice(0, 25).includes(port));
    return Number(line?.trim().split(/\s+/).at(-1) ?? 0);
  }

  close(): void {
    this.#socket.close();
  }
}

/** A message being sent again and again. */
export class Repetition {
  #timer: NodeJS.Timeout | undefined;
  readonly #send: () => void;
  readonly #gaveUp: () => void;
  readonly #longestMs: number;

  constructor(send: () => void, gaveUp: () => void, longestMs: number) {
    this.#send = send;
    this.#gaveUp = gaveUp;
    this.#longestMs = longestMs;
    send();
    this.#next(T1_MS, GIVE_UP_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #next(waitMs: number, leftMs: number): void {
    this.#timer = setTimeout(() => {
      if (leftMs <= waitMs) {
        this.#gaveUp();
        return;
      }
      this.#send();
      this.#next(Math.min(2 * waitMs, this.#longestMs, leftMs - waitMs), leftMs - waitMs);
    }, waitMs);
  }
}

function read(text: string): PhoneMessage | undefined {
  const method = /^CSeq: *\d+ +(\S+)/im.exec(text)?.[1];
  const callId = /^Call-ID: *(\S+)/im.exec(text)?.[1];
  if (method === undefined || callId === undefined) return undefined;
  const status = text.startsWith('SIP/2.0 ') ? Number(text.slice(8, 11)) : 0;
  return { status, method, callId, text };
}

/** All header lines called `name`, as they stand. */
export function linesOf(text: string, name: string): string[] {
  const prefix = `${name.toLowerCase()}:`;
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n');
  return lines.filter((line) => line.slice(0, prefix.length).toLowerCase() === prefix);
}

/** The branch of the top Via. */
export function branchOf(text: string): string {
  return /^Via:[^\r\n]*?;branch=([^;,\s]+)/im.exec(text)?.[1] ?? '';
}
