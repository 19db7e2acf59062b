/**
 * The loop of a server with `shards: 0` and the dgram driver: there is none but Node's own. Datagrams go through the engine as
 * they come in as events; what is left to do is to run the engine's timers, and to send what scripts do by themselves.
 * Main thread.
 */
import { C_BATCHES, C_WAKEUPS } from '../telemetry/counters.js';
import type { InlineShard } from './inline-shard.js';

/** Longest wait for a timer: the loop looks after itself at least this often, milliseconds. */
const LONGEST_SLEEP_MS = 1_000;

/** The timers of the engine as one timer of Node. `run` once. */
export class InlineDatagramLoop {
  private readonly shard: InlineShard;
  private readonly counters: Float64Array;
  private timer: NodeJS.Timeout | undefined;
  /** When the timer fires, by `performance.now()`. */
  private dueMs = Infinity;
  private soon: NodeJS.Immediate | undefined;
  private ended: (() => void) | undefined;
  private stopped = false;

  constructor(shard: InlineShard, counters: Float64Array) {
    this.shard = shard;
    this.counters = counters;
  }

  /** Runs until `stop`. */
  run(): Promise<void> {
    this.arm();
    return new Promise((resolve) => (this.ended = resolve));
  }

  /** Ends the loop: nothing is called from here on. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    clearImmediate(this.soon);
    this.ended?.();
  }

  /** A batch of datagrams has gone through the engine, which may have armed timers. */
  batchEnd(): void {
    this.counters[C_BATCHES]!++;
    this.shard.look();
    this.arm();
  }

  /** There is something to do: it is done in the present turn of the event loop, outside of whatever calls this. */
  wake(): void {
    if (this.stopped) return;
    this.soon ??= setImmediate(() => {
      this.soon = undefined;
      this.turn();
    });
  }

  private turn(): void {
    this.shard.tick();
    this.shard.look();
    this.arm();
  }

  /** A timer that fires too early does no harm, one too late does: the timer of Node is only ever moved forward. */
  private arm(): void {
    const sleepMs = this.shard.sleepMs(LONGEST_SLEEP_MS);
    // Very many timers are due at once: the next of them have their turn behind what the sockets have got meanwhile.
    if (sleepMs === 0) {
      this.wake();
      return;
    }
    const dueMs = performance.now() + sleepMs;
    if (this.stopped || dueMs >= this.dueMs) return;
    clearTimeout(this.timer);
    this.dueMs = dueMs;
    this.timer = setTimeout(() => {
      this.dueMs = Infinity;
      this.counters[C_WAKEUPS]!++;
      this.turn();
    }, Math.ceil(sleepMs));
  }
}
