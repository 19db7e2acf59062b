/**
 * What both UDP drivers have in common: the shapes through which the main thread opens, receives, sends and closes.
 * A driver belongs to the thread that opened it: the main thread.
 */
import type { Endpoint, PacketMeta } from '../proxy/ports.js';
import type { EventFdBell } from '../ring/doorbell.js';

/** Largest UDP payload over IPv4, bytes. */
export const DATAGRAM_BYTES_MAX = 65_507;

/** A local address to bind: `host` is an IP literal (IPv6 without brackets), `port` 0 lets the kernel choose. */
export interface ListenAddress {
  readonly host: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** An open listener; its index in `UdpDriver.listeners` is `Endpoint.listener`. */
export interface BoundListener {
  readonly host: string;
  readonly family: 4 | 6;
  /** The real port, never 0. */
  readonly port: number;
  /** Receive buffer asked for, bytes. */
  readonly askedReceiveBytes: number;
  /**
   * Receive buffer that the kernel gave, in the unit of the request (Linux reports twice of it). Below the asked one:
   * warn the operator.
   */
  readonly receiveBytes: number;
  /** Descriptor of the socket for UdpBatchSender in any thread; -1 with the dgram driver. */
  readonly fd: number;
}

/** Takes one datagram. `bytes[start, end)` and `meta` are borrowed until it returns; keys, kind and hops are 0. */
export type DatagramHandler = (bytes: Uint8Array, start: number, end: number, meta: PacketMeta) => void;

export interface UdpDriverOptions {
  /** 1 to 64 addresses. */
  readonly listen: readonly ListenAddress[];
  /** Wanted receive buffer of each socket, bytes. 0: leave the system's default. */
  readonly receiveBufferBytes: number;
  /** Wanted send buffer of each socket, bytes. 0: leave the system's default. */
  readonly sendBufferBytes: number;
  /** Counter block of the main thread: C_DATAGRAMS_IN, C_DATAGRAMS_OUT, C_DROP_TRUNCATED, C_DROP_SEND_ERROR, C_DROP_OUTBOX_FULL. */
  readonly counters: Float64Array;
  readonly onDatagram: DatagramHandler;
  /** Called when a batch of datagrams has been handed over: publish the rings and ring the bells here. */
  readonly onBatchEnd: () => void;
  /** A datagram given to `send` with `owner` other than -1 could not be sent. */
  readonly onSendFailed: (shard: number, owner: number) => void;
  /** batch driver: the bell that wakes `receiveBatch` while it sleeps in poll(). */
  readonly bell?: EventFdBell;
  /**
   * batch driver: where datagrams are received, RECEIVE_BYTES from `start` on, so that an engine on the same memory need
   * not copy them. Absent: memory of the driver's own.
   */
  readonly receivePlace?: { readonly bytes: Uint8Array; readonly start: number };
}

export interface UdpDriver {
  readonly kind: 'batch' | 'dgram';
  readonly listeners: readonly BoundListener[];
  /**
   * Sends a copy of `bytes[start, end)` from listener `to.listener`, at the latest when `flush` is called. False when
   * it was dropped (and counted) at once. `shard` and `owner` come back through `onSendFailed`.
   */
  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, shard: number, owner: number): boolean;
  flush(): void;
  /** Closes every socket. Nothing is handed over afterwards. */
  close(): Promise<void>;
}

export type ListenErrorCode =
  'ERR_LISTEN_ADDRESS_IN_USE' | 'ERR_LISTEN_ADDRESS_NOT_AVAILABLE' | 'ERR_LISTEN_PERMISSION' | 'ERR_LISTEN_FAILED';

/** A listener could not be opened: operator's business. The message names the address, what is wrong and what to do. */
export class ListenError extends Error {
  readonly code: ListenErrorCode;
  /** `udp:127.0.0.1:5060` */
  readonly listener: string;

  constructor(listener: string, systemCode: string) {
    const [code, text] = EXPLANATIONS[systemCode] ?? [
      'ERR_LISTEN_FAILED' as const, `the system refused it with ${systemCode}`,
    ];
    super(`cannot listen on ${listener}: ${text}`);
    this.name = 'ListenError';
    this.code = code;
    this.listener = listener;
  }
}

const EXPLANATIONS: Readonly<Record<string, readonly [ListenErrorCode, string]>> = {
  EADDRINUSE: ['ERR_LISTEN_ADDRESS_IN_USE', 'the address is in use by another socket; stop that program or choose another port'],
  EADDRNOTAVAIL: ['ERR_LISTEN_ADDRESS_NOT_AVAILABLE', 'no interface of this machine has the address'],
  EAFNOSUPPORT: ['ERR_LISTEN_ADDRESS_NOT_AVAILABLE', 'this machine does not support the address family'],
  EINVAL: ['ERR_LISTEN_ADDRESS_NOT_AVAILABLE', 'the address cannot be bound (a link-local address needs its interface)'],
  EACCES: ['ERR_LISTEN_PERMISSION', 'the process lacks the permission (ports below 1024 need a privilege)'],
  EPERM: ['ERR_LISTEN_PERMISSION', 'the process lacks the permission'],
  EMFILE: ['ERR_LISTEN_FAILED', 'this process may open no more files and sockets; raise its limit (ulimit -n) or open fewer sockets'],
  ENFILE: ['ERR_LISTEN_FAILED', 'this machine may open no more files and sockets; raise its limit (sysctl fs.file-max) or open fewer sockets'],
};
