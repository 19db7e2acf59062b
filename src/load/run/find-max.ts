/** The search for the highest rate that a target bears: doubled until it does not, then halved in between. Pure. */
import { P99_CALLS } from '../report/deciding-steps.js';

/** The rate found is at most this share below one that failed. */
const PRECISION = 0.05;
/** No search takes longer than this many steps. */
const STEPS_MOST = 30;
/** Rates that are tried, calls per second. */
export const RATE_LEAST = 1;
export const RATE_MOST = 1_000_000;

/** Arrivals at random may be fewer than planned: so many times the calls that are needed. */
const CALLS_SPARE = 1.1;
/** No step is made longer than this for the sake of its p99, milliseconds: nobody waits for minutes to hear of ten calls a second. */
const LONG_STEP_MS = 30_000;

/** How long a step at this rate has to be for a p99 that means something; as long as it was asked for (milliseconds, undefined: without end) at least. */
export function stepMs(perS: number, askedMs: number | undefined): number | undefined {
  return askedMs === undefined ? undefined : Math.max(askedMs, Math.min(LONG_STEP_MS, Math.ceil((CALLS_SPARE * P99_CALLS * 1000) / perS)));
}

/** Proposes rates; told how each went, it proposes the next. */
export class RateSearch {
  private passedPerS = 0;
  private failedPerS = Infinity;
  private nextPerS: number | undefined;
  private steps = 0;

  constructor(firstPerS: number) {
    this.nextPerS = Math.min(RATE_MOST, Math.max(RATE_LEAST, firstPerS));
  }

  /** The rate to try; undefined when the search is over. */
  get next(): number | undefined {
    return this.steps >= STEPS_MOST ? undefined : this.nextPerS;
  }

  /** Highest rate that passed; 0 when none did. */
  get bestPerS(): number {
    return this.passedPerS;
  }

  /** Says how `next` went. */
  report(passed: boolean): void {
    const rate = this.nextPerS;
    if (rate === undefined) return;
    this.steps++;
    if (passed) this.passedPerS = rate;
    else this.failedPerS = rate;
    this.nextPerS = this.propose();
  }

  private propose(): number | undefined {
    const { passedPerS, failedPerS } = this;
    if (failedPerS === Infinity) return passedPerS >= RATE_MOST ? undefined : Math.min(RATE_MOST, passedPerS * 2);
    if (passedPerS === 0) return failedPerS <= RATE_LEAST ? undefined : Math.max(RATE_LEAST, Math.floor(failedPerS / 4));
    if (failedPerS - passedPerS <= Math.max(1, failedPerS * PRECISION)) return undefined;
    return roundRate((passedPerS + failedPerS) / 2);
  }
}

/** Two digits that count, or three from 1000 on: nobody wants to read 4,687.5 calls/s. */
function roundRate(perS: number): number {
  const digits = Math.max(0, Math.floor(Math.log10(perS)) - 2);
  const step = 10 ** digits;
  return Math.round(perS / step) * step;
}
