/**
 * The argument of a shard's piscina task: settings as msgpack, memory that is shared as it is, and the port for control
 * messages. Made by main, taken apart in the shard.
 */
import { decode, encode } from '@msgpack/msgpack';
import type { MessagePort } from 'node:worker_threads';
import type { LogConfig } from '../config/schema.js';
import type { EngineOptions } from '../proxy/ports.js';
import type { CompiledScript } from '../script/load.js';
import type { SendSocket } from './outbox-batch.js';

/** Everything in the argument that is plain data. */
export interface ShardSettings {
  readonly engine: EngineOptions;
  readonly script: CompiledScript;
  readonly log: LogConfig;
  /** The origin of the time line that all shards share: see `Clock`. */
  readonly originMs: number;
  /**
   * batch driver: the sockets to send on, by listener, and the eventfd that wakes main. Undefined: everything goes out
   * through the out-ring.
   */
  readonly batch: { readonly sockets: readonly SendSocket[]; readonly mainBellFd: number } | undefined;
  /**
   * Only with `batch`: the shard takes its datagrams from the sockets itself, and pauses between two receives for this long at
   * most, microseconds (0: never). Main's bell is the shard's then. Undefined: they come through the in-ring.
   */
  readonly receive: { readonly coalesceUs: number } | undefined;
  /** Obey the control message `crash` (tests). */
  readonly allowCrash: boolean;
}

/** Memory that main and one shard share. It outlives the shard's thread. */
export interface ShardMemory {
  /** The in-ring, then the send queue of the batch driver, then the engine's memory; what follows is main's. */
  readonly inRing: SharedArrayBuffer;
  /** Capacity of each ring. */
  readonly ringBytes: number;
  /** Size of the engine's memory. */
  readonly engineBytes: number;
  readonly inBell: SharedArrayBuffer;
  readonly outRing: SharedArrayBuffer;
  /** The counter blocks of all threads; the same memory in every shard. */
  readonly blocks: SharedArrayBuffer;
  /** Int32 control words. */
  readonly words: SharedArrayBuffer;
  /** The word of main's bell; the same memory in every shard. */
  readonly mainBell: SharedArrayBuffer;
}

/** As posted to the worker. `port` is transferred. */
export interface ShardTask {
  readonly settings: Uint8Array;
  readonly memory: ShardMemory;
  readonly port: MessagePort;
}

/** Packs the settings. */
export function encodeSettings(settings: ShardSettings): Uint8Array {
  return encode(settings, { ignoreUndefined: true });
}

/** Unpacks what `encodeSettings` packed. */
export function decodeSettings(bytes: Uint8Array): ShardSettings {
  const settings = decode(bytes) as Omit<ShardSettings, 'engine'> & { engine: Omit<EngineOptions, 'secret'> & { secret: Uint8Array } };
  // msgpack hands typed arrays over as bytes; the copy gives the words their alignment.
  const secret = new Uint32Array(settings.engine.secret.slice().buffer);
  return { ...settings, engine: { ...settings.engine, secret } };
}
