/**
 * The piscina task of a shard that is measured: the real one, which says first in which system thread it runs, so that its
 * CPU time can be told from that of other threads. Runs in a worker thread of the pool.
 */
import { readlinkSync } from 'node:fs';
import { BroadcastChannel } from 'node:worker_threads';
import { decodeSettings, type ShardTask } from '../shard/shard-task.js';
import shardTask from '../shard/task.js';
import { THREADS_CHANNEL, type ShardThread } from './proxy-protocol.js';

/** Runs a shard until it is stopped. */
export default function measuredShard(task: ShardTask): Promise<void> {
  const channel = new BroadcastChannel(THREADS_CHANNEL);
  // `PID/task/TID`, of the thread that asks.
  const tid = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  channel.postMessage({ shard: decodeSettings(task.settings).engine.shard, tid } satisfies ShardThread);
  channel.close();
  return shardTask(task);
}
