/**
 * The one shard of a server with `shards: 0`: an engine in the main thread, without rings and without a thread of its own.
 * Datagrams go from the socket through the router into the engine. Main thread.
 *
 * Invariants: those of `EngineTurn`. An engine that throws is abandoned, with its transactions, and a fresh one takes over its
 * memory and outbox: at once after a healthy life, so that not even the batch of the message that did it is lost, and held
 * back as `RestartPolicy` says when it keeps dying; what comes meanwhile is dropped and counted. The script is not run again.
 */
import type { AbandonableEngine } from '../proxy/engine-api.js';
import type { EngineLog, PacketMeta } from '../proxy/ports.js';
import type { Routes } from '../script/api.js';
import { EngineTurn, type EngineTurnParts } from '../shard/engine-turn.js';
import { PauseGauge } from '../shard/pause-gauge.js';
import type { ShardOutbox } from '../shard/shard-outbox.js';
import type { SocketHost } from '../shard/socket-loop.js';
import { C_DROP_RING_FULL, C_KEEPALIVES_IN, C_SHARD_RESTARTS } from '../telemetry/counters.js';
import type { Router } from './dispatcher.js';
import { RestartPolicy } from './restart-policy.js';

/** An outbox that outlives its engine. */
export interface InlineOutbox extends ShardOutbox {
  /** Another engine sends from here on: failures of what the last one sent are forgotten. */
  disown(): void;
}

/** What an inline shard works with. */
export interface InlineShardParts {
  /** Makes an engine on the memory and outbox of the last one. */
  readonly createEngine: (routes: Routes) => AbandonableEngine;
  readonly outbox: InlineOutbox;
  /** Picks the kind and key of a message; every shard index is this one. */
  readonly router: Router;
  readonly counters: Float64Array;
  readonly clock: EngineTurnParts['clock'];
  readonly log: EngineLog;
  /** There is something to do outside of a batch: a script went on by itself, or a fresh engine is there. Only wake the loop. */
  readonly onWork: () => void;
  /** Calls `fire` in `delayMs`; the returned function cancels it. */
  readonly after: (delayMs: number, fire: () => void) => () => void;
}

/** Longest idle sleep, milliseconds: what timers and sockets of the script, and a control connection, wait at most. */
const IDLE_SLEEP_MS = 10;

interface Life {
  readonly engine: AbandonableEngine;
  readonly turn: EngineTurn;
  readonly startedMs: number;
}

/** The shard. */
export class InlineShard implements SocketHost {
  readonly idleSleepMs = IDLE_SLEEP_MS;
  private readonly parts: InlineShardParts;
  private readonly policy = new RestartPolicy();
  private readonly pauses: PauseGauge;
  private routes: Routes;
  private life: Life | undefined;
  /** The clock is set for the present batch. */
  private begun = false;
  /** Scripts that are being loaded. */
  private loading = 0;
  private staysDown = false;
  private cancelRestart: (() => void) | undefined;

  /** Starts with an engine for `routes`. */
  constructor(parts: InlineShardParts, routes: Routes) {
    this.parts = parts;
    this.routes = routes;
    this.life = this.newLife();
    this.pauses = new PauseGauge(parts.counters, parts.clock.exactMs());
  }

  // For the sockets

  /** One datagram. `bytes[start, end)` and `meta` are borrowed. */
  datagram(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    const { counters, router } = this.parts;
    if (router.route(bytes, start, end, meta) < 0) {
      counters[C_KEEPALIVES_IN]!++;
      return;
    }
    if (!this.begun) this.begin();
    const { life } = this;
    if (life === undefined) {
      counters[C_DROP_RING_FULL]!++;
      return;
    }
    try {
      life.turn.receive(bytes, start, end, meta);
    } catch (error) {
      this.died(life, error);
    }
  }

  /** The batch is over: sends what it has led to. */
  batchEnd(): void {
    this.begun = false;
    const { life } = this;
    if (life === undefined) return;
    try {
      life.turn.end();
    } catch (error) {
      this.died(life, error);
    }
  }

  // For the loop

