/**
 * Remembers what went over the network, of one call or of all. Bytes are not copied: they live in the slab of the world.
 */
import type { NetworkObserver, Port } from './network.js';
import type { VirtualClock } from './virtual-clock.js';

export interface TraceEntry {
  readonly sentMs: number;
  /** -1: the network lost it. */
  readonly arrivalMs: number;
  readonly from: Port;
  readonly to: Port;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Entries past this many are not kept: a ladder that long helps nobody. */
const MOST_ENTRIES = 20_000;

export class Trace implements NetworkObserver {
  readonly entries: TraceEntry[] = [];
  private readonly clock: VirtualClock;
  private readonly call: number;

  /** Keeps the traffic of the phones of call number `call`; -1: everything. */
  constructor(clock: VirtualClock, call = -1) {
    this.clock = clock;
    this.call = call;
  }

  sent(bytes: Uint8Array, start: number, end: number, from: Port, to: Port, arrivalMs: number): void {
    if (this.call >= 0 && from.call !== this.call && to.call !== this.call) return;
    if (this.entries.length >= MOST_ENTRIES) return;
    this.entries.push({ sentMs: this.clock.nowMs, arrivalMs, from, to, bytes, start, end });
  }
}
