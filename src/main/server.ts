/**
 * A whole Viaduct server in this process: sockets, router, what stands behind them (`ServerCore`) and control socket, wired
 * together, started and stopped. Several may run in one process. Main thread.
 *
 * Invariant: a start that fails leaves nothing behind, and so does `stop`: no thread, no socket, no timer, no file.
 */
import { randomBytes } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { formatBind } from '../config/address.js';
import type { Config, ListenConfig } from '../config/schema.js';
import type { BoundListener } from '../net/udp-driver.js';
import type { EngineLog } from '../proxy/ports.js';
import { Engine } from '../proxy/engine.js';
import { createBell } from '../ring/doorbell.js';
import { compileScript } from '../script/load.js';
import { Clock, sharedNowMs } from '../shard/clock.js';
import { allocateBlocks, mainBlock } from '../telemetry/blocks.js';
import { createMainLogger, type ThreadLog } from '../telemetry/logger.js';
import { takeSnapshot, type StatsSnapshot } from '../telemetry/snapshot.js';
import { VERSION } from '../telemetry/version.js';
import { ControlServer } from '../control/server.js';
import { controlHandlers } from './control-handlers.js';
import { advertisedAddress, hostPort, listenerInfo, type AdvertisedAddress, type Interfaces } from './listener-info.js';
import { InlineCore, type InlineEngineFactory } from './inline-core.js';
import { chooseDriver, openDriver } from './open-driver.js';
import type { ServerCore, SharedEngineOptions } from './server-core.js';
import { ShardRouter } from './shard-router.js';
import { ShardedCore } from './sharded-core.js';
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
  /** With `shards: 0`: makes the engine of the main thread. */
  readonly createEngine?: InlineEngineFactory;
}

const SHARD_MODULE = new URL('../shard/task.js', import.meta.url);
const createEngine: InlineEngineFactory = (options, ports, routes) => new Engine(options, ports, routes);

/** A server that takes messages. */
export interface RunningServer {
  /** One for each configured listener, in order. */
  readonly addresses: readonly ServerAddress[];
  /** Threads that run engines; 0: the main thread does. */
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
  /** Has shard `shard` (with `shards: 0`, 0) die of a broken invariant, if the hook `allowCrash` was given. */
  crashShard(shard: number): void;
}

/**
 * Starts a server; resolves when every shard takes messages. Rejects with a coded error (a listener that cannot be opened,
 * a script that does not load, a driver that does not work here) after everything that had been started is stopped again.
 *
 * With `shards: 0` the script runs in this thread: what it starts by itself (timers, connections) outlives the server, and as
 * long as the server runs, every unhandled rejection and uncaught exception of the process is logged as the script's and does
 * not end the process.
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
  const { key, node } = config.sharding;
  const inline = config.shards === 0;
  const router = new ShardRouter({ shards: inline ? 1 : config.shards, node, secret, key });
  const allowCrash = hooks.allowCrash ?? false;
  const core: ServerCore = inline
    ? new InlineCore({ config, choice, script, createEngine: hooks.createEngine ?? createEngine, allowCrash, router, counters, clock, log })
    : new ShardedCore({ config, script, module: hooks.shardModule ?? SHARD_MODULE, allowCrash, router, blocks, counters, mainBell, originMs, clock, log });

  const open = await openDriver(choice, mainBell, {
    ...core.driverOptions,
    listen: config.listen,
    receiveBufferBytes: config.io.receiveBufferBytes,
    sendBufferBytes: config.io.sendBufferBytes,
    counters,
  });
  undo.add(() => open.close());
  const { listeners } = open.driver;
  for (const listener of listeners) warnOfSmallBuffer(listener, log);

  undo.add(() => core.end());
  undo.add(() => core.stop());
  const interfaces = networkInterfaces();
  core.attach(open, engineOptions(config, listeners, secret, interfaces));
  await core.start();

  const snapshot = (): StatsSnapshot => {
    const stats = core.stats();
    return takeSnapshot({
      nowMs: Date.now(),
      uptimeMs: clock.nowMs(),
      node,
      pid: process.pid,
      version: VERSION,
      main: counters,
      shards: stats.counters,
      rings: stats.rings,
    });
  };
  const reload = async (): Promise<void> => core.reload(await compileScript(config.routes));
  const setLogLevel = (level: string): void => {
    log.setLevel(level);
    core.setLogLevel(level);
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
      stopped = core.drain(options?.drainMs ?? config.shutdown.drainMs).then(() => undo.run());
      stopped.then(resolve, reject);
    }
    return stopped;
  };
  core.run().catch((error: unknown) => {
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
    crashShard: (shard) => core.crash(shard),
  };
}

function engineOptions(
  config: Config, listeners: readonly BoundListener[], secret: Uint32Array, interfaces: Interfaces,
): SharedEngineOptions {
  return {
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
