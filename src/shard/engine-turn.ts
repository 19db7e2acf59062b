/**
 * What every loop around an engine does in a turn: timers, messages, then the outbox with what the kernel refused. The loop
 * decides where messages come from and how it sleeps. Belongs to the thread of the engine.
 *
 * Invariants: engine calls are made from here or from a promise that a script awaits, never nested; the outbox is flushed
 * by `end` alone, outside of any engine call. What throws out of `begin`, `receive`, `sendFailed` or `end` has broken the
 * engine: say so by `broken`, and use neither again.
 */
import type { EngineApi } from '../proxy/engine-api.js';
import type { EngineLog, PacketMeta } from '../proxy/ports.js';
import { C_LOOP_ERRORS } from '../telemetry/counters.js';
import type { Clock } from './clock.js';
import { messageSummary } from './crash-report.js';
import type { ShardOutbox } from './shard-outbox.js';

/** How often one flush takes up what failed to be sent. */
const FAILURE_ROUNDS = 4;
const NO_BYTES = new Uint8Array(0);

/** One engine and what is around it. */
export interface EngineTurnParts {
  readonly engine: EngineApi;
  readonly outbox: ShardOutbox;
  readonly counters: Float64Array;
  readonly clock: Pick<Clock, 'nowMs' | 'exactMs'>;
  readonly log: EngineLog;
}

/** The turns of one engine. */
export class EngineTurn {
  /** A script went on by itself and left something in the outbox: `end` sends it. */
  dirty = false;
  private readonly engine: EngineApi;
  private readonly outbox: ShardOutbox;
  private readonly clock: EngineTurnParts['clock'];
  private readonly parts: EngineTurnParts;
  // The message that the engine has in its hands.
  private inHand = false;
  private bytes: Uint8Array = NO_BYTES;
  private from = 0;
  private to = 0;

  /** `onWork`: a script went on by itself, `dirty` is set. Called in the middle of engine work: only wake the loop here. */
  constructor(parts: EngineTurnParts, onWork: () => void) {
    this.parts = parts;
    this.engine = parts.engine;
    this.outbox = parts.outbox;
    this.clock = parts.clock;
    this.engine.onWake = () => {
      this.engine.advance(this.clock.nowMs());
    };
    this.engine.onWork = () => {
      this.dirty = true;
      onWork();
    };
  }

  /** Sets the clock and runs the timers that are due. Call it before the first message of a batch. */
  begin(): void {
    this.engine.advance(this.clock.nowMs());
  }

  /** One message. `bytes[start, end)` and `meta` are borrowed. */
  receive(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    this.bytes = bytes;
    this.from = start;
    this.to = end;
    this.inHand = true;
    this.engine.receive(bytes, start, end, meta);
    this.inHand = false;
  }

  /** A datagram that was committed with `owner` could not be sent, as somebody else has found out. */
  sendFailed(owner: number): void {
    this.engine.sendFailed(owner);
  }

  /** Sends the outbox and tells the engine what the kernel refused, which may make it send more. */
  end(): void {
    const { engine, outbox } = this;
    this.dirty = false;
    outbox.flush();
    // The bound keeps a target that always fails from holding the loop; what is left is taken by the next flush.
    for (let round = 0; round < FAILURE_ROUNDS; round++) {
      let owner = outbox.nextFailure();
      if (owner < 0) return;
      do {
        engine.sendFailed(owner);
        owner = outbox.nextFailure();
      } while (owner >= 0);
      outbox.flush();
    }
  }

  /** Milliseconds until the next timer is due: 0 to `longestMs`. */
  sleepMs(longestMs: number): number {
    return Math.max(0, Math.min(this.engine.nextDeadlineMs() - this.clock.exactMs(), longestMs));
  }

  /**
   * Counts and logs that the engine threw `error`, with the message that did it, if one did. `text`: what follows from it;
   * `fields`: what else to log.
   */
  broken(error: unknown, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.parts.counters[C_LOOP_ERRORS]!++;
    const message = this.inHand ? messageSummary(this.bytes, this.from, this.to) : {};
    this.parts.log.error({ ...fields, ...message, err: error }, `a broken invariant of the engine: ${text}`);
  }
}
