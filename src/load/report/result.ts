/**
 * The result of a load run, as `--json` writes it: one documented format, `viaduct-load/1`. Plain data. A reader of this
 * version takes any file whose format is the same; what is added later is optional.
 */

/** Name and version of the format. */
export const RESULT_FORMAT = 'viaduct-load/1';

/** Percentiles of one time, microseconds. */
export interface TimeFigures {
  readonly count: number;
  readonly meanUs: number;
  readonly minUs: number;
  readonly p50Us: number;
  readonly p90Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly maxUs: number;
  /** Percent and the time it is met by: the whole distribution, for a chart. */
  readonly curve: readonly (readonly [percent: number, us: number])[];
}

/** One second of the run. Counts are per second of time, so a short last row compares with the others. */
export interface SeriesRow {
  /** End of the second, seconds since the first call was due. */
  readonly atS: number;
  readonly phase: 'warm-up' | 'measured' | 'drain';
  /** Step of --find-max, from 1. */
  readonly step?: number;
  readonly askedPerS: number;
  readonly startedPerS: number;
  readonly succeededPerS: number;
  readonly failedPerS: number;
  readonly inFlight: number;
  /** Of the main time, for calls whose answer came in this second; null when none did. */
  readonly p50Us: number | null;
  readonly p90Us: number | null;
  readonly p99Us: number | null;
  readonly maxUs: number | null;
  /** CPU of the watched processes, percent of one core; only with --watch-pid. */
  readonly watchCpuPercent?: number;
}

/** One thread of a watched process, over the measured time. */
export interface WatchedThread {
  readonly pid: number;
  readonly tid: number;
  readonly name: string;
  readonly cpuUs: number;
  readonly cpuUsPerCall: number;
  /** Percent of one core. */
  readonly cpuPercent: number;
  /** It ended before the run did. */
  readonly ended: boolean;
}

/** A watched process with its children, over the measured time. */
export interface WatchedProcess {
  readonly pid: number;
  readonly name: string;
  /** Processes seen: the named one and its descendants. */
  readonly processes: number;
  readonly cpuUs: number;
  readonly cpuUsPerCall: number;
  /** Percent of one core. */
  readonly cpuPercent: number;
  /** Sum of the peaks of its processes since each began (VmHWM). */
  readonly peakRssBytes: number;
  readonly threads: readonly WatchedThread[];
}

/** One step of --find-max. */
export interface FindMaxStep {
  readonly step: number;
  readonly askedPerS: number;
  readonly reachedPerS: number;
  readonly calls: number;
  readonly failures: number;
  readonly failurePercent: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  readonly passed: boolean;
  /** Why it did not pass. */
  readonly limit?: 'failures' | 'p99' | 'generator' | 'drain';
  /** The same in words. */
  readonly reason?: string;
  /** The generator was late, or p99 failed with too few calls for one, so the step does not count: the same rate comes once more, for longer in the second case. */
  readonly repeated?: true;
  /** On-CPU time of the watched processes; only with --watch-pid. */
  readonly cpuUsPerCall?: number;
}

/** Outcome of --find-max. */
export interface FindMaxResult {
  readonly maxFailurePercent: number;
  readonly maxP99Us: number;
  /** Highest rate that passed, calls per second; 0 when none did. */
  readonly bestPerS: number;
  /** What stopped the search from going higher. */
  readonly limit: 'failures' | 'p99' | 'generator' | 'drain' | 'ceiling' | 'interrupted';
  readonly steps: readonly FindMaxStep[];
}

/** A --fail-if and how it came out. */
export interface ThresholdOutcome {
  /** As it was written: the condition under which the run fails. */
  readonly text: string;
  /** What was measured, in the unit of the text; null when nothing was. */
  readonly value: number | null;
  /** The same for people. */
  readonly measured: string;
  /** True: the condition did not come true, which is good. */
  readonly held: boolean;
}

/** What the run was to do; users and passwords are left out. */
export interface ResultOptions {
  readonly role: 'both' | 'uac' | 'uas';
  readonly target: string | null;
  readonly listen: string | null;
  readonly ratePerS: number | null;
  readonly durationS: number | null;
  readonly calls: number | null;
  readonly rampS: number;
  readonly warmUpS: number;
  readonly scenarios: readonly { readonly scenario: string; readonly weight: number }[];
  readonly arrivals: 'poisson' | 'even';
  readonly ring: string;
  readonly hold: string;
  readonly cancelAfter: string;
  readonly concurrency: number;
  readonly threads: number;
  readonly socketsPerThread: number;
  readonly users: number;
  readonly domain: string;
  readonly faults: { readonly retransmitPercent: number; readonly lossPercent: number; readonly delayMs: number; readonly reorderPercent: number };
  readonly t1Ms: number;
  readonly seed: number;
  readonly driver: string;
  /** --coalesce, microseconds; not in results of earlier versions. */
  readonly coalesceUs?: number;
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
}

/** The whole result. Figures are those of the measured time: warm-up is left out. */
export interface LoadResult {
  readonly format: typeof RESULT_FORMAT;
  /** Version of Viaduct. */
  readonly version: string;
  readonly command: string;
  /** ISO 8601, when the first call was due. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly options: ResultOptions;
  /** The operator stopped it before its time. */
  readonly interrupted: boolean;
  /** False: the generator itself was the limit, or nothing was measured; the figures say little about the target. */
  readonly valid: boolean;
  /** Why it is not valid, in words. */
  readonly reasons: readonly string[];
  /** From the end of warm-up to the last call begun, seconds. */
  readonly measuredS: number;
  readonly askedPerS: number;
  readonly reachedPerS: number;
  /** Calls that the warm-up had begun and the measured time saw end: so many more may have succeeded than were begun. */
  readonly inFlightAtStart: number;
  /** Counters by name; `docs/load.md` has them all. */
  readonly totals: Readonly<Record<string, number>>;
  /** Of the calls that ended, percent that failed. Calls that the operator cut off count as neither. */
  readonly failurePercent: number;
  /** Causes by name; they add up to `totals.failed`. */
  readonly failures: Readonly<Record<string, number>>;
  /** Failures of the cause `unexpectedStatus` by the status that came; only those that did. Earlier versions wrote none. */
  readonly statuses?: Readonly<Record<string, number>>;
  /** By name: invite100, invite180, invite200, bye200, request, call, added, lateness. */
  readonly times: Readonly<Record<string, TimeFigures>>;
  /** Which of them stands for the run in the series, the live view and as plain `p99` in a threshold. */
  readonly mainTime: string;
  readonly series: readonly SeriesRow[];
  readonly watch: readonly WatchedProcess[];
  /** The generator's own process. */
  readonly generator: { readonly cpuUsPerCall: number; readonly cpuPercent: number; readonly peakRssBytes: number };
  readonly findMax?: FindMaxResult;
  readonly thresholds: readonly ThresholdOutcome[];
}
