/**
 * The loop of a thread that has the sockets in front of its engine, and no ring in between: receives a batch, which goes through
 * the engine on its way, and runs the engine's timers meanwhile. It sleeps in poll() when nothing comes, blocks in the receive when
 * something does, pauses between batches under load, and turns Node's event loop by time; and after each batch while a script
 * awaits something. Batch driver. Runs in the thread of the engine: the only shard's, or main with `shards: 0`.
 */
import { performance } from 'node:perf_hooks';
import type { Coalescer } from '../net/coalescer.js';
import { EventLoopActivity, turnEventLoop } from '../net/event-loop.js';
import type { Pause } from '../net/pause.js';
import { RECEIVE_SLOTS, type BatchReceiver } from '../net/udp-batch-receiver.js';
import { C_BATCHES, C_WAKEUPS } from '../telemetry/counters.js';

/** Node's event loop turns at least this often, milliseconds, as long as datagrams keep coming. */
const TURN_EVERY_MS = 10;
/** The same while the event loop has work of its own. */
const TURN_EVERY_BUSY_MS = 1;
/** Longest idle sleep while the event loop has work of its own, or a script awaits something, milliseconds. */
const IDLE_SLEEP_BUSY_MS = 1;
/** How long the event loop counts as busy after an event, milliseconds. */
const BUSY_LINGER_MS = 50;
/** Wait of the blocking receive, milliseconds; timers wait as long at most. */
const RECEIVE_WAIT_MS = 1;
/** How often the loop looks whether a dead engine has been replaced, milliseconds. Datagrams wait in the kernel meanwhile. */
const DOWN_SLEEP_MS = 5;

/** The engine behind the loop, and what surrounds it. It is also what the receiver hands its datagrams to. */
export interface SocketHost {
  /** False while a dead engine has not been replaced: what would be received is lost. */
  readonly up: boolean;
  /** A script went on by itself: `tick` sends what it did. */
  readonly dirty: boolean;
  /** A script awaits something, or is being loaded: the event loop has to turn for it. */
  readonly waiting: boolean;
  /** Longest idle sleep, milliseconds: what the event loop waits at most when nothing comes. */
  readonly idleSleepMs: number;
  /** Begins a turn: takes what others have to say. False ends the loop. */
  look(): boolean;
  /** Runs the timers that are due, and sends what they, or a script by itself, have led to. */
  tick(): void;
  /** Milliseconds until the next timer is due: 0 to `longestMs`. */
  sleepMs(longestMs: number): number;
  /** Before an idle sleep: whoever has something to say wakes the thread from here on. False when somebody already has. */
  mayDoze(): boolean;
  /** The event loop has turned. */
  turned(): void;
}

/** What the loop works with. */
export interface SocketLoopParts {
  /** Hands datagrams to `host`, and tells it the end of each batch. */
  readonly receiver: BatchReceiver;
  readonly host: SocketHost;
  readonly coalescer: Coalescer;
  readonly pause: Pause;
  /** The block of this thread. */
  readonly counters: Float64Array;
}

/** The loop. `run` once. */
export class SocketLoop {
  private readonly parts: SocketLoopParts;
  private readonly activity = new EventLoopActivity(BUSY_LINGER_MS);
  private stopping = false;

  constructor(parts: SocketLoopParts) {
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

  /** Runs until `stop`, or until the host says so. Rejects with what the host or the receiver throws. */
  async run(): Promise<void> {
    const { coalescer, host, pause, receiver } = this.parts;
    let lastTurnMs = performance.now();
    let busy = false;
    let quiet = true;
    while (!this.stopping) {
      if (!host.look()) return;
      if (!host.up) {
        await new Promise((resolve) => setTimeout(resolve, DOWN_SLEEP_MS));
        continue;
      }
      if (host.dirty) host.tick();
      const hurries = busy || host.waiting;
      const received: number = quiet ? this.receiveIdle(hurries) : receiver.receiveBatch(hurries ? 0 : RECEIVE_WAIT_MS, false);
      if (received === 0) host.tick();
      quiet = received === 0;
      const nowMs = performance.now();
      const pauseUs = coalescer.pauseUs(received, received >= RECEIVE_SLOTS, nowMs);
      if (nowMs - lastTurnMs >= (busy ? TURN_EVERY_BUSY_MS : TURN_EVERY_MS) || host.waiting) {
        // The turn takes the place of a pause.
        await turnEventLoop();
        lastTurnMs = performance.now();
        busy = this.activity.busy(lastTurnMs);
        host.turned();
      } else if (pauseUs > 0) {
        pause.sleepUs(pauseUs);
      }
    }
  }

  /** Sleeps until a datagram comes, a timer is due, or somebody wakes the thread. */
  private receiveIdle(hurries: boolean): number {
    const { counters, host, receiver } = this.parts;
    if (!host.mayDoze()) return receiver.receiveBatch(0, false);
    const received = receiver.receiveBatch(host.sleepMs(hurries ? IDLE_SLEEP_BUSY_MS : host.idleSleepMs), true);
    counters[C_WAKEUPS]!++;
    return received;
  }
}
