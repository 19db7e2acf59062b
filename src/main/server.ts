/**
 * A whole Viaduct server in this process: sockets, router, rings, shards, supervisor and control socket, wired together,
 * started and stopped. Several may run in one process. Main thread.
 *
 * Invariant: a start that fails leaves nothing behind, and so does `stop`: no thread, no socket, no timer, no file.
 */
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { formatBind } from '../config/address.js';
import type { Config, ListenConfig } from '../config/schema.js';
import type { BoundListener } from '../net/udp-driver.js';
import type { EngineLog, EngineOptions } from '../proxy/ports.js';
import { Pause } from '../net/pause.js';
import { createBell } from '../ring/doorbell.js';
import { compileScript } from '../script/load.js';
import { Clock, sharedNowMs } from '../shard/clock.js';
import { allocateBlocks, mainBlock } from '../telemetry/blocks.js';
import { createMainLogger, type ThreadLog } from '../telemetry/logger.js';
import { takeSnapshot, type StatsSnapshot } from '../telemetry/snapshot.js';
import { VERSION } from '../telemetry/version.js';
import { ControlServer } from '../control/server.js';
import { Coalescer } from './coalescer.js';
import { controlHandlers } from './control-handlers.js';
import { DatagramLoop } from './datagram-loop.js';
import { Dispatcher } from './dispatcher.js';
import { advertisedAddress, hostPort, listenerInfo, type AdvertisedAddress, type Interfaces } from './listener-info.js';
import { chooseDriver, openDriver, type OpenDriver } from './open-driver.js';
import { OutRings } from './out-rings.js';
import { ReceiveLoop } from './receive-loop.js';
import { RunningShards } from './running-shards.js';
import { createShardEnds, ringLevels } from './shard-memory.js';
import { ShardRouter } from './shard-router.js';
import { Undo } from './undo.js';

/** Addresses of one listener. */
export interface ServerAddress {
  /** As configured: `127.0.0.1:5060`. */
  readonly listener: string;
  /** What the socket is bound to, with the real port. */
  readonly bound: string;
  /** What stands in Via and Record-Route. */
  readonly advertised: string;
}

/** What only tests ask for. */
export interface ServerHooks {
  /** Have shards obey `RunningServer.crashShard`. */
  readonly allowCrash?: boolean;
  /** The file that runs a shard, in place of `shard/task.js`. */
  readonly shardModule?: URL;
}

/** A server that takes messages. */
export interface RunningServer {
  /** One for each configured listener, in order. */
  readonly addresses: readonly ServerAddress[];
  readonly shards: number;
  readonly driver: 'batch' | 'dgram';
  /** Why the batch driver is not used although nobody asked for dgram. */
  readonly driverReason?: string;
  /** Absolute path of the routing script. */
  readonly scriptFile: string;
  /** All counters, read from shared memory: the shards are not asked. */
  snapshot(): StatsSnapshot;
  /** Compiles the routing script again and has every shard use it. Rejects, and changes nothing, when it does not load. */
  reload(): Promise<void>;
  /** Changes the log level of every thread. */
  setLogLevel(level: string): void;
  /**
   * Refuses new work, gives pending transactions up to `drainMs` (default: as configured), then stops and leaves nothing
   * behind. Every call returns the same promise.
   */
  stop(options?: { readonly drainMs?: number }): Promise<void>;
  /** Resolves when the server has stopped; rejects when its sockets broke under it. */
  readonly done: Promise<void>;
  /** Has shard `shard` die of a broken invariant, if the hook `allowCrash` was given. */
  crashShard(shard: number): void;
}

/**
 * Starts a server; resolves when every shard takes messages. Rejects with a coded error (a listener that cannot be opened,
 * a script that does not load, a driver that does not work here) after everything that had been started is stopped again.
 */
