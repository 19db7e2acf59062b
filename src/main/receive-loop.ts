/**
 * The main thread's loop with the batch driver: receive a batch, hand it to the shards, pass on what the shards sent back,
 * and turn Node's event loop by time, not by batch. Main thread.
 *
 * Three gears:
 *  - idle: sleep in poll() on the sockets and on the doorbell that the shards ring, in short stretches, because Node's
 *    event loop stands still meanwhile;
 *  - busy: a blocking receive, which saves the poll;
 *  - coalescing: a short pause between two batches, so that every later stage works on more than one datagram.
 */
import { performance } from 'node:perf_hooks';
import type { EventFdBell } from '../ring/doorbell.js';
import type { Pause } from '../net/pause.js';
import { C_BATCHES, C_WAKEUPS } from '../telemetry/counters.js';
import type { Coalescer } from '../net/coalescer.js';
import { EventLoopActivity, turnEventLoop } from '../net/event-loop.js';
import type { BatchReceiver } from '../net/udp-batch-receiver.js';
import type { OutRings } from './out-rings.js';

/** Node's event loop turns at least this often, milliseconds, as long as datagrams keep coming. */
const TURN_EVERY_MS = 5;
/** The same while the event loop has work of its own. */
const TURN_EVERY_BUSY_MS = 1;
/** Longest sleep of an idle loop, milliseconds: what a first control connection waits at most. Signals end the sleep. */
const IDLE_SLEEP_MS = 20;
/** The same while the event loop has work of its own. */
const IDLE_SLEEP_BUSY_MS = 1;
/** How long the event loop counts as busy after an event, milliseconds. */
const BUSY_LINGER_MS = 50;
/** Wait of the blocking receive, milliseconds; offers of the shards wait as long at most. */
const RECEIVE_WAIT_MS = 1;
/** A batch this large has more behind it. */
const FULL_BATCH = 64;

/** What the loop works with. */
export interface ReceiveLoopParts {
  readonly receiver: BatchReceiver;
  readonly outRings: OutRings;
  /** The bell that the shards ring for their out-rings. */
  readonly bell: EventFdBell;
  readonly coalescer: Coalescer;
  readonly pause: Pause;
  /** Main's block. */
  readonly counters: Float64Array;
}

/** The loop. `run` once. */
export class ReceiveLoop {
  private readonly parts: ReceiveLoopParts;
  private readonly activity = new EventLoopActivity(BUSY_LINGER_MS);
  private stopping = false;

  constructor(parts: ReceiveLoopParts) {
    this.parts = parts;
  }

  /** Ends the loop at its next turn. */
  stop(): void {
    this.stopping = true;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { coalescer, counters, outRings, pause, receiver } = this.parts;
    let lastTurnMs = performance.now();
    let busy = false;
    let quiet = true;
    while (!this.stopping) {
      const received: number = quiet
        ? this.receiveIdle(busy ? IDLE_SLEEP_BUSY_MS : IDLE_SLEEP_MS)
        : receiver.receiveBatch(busy ? 0 : RECEIVE_WAIT_MS, false);
      outRings.drain();
      if (received > 0) counters[C_BATCHES]!++;
      // The blocking receive is deaf to the bell: a CANCEL that goes from shard to shard must not wait for it at each.
      quiet = received === 0;
      const nowMs = performance.now();
      const pauseUs = coalescer.pauseUs(received, received >= FULL_BATCH, nowMs);
      if (nowMs - lastTurnMs >= (busy ? TURN_EVERY_BUSY_MS : TURN_EVERY_MS)) {
        // The turn takes the place of a pause.
        await turnEventLoop();
        lastTurnMs = performance.now();
        busy = this.activity.busy(lastTurnMs);
      } else if (pauseUs > 0) {
        pause.sleepUs(pauseUs);
      }
    }
  }

  /** Sleeps until a datagram or a shard wants attention, but not when a shard already does. */
  private receiveIdle(sleepMs: number): number {
    const { bell, counters, outRings, receiver } = this.parts;
    bell.announce();
    if (!outRings.empty()) {
      bell.cancel();
      return receiver.receiveBatch(0, false);
    }
    const received = receiver.receiveBatch(sleepMs, true);
    counters[C_WAKEUPS]!++;
    return received;
  }
}
