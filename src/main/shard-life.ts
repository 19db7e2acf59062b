/**
 * One life of a shard as the supervisor wants it: a task in the pool, and a port of its own for control messages.
 * Main thread.
 */
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { decodeFromShard, encodeControl, type FromShard, type ToShard } from '../shard/control-message.js';
import { STATE_STARTING, W_MAILBOX, W_STATE } from '../shard/control-words.js';
import type { Ringer } from '../ring/doorbell.js';
import type { ShardEnds } from './shard-memory.js';
import type { ShardPool } from './shard-pool.js';
import type { ShardLife } from './supervisor.js';

/** Starts a life of the shard with these ends, which `bell` wakes. `settings`: what `encodeSettings` made. */
export function startShardLife(
  pool: ShardPool, ends: ShardEnds, bell: Ringer, settings: Uint8Array, onReport: (message: FromShard) => void,
): ShardLife {
  const { port1: port, port2 } = new MessageChannel();
  Atomics.store(ends.words, W_STATE, STATE_STARTING);
  port.on('message', (bytes: unknown) => onReport(decodeFromShard(bytes)));
  // The pool keeps the process alive as long as its task runs; the port need not.
  port.unref();
  const task = pool.run({ settings, memory: ends.memory, port: port2 }, port2);
  // The last words of a dying thread may still lie in the port when its end is known already.
  const readLastWords = (): void => {
    for (let entry = receiveMessageOnPort(port); entry !== undefined; entry = receiveMessageOnPort(port)) {
      onReport(decodeFromShard(entry.message));
    }
  };
  return {
    ended: task.then(readLastWords, (error: unknown) => {
      readLastWords();
      throw error;
    }),
    post(message: ToShard): void {
      port.postMessage(encodeControl(message));
      Atomics.add(ends.words, W_MAILBOX, 1);
      bell.ring();
    },
    release: () => port.close(),
  };
}