export async function startServer(config: Config, hooks: ServerHooks = {}): Promise<RunningServer> {
  const undo = new Undo();
  try {
    return await start(config, createMainLogger(config.log), hooks, undo);
  } catch (error) {
    // The first error is the one to tell; what goes wrong while tidying up after it would only hide it.
    await undo.run().catch(() => undefined);
    throw error;
  }
}

async function start(config: Config, log: ThreadLog, hooks: ServerHooks, undo: Undo): Promise<RunningServer> {
  const script = await compileScript(config.routes);
  const choice = chooseDriver(config.io.driver);
  const originMs = sharedNowMs();
  const clock = new Clock(originMs);
  const blocks = allocateBlocks(config.shards);
  const counters = mainBlock(blocks);
  const mainBell = createBell();
  const secret = secretWords(config.sharding.secret);
  const ends = Array.from({ length: config.shards }, (_, shard) => createShardEnds(shard, config.io.ringBytes, config.limits.storeBytes, blocks, mainBell));
  const { key, node } = config.sharding;
  const router = new ShardRouter({ shards: config.shards, node, secret, key });
  const dispatcher = new Dispatcher(router, ends.map((end) => end.inlet), counters, clock);

  const open = await openDriver(choice, mainBell, {
    listen: config.listen,
    receiveBufferBytes: config.io.receiveBufferBytes,
    sendBufferBytes: config.io.sendBufferBytes,
    counters,
    onDatagram: (bytes, from, to, meta) => dispatcher.datagram(bytes, from, to, meta),
    onBatchEnd: () => dispatcher.flush(),
    onSendFailed: (shard, owner) => {
      dispatcher.sendFailed(shard, owner);
      dispatcher.flush();
    },
  });
  undo.add(() => open.close());
  const { listeners } = open.driver;
  for (const listener of listeners) warnOfSmallBuffer(listener, log);

  const outRings = new OutRings(ends.map((end) => end.outRing), dispatcher, open.driver);
  const loop = createLoop(open, outRings, config.io.coalesceUs, counters);
  let looping = Promise.resolve();
  undo.add(async () => {
    loop.stop();
    await looping;
    // What the shards sent with their last breath.
    outRings.drain();
  });

  const interfaces = networkInterfaces();
  const engine = engineOptions(config, listeners, secret, interfaces);
  const shards = new RunningShards({
    ends,
    settings: (shard) => ({
      engine: { ...engine, shard },
      log: config.log,
      originMs,
      batch: open.kind === 'batch' ? { sockets: listeners.map(({ fd, family }) => ({ fd, family })), mainBellFd: open.bell.fd } : undefined,
      allowCrash: hooks.allowCrash ?? false,
    }),
    script,
    module: hooks.shardModule ?? new URL('../shard/task.js', import.meta.url),
    log,
    counters,
    clock,
  });
  undo.add(() => shards.stop());
  await shards.start();

  const snapshot = (): StatsSnapshot => takeSnapshot({
    nowMs: Date.now(),
    uptimeMs: clock.nowMs(),
    node,
    pid: process.pid,
    version: VERSION,
    main: counters,
    shards: ends.map((end) => end.counters),
    rings: ends.map((end) => ringLevels(end.memory)),
  });
  const reload = async (): Promise<void> => shards.reload(await compileScript(config.routes));
  const setLogLevel = (level: string): void => {
    log.setLevel(level);
    shards.supervisor.broadcast({ type: 'log-level', level });
  };
  if (config.control.socket !== undefined) {
    const control = await ControlServer.open(config.control.socket, controlHandlers({ snapshot, reload, setLogLevel }));
    undo.add(() => control.close());
  }

  let stopped: Promise<void> | undefined;
  const { promise: done, resolve, reject } = deferred();
  // Whoever does not ask for `done` shall not be punished for it.
  done.catch(() => undefined);
  const stop = (options?: { readonly drainMs?: number }): Promise<void> => {
    if (stopped === undefined) {
      stopped = shards.drain(options?.drainMs ?? config.shutdown.drainMs).then(() => undo.run());
      stopped.then(resolve, reject);
    }
    return stopped;
  };
  looping = loop.run().catch((error: unknown) => {
    log.error({ err: error }, 'the receive loop broke: the server stops');
    reject(error);
    void stop({ drainMs: 0 });
  });

  return {
    addresses: listeners.map((bound, i) => describeAddress(config.listen[i]!, bound, interfaces)),
    shards: config.shards,
    driver: open.kind,
    ...(choice.kind === 'dgram' && choice.reason !== undefined ? { driverReason: choice.reason } : {}),
    scriptFile: script.file,
    snapshot,
    reload,
    setLogLevel,
    stop,
    done,
    crashShard: (shard) => shards.supervisor.post(shard, { type: 'crash' }),
  };
}

