/**
 * The loop of one shard: takes messages off the ring in batches, runs the engine, sends what it left in the outbox, and
 * sleeps until the next message or timer. Runs in the shard's thread and owns it.
 *
 * Invariants: every engine call is made from here or from a promise that a script awaits, never nested; the outbox is
 * flushed once a batch, outside of any engine call; the ring is released only after the flush. What throws out of the
 * engine ends the loop: the state of the engine can no longer be trusted, and the supervisor starts another shard behind
 * the message that did it.
 *
 * Sleep: with no script pending the thread sleeps in `Atomics.wait`, which costs least, and turns its event loop only now
 * and then. While a script awaits something, the event loop has to turn for it, so the thread waits in the event loop.
 */
import type { EngineApi } from '../proxy/engine-api.js';
import type { Doorbell } from '../ring/doorbell.js';
import { RECORD_DATAGRAM, RECORD_OFFER, RECORD_SEND_FAILED } from '../ring/layout.js';
import type { RingReader } from '../ring/spsc-ring.js';
import { C_BATCHES, C_WAKEUPS } from '../telemetry/counters.js';
import type { Clock } from './clock.js';
import { STATE_STOPPED, W_MAILBOX, W_PENDING, W_STATE } from './control-words.js';
import { EngineTurn, type EngineTurnParts } from './engine-turn.js';
import { PauseGauge } from './pause-gauge.js';
import type { ShardRunner } from './shard-runner.js';

/** Most records between two flushes: bounds the delay of the first answer and the size of the send batch. */
const BATCH_RECORDS = 64;
/** Longest time without a turn of the event loop while there is work, milliseconds. */
const TURN_EVERY_MS = 10;
/** Longest sleep: the loop looks after itself at least this often, milliseconds. */
const LONGEST_SLEEP_MS = 1_000;
/** Longest sleep while the script has timers, sockets or the like of its own, milliseconds. */
const BACKGROUND_SLEEP_MS = 10;

/** What a loop works with. Everything is owned by this thread, `words` and the ring's memory are shared. */
export interface ShardLoopParts extends EngineTurnParts {
  readonly ring: RingReader;
  /** The bell of `ring`. */
  readonly bell: Doorbell;
  readonly words: Int32Array;
  readonly clock: Clock;
  /** Reads and obeys the control messages that have come in. Called outside of any engine call. */
  readonly onMailbox: () => void;
  /** How many things of Node keep this thread's event loop alive without the script: more of them are the script's. */
  readonly ownResources: number;
}

/** One shard's loop. `run` once. */
export class ShardLoop implements ShardRunner {
  private readonly engine: EngineApi;
  private readonly turn: EngineTurn;
  private readonly ring: RingReader;
  private readonly bell: Doorbell;
  private readonly counters: Float64Array;
  private readonly words: Int32Array;
  private readonly clock: Clock;
  private readonly parts: ShardLoopParts;
  private readonly pauses: PauseGauge;
  private mailboxSeen = 0;
  private lastTurnMs = 0;
  private stopping = false;
  private draining = false;
  /** Work of this thread, outside of the engine, that waits for the event loop: a script being loaded. */
  private held = 0;
  /** The script has timers, sockets or the like that want turns of the event loop. */
  private background = false;

  constructor(parts: ShardLoopParts) {
    this.parts = parts;
    this.engine = parts.engine;
    this.ring = parts.ring;
    this.bell = parts.bell;
    this.counters = parts.counters;
    this.words = parts.words;
    this.clock = parts.clock;
    this.pauses = new PauseGauge(parts.counters, this.clock.exactMs());
    this.turn = new EngineTurn(parts, () => { this.bell.cancel(); });
  }

  stop(): void {
    this.stopping = true;
  }

  holdEventLoop(work: Promise<unknown>): void {
    this.held++;
    const release = (): void => {
      this.held--;
    };
    work.then(release, release);
  }

  watchPending(): void {
    this.draining = true;
  }

  async run(): Promise<void> {
    this.lastTurnMs = this.clock.exactMs();
    this.pauses.slept(this.lastTurnMs);
    for (;;) {
      this.readMailbox();
      if (this.stopping) break;
      const taken = this.runBatchReported();
      if (this.draining) Atomics.store(this.words, W_PENDING, this.engine.pending());
      if (this.needsEventLoop() ? taken > 0 : this.clock.exactMs() - this.lastTurnMs >= TURN_EVERY_MS) {
        await this.turnEventLoop();
        if (taken > 0 || this.turn.dirty) continue;
      }
      if (taken === 0) {
        if (this.needsEventLoop()) await this.sleepInEventLoop();
        else this.sleep();
      }
    }
    this.parts.outbox.flush();
    Atomics.store(this.words, W_STATE, STATE_STOPPED);
  }

  private needsEventLoop(): boolean {
    return this.held > 0 || this.engine.suspended() > 0;
  }

  private readMailbox(): void {
    const posted = Atomics.load(this.words, W_MAILBOX);
    if (posted === this.mailboxSeen) return;
    this.mailboxSeen = posted;
    this.parts.onMailbox();
  }

  private runBatchReported(): number {
    try {
      return this.runBatch();
    } catch (error) {
      this.turn.broken(error, 'the shard ends');
      throw error;
    }
  }

  /** Timers, then up to a batch of records, then the outbox. Returns how many records there were. */
  private runBatch(): number {
    const { ring, turn } = this;
    this.pauses.look(this.clock.exactMs());
    turn.begin();
    let taken = 0;
    while (taken < BATCH_RECORDS && ring.next()) {
      taken++;
      switch (ring.type) {
        case RECORD_DATAGRAM:
        case RECORD_OFFER:
          turn.receive(ring.bytes, ring.start, ring.end, ring.meta);
          break;
        case RECORD_SEND_FAILED:
          turn.sendFailed(ring.owner);
          break;
        default:
          throw new Error(`unknown record type ${ring.type} in the ring`);
      }
    }
    turn.end();
    if (taken > 0) {
      ring.release();
      this.counters[C_BATCHES]!++;
    }
    return taken;
  }

  /** True when there is nothing to do; the bell is announced then. */
  private nothingToDo(): boolean {
    this.bell.announce();
    if (!this.turn.dirty && this.ring.empty() && Atomics.load(this.words, W_MAILBOX) === this.mailboxSeen) return true;
    this.bell.cancel();
    return false;
  }

  private sleep(): void {
    const timeoutMs = this.turn.sleepMs(this.background ? BACKGROUND_SLEEP_MS : LONGEST_SLEEP_MS);
    if (timeoutMs === 0 || !this.nothingToDo()) return;
    this.bell.wait(timeoutMs);
    this.pauses.slept(this.clock.exactMs());
    this.counters[C_WAKEUPS]!++;
  }

  private async sleepInEventLoop(): Promise<void> {
    const timeoutMs = this.turn.sleepMs(LONGEST_SLEEP_MS);
    if (timeoutMs === 0) {
      await this.turnEventLoop();
      return;
    }
    if (!this.nothingToDo()) return;
    await this.bell.waitAsync(timeoutMs);
    this.lastTurnMs = this.clock.exactMs();
    this.pauses.slept(this.lastTurnMs);
    this.counters[C_WAKEUPS]!++;
  }

  /** Lets promises, timers and sockets of the script go on. */
  private async turnEventLoop(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.lastTurnMs = this.clock.exactMs();
    this.background = process.getActiveResourcesInfo().length > this.parts.ownResources;
  }
}
