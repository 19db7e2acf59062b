/** Records a run second by second. Main thread; reads its time from the snapshots. */
import { type Histogram } from '../histogram.js';
import { L_FAILED, L_IN_FLIGHT, L_IN_FLIGHT_UAS, L_STARTED } from '../metrics.js';
import { endedWell, MAIN_TIMES } from './figures.js';
import type { SeriesRow } from './result.js';
import type { Snapshot } from './snapshot.js';

/** What a row is about beside the counters. */
export interface RowFacts {
  readonly phase: SeriesRow['phase'];
  readonly step?: number | undefined;
  /** Calls asked for since the last row. */
  readonly asked: number;
  readonly watchCpuPercent?: number | undefined;
}

interface Percentiles {
  readonly p50Us: number | null;
  readonly p90Us: number | null;
  readonly p99Us: number | null;
  readonly maxUs: number | null;
}

const ROW_LEAST_S = 0.2;
const NONE: Percentiles = { p50Us: null, p90Us: null, p99Us: null, maxUs: null };

/** Collects rows. Which time is the main one is only known at the end, so the percentiles of all that may be are kept. */
export class SeriesRecorder {
  private readonly rows: { readonly row: Omit<SeriesRow, keyof Percentiles>; readonly percentiles: readonly Percentiles[] }[] = [];
  private last: Snapshot;

  /** `from`: the reading at the moment when the first call is due. */
  constructor(private readonly from: Snapshot) {
    this.last = from;
  }

  /**
   * Adds what happened since the last row. Less than a fifth of a second says nothing about a rate: false then, and it
   * becomes part of the next row; unless it is the `last`.
   */
  add(now: Snapshot, facts: RowFacts, isLast: boolean): boolean {
    const seconds = (now.atMs - this.last.atMs) / 1000;
    if (seconds <= 0 || (!isLast && seconds < ROW_LEAST_S)) return false;
    const { last } = this;
    const perS = (index: number): number => tidy((now.counters[index]! - last.counters[index]!) / seconds);
    this.rows.push({
      row: {
        atS: tidy((now.atMs - this.from.atMs) / 1000),
        phase: facts.phase,
        ...(facts.step === undefined ? {} : { step: facts.step }),
        askedPerS: tidy(facts.asked / seconds),
        startedPerS: perS(L_STARTED),
        // A success may be taken back, when the other end of the call fails later.
        succeededPerS: Math.max(0, tidy((endedWell(now) - endedWell(last)) / seconds)),
        failedPerS: perS(L_FAILED),
        inFlight: inFlight(now),
        ...(facts.watchCpuPercent === undefined ? {} : { watchCpuPercent: tidy(facts.watchCpuPercent) }),
      },
      percentiles: MAIN_TIMES.map((time) => percentiles(now.times[time]!.since(last.times[time]!))),
    });
    this.last = now;
    return true;
  }

  /** The last `count` rows with the percentiles of `time` (one of `MAIN_TIMES`). */
  latest(count: number, time: number): readonly SeriesRow[] {
    return this.rows.slice(-count).map(({ row, percentiles: all }) => ({ ...row, ...(all[MAIN_TIMES.indexOf(time)] ?? NONE) }));
  }

  /** All rows. */
  series(time: number): readonly SeriesRow[] {
    return this.latest(this.rows.length, time);
  }
}

/** Calls in progress: of the caller side, or of the callee side where there is no other. */
export function inFlight({ counters }: Snapshot): number {
  return counters[L_STARTED] === 0 ? counters[L_IN_FLIGHT_UAS]! : counters[L_IN_FLIGHT]!;
}

function percentiles(histogram: Histogram): Percentiles {
  if (histogram.count <= 0) return NONE;
  return { p50Us: histogram.percentileUs(50), p90Us: histogram.percentileUs(90), p99Us: histogram.percentileUs(99), maxUs: histogram.mostUs };
}

/** Digits that nobody measured are noise in the file. */
function tidy(value: number): number {
  return Math.round(value * 100) / 100;
}
