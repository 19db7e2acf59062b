/**
 * Faults made on purpose, in between of the user agents and the sockets: requests sent twice, messages thrown away in both
 * directions, held back, overtaken. Stands in the way only when a run asks for faults.
 *
 * Messages are held as objects of their own: a run with delays is no measurement of speed. The number held is bounded.
 */
import type { Endpoint } from '../../proxy/ports.js';
import type { BoundListener } from '../../net/udp-driver.js';
import { L_FAULT_DELAYED, L_FAULT_DOUBLED, L_FAULT_LOST } from '../metrics.js';
import type { LoadOptions } from '../options.js';
import type { Random } from '../random.js';
import type { LoadIo, LoadMemory, LoadReceiver } from './load-io.js';

/** A message that others are to overtake waits this long, microseconds: a random time between the two. */
const REORDER_US_MIN = 1_000;
const REORDER_US_MAX = 8_000;
/** Messages held back at a time. */
const HELD_MAX = 1 << 18;

interface Held {
  readonly dueUs: number;
  readonly order: number;
  readonly bytes: Uint8Array;
  readonly to: Endpoint;
}

export type FaultOptions = LoadOptions['faults'];

/** Whether a run asks for any fault. */
export function hasFaults(faults: FaultOptions): boolean {
  return faults.retransmitPercent > 0 || faults.lossPercent > 0 || faults.delayMs > 0 || faults.reorderPercent > 0;
}

export class FaultyIo implements LoadIo {
  private readonly io: LoadIo;
  private readonly bytes: Uint8Array;
  private readonly faults: FaultOptions;
  private readonly random: Random;
  private readonly metrics: Float64Array;
  private readonly nowUs: () => number;
  /** A binary heap by due time, then by order of sending. */
  private readonly held: Held[] = [];
  private order = 0;
  private overflow = 0;
  private receiver: LoadReceiver = () => undefined;
  private readonly lossy: LoadReceiver;

  constructor(io: LoadIo, memory: LoadMemory, faults: FaultOptions, random: Random, metrics: Float64Array, nowUs: () => number) {
    this.io = io;
    this.bytes = memory.bytes;
    this.faults = faults;
    this.random = random;
    this.metrics = metrics;
    this.nowUs = nowUs;
    this.lossy = (start, end, from, eventUs) => {
      if (random.percent(faults.lossPercent)) metrics[L_FAULT_LOST]!++;
      else this.receiver(start, end, from, eventUs);
    };
  }

  get kind(): LoadIo['kind'] {
    return this.io.kind;
  }

  get sockets(): readonly BoundListener[] {
    return this.io.sockets;
  }

  reserve(maxBytes: number): number {
    return this.io.reserve(maxBytes);
  }

  commit(start: number, end: number, to: Endpoint): void {
    const { random, faults } = this;
    // "SIP/2.0 …" begins a response; no method begins with its first two letters and a slash at the fourth place.
    const isRequest = !(this.bytes[start] === 0x53 && this.bytes[start + 3] === 0x2f);
    let copies = 1;
    if (isRequest && random.percent(faults.retransmitPercent)) {
      copies = 2;
      this.metrics[L_FAULT_DOUBLED]!++;
    }
    const bytes = copies === 2 || faults.delayMs > 0 || faults.reorderPercent > 0 ? this.bytes.slice(start, end) : undefined;
    let inPlace = true;
    for (let copy = 0; copy < copies; copy++) {
      if (random.percent(faults.lossPercent)) {
        this.metrics[L_FAULT_LOST]!++;
        continue;
      }
      let waitUs = faults.delayMs * 1000;
      if (random.percent(faults.reorderPercent)) waitUs += random.between(REORDER_US_MIN, REORDER_US_MAX);
      if (waitUs > 0) this.hold(bytes!, to, waitUs);
      else if (inPlace) this.io.commit(start, end, to);
      else this.sendCopy(bytes!, to);
      inPlace = false;
    }
  }

  flush(): void {
    if (this.held.length > 0) {
      const nowUs = this.nowUs();
      while (this.held.length > 0 && this.held[0]!.dueUs <= nowUs) {
        const { bytes, to } = this.pop();
        this.sendCopy(bytes, to);
      }
    }
    this.io.flush();
  }

  receive(receiver: LoadReceiver): number {
    if (this.faults.lossPercent === 0) return this.io.receive(receiver);
    this.receiver = receiver;
    return this.io.receive(this.lossy);
  }

  arrives(from: number, at: number): void {
    this.io.arrives(from, at);
  }

  idle(): boolean {
    return this.io.idle();
  }

  wait(us: number): Promise<void> | undefined {
    return this.io.wait(us);
  }

  pause(us: number): Promise<void> | undefined {
    return this.io.pause(us);
  }

  dueUs(): number {
    return this.held.length === 0 ? Infinity : this.held[0]!.dueUs;
  }

  sent(): number {
    return this.io.sent();
  }

  dropped(): number {
    return this.io.dropped() + this.overflow;
  }

  close(): Promise<void> {
    this.held.length = 0;
    return this.io.close();
  }

  private sendCopy(bytes: Uint8Array, to: Endpoint): void {
    const at = this.io.reserve(bytes.length);
    if (at < 0) return;
    this.bytes.set(bytes, at);
    this.io.commit(at, at + bytes.length, to);
  }

  private hold(bytes: Uint8Array, to: Endpoint, waitUs: number): void {
    if (this.held.length >= HELD_MAX) {
      this.overflow++;
      return;
    }
    this.metrics[L_FAULT_DELAYED]!++;
    const { held } = this;
    let at = held.push({ dueUs: this.nowUs() + waitUs, order: this.order++, bytes, to }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(held[at]!, held[parent]!)) break;
      [held[at], held[parent]] = [held[parent]!, held[at]!];
      at = parent;
    }
  }

  private pop(): Held {
    const { held } = this;
    const first = held[0]!;
    const last = held.pop()!;
    if (held.length === 0) return first;
    held[0] = last;
    for (let at = 0; ; ) {
      let least = at;
      for (const child of [at * 2 + 1, at * 2 + 2]) if (child < held.length && before(held[child]!, held[least]!)) least = child;
      if (least === at) return first;
      [held[at], held[least]] = [held[least]!, held[at]!];
      at = least;
    }
  }
}

function before(a: Held, b: Held): boolean {
  return a.dueUs < b.dueUs || (a.dueUs === b.dueUs && a.order < b.order);
}
