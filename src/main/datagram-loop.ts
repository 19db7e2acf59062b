/**
 * The main thread's loop with the dgram driver: datagrams come in as events of Node's event loop and are handed over by the
 * driver; this loop sends what the shards put into their out-rings, whenever their doorbell rings. Main thread.
 */
import type { Doorbell } from '../ring/doorbell.js';
import { C_WAKEUPS } from '../telemetry/counters.js';
import { turnEventLoop } from '../net/event-loop.js';
import type { OutRings } from './out-rings.js';

/** Longest wait for the doorbell, milliseconds. */
const LONGEST_WAIT_MS = 1_000;

/** The loop. `run` once. */
export class DatagramLoop {
  private readonly outRings: OutRings;
  private readonly bell: Doorbell;
  private readonly counters: Float64Array;
  private stopping = false;

  /** `bell`: what the shards ring for their out-rings. `counters`: main's block. */
  constructor(outRings: OutRings, bell: Doorbell, counters: Float64Array) {
    this.outRings = outRings;
    this.bell = bell;
    this.counters = counters;
  }

  /** Ends the loop at its next turn. */
  stop(): void {
    this.stopping = true;
    this.bell.cancel();
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.stopping) {
      if (this.outRings.drain() > 0) {
        // Sockets have their turn before the next round, and more gathers in the rings meanwhile.
        await turnEventLoop();
        continue;
      }
      this.bell.announce();
      if (this.outRings.empty()) {
        await this.bell.waitAsync(LONGEST_WAIT_MS);
        this.counters[C_WAKEUPS]!++;
      } else {
        this.bell.cancel();
      }
    }
  }
}
