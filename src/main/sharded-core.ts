/**
 * Shards in threads of their own behind the sockets: router, rings, loop of the main thread, shards and their supervisor,
 * joined together. Main thread.
 */
import type { Config } from '../config/schema.js';
import { Coalescer } from '../net/coalescer.js';
import { Pause } from '../net/pause.js';
import type { EngineLog } from '../proxy/ports.js';
import type { CompiledScript } from '../script/load.js';
import type { Clock } from '../shard/clock.js';
import { DatagramLoop } from './datagram-loop.js';
import { Dispatcher, type Router } from './dispatcher.js';
import type { OpenDriver } from './open-driver.js';
import { OutRings } from './out-rings.js';
import { ReceiveLoop } from './receive-loop.js';
import { RunningShards } from './running-shards.js';
import type { ServerCore, SharedEngineOptions } from './server-core.js';
import { createShardEnds, receivePlace, ringLevels, type ShardEnds } from './shard-memory.js';

/** What it is made of. */
export interface ShardedCoreParts {
  readonly config: Config;
  readonly script: CompiledScript;
  /** The file that runs a shard. */
  readonly module: URL;
  readonly allowCrash: boolean;
  readonly router: Router;
  /** The counter blocks of the server, and main's among them. */
  readonly blocks: SharedArrayBuffer;
  readonly counters: Float64Array;
  /** The word of the bell that the shards ring. */
  readonly mainBell: SharedArrayBuffer;
  readonly originMs: number;
  readonly clock: Clock;
  readonly log: EngineLog;
}

/** What there is once the sockets are open. */
interface Attached {
  readonly outRings: OutRings;
  readonly loop: { run(): Promise<void>; stop(): void };
  readonly shards: RunningShards;
}

/** The core of a server with one shard or more. */
export class ShardedCore implements ServerCore {
  readonly driverOptions: ServerCore['driverOptions'];
  private readonly parts: ShardedCoreParts;
  private readonly ends: readonly ShardEnds[];
  private readonly dispatcher: Dispatcher;
  private attached: Attached | undefined;
  private running = Promise.resolve();

  constructor(parts: ShardedCoreParts) {
    this.parts = parts;
    const { blocks, clock, config, counters, mainBell, router } = parts;
    const { io, limits, shards } = config;
    this.ends = Array.from({ length: shards }, (_, shard) => createShardEnds(shard, io.ringBytes, limits.storeBytes, blocks, mainBell));
    const dispatcher = new Dispatcher(router, this.ends.map((end) => end.inlet), counters, clock);
    this.dispatcher = dispatcher;
    this.driverOptions = {
      receivePlace: receivePlace(this.ends[0]!),
      onDatagram: (bytes, from, to, meta) => dispatcher.datagram(bytes, from, to, meta),
      onBatchEnd: () => dispatcher.flush(),
      onSendFailed: (shard, owner) => {
        dispatcher.sendFailed(shard, owner);
        dispatcher.flush();
      },
    };
  }

  attach(open: OpenDriver, engine: SharedEngineOptions): void {
    const { allowCrash, clock, config, counters, log, module, originMs, script } = this.parts;
    const { listeners } = open.driver;
    // Where there is no shard to choose, the shard reads the sockets: no ring, and no second thread to wake.
    const lends = open.kind === 'batch' && config.shards === 1 && config.io.receiver === 'auto';
    const outRings = new OutRings(this.ends.map((end) => end.outRing), this.dispatcher, open.driver);
    const shards = new RunningShards({
      ends: this.ends,
      settings: (shard) => ({
        engine: { ...engine, shard, shards: config.shards },
        log: config.log,
        originMs,
        receive: lends ? { coalesceUs: config.io.coalesceUs } : undefined,
        batch: open.kind === 'batch' ? { sockets: listeners.map(({ fd, family }) => ({ fd, family })), mainBellFd: open.bell.fd } : undefined,
        allowCrash,
      }),
      script,
      bell: lends ? open.bell : undefined,
      module,
      log,
      counters,
      clock,
    });
    this.attached = { outRings, loop: lends ? new LentLoop() : createLoop(open, outRings, config.io.coalesceUs, counters), shards };
  }

  start(): Promise<void> {
    return this.there().shards.start();
  }

  run(): Promise<void> {
    this.running = this.there().loop.run();
    return this.running;
  }

  reload(script: CompiledScript): Promise<void> {
    return this.there().shards.reload(script);
  }

  setLogLevel(level: string): void {
    this.there().shards.supervisor.broadcast({ type: 'log-level', level });
  }

  drain(drainMs: number): Promise<void> {
    return this.there().shards.drain(drainMs);
  }

  async stop(): Promise<void> {
    await this.attached?.shards.stop();
  }

  async end(): Promise<void> {
    if (this.attached === undefined) return;
    this.attached.loop.stop();
    await this.running.catch(() => undefined);
    // What the shards sent with their last breath.
    this.attached.outRings.drain();
  }

  stats(): ReturnType<ServerCore['stats']> {
    return { counters: this.ends.map((end) => end.counters), rings: this.ends.map((end) => ringLevels(end.memory)) };
  }

  crash(shard: number): void {
    this.there().shards.supervisor.post(shard, { type: 'crash' });
  }

  private there(): Attached {
    if (this.attached === undefined) throw new Error('the sockets are not open yet');
    return this.attached;
  }
}

/** The loop of a main thread whose sockets the shard reads: there is nothing to do but to wait for the end. */
class LentLoop {
  private ended: (() => void) | undefined;

  run(): Promise<void> {
    return new Promise((resolve) => (this.ended = resolve));
  }

  stop(): void {
    this.ended?.();
  }
}

function createLoop(open: OpenDriver, outRings: OutRings, coalesceUs: number, counters: Float64Array): Attached['loop'] {
  if (open.kind === 'dgram') return new DatagramLoop(outRings, open.bell, counters);
  const coalescer = new Coalescer(coalesceUs);
  return new ReceiveLoop({ receiver: open.driver, outRings, bell: open.bell, coalescer, pause: new Pause(open.libc), counters });
}