function createLoop(
  open: OpenDriver, outRings: OutRings, coalesceUs: number, counters: Float64Array,
): { run(): Promise<void>; stop(): void } {
  if (open.kind === 'dgram') return new DatagramLoop(outRings, open.bell, counters);
  const coalescer = new Coalescer(coalesceUs);
  return new ReceiveLoop({ receiver: open.driver, outRings, bell: open.bell, coalescer, pause: new Pause(open.libc), counters });
}

function engineOptions(
  config: Config, listeners: readonly BoundListener[], secret: Uint32Array, interfaces: Interfaces,
): Omit<EngineOptions, 'shard'> {
  return {
    shards: config.shards,
    node: config.sharding.node,
    secret,
    listeners: listeners.map((bound, i) => listenerInfo(bound, advertisedBy(config.listen[i]!, bound), interfaces)),
    timers: config.timers,
    limits: config.limits,
    serverHeader: config.proxy.serverHeader,
    maxForwards: config.proxy.maxForwards,
    earlyCancelMs: config.proxy.earlyCancelMs,
    maxBreadth: config.proxy.maxBreadth,
    shardingKey: config.sharding.key,
  };
}

/** The 128 bits of the configured secret, or random ones: then nobody can guess the branches of this run. */
function secretWords(configured: string | undefined): Uint32Array {
  const bytes = new Uint8Array(configured === undefined ? randomBytes(16) : Buffer.from(configured, 'hex'));
  const view = new DataView(bytes.buffer);
  // Read as big-endian, so that a configured secret means the same on every machine.
  return Uint32Array.from({ length: 4 }, (_, i) => view.getUint32(i * 4));
}

function advertisedBy(listen: ListenConfig, bound: BoundListener): AdvertisedAddress | undefined {
  const { advertise } = listen;
  return advertise === undefined ? undefined : { host: advertise.host, port: advertise.port ?? bound.port };
}

function describeAddress(listen: ListenConfig, bound: BoundListener, interfaces: Interfaces): ServerAddress {
  const { host, port } = advertisedAddress(bound, advertisedBy(listen, bound), interfaces);
  return { listener: formatBind(listen), bound: hostPort(bound.host, bound.port), advertised: hostPort(host, port) };
}

function warnOfSmallBuffer(bound: BoundListener, log: EngineLog): void {
  const { askedReceiveBytes: asked, receiveBytes: given } = bound;
  if (given >= asked) return;
  const listener = hostPort(bound.host, bound.port);
  log.warn(
    { listener, askedBytes: asked, givenBytes: given },
    `the system gave a receive buffer of ${given} bytes for ${listener}, ${asked} were asked for: bursts may be lost in the kernel. ` +
      `Raise it with: sysctl -w net.core.rmem_max=${asked}`,
  );
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  const ends: { resolve?: () => void; reject?: (error: unknown) => void } = {};
  const promise = new Promise<void>((resolve, reject) => Object.assign(ends, { resolve, reject }));
  return { promise, resolve: () => ends.resolve?.(), reject: (error) => ends.reject?.(error) };
}
