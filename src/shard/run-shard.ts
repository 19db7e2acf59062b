/**
 * One life of a shard, from the task's argument to its stop: takes the shared memory over, instantiates the script, builds
 * the engine and runs the loop. Runs in a worker thread of the pool, once per thread.
 *
 * Invariant: a shard that crashes takes its thread with it. Whatever the script left behind (timers, sockets, half-done
 * state) is gone before the next life of this shard begins.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { ShardRouter } from '../main/shard-router.js';
import { loadLibc, type Libc } from '../net/libc.js';
import { RECEIVE_BYTES } from '../net/udp-batch-receiver.js';
import { SEND_ARENA_BYTES, type SendArenaPlace } from '../net/udp-batch-sender.js';
import type { EngineApi } from '../proxy/engine-api.js';
import type { EnginePorts } from '../proxy/core.js';
import type { EngineOptions } from '../proxy/ports.js';
import { CONTROL_BYTES } from '../ring/layout.js';
import { Doorbell, EventFdBell } from '../ring/doorbell.js';
import { RingReader, RingWriter } from '../ring/spsc-ring.js';
import type { Routes } from '../script/api.js';
import { instantiateScript } from '../script/instantiate.js';
import { shardBlock } from '../telemetry/blocks.js';
import { createShardLogger, type ShardLogger } from '../telemetry/logger.js';
import { Clock } from './clock.js';
import { decodeToShard, encodeControl, errorCode, errorText, type FromShard, type ToShard } from './control-message.js';
import { STATE_DRAINING, STATE_READY, W_PENDING, W_STATE } from './control-words.js';
import { ShardLoop } from './loop.js';
import { NO_OFFERS, OfferWriter } from './offer-writer.js';
import { BatchOutbox } from './outbox-batch.js';
import { RingOutbox } from './outbox-ring.js';
import { guardScript } from './script-guard.js';
import type { ShardOutbox } from './shard-outbox.js';
import type { ShardRunner } from './shard-runner.js';
import { SocketShard, type SocketShardParts } from './socket-shard.js';
import { decodeSettings, type ShardMemory, type ShardSettings, type ShardTask } from './shard-task.js';

/** Makes the engine of a shard. */
export type EngineFactory = (
  options: EngineOptions,
  ports: EnginePorts,
  routes: Routes,
) => EngineApi;

/** Runs a shard until it is stopped. Never rejects: a crash is reported through the port and ends the thread. */
export async function runShard(task: ShardTask, createEngine: EngineFactory): Promise<void> {
  const { memory, port } = task;
  const settings = decodeSettings(task.settings);
  const counters = shardBlock(memory.blocks, settings.engine.shard);
  const log = createShardLogger(settings.log, settings.engine.shard);
  guardScript(counters, log);
  try {
    const shard = await startShard(settings, memory, port, counters, log, createEngine);
    await shard.run();
  } catch (error) {
    log.debug({ err: error }, 'shard ends');
    report(port, { type: 'failed', code: errorCode(error), message: errorText(error) });
    process.exit(1);
  }
}

async function startShard(
  settings: ShardSettings, memory: ShardMemory, port: MessagePort, counters: Float64Array, log: ShardLogger,
  createEngine: EngineFactory,
): Promise<ShardRunner> {
  const words = new Int32Array(memory.words);
  const ownResources = process.getActiveResourcesInfo().length;
  const routes = await instantiateScript(settings.script);
  const ring = new RingReader(memory.inRing, memory.ringBytes);
  const sendArena = { bytes: ring.bytes, start: CONTROL_BYTES + memory.ringBytes };
  const outbox = createOutbox(settings, memory, counters, sendArena);
  const engineStart = sendArena.start + SEND_ARENA_BYTES;
  const engineMemory = { bytes: ring.bytes, start: engineStart, end: engineStart + memory.engineBytes };
  const engine = createEngine(settings.engine, { outbox, counters, log, memory: engineMemory }, routes);

  const obey = (message: ToShard): void => {
    switch (message.type) {
      case 'stop':
        loop.stop();
        break;
      case 'drain':
        engine.drain();
        loop.watchPending();
        Atomics.store(words, W_PENDING, engine.pending());
        Atomics.store(words, W_STATE, STATE_DRAINING);
        break;
      case 'reload':
        loop.holdEventLoop(reload(engine, port, message));
        break;
      case 'log-level':
        log.setLevel(message.level);
        break;
      case 'crash':
        if (settings.allowCrash) throw new Error('crash asked for');
        break;
    }
  };
  const parts = {
    engine,
    outbox,
    counters,
    words,
    clock: new Clock(settings.originMs),
    log,
    ownResources,
    onMailbox: () => {
      for (let entry = receiveMessageOnPort(port); entry !== undefined; entry = receiveMessageOnPort(port)) {
        obey(decodeToShard(entry.message));
      }
    },
  };
  const { batch, receive } = settings;
  const loop: ShardRunner = batch === undefined || receive === undefined
    ? new ShardLoop({ ...parts, ring, bell: new Doorbell(memory.inBell) })
    : new SocketShard({ ...parts, ...receiveParts(settings.engine, memory, ring.bytes, batch, receive.coalesceUs) });
  Atomics.store(words, W_STATE, STATE_READY);
  report(port, { type: 'ready' });
  return loop;
}

function createOutbox(settings: ShardSettings, memory: ShardMemory, counters: Float64Array, sendArena: SendArenaPlace): ShardOutbox {
  const out = new RingWriter(memory.outRing);
  const { batch } = settings;
  if (batch === undefined) return new RingOutbox(out, new Doorbell(memory.mainBell));
  const libc = libcOfThread();
  // With the sockets in this shard there is no other one, and the bell is this shard's own.
  const offers = settings.receive === undefined ? new OfferWriter(out, new EventFdBell(libc, memory.mainBell, batch.mainBellFd)) : NO_OFFERS;
  return new BatchOutbox(libc, batch.sockets, offers, counters, sendArena);
}

/** What a shard that has the sockets needs beside what every shard has. */
function receiveParts(
  engine: EngineOptions, memory: ShardMemory, bytes: Uint8Array, batch: NonNullable<ShardSettings['batch']>, coalesceUs: number,
): Pick<SocketShardParts, 'libc' | 'sockets' | 'receivePlace' | 'bell' | 'router' | 'coalesceUs'> {
  const libc = libcOfThread();
  return {
    libc,
    sockets: batch.sockets,
    receivePlace: { bytes, start: bytes.length - RECEIVE_BYTES },
    bell: new EventFdBell(libc, memory.mainBell, batch.mainBellFd),
    router: new ShardRouter({ shards: engine.shards, node: engine.node, secret: engine.secret, key: engine.shardingKey }),
    coalesceUs,
  };
}

function libcOfThread(): Libc {
  const loaded = loadLibc();
  if (loaded.libc === undefined) throw new Error(`the batch driver of the main thread has a libc, this thread has not: ${loaded.reason}`);
  return loaded.libc;
}

async function reload(engine: EngineApi, port: MessagePort, message: Extract<ToShard, { type: 'reload' }>): Promise<void> {
  try {
    engine.setRoutes(await instantiateScript(message.script));
    report(port, { type: 'reloaded', id: message.id });
  } catch (error) {
    report(port, { type: 'reloaded', id: message.id, error: { code: errorCode(error), message: errorText(error) } });
  }
}

function report(port: MessagePort, message: FromShard): void {
  port.postMessage(encodeControl(message));
}
