/**
 * The loop of a server with `shards: 0` and the batch driver: receives a batch, which goes through the engine on its way,
 * and runs the engine's timers in between. As `ReceiveLoop`, it sleeps in poll() when nothing comes, blocks in the receive
 * when something does, pauses between batches under load, and turns Node's event loop by time; and after each batch while a
 * script awaits something. Main thread.
 */
import { performance } from 'node:perf_hooks';
import { RECEIVE_SLOTS } from '../net/udp-batch.js';
import type { Pause } from '../net/pause.js';
import { C_BATCHES, C_WAKEUPS } from '../telemetry/counters.js';
import type { Coalescer } from './coalescer.js';
import { EventLoopActivity, turnEventLoop } from './event-loop.js';
import type { InlineShard } from './inline-shard.js';
import type { BatchReceiver } from './receive-loop.js';

/** Node's event loop turns at least this often, milliseconds, as long as datagrams keep coming. */
const TURN_EVERY_MS = 5;
/** The same while the event loop has work of its own. */
const TURN_EVERY_BUSY_MS = 1;
/** Longest sleep of an idle loop, milliseconds: what timers and sockets of the script, and a control connection, wait at most. */
const IDLE_SLEEP_MS = 10;
/** The same while the event loop has work of its own, or a script awaits something. */
const IDLE_SLEEP_BUSY_MS = 1;
/** How long the event loop counts as busy after an event, milliseconds. */
const BUSY_LINGER_MS = 50;
/** Wait of the blocking receive, milliseconds; timers wait as long at most. */
const RECEIVE_WAIT_MS = 1;
/** How often the loop looks whether a dead engine has been replaced, milliseconds. Datagrams wait in the kernel meanwhile. */
const DOWN_SLEEP_MS = 5;

/** What the loop works with. */
export interface InlineReceiveLoopParts {
  /** Hands datagrams to `shard`, and tells it the end of each batch. */
  readonly receiver: BatchReceiver;
  readonly shard: InlineShard;
  readonly coalescer: Coalescer;
  readonly pause: Pause;
  readonly counters: Float64Array;
}

/** The loop. `run` once. */
export class InlineReceiveLoop {
  private readonly parts: InlineReceiveLoopParts;
  private readonly activity = new EventLoopActivity(BUSY_LINGER_MS);
  private stopping = false;

  constructor(parts: InlineReceiveLoopParts) {
    this.parts = parts;
  }

  /** Ends the loop at its next turn. */
  stop(): void {
    this.stopping = true;
  }

  /** A batch has gone through the engine. */
  batchEnd(): void {
    this.parts.counters[C_BATCHES]!++;
  }

  /** Something is to be done that did not come with a batch: the loop looks before it sleeps, so there is nothing to do. */
  wake(): void {}

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const { coalescer, pause, receiver, shard } = this.parts;
    let lastTurnMs = performance.now();
    let busy = false;
    let quiet = true;
    while (!this.stopping) {
      if (!shard.up) {
        await new Promise((resolve) => setTimeout(resolve, DOWN_SLEEP_MS));
        continue;
      }
      if (shard.dirty) shard.tick();
      shard.look();
      const hurries = busy || shard.waiting;
      const received: number = quiet ? this.receiveIdle(hurries) : receiver.receiveBatch(hurries ? 0 : RECEIVE_WAIT_MS, false);
      if (received === 0) shard.tick();
      quiet = received === 0;
      const nowMs = performance.now();
      const pauseUs = coalescer.pauseUs(received, received >= RECEIVE_SLOTS, nowMs);
      if (nowMs - lastTurnMs >= (busy ? TURN_EVERY_BUSY_MS : TURN_EVERY_MS) || shard.waiting) {
        // The turn takes the place of a pause.
        await turnEventLoop();
        lastTurnMs = performance.now();
        busy = this.activity.busy(lastTurnMs);
      } else if (pauseUs > 0) {
        pause.sleepUs(pauseUs);
      }
    }
  }

  /** Sleeps until a datagram comes or a timer is due. */
  private receiveIdle(hurries: boolean): number {
    const { counters, receiver, shard } = this.parts;
    const received = receiver.receiveBatch(shard.sleepMs(hurries ? IDLE_SLEEP_BUSY_MS : IDLE_SLEEP_MS), true);
    counters[C_WAKEUPS]!++;
    return received;
  }
}
