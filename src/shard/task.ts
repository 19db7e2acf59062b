/** The piscina task of a shard: what the pool loads in each worker thread. */
import { Engine } from '../proxy/engine.js';
import { runShard } from './run-shard.js';
import type { ShardTask } from './shard-task.js';

/** Runs a shard with the real engine until it is stopped. */
export default function shardTask(task: ShardTask): Promise<void> {
  return runShard(task, (options, ports, routes) => new Engine(options, ports, routes));
}
