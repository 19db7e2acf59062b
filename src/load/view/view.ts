/** What a run tells while it goes on, and to whom. */
import type { FindMaxStep, SeriesRow } from '../report/result.js';

/** What is said once, at the beginning. */
export interface RunHeading {
  /** `call 80 %, cancel 20 %`. */
  readonly scenarios: string;
  /** `caller and callee → 127.0.0.1:5060`. */
  readonly where: string;
  /** `2,000 calls/s for 30 s after 5 s of warm-up`. */
  readonly plan: string;
  /** Callee sockets, `127.0.0.1:5070`; empty for a caller alone. */
  readonly listens: readonly string[];
}

/** The run at a moment. Counts are those since warm-up ended (or, before, since the beginning). */
export interface Progress {
  readonly phase: SeriesRow['phase'];
  readonly step: { readonly number: number; readonly ratePerS: number } | undefined;
  readonly elapsedMs: number;
  /** Undefined when there is no end in time. */
  readonly totalMs: number | undefined;
  /** From 0 to 1; undefined when the run ends only when the operator says so. */
  readonly done: number | undefined;
  /** A callee is asked for no rate. */
  readonly calleeOnly: boolean;
  readonly askedPerS: number;
  /** Over the last second. */
  readonly reachedPerS: number;
  readonly inFlight: number;
  readonly begun: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly failurePercent: number;
  /** Causes that happened, by name. */
  readonly failures: readonly (readonly [name: string, count: number])[];
  readonly retransmissionsSeen: number;
  readonly unexpectedMessages: number;
  /** The main time, undefined while it has no value. */
  readonly time: { readonly label: string; readonly p50Us: number; readonly p90Us: number; readonly p99Us: number; readonly p999Us: number; readonly maxUs: number } | undefined;
  /** CPU of the watched processes, percent of one core. */
  readonly watchCpuPercent: number | undefined;
  /** The last minute, a second each, oldest first. */
  readonly lastMinute: readonly SeriesRow[];
  /** Limits of the generator that have been met: the result will be invalid. */
  readonly warnings: readonly string[];
}

/** Shows a run. */
export interface LoadView {
  /** How often it wants to hear of progress, milliseconds: what is told costs the main thread something. */
  readonly progressEveryMs: number;
  begin(heading: RunHeading): void;
  /** Called every `progressEveryMs`; the view takes what it wants of it. */
  progress(progress: Progress): void;
  /** A step of --find-max is over. */
  step(step: FindMaxStep): void;
  /** One line for the operator. */
  note(line: string): void;
  /** The run is over: the screen is as it was, what comes next begins on a line of its own. */
  end(): void;
}
