/**
 * The batch driver (Linux): sockets and system calls of its own through koffi, up to 64 datagrams a call. Whoever reads the sockets
 * pulls with `receiveBatch`, or with a UdpBatchReceiver of its own; shards send on the same descriptors with a UdpBatchSender of
 * their own.
 */
import type { Endpoint } from '../proxy/ports.js';
import { C_DROP_OUTBOX_FULL } from '../telemetry/counters.js';
import { openBatchSocket } from './batch-socket.js';
import type { Libc } from './libc.js';
import { UdpBatchReceiver } from './udp-batch-receiver.js';
import { UdpBatchSender } from './udp-batch-sender.js';
import type { BoundListener, UdpDriver, UdpDriverOptions } from './udp-driver.js';

export class UdpBatchDriver implements UdpDriver {
  readonly kind = 'batch';
  readonly listeners: readonly BoundListener[];
  private readonly libc: Libc;
  private readonly counters: Float64Array;
  private readonly receiver: UdpBatchReceiver;
  private readonly sender: UdpBatchSender;
  private closed = false;

  /** Opens the sockets of `options.listen` in order. Throws ListenError for the first that cannot be; none stays open then. */
  static open(libc: Libc, options: UdpDriverOptions): UdpBatchDriver {
    const listeners: BoundListener[] = [];
    try {
      for (const address of options.listen) {
        listeners.push(openBatchSocket(libc, address, options.receiveBufferBytes, options.sendBufferBytes));
      }
      return new UdpBatchDriver(libc, listeners, options);
    } catch (error) {
      for (const listener of listeners) libc.close(listener.fd);
      throw error;
    }
  }

  private constructor(libc: Libc, listeners: readonly BoundListener[], options: UdpDriverOptions) {
    this.libc = libc;
    this.listeners = listeners;
    this.counters = options.counters;
    this.receiver = new UdpBatchReceiver(libc, { ...options, sockets: listeners });
    const { onSendFailed } = options;
    this.sender = new UdpBatchSender(libc, listeners, options.counters, (owner, shard) => { onSendFailed(shard, owner); });
  }

  /** See UdpBatchReceiver. */
  receiveBatch(timeoutMs: number, idle: boolean): number {
    return this.receiver.receiveBatch(timeoutMs, idle);
  }

  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, shard: number, owner: number): boolean {
    if (this.sender.send(bytes, start, end, to, owner, shard)) return true;
    this.counters[C_DROP_OUTBOX_FULL]!++;
    return false;
  }

  flush(): void {
    this.sender.flush();
  }

  /** Closes the sockets. Every sender and receiver on them must have ended before: the kernel reuses descriptor numbers. */
  close(): Promise<void> {
    if (!this.closed) {
      this.closed = true;
      this.sender.flush();
      for (const listener of this.listeners) this.libc.close(listener.fd);
    }
    return Promise.resolve();
  }
}
