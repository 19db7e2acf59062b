/** Sockets through node:dgram, where the batch driver does not work: datagrams queue up between two turns of the loop. */
import { UdpDgramDriver } from '../../net/udp-dgram.js';
import type { BoundListener, ListenAddress } from '../../net/udp-driver.js';
import { SEND_ARENA_BYTES } from '../../net/udp-batch-sender.js';
import type { Endpoint } from '../../proxy/ports.js';
import { COUNTER_COUNT, C_DATAGRAMS_OUT, C_DROP_OUTBOX_FULL, C_DROP_SEND_ERROR } from '../../telemetry/counters.js';
import { nowUs } from '../clock.js';
import { RECEIVE_SLOT_BYTES, type LoadIo, type LoadMemory, type LoadReceiver } from './load-io.js';

/** Datagrams that wait for the loop; more are dropped, as a full socket buffer would. */
const QUEUE_MAX = 8192;
/** Datagrams handed over in one turn. */
const TURN_MAX = 256;
/** Below this the event loop is turned instead of a timer set, whose step is a millisecond. */
const TIMER_US_MIN = 1000;

interface Queued {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly eventUs: number;
}

export class DgramIo implements LoadIo {
  readonly kind = 'dgram';
  private driver!: UdpDgramDriver;
  private readonly memory: LoadMemory;
  private readonly counters = new Float64Array(COUNTER_COUNT);
  private queue: Queued[] = [];
  private taken = 0;
  private wake: (() => void) | undefined;

  static async open(addresses: readonly ListenAddress[], memory: LoadMemory, bufferBytes: number): Promise<DgramIo> {
    const io = new DgramIo(memory);
    io.driver = await UdpDgramDriver.open({
      listen: addresses,
      receiveBufferBytes: bufferBytes,
      sendBufferBytes: bufferBytes,
      counters: io.counters,
      onDatagram: (bytes, start, end, { listener, family, port, a0, a1, a2, a3 }) => {
        if (io.queue.length - io.taken >= QUEUE_MAX) return;
        io.queue.push({ bytes: bytes.slice(start, end), from: { listener, family, port, a0, a1, a2, a3, connection: 0 }, eventUs: nowUs() });
      },
      onBatchEnd: () => io.wake?.(),
      onSendFailed: () => undefined,
    });
    return io;
  }

  private constructor(memory: LoadMemory) {
    this.memory = memory;
  }

  get sockets(): readonly BoundListener[] {
    return this.driver.listeners;
  }

  reserve(maxBytes: number): number {
    return maxBytes > SEND_ARENA_BYTES ? -1 : this.memory.sendStart;
  }

  commit(start: number, end: number, to: Endpoint): void {
    this.driver.send(this.memory.bytes, start, end, to, 0, -1);
  }

  flush(): void {}

  arrives(): void {}

  idle(): boolean {
    return this.queue.length === this.taken;
  }

  receive(receiver: LoadReceiver): number {
    const { bytes, receiveStart } = this.memory;
    let count = 0;
    while (this.taken < this.queue.length && count < TURN_MAX) {
      const { bytes: message, from, eventUs } = this.queue[this.taken++]!;
      const length = Math.min(message.length, RECEIVE_SLOT_BYTES);
      bytes.set(message.subarray(0, length), receiveStart);
      receiver(receiveStart, receiveStart + length, from, eventUs);
      count++;
    }
    if (this.taken === this.queue.length) {
      this.queue = [];
      this.taken = 0;
    }
    return count;
  }

  async wait(us: number): Promise<void> {
    if (this.queue.length > this.taken) return;
    await new Promise<void>((resolve) => {
      if (us < TIMER_US_MIN) {
        setImmediate(resolve);
        return;
      }
      const timer = setTimeout(resolve, Math.min(1000, Math.floor(us / 1000)));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }

  pause(us: number): Promise<void> {
    return this.wait(us);
  }

  dueUs(): number {
    return Infinity;
  }

  sent(): number {
    return this.counters[C_DATAGRAMS_OUT]!;
  }

  dropped(): number {
    return this.counters[C_DROP_OUTBOX_FULL]! + this.counters[C_DROP_SEND_ERROR]!;
  }

  close(): Promise<void> {
    return this.driver.close();
  }
}
