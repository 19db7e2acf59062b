/**
 * Control messages between main and one shard: rare, small, msgpack over a MessagePort. Any thread.
 *
 * A shard that sleeps in `Atomics.wait` gets no port events: whoever posts to it also raises `W_MAILBOX` and rings the
 * doorbell of its ring, and the loop then reads the port synchronously.
 */
import { decode, encode } from '@msgpack/msgpack';
import type { CompiledScript } from '../script/load.js';

/** What main asks of a shard. */
export type ToShard =
  /** Flush and leave the loop. */
  | { readonly type: 'stop' }
  /** Refuse new work, finish what is pending. */
  | { readonly type: 'drain' }
  /** Instantiate this script and use it for later requests. Answered by `reloaded`. */
  | { readonly type: 'reload'; readonly id: number; readonly script: CompiledScript }
  | { readonly type: 'log-level'; readonly level: string }
  /** Die of a broken invariant. Only taken by shards that were started with `allowCrash` (tests). */
  | { readonly type: 'crash' };

/** What a shard reports. */
export type FromShard =
  /** The script is instantiated, the loop runs. */
  | { readonly type: 'ready' }
  /** Why the shard is about to die: sent before its task rejects, because an error loses its code between threads. */
  | { readonly type: 'failed'; readonly code: string; readonly message: string }
  /** Outcome of the reload `id`: `error` is absent when the new script is in use. */
  | { readonly type: 'reloaded'; readonly id: number; readonly error?: { readonly code: string; readonly message: string } };

/** As it goes through the port. */
export function encodeControl(message: ToShard | FromShard): Uint8Array {
  return encode(message);
}

/** Reads what `encodeControl` made. Both ends are of one build, so the shape is taken on trust. */
export function decodeToShard(bytes: unknown): ToShard {
  return decode(bytes as Uint8Array) as ToShard;
}

/** Reads what `encodeControl` made, on main's side. */
export function decodeFromShard(bytes: unknown): FromShard {
  return decode(bytes as Uint8Array) as FromShard;
}

/** Stable code of any thrown value: its own, or `VD_SHARD_CRASH`. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && code.startsWith('VD_') ? code : 'VD_SHARD_CRASH';
}

/** Text of any thrown value. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
