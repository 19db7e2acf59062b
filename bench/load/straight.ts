/** What the generator reaches on its own: the highest rate that is asked of it, how late calls begin, memory of calls in progress. */
import type { LoadResult } from '../../src/load/index.js';
import type { ProcessGroup } from '../../test/e2e/process-group.js';
import { progress } from '../macro/show.js';
import { figure, figureOf, type Figure } from '../results.js';
import { startGenerator } from './generator.js';
import type { LoadBenchOptions } from './options.js';

/** Load threads of the part max. */
export const THREADS = 2;
/** A thread that only sleeps: how long it is looked at, seconds, and its step, milliseconds. */
const SLEEPER_S = 3;
const SLEEP_MS = 0.5;
/** The rate at which the calls of the part hold are begun. */
const HOLD_RATE_PER_S = 5000;

/** What the machine makes of a thread that only sleeps, over a round. */
export interface SleeperSample {
  readonly round: number;
  readonly sleeps: number;
  readonly latenessP50Us: number;
  readonly latenessP99Us: number;
  readonly latenessMaxUs: number;
}

/**
 * A thread with nothing to do that sleeps until each next half millisecond, and notes how late it wakes: what of the generator's
 * lateness is none of its own. On a machine that is shared with others this is most of it.
 */
export function sleeperRun(round: number, seconds: number): SleeperSample {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  const late: number[] = [];
  const endMs = performance.now() + seconds * 1000;
  for (let dueMs = Math.ceil(performance.now()); dueMs < endMs; ) {
    Atomics.wait(cell, 0, 0, Math.max(0, dueMs - performance.now()));
    const now = performance.now();
    late.push((now - dueMs) * 1000);
    dueMs = Math.max(dueMs + SLEEP_MS, Math.floor(now / SLEEP_MS) * SLEEP_MS);
  }
  late.sort((a, b) => a - b);
  const at = (share: number): number => late[Math.min(late.length - 1, Math.floor(late.length * share))]!;
  const sample = { round, sleeps: late.length, latenessP50Us: at(0.5), latenessP99Us: at(0.99), latenessMaxUs: at(1) };
  progress(`a thread that only sleeps: lateness p99 ${(sample.latenessP99Us / 1000).toFixed(2)} ms, at most ${(sample.latenessMaxUs / 1000).toFixed(2)} ms`);
  return sample;
}

/** One run at a rate. */
export interface RateSample {
  readonly ratePerS: number;
  readonly round: number;
  readonly valid: boolean;
  readonly reasons: readonly string[];
  readonly reachedPerS: number;
  readonly started: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly cpuUsPerCall: number;
  readonly cpuPercent: number;
  readonly latenessP50Us: number;
  readonly latenessP99Us: number;
  readonly latenessP999Us: number;
  readonly latenessMaxUs: number;
  readonly call99Us: number;
}

/** The rate of `--max-rate`, and half of it; a thread that only sleeps before each round. */
export async function rateRuns(group: ProcessGroup, options: LoadBenchOptions): Promise<{ samples: RateSample[]; sleepers: SleeperSample[] }> {
  const samples: RateSample[] = [];
  const sleepers: SleeperSample[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    sleepers.push(sleeperRun(round, Math.min(SLEEPER_S, options.seconds)));
    for (const ratePerS of [options.maxRatePerS, options.maxRatePerS / 2]) {
      const sample = await rateRun(group, options, ratePerS, round);
      samples.push(sample);
      progress(
        `${ratePerS} calls/s, round ${round} of ${options.rounds}: ${sample.reachedPerS.toFixed(0)} calls/s, ${sample.failed} failed, lateness p99 ${(sample.latenessP99Us / 1000).toFixed(2)} ms, ${sample.cpuPercent.toFixed(0)} % of a core${sample.valid ? '' : `  INVALID: ${sample.reasons.join('; ')}`}`,
      );
    }
  }
  return { samples, sleepers };
}

