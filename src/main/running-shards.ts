/**
 * All shards of a server: their memory, the pool and the supervisor, joined together. Main thread.
 */
import type { EngineLog } from '../proxy/ports.js';
import type { CompiledScript } from '../script/load.js';
import type { Clock } from '../shard/clock.js';
import { STATE_DRAINING, W_PENDING, W_STATE } from '../shard/control-words.js';
import type { Ringer } from '../ring/doorbell.js';
import { encodeSettings, type ShardSettings } from '../shard/shard-task.js';
import { C_SHARD_RESTARTS } from '../telemetry/counters.js';
import { startShardLife } from './shard-life.js';
import type { ShardEnds } from './shard-memory.js';
import { ShardPool } from './shard-pool.js';
import { Supervisor } from './supervisor.js';

/** How often main looks whether the shards have drained, milliseconds. */
const DRAIN_POLL_MS = 10;
/** A server that has run this long starts its spare thread: not at once, since the start has enough to do, milliseconds. */
const SPARE_AFTER_MS = 1_000;
/** How long a shard may take to leave its loop before its thread is ended, milliseconds. */
const STOP_WAIT_MS = 1_000;

/** What the shards are started with. */
export interface RunningShardsOptions {
  readonly ends: readonly ShardEnds[];
  /** Settings of each shard, but for the script, which a reload may change. */
  readonly settings: (shard: number) => Omit<ShardSettings, 'script'>;
  readonly script: CompiledScript;
  /** What wakes the shard, if it is another bell than its in-ring's. */
  readonly bell: Ringer | undefined;
  /** The file that the pool loads in its threads. */
  readonly module: URL;
  readonly log: EngineLog;
  /** Main's counter block. */
  readonly counters: Float64Array;
  readonly clock: Clock;
}

/** The shards of one server. */
export class RunningShards {
  readonly supervisor: Supervisor;
  private readonly options: RunningShardsOptions;
  private readonly pool: ShardPool;
  private script: CompiledScript;
  private spareTimer: NodeJS.Timeout | undefined;

  /** Starts the threads; the shards start with `start`. */
  constructor(options: RunningShardsOptions) {
    this.options = options;
    this.script = options.script;
    const { clock, counters, ends, log } = options;
    this.pool = new ShardPool(ends.length, options.module, (error) => {
      log.error({ err: error }, 'a thread without a shard died');
    });
    this.supervisor = new Supervisor({
      shards: ends.length,
      log,
      start: (shard, onReport) => {
        const settings = encodeSettings({ ...options.settings(shard), script: this.script });
        return startShardLife(this.pool, ends[shard]!, options.bell ?? ends[shard]!.inlet.bell, settings, onReport);
      },
      onCrash: () => void counters[C_SHARD_RESTARTS]!++,
      // The replacement has taken the spare thread.
      onReplaced: () => this.pool.prepareSpare(),
      nowMs: () => clock.exactMs(),
      after: (delayMs, fire) => {
        const timer = setTimeout(fire, delayMs);
        return () => clearTimeout(timer);
      },
    });
  }

  /** Resolves when every shard takes messages. Rejects with `StartError`. */
  async start(): Promise<void> {
    await this.supervisor.startAll();
    this.spareTimer = setTimeout(() => this.pool.prepareSpare(), SPARE_AFTER_MS);
    this.spareTimer.unref();
  }

  /** Has every shard use `script` from now on, replacements included; if one cannot, all go on with the present one. */
  async reload(script: CompiledScript): Promise<void> {
    const before = this.script;
    this.script = script;
    try {
      await this.supervisor.reload({ script });
    } catch (error) {
      this.script = before;
      await this.supervisor.reload({ script: before });
      throw error;
    }
  }

  /** Has every shard refuse new work, and waits until none has anything pending, or `drainMs` have passed. */
  async drain(drainMs: number): Promise<void> {
    this.supervisor.keepDown();
    this.supervisor.broadcast({ type: 'drain' });
    const endMs = this.options.clock.exactMs() + drainMs;
    while (!this.drained() && this.options.clock.exactMs() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
    }
  }

  /** Stops every shard and ends every thread, also one that is stuck. */
  async stop(): Promise<void> {
    clearTimeout(this.spareTimer);
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, STOP_WAIT_MS)));
    await Promise.race([this.supervisor.stopAll(), patience]);
    clearTimeout(timer);
    await this.pool.destroy();
  }

  private drained(): boolean {
    return this.options.ends.every(({ words }, shard) => {
      if (!this.supervisor.isReady(shard)) return true;
      return Atomics.load(words, W_STATE) === STATE_DRAINING && Atomics.load(words, W_PENDING) === 0;
    });
  }
}
