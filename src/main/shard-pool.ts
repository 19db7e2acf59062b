/**
 * The piscina pool in which the shards run: as many threads as shards, one task a thread, each task one shard that stays
 * pending until it is stopped, and one thread more that waits with everything loaded: a task that rejects has taken its
 * thread with it, and what replaces it starts in that spare one instead of waiting for a new thread to come up. Main thread.
 */
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { MessagePort } from 'node:worker_threads';
import { shareNativeLoading, whileEnding } from '../net/native-loading.js';
import type { ShardTask } from '../shard/shard-task.js';

const WARM_UP = fileURLToPath(new URL('../shard/warm-up.js', import.meta.url));

/** Threads for `shards` tasks, and a spare one. */
export class ShardPool {
  private readonly piscina: Piscina<ShardTask | undefined, void>;

  /**
   * `module`: the file whose default export runs a shard. `onStray` gets errors of threads that had no task (a thread
   * that died while it started); the task that waits for a thread is not lost by them.
   */
  constructor(shards: number, module: URL, onStray: (error: unknown) => void) {
    shareNativeLoading();
    this.piscina = new Piscina<ShardTask | undefined, void>({
      filename: fileURLToPath(module),
      minThreads: shards,
      maxThreads: shards + 1,
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

  /**
   * Has the spare thread started, if there is none: with every shard running, a task that does nothing takes a thread of
   * its own, which stays. It is not needed for anything but speed, so nobody hears when it fails.
   */
  prepareSpare(): void {
    this.piscina.run(undefined, { filename: WARM_UP }).catch(() => undefined);
  }

  /** Ends every thread, running or not, and resolves when they are gone. */
  async destroy(): Promise<void> {
    await whileEnding(() => this.piscina.destroy());
    this.piscina.removeAllListeners();
  }
}
