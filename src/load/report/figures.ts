/** From merged counters and histograms to the named figures of a result. Pure. */
import type { Histogram } from '../histogram.js';
import {
  FAILURE_CAUSES, L_ANSWERED_UAS, L_FAIL_ABORTED, L_FAIL_STATUS, L_FAILED, L_STARTED, L_SUCCEEDED, LOAD_COUNTERS, LOAD_TIMES, STATUS_LEAST, T_180, T_200, T_CALL, T_REQUEST,
} from '../metrics.js';
import { bytesText, countText, timeText } from '../units.js';
import type { Snapshot } from './snapshot.js';
import type { LoadResult, TimeFigures } from './result.js';

/** Points of a distribution: close together where the tail is. */
const CURVE_PERCENTS = [
  0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 65, 70, 75, 77.5, 80, 82.5, 85, 87.5, 90, 91.25, 92.5, 93.75, 95, 96, 97, 97.5, 98, 98.5, 99,
  99.25, 99.5, 99.7, 99.8, 99.9, 99.95, 99.99, 99.999,
];

/** What a time is called where people read it. */
export const TIME_LABELS: Readonly<Record<string, string>> = {
  invite100: 'INVITE → 100',
  invite180: 'INVITE → 180',
  invite200: 'INVITE → final',
  bye200: 'BYE → 200',
  request: 'request → final',
  call: 'whole call',
  added: 'added by the proxy',
  lateness: 'generator lateness',
};

/** Percentiles of a histogram. */
export function timeFigures(histogram: Histogram): TimeFigures {
  const round = Math.round;
  return {
    count: histogram.count,
    meanUs: round(histogram.meanUs),
    minUs: round(histogram.leastUs),
    p50Us: histogram.percentileUs(50),
    p90Us: histogram.percentileUs(90),
    p95Us: histogram.percentileUs(95),
    p99Us: histogram.percentileUs(99),
    p999Us: histogram.percentileUs(99.9),
    maxUs: histogram.mostUs,
    curve: histogram.count === 0 ? [] : curveOf(histogram),
  };
}

/** Stops where a percentile would be between the last two values: nothing is known beyond. */
function curveOf(histogram: Histogram): [number, number][] {
  const known = 100 * (1 - 1 / histogram.count);
  const points = CURVE_PERCENTS.filter((percent) => percent <= known).map((percent): [number, number] => [percent, histogram.percentileUs(percent)]);
  return [...points, [100, histogram.mostUs]];
}

/** Every counter by its name. */
export function totalsOf({ counters }: Snapshot): Record<string, number> {
  return Object.fromEntries(LOAD_COUNTERS.map(({ name }, i) => [name, counters[i]!]));
}

/** Every cause of failure by its name, those that did not happen too. */
export function failuresOf({ counters }: Snapshot): Record<string, number> {
  return Object.fromEntries(FAILURE_CAUSES.map((cause) => [LOAD_COUNTERS[cause]!.name, counters[cause]!]));
}

/** The statuses behind `unexpectedStatus`, those that came. */
export function statusesOf({ statuses }: Pick<Snapshot, 'statuses'>): Record<string, number> {
  return Object.fromEntries([...statuses].map((count, i) => [String(STATUS_LEAST + i), count] as const).filter(([, count]) => count > 0));
}

/** How a cause of failure is named where people read it: `unexpectedStatus (404: 3, 503: 1)` when it is known which statuses came. */
export function causeText(name: string, statuses: Readonly<Record<string, number>> | undefined): string {
  const parts = name !== LOAD_COUNTERS[L_FAIL_STATUS]!.name || statuses === undefined ? [] : Object.entries(statuses).map(([status, count]) => `${status}: ${countText(count)}`);
  return parts.length === 0 ? name : `${name} (${parts.join(', ')})`;
}

/** What the generator itself took; without a call there is nothing to divide by. */
export function generatorText({ cpuUsPerCall, cpuPercent, peakRssBytes }: LoadResult['generator']): string {
  return `${cpuUsPerCall > 0 ? `${timeText(cpuUsPerCall)} of CPU per call, ` : ''}${Math.round(cpuPercent)} % of a core, ${bytesText(peakRssBytes)} at most`;
}

/** Every time by its name; those without a value are left out. */
export function timesOf({ times }: Snapshot): Record<string, TimeFigures> {
  const named = LOAD_TIMES.map(({ name }, i) => [name, times[i]!] as const).filter(([, histogram]) => histogram.count > 0);
  return Object.fromEntries(named.map(([name, histogram]) => [name, timeFigures(histogram)]));
}

/** Of the calls that ended, percent that failed; those that were cut off when the operator stopped the run count as neither. */
export function failurePercent({ counters }: Snapshot, interrupted: boolean): number {
  const failed = counters[L_FAILED]! - (interrupted ? counters[L_FAIL_ABORTED]! : 0);
  const ended = endedWell({ counters }) + failed;
  return ended <= 0 ? 0 : (100 * failed) / ended;
}

/** Calls that went well: those of the caller side, or of the callee side where there is no other. */
export function endedWell({ counters }: Pick<Snapshot, 'counters'>): number {
  return counters[L_STARTED] === 0 && counters[L_SUCCEEDED] === 0 ? counters[L_ANSWERED_UAS]! : counters[L_SUCCEEDED]!;
}

/**
 * The calls that a cost is divided by: the mean of those begun and those ended. A call that lies across an edge of the
 * measured time has one half of its messages inside.
 */
export function callsOf(snapshot: Snapshot): number {
  const { counters } = snapshot;
  const ended = endedWell(snapshot) + counters[L_FAILED]!;
  return counters[L_STARTED] === 0 ? ended : (counters[L_STARTED]! + ended) / 2;
}

/** The times that may stand for the run, best first. The answer's own time contains the ringing, so it comes second. */
export const MAIN_TIMES: readonly number[] = [T_180, T_200, T_REQUEST, T_CALL];

/** The time (`T_*`) that stands for the run: the first of `MAIN_TIMES` that at least one in ten of its values belong to. */
export function mainTime(times: readonly Histogram[]): number {
  const all = MAIN_TIMES.reduce((sum, time) => Math.max(sum, times[time]!.count), 0);
  return MAIN_TIMES.find((time) => times[time]!.count > all / 10) ?? MAIN_TIMES[0]!;
}
