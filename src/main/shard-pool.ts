/**
 * The piscina pool in which the shards run: as many threads as shards, one task a thread, each task one shard that stays
 * pending until it is stopped. A task that rejects has taken its thread with it, and piscina has put a fresh one in place.
 * Main thread.
 */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { MessagePort } from 'node:worker_threads';
import type { ShardTask } from '../shard/shard-task.js';

/** Threads for `shards` tasks. */
export class ShardPool {
  private readonly piscina: Piscina<ShardTask, void>;

  /**
   * `module`: the file whose default export runs a shard. `onStray` gets errors of threads that had no task (a thread
   * that died while it started); the task that waits for a thread is not lost by them.
   */
  constructor(shards: number, module: URL, onStray: (error: unknown) => void) {
    this.piscina = new Piscina<ShardTask, void>({
      filename: fileURLToPath(module),
      minThreads: shards,
      maxThreads: shards,
      concurrentTasksPerWorker: 1,
      idleTimeout: Infinity,
      // An idle worker would otherwise block in Atomics.wait, and its script's timers with it.
      atomics: 'disabled',
      // The timing histogram has no meaning for tasks that live as long as the server.
      recordTiming: false,
    });
    this.piscina.on('error', onStray);
  }

  /** Runs a shard. Settles when it was stopped, or rejects when it crashed. */
  run(task: ShardTask, transfer: MessagePort): Promise<void> {
    return this.piscina.run(task, { transferList: [transfer] });
  }

  /** Ends every thread, running or not, and resolves when they are gone. */
  async destroy(): Promise<void> {
    await this.piscina.destroy();
    this.piscina.removeAllListeners();
  }
}