async function rateRun(group: ProcessGroup, { seconds, warmUpS }: LoadBenchOptions, ratePerS: number, round: number): Promise<RateSample> {
  const { result } = await startGenerator(group, [
    '--threads', String(THREADS), '--rate', String(ratePerS), '--ring', '0s', '--hold', '0s', '--warm-up', `${warmUpS}s`, '--duration', `${seconds}s`,
  ]);
  const { valid, reasons, reachedPerS, totals, times, generator } = await result;
  const { lateness, call } = times;
  return {
    ratePerS, round, valid, reasons, reachedPerS,
    started: totals['started'] ?? 0,
    failed: totals['failed'] ?? 0,
    retransmissions: totals['retransmissionsSent'] ?? 0,
    cpuUsPerCall: generator.cpuUsPerCall,
    cpuPercent: generator.cpuPercent,
    latenessP50Us: lateness?.p50Us ?? NaN,
    latenessP99Us: lateness?.p99Us ?? NaN,
    latenessP999Us: lateness?.p999Us ?? NaN,
    latenessMaxUs: lateness?.maxUs ?? NaN,
    call99Us: call?.p99Us ?? NaN,
  };
}

/** By rate; every run counts, the invalid too, since what is asked here is whether the generator keeps up. */
export function rateFigures(samples: readonly RateSample[], sleepers: readonly SleeperSample[]): Record<string, Figure> {
  const figures: Record<string, Figure> = { 'sleeper.lateness.p99': figureOf('µs', sleepers.map(({ latenessP99Us }) => latenessP99Us)) };
  for (const ratePerS of new Set(samples.map((sample) => sample.ratePerS))) {
    const of = (value: (sample: RateSample) => number): number[] => samples.filter((sample) => sample.ratePerS === ratePerS).map(value);
    figures[`${ratePerS}.reached`] = figureOf('calls/s', of((sample) => sample.reachedPerS));
    figures[`${ratePerS}.failed`] = figureOf('calls', of((sample) => sample.failed));
    figures[`${ratePerS}.valid`] = figure('runs', of((sample) => Number(sample.valid)).reduce((sum, one) => sum + one, 0));
    figures[`${ratePerS}.cpu`] = figureOf('µs/call', of((sample) => sample.cpuUsPerCall));
    figures[`${ratePerS}.lateness.p99`] = figureOf('µs', of((sample) => sample.latenessP99Us));
    figures[`${ratePerS}.call.p99`] = figureOf('µs', of((sample) => sample.call99Us));
  }
  return figures;
}

/** Calls in progress, held. */
export interface HoldSample {
  readonly calls: number;
  /** How long all of them were in progress, by the generator's own seconds. */
  readonly heldS: number;
  /** Memory at most (resident set), of a run of one call and of this one. */
  readonly idleBytes: number;
  readonly heldBytes: number;
  /** Caller and callee of one call together. */
  readonly bytesPerCall: number;
  readonly valid: boolean;
  readonly reasons: readonly string[];
  readonly succeeded: number;
  readonly failed: number;
  readonly retransmissions: number;
}

/** Begins the calls, holds all of them, and lets them end; before that, a run of one call with the same flags. */
export async function holdRun(group: ProcessGroup, { calls, holdS }: LoadBenchOptions): Promise<HoldSample> {
  const flags = ['--rate', String(HOLD_RATE_PER_S), '--concurrency', String(calls), '--ring', '0s', '--arrivals', 'even'];
  const run = async (count: number, seconds: number): Promise<LoadResult> =>
    (await startGenerator(group, [...flags, '--calls', String(count), '--hold', `${Math.ceil(seconds)}s`])).result;
  const idle = await run(1, 1);
  const { valid, reasons, totals, series, generator } = await run(calls, calls / HOLD_RATE_PER_S + holdS + 2);
  const idleBytes = idle.generator.peakRssBytes;
  const heldBytes = generator.peakRssBytes;
  const sample = {
    calls, idleBytes, heldBytes, valid, reasons,
    heldS: series.filter(({ inFlight }) => inFlight === calls).length,
    bytesPerCall: (heldBytes - idleBytes) / calls,
    succeeded: totals['succeeded'] ?? 0,
    failed: totals['failed'] ?? 0,
    retransmissions: totals['retransmissionsSent'] ?? 0,
  };
  progress(`${calls} calls in progress for ${sample.heldS} s: ${sample.bytesPerCall.toFixed(0)} bytes per call, ${sample.failed} failed${valid ? '' : `  INVALID: ${reasons.join('; ')}`}`);
  return sample;
}

export function holdFigures({ calls, heldS, bytesPerCall, failed }: HoldSample): Record<string, Figure> {
  return { calls: figure('calls', calls), held: figure('s', heldS), memory: figure('bytes/call', bytesPerCall), failed: figure('calls', failed) };
}
