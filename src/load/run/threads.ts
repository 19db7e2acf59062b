/**
 * The load threads as the coordinator sees them: started together, steered through shared memory, read at any moment.
 * Main thread. A thread that dies is a failure of the run: `failure` says so, nothing is thrown from an event.
 */
import { randomInt } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { shareNativeLoading, whileEnding } from '../../net/native-loading.js';
import {
  CTL_BUDGET, CTL_RATE, CTL_SLOTS, CTL_STATE, RUN_DRAIN, RUN_GO, RUN_STOP, RUN_WAIT, type LoadThreadInit, type LoadThreadMessage,
} from '../control.js';
import { LoadError } from '../load-error.js';
import { METRICS_SLOTS } from '../metrics.js';
import type { LoadOptions } from '../options.js';
import { Snapshot } from '../report/snapshot.js';
import { setupBytes } from '../ua/build.js';

/** How long threads may take to open their sockets and compile their scenarios. */
const START_LIMIT_MS = 30_000;
/** How long a stopped thread may take to end by itself. */
const STOP_LIMIT_MS = 3000;
const BYTES = Float64Array.BYTES_PER_ELEMENT;

interface Thread {
  readonly worker: Worker;
  readonly control: Float64Array;
  readonly metrics: Float64Array;
  readonly exited: Promise<void>;
  idle: boolean;
}

/** Where the sockets of all threads are: `127.0.0.1:5070`. */
export interface BoundAddresses {
  readonly uac: readonly string[];
  readonly uas: readonly string[];
}

export class LoadThreads {
  private readonly threads: Thread[] = [];
  private readonly ready: (BoundAddresses | undefined)[];
  private stopping = false;
  private failed: LoadError | undefined;
  /** Called when a thread has become ready or idle, or has died. */
  onChange: () => void = () => undefined;

  private constructor(options: LoadOptions, entry: URL) {
    this.ready = Array.from({ length: options.threads }, () => undefined);
    const shared = {
      run: randomInt(2 ** 32),
      // Only a process that has both ends of a call can tell what lies between them.
      ...(options.role === 'both' ? { setup: new SharedArrayBuffer(setupBytes(options)) } : {}),
    };
    shareNativeLoading();
    for (let thread = 0; thread < options.threads; thread++) this.threads.push(this.spawn(thread, options, shared, entry));
  }

  /** Starts the threads; resolves when the sockets of all are open. Rejects with the first problem, and then none is left running. */
  static async start(options: LoadOptions, entry: URL): Promise<LoadThreads> {
    const threads = new LoadThreads(options, entry);
    let limit: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        limit = setTimeout(() => reject(new LoadError('VD_LOAD_START', `the load threads were not ready within ${START_LIMIT_MS / 1000} s`)), START_LIMIT_MS);
        threads.onChange = () => {
          if (threads.failed !== undefined) reject(threads.failed);
          else if (threads.ready.every((addresses) => addresses !== undefined)) resolve();
        };
      });
    } catch (error) {
      await threads.stop();
      throw error;
    } finally {
      clearTimeout(limit);
      threads.onChange = () => undefined;
    }
    return threads;
  }

  private spawn(thread: number, options: LoadOptions, shared: Pick<LoadThreadInit, 'run' | 'setup'>, entry: URL): Thread {
    const metrics = new SharedArrayBuffer(METRICS_SLOTS * BYTES);
    const control = new SharedArrayBuffer(CTL_SLOTS * BYTES);
    const init: LoadThreadInit = { thread, threads: options.threads, options, metrics, control, ...shared, warmUp: true };
    const worker = new Worker(entry, { workerData: init, name: `load ${thread}` });
    worker.on('message', (message: LoadThreadMessage) => this.heard(thread, message));
    worker.on('error', (error) => this.fail(new LoadError('VD_LOAD_THREAD', `load thread ${thread} died: ${reasonOf(error)}`, { cause: error })));
    const exited = new Promise<void>((resolve) =>
      worker.on('exit', () => {
        if (!this.stopping) this.fail(new LoadError('VD_LOAD_THREAD', `load thread ${thread} ended by itself`));
        resolve();
      }),
    );
    const cells = new Float64Array(control);
    cells[CTL_STATE] = RUN_WAIT;
    return { worker, control: cells, metrics: new Float64Array(metrics), exited, idle: false };
  }

  private heard(thread: number, message: LoadThreadMessage): void {
    switch (message.type) {
      case 'ready':
        this.ready[thread] = { uac: message.uac, uas: message.uas };
        break;
      case 'idle':
        this.threads[thread]!.idle = true;
        break;
      case 'error':
        this.fail(new LoadError(this.ready[thread] === undefined ? 'VD_LOAD_START' : 'VD_LOAD_THREAD', message.line));
        break;
    }
    this.onChange();
  }

  private fail(error: LoadError): void {
    // The first says why; what follows are its consequences.
    this.failed ??= error;
    this.onChange();
  }

  /** Why the threads cannot go on; undefined while they can. */
  get failure(): LoadError | undefined {
    return this.failed;
  }

  /** Where the sockets are. */
  get addresses(): BoundAddresses {
    const bound = this.ready.filter((addresses) => addresses !== undefined);
    return { uac: bound.flatMap(({ uac }) => uac), uas: bound.flatMap(({ uas }) => uas) };
  }

  /** Calls per second of all threads together. */
  setRate(ratePerS: number): void {
    for (const { control } of this.threads) control[CTL_RATE] = ratePerS / this.threads.length;
  }

  /** Begins calls, at most `calls` of all threads together. The rate has to be set. */
  go(calls = Infinity): void {
    const { length } = this.threads;
    for (const [i, thread] of this.threads.entries()) {
      thread.control[CTL_BUDGET] = calls === Infinity ? Infinity : Math.floor(calls / length) + (i < calls % length ? 1 : 0);
      thread.idle = false;
      thread.control[CTL_STATE] = RUN_GO;
    }
  }

  /** Whether every thread has begun all calls that it may. */
  get spent(): boolean {
    return this.threads.every(({ control }) => control[CTL_BUDGET]! <= 0);
  }

  /** Begins no more calls; `idle` becomes true when none is left. */
  drain(): void {
    for (const thread of this.threads) {
      thread.idle = false;
      thread.control[CTL_STATE] = RUN_DRAIN;
    }
  }

  get idle(): boolean {
    return this.threads.every(({ idle }) => idle);
  }

  /** What has been counted and timed until now. */
  snapshot(atMs: number): Snapshot {
    return Snapshot.take(this.threads.map(({ metrics }) => metrics), atMs);
  }

  /** Gives up what is in progress (it counts as aborted) and ends the threads; a snapshot may still be taken afterwards. */
  async stop(): Promise<void> {
    this.stopping = true;
    for (const { control } of this.threads) control[CTL_STATE] = RUN_STOP;
    const limit = setTimeout(() => {
      void whileEnding(() => Promise.all(this.threads.map(({ worker }) => worker.terminate())));
    }, this.failed === undefined ? STOP_LIMIT_MS : 0);
    await Promise.all(this.threads.map(({ exited }) => exited));
    clearTimeout(limit);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