  /** Runs the timers that are due, and sends what they, or a script by itself, have led to. */
  tick(): void {
    this.begin();
    this.batchEnd();
  }

  /** The thread looks at its sockets: what it has done since the last batch or tick began was a pause. */
  look(): true {
    this.pauses.look(this.parts.clock.exactMs());
    return true;
  }

  /** Nobody else has anything to say: there is no other thread. */
  mayDoze(): true {
    return true;
  }

  turned(): void {}

  /** False while a dead engine has not been replaced: what is received now is lost. */
  get up(): boolean {
    return this.life !== undefined;
  }

  /** A script went on by itself: `tick` sends what it did. */
  get dirty(): boolean {
    return this.life?.turn.dirty === true;
  }

  /** A script awaits something, or is being loaded: the event loop has to turn for it. */
  get waiting(): boolean {
    return this.loading > 0 || (this.life !== undefined && this.life.engine.suspended() > 0);
  }

  /** Milliseconds until the next timer is due: 0 to `longestMs`. */
  sleepMs(longestMs: number): number {
    return this.life?.turn.sleepMs(longestMs) ?? longestMs;
  }

  // For the server

  /** Uses the script that `load` resolves to for later requests; when it rejects, so does this, and nothing changes. */
  async reload(load: () => Promise<Routes>): Promise<void> {
    this.loading++;
    try {
      this.routes = await load();
      this.life?.engine.setRoutes(this.routes);
    } finally {
      this.loading--;
    }
  }

  /** Refuses new work from here on; an engine that dies now is not replaced. */
  drain(): void {
    this.stayDown();
    this.life?.engine.drain();
  }

  /** Transactions that have not reached their final state. */
  pending(): number {
    return this.life?.engine.pending() ?? 0;
  }

  /** The engine dies of `error`, as if it had thrown it. */
  crash(error: Error): void {
    if (this.life !== undefined) this.died(this.life, error);
  }

  /** Sends what is left and ends the engine for good. Handlers that are pending are refused from here on. */
  stop(): void {
    this.stayDown();
    this.batchEnd();
    this.life?.engine.abandon();
    this.life = undefined;
  }

  private stayDown(): void {
    this.staysDown = true;
    this.cancelRestart?.();
    this.cancelRestart = undefined;
  }

  private begin(): void {
    this.begun = true;
    this.pauses.slept(this.parts.clock.exactMs());
    const { life } = this;
    if (life === undefined) return;
    try {
      life.turn.begin();
    } catch (error) {
      this.died(life, error);
    }
  }

  private newLife(): Life {
    const { clock, counters, createEngine, log, onWork, outbox } = this.parts;
    const engine = createEngine(this.routes);
    const turn = new EngineTurn({ engine, outbox, counters, clock, log }, onWork);
    // A fresh engine may take its first message in the middle of a batch.
    turn.begin();
    return { engine, turn, startedMs: clock.exactMs() };
  }

  private died(life: Life, error: unknown): void {
    const { clock, counters, outbox } = this.parts;
    this.life = undefined;
    const delayMs = this.policy.delayMs(clock.exactMs() - life.startedMs);
    life.turn.broken(error, this.staysDown ? 'its transactions are lost' : 'its transactions are lost, and a fresh one takes its place', { restartInMs: delayMs });
    life.engine.abandon();
    // What had been composed is whole.
    outbox.flush();
    outbox.disown();
    if (this.staysDown) return;
    counters[C_SHARD_RESTARTS]!++;
    this.replaceIn(delayMs);
  }

  private replaceIn(delayMs: number): void {
    this.cancelRestart = undefined;
    if (delayMs > 0) {
      this.cancelRestart = this.parts.after(delayMs, () => { this.replaceIn(0); });
      return;
    }
    try {
      this.life = this.newLife();
    } catch (error) {
      const nextDelayMs = this.policy.delayMs(0);
      this.parts.log.error({ err: error, restartInMs: nextDelayMs }, 'no engine could be made');
      this.replaceIn(nextDelayMs);
      return;
    }
    this.parts.onWork();
  }
}
