/**
 * The result of `viaduct tune`, as `--json` writes it: one documented format, `viaduct-tune/1`. Plain data; a name ends in its
 * unit. A reader of this version takes any file of the same format: what is added later is optional.
 */
import type { Machine } from '../load/report/result.js';
import type { Prediction } from './model.js';

/** Name and version of the format. */
export const TUNE_FORMAT = 'viaduct-tune/1';

/** CPU time of one call in the proxy and in the generator, microseconds. */
export interface CpuUsPerCall {
  readonly main: number;
  /** A shard each; empty when the engine runs in the main thread. */
  readonly shards: readonly number[];
  /** Helper threads of the proxy: garbage collection, compiling. */
  readonly other: number;
  /** All threads of the proxy. */
  readonly total: number;
  /** The generator, both ends of the call: no part of the proxy. */
  readonly generator: number;
}

/** One measurement: a number of shards and a setting of `io.coalesceUs` at one rate. */
export interface TuneStep {
  readonly shards: number;
  readonly coalesceUs: number;
  readonly askedPerS: number;
  readonly reachedPerS: number;
  /** Calls that ended. */
  readonly calls: number;
  readonly failed: number;
  readonly failurePercent: number;
  readonly cpuUsPerCall: CpuUsPerCall;
  /** The delay that the proxy adds to call set-up; null when nothing was timed. */
  readonly addedP50Us: number | null;
  readonly addedP99Us: number | null;
  /** Generator, main thread and shards are more than the cores: rate and delay are those of all of them together. */
  readonly crowded: boolean;
  /** Cores that other processes kept busy meanwhile. */
  readonly othersCores: number;
  /** Too many calls failed for the costs to mean anything: left out of the predictions. */
  readonly usable: boolean;
  /** What was wrong, in words; empty: nothing. */
  readonly remarks: readonly string[];
}

/** The whole result. */
export interface TuneResult {
  readonly format: typeof TUNE_FORMAT;
  /** Version of Viaduct. */
  readonly version: string;
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: Machine;
  /** Cores that this process may use: fewer than the machine has in a container or under taskset. */
  readonly cores: number;
  /** The configuration whose settings were used. */
  readonly config: string | null;
  /** The script that routed the calls: `relay`, a plain one, or the path of the configuration's own. */
  readonly script: string;
  readonly driver: 'batch' | 'dgram';
  /** `shards` and `io.coalesceUs` of the configuration, as they are. */
  readonly present: { readonly shards: number; readonly coalesceUs: number };
  readonly ratePerS: number;
  readonly warmUpS: number;
  readonly measuredS: number;
  /** A number of shards each. */
  readonly steps: readonly TuneStep[];
  /** The settings of `io.coalesceUs` in turn, several rounds; empty when they were not compared. */
  readonly coalesceRounds: readonly (readonly TuneStep[])[];
  readonly prediction: {
    /** Calls per second at which the main thread has used a core; by it the shards that keep up with it. 0: one shard reads the sockets, main does not. */
    readonly mainLimitPerS: number;
    readonly shardLimitPerS: number;
    readonly shardsUntilMain: number;
    /** This machine first, then those of other sizes. */
    readonly machines: readonly Prediction[];
  };
  readonly recommendation: {
    readonly shards: number;
    /** Null: as it is. */
    readonly coalesceUs: number | null;
  };
  /** What the reader has to know about the figures, in words. */
  readonly notes: readonly string[];
}
