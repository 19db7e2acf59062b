/**
 * `shards: 0`: one engine in the main thread behind the sockets, and nothing in between. The same engine, outbox and script as
 * in a shard, as shard 0 of 1: branches and Record-Route marks stay valid when `shards` is set to 1. Main thread.
 *
 * The memory is one array, so that a message on its way through never changes it: what the batch driver receives into, the
 * send queue, the engine's own.
 */
import type { Config } from '../config/schema.js';
import { Coalescer } from '../net/coalescer.js';
import { Pause } from '../net/pause.js';
import { RECEIVE_BYTES } from '../net/udp-batch-receiver.js';
import { SEND_ARENA_BYTES } from '../net/udp-batch-sender.js';
import { ARENA_OVERHEAD_BYTES } from '../proxy/arena.js';
import type { EnginePorts } from '../proxy/core.js';
import type { AbandonableEngine } from '../proxy/engine-api.js';
import type { EngineOptions } from '../proxy/ports.js';
import type { Routes } from '../script/api.js';
import { instantiateScript } from '../script/instantiate.js';
import type { CompiledScript } from '../script/load.js';
import type { Clock } from '../shard/clock.js';
import { NO_OFFERS } from '../shard/offer-writer.js';
import { BatchOutbox } from '../shard/outbox-batch.js';
import { guardScript } from '../shard/script-guard.js';
import { SocketLoop } from '../shard/socket-loop.js';
import type { ThreadLog } from '../telemetry/logger.js';
import type { Router } from './dispatcher.js';
import { InlineDatagramLoop } from './inline-datagram-loop.js';
import { DriverOutbox } from './inline-outbox.js';
import { InlineShard, type InlineOutbox } from './inline-shard.js';
import type { DriverChoice, OpenDriver } from './open-driver.js';
import type { ServerCore, SharedEngineOptions } from './server-core.js';

/** How often main looks whether the engine has drained, milliseconds. */
const DRAIN_POLL_MS = 10;

/** Makes the engine that runs in the main thread. */
export type InlineEngineFactory = (options: EngineOptions, ports: EnginePorts, routes: Routes) => AbandonableEngine;

/** What it is made of. */
export interface InlineCoreParts {
  readonly config: Config;
  readonly choice: DriverChoice;
  readonly script: CompiledScript;
  readonly createEngine: InlineEngineFactory;
  readonly allowCrash: boolean;
  readonly router: Router;
  readonly counters: Float64Array;
  readonly clock: Clock;
  readonly log: ThreadLog;
}

/** The loop of the main thread, for either driver. */
interface InlineLoop {
  run(): Promise<void>;
  stop(): void;
  /** A batch of datagrams has gone through the engine. */
  batchEnd(): void;
  /** There is something to do outside of a batch. */
  wake(): void;
}

/** What there is once the sockets are open. */
interface Attached {
  readonly outbox: InlineOutbox;
  readonly createEngine: (routes: Routes) => AbandonableEngine;
  readonly createLoop: (shard: InlineShard) => InlineLoop;
}

/** What there is once the script is loaded. */
interface Started {
  readonly shard: InlineShard;
  readonly loop: InlineLoop;
}

/** The core of a server without shards. */
export class InlineCore implements ServerCore {
  readonly driverOptions: ServerCore['driverOptions'];
  private readonly parts: InlineCoreParts;
  private readonly memory: Uint8Array;
  private readonly sendStart: number;
  private attached: Attached | undefined;
  private started: Started | undefined;
  private running = Promise.resolve();
  private endGuard: (() => void) | undefined;
  /** dgram: a datagram could not be sent, as came out later. */
  private onSendFailed: (life: number, owner: number) => void = () => {};

