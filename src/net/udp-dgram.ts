/**
 * The portable driver, on node:dgram: datagrams come as events, and everything is sent by the main thread.
 *
 * Sends that the system has not finished are counted and bounded; what comes on top is dropped and counted.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import { createPacketMeta } from '../ring/layout.js';
import { C_DATAGRAMS_IN, C_DATAGRAMS_OUT, C_DROP_OUTBOX_FULL, C_DROP_SEND_ERROR } from '../telemetry/counters.js';
import { formatAddress, formatListenAddress, parseAddress, type AddressWords } from './endpoint.js';
import { ListenError, type BoundListener, type ListenAddress, type UdpDriver, type UdpDriverOptions } from './udp-driver.js';

/** Datagrams handed to the system and not yet reported sent. */
export const SENDS_PENDING_MAX = 4096;
/** Peer addresses whose words are remembered, so that their text is not parsed for every datagram. */
const ADDRESSES_MAX = 4096;

export class UdpDgramDriver implements UdpDriver {
  readonly kind = 'dgram';
  readonly listeners: readonly BoundListener[];
  private readonly sockets: readonly Socket[];
  private readonly options: UdpDriverOptions;
  private readonly meta: PacketMeta = createPacketMeta();
  private readonly wordsOf = new Map<string, AddressWords>();
  /** Text of IPv4 addresses by their word. */
  private readonly textOf = new Map<number, string>();
  private pendingSends = 0;
  private batchOpen = false;
  private closed = false;

  /** Opens the sockets of `options.listen` in order. Rejects with ListenError for the first that cannot be; none stays open then. */
  static async open(options: UdpDriverOptions): Promise<UdpDgramDriver> {
    const sockets: Socket[] = [];
    try {
      for (const address of options.listen) sockets.push(await openSocket(address, options.sendBufferBytes));
      return new UdpDgramDriver(sockets, options);
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }

  private constructor(sockets: readonly Socket[], options: UdpDriverOptions) {
    this.sockets = sockets;
    this.options = options;
    this.listeners = sockets.map((socket, i) => describe(socket, options.listen[i]!, options.receiveBufferBytes));
    for (const [i, socket] of sockets.entries()) {
      socket.on('message', (bytes, from) => { this.receive(i, bytes, from); });
      // What the network did to an earlier datagram (a port unreachable, on some systems): nothing is lost by it, and
      // the socket goes on. Without a listener here it would end the process.
      socket.on('error', () => undefined);
    }
  }

  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, shard: number, owner: number): boolean {
    const { counters } = this.options;
    if (this.closed || this.pendingSends >= SENDS_PENDING_MAX) {
      counters[C_DROP_OUTBOX_FULL]!++;
      return false;
    }
    const socket = this.sockets[to.listener];
    if (socket === undefined || to.port === 0) {
      this.sent(false, shard, owner);
      return true;
    }
    // dgram keeps the buffer until the callback, the caller takes its memory back at once: hence the copy.
    const copy = Buffer.from(bytes.subarray(start, end));
    this.pendingSends++;
    socket.send(copy, 0, copy.length, to.port, this.text(to), (error) => {
      this.pendingSends--;
      this.sent(error === null, shard, owner);
    });
    return true;
  }

  /** Nothing is held back here: `send` hands over at once. */
  flush(): void {}

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await Promise.all(this.sockets.map(async (socket) => {
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    }));
  }

  private receive(listener: number, bytes: Uint8Array, from: RemoteInfo): void {
    if (this.closed) return;
    const { counters, onDatagram } = this.options;
    counters[C_DATAGRAMS_IN]!++;
    const words = this.words(from.address);
    if (words === undefined) return;
    const meta = this.meta;
    meta.listener = listener;
    meta.family = words.family;
    meta.port = from.port;
    meta.a0 = words.a0;
    meta.a1 = words.a1;
    meta.a2 = words.a2;
    meta.a3 = words.a3;
    if (!this.batchOpen) {
      // libuv reads several datagrams a turn; immediates run when it is through with them.
      this.batchOpen = true;
      setImmediate(() => {
        this.batchOpen = false;
        this.options.onBatchEnd();
      });
    }
    onDatagram(bytes, 0, bytes.length, meta);
  }

  private sent(ok: boolean, shard: number, owner: number): void {
    const { counters, onSendFailed } = this.options;
    if (ok) {
      counters[C_DATAGRAMS_OUT]!++;
      return;
    }
    counters[C_DROP_SEND_ERROR]!++;
    if (owner !== -1) onSendFailed(shard, owner);
  }

  private words(address: string): AddressWords | undefined {
    let words = this.wordsOf.get(address);
    if (words === undefined) {
      // A link-local sender carries its zone, which an endpoint has no place for.
      words = parseAddress(address.split('%', 1)[0]!);
      if (words === undefined) return undefined;
      if (this.wordsOf.size >= ADDRESSES_MAX) this.wordsOf.clear();
      this.wordsOf.set(address, words);
    }
    return words;
  }

  private text(to: Endpoint): string {
    if (to.family !== 4) return formatAddress(to);
    let text = this.textOf.get(to.a0);
    if (text === undefined) {
      text = formatAddress(to);
      if (this.textOf.size >= ADDRESSES_MAX) this.textOf.clear();
      this.textOf.set(to.a0, text);
    }
    return text;
  }
}

async function openSocket(address: ListenAddress, sendBufferBytes: number): Promise<Socket> {
  const socket = createSocket({
    type: address.family === 6 ? 'udp6' : 'udp4',
    ipv6Only: address.family === 6,
    // Every address here is a literal: the resolver, and the turn of the event loop it takes, are left out.
    lookup: (host, _options, callback) => { callback(null, host, address.family); },
  });
  try {
    const listening = once(socket, 'listening');
    socket.bind({ address: address.host, port: address.port, exclusive: true });
    await listening;
  } catch (error) {
    socket.close();
    throw new ListenError(formatListenAddress(address), systemCode(error));
  }
  try {
    if (sendBufferBytes > 0) socket.setSendBufferSize(sendBufferBytes);
  } catch {
    // The system's default stays, and a full send buffer shows in the counters.
  }
  return socket;
}

function describe(socket: Socket, address: ListenAddress, askedReceiveBytes: number): BoundListener {
  try {
    if (askedReceiveBytes > 0) socket.setRecvBufferSize(askedReceiveBytes);
  } catch {
    // The size that is reported below says it.
  }
  // Linux reports twice of what it was asked for, to cover its own overhead.
  const factor = process.platform === 'linux' ? 2 : 1;
  return {
    host: address.host,
    family: address.family,
    port: socket.address().port,
    askedReceiveBytes,
    receiveBytes: Math.floor(socket.getRecvBufferSize() / factor),
    fd: -1,
  };
}

function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : String(error);
}