  constructor(parts: InlineCoreParts) {
    this.parts = parts;
    const { choice, config } = parts;
    this.sendStart = choice.kind === 'batch' ? RECEIVE_BYTES : 0;
    // Shared memory, as in a shard: the collector does not count it as something that it could free.
    this.memory = new Uint8Array(new SharedArrayBuffer(this.sendStart + SEND_ARENA_BYTES + ARENA_OVERHEAD_BYTES + config.limits.storeBytes));
    this.driverOptions = {
      receivePlace: { bytes: this.memory, start: 0 },
      // A datagram that comes while the script is being loaded is lost, and comes again.
      onDatagram: (bytes, from, to, meta) => { this.started?.shard.datagram(bytes, from, to, meta); },
      onBatchEnd: () => {
        this.started?.shard.batchEnd();
        this.started?.loop.batchEnd();
      },
      onSendFailed: (life, owner) => { this.onSendFailed(life, owner); },
    };
  }

  attach(open: OpenDriver, engine: SharedEngineOptions): void {
    const { choice, config, counters, createEngine, log } = this.parts;
    const sendPlace = { bytes: this.memory, start: this.sendStart };
    const memory = { bytes: this.memory, start: this.sendStart + SEND_ARENA_BYTES, end: this.memory.length };
    let outbox: InlineOutbox;
    if (open.kind === 'batch' && choice.kind === 'batch') {
      outbox = new BatchOutbox(choice.libc, open.driver.listeners, NO_OFFERS, counters, sendPlace);
    } else {
      const driverOutbox = new DriverOutbox(open.driver, sendPlace);
      this.onSendFailed = (life, owner) => {
        driverOutbox.sendFailed(life, owner);
        this.started?.loop.wake();
      };
      outbox = driverOutbox;
    }
    this.attached = {
      outbox,
      createEngine: (routes) => createEngine({ ...engine, shard: 0, shards: 1 }, { outbox, counters, log, memory }, routes),
      createLoop: (shard) => {
        if (open.kind === 'dgram') return new InlineDatagramLoop(shard, counters);
        return new SocketLoop({ receiver: open.driver, host: shard, coalescer: new Coalescer(config.io.coalesceUs), pause: new Pause(open.libc), counters });
      },
    };
  }

  async start(): Promise<void> {
    const { attached } = this;
    if (attached === undefined) throw new Error('the sockets are not open yet');
    const { clock, counters, log, router, script } = this.parts;
    this.endGuard = guardScript(counters, log);
    const routes = await instantiateScript(script);
    const shard = new InlineShard({
      createEngine: attached.createEngine,
      outbox: attached.outbox,
      router,
      counters,
      clock,
      log,
      onWork: () => { this.started?.loop.wake(); },
      after: (delayMs, fire) => {
        const timer = setTimeout(fire, delayMs);
        return () => clearTimeout(timer);
      },
    }, routes);
    this.started = { shard, loop: attached.createLoop(shard) };
  }

  run(): Promise<void> {
    this.running = this.there().loop.run();
    return this.running;
  }

  reload(script: CompiledScript): Promise<void> {
    return this.there().shard.reload(() => instantiateScript(script));
  }

  /** There is no other thread. */
  setLogLevel(): void {}

  async drain(drainMs: number): Promise<void> {
    const { clock } = this.parts;
    const { shard } = this.there();
    shard.drain();
    const endMs = clock.exactMs() + drainMs;
    while (shard.pending() > 0 && clock.exactMs() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  async stop(): Promise<void> {
    this.started?.shard.stop();
  }

  async end(): Promise<void> {
    this.started?.loop.stop();
    await this.running.catch(() => undefined);
    this.endGuard?.();
  }

  stats(): ReturnType<ServerCore['stats']> {
    return { counters: [], rings: [] };
  }

  crash(shard: number): void {
    if (shard === 0 && this.parts.allowCrash) this.there().shard.crash(new Error('crash asked for'));
  }

  private there(): Started {
    if (this.started === undefined) throw new Error('the script is not loaded yet');
    return this.started;
  }
}
