/** Is a result worth its name? When the generator was the limit, the figures say little about the target. Pure. */
import { L_DUE, L_OVERRUN, L_SEND_DROPPED, L_SKIPPED, L_STARTED, L_TABLE_FULL } from '../metrics.js';
import { countText, percentText, rateText } from '../units.js';
import type { Snapshot } from './snapshot.js';

/** Share of the asked rate that has to be reached. */
const REACHED_LEAST = 0.99;
/** Arrivals at random scatter by the root of their number: this many of it are no fault. */
const SCATTER = 4;
/** Seconds that may pass between an order to the threads and the first call, and until the end is seen. */
const EDGES_S = 0.02;

const HINT = 'the generator could not keep the rate: measure with a lower rate or more --threads';

export interface ValidityFacts {
  /** What was counted in the measured time, calls that ended later included. */
  readonly counted: Snapshot;
  /** Calls that the plan asked for in that time; undefined for a callee, which is asked for nothing. */
  readonly asked: number | undefined;
  /** Calls begun and due until the last one was to begin. */
  readonly startedInTime: number;
  readonly dueInTime: number;
  readonly askedPerS: number;
  readonly arrivals: 'poisson' | 'even';
  readonly concurrency: number;
}

/** What makes the result invalid, in words; empty: nothing does. */
export function invalidReasons(facts: ValidityFacts): string[] {
  const { counters } = facts.counted;
  const reasons: string[] = [];
  const skipped = counters[L_SKIPPED]!;
  if (skipped > 0) reasons.push(`${calls(skipped)} due and not begun, because ${countText(facts.concurrency)} ${facts.concurrency === 1 ? 'was' : 'were'} in progress: measure with a lower rate or a higher --concurrency`);
  const overrun = counters[L_OVERRUN]!;
  if (overrun > 0) reasons.push(`${calls(overrun)} begun more than 100 ms late, or not at all: ${HINT}`);
  const dropped = counters[L_SEND_DROPPED]!;
  if (dropped > 0) reasons.push(`${countText(dropped)} ${dropped === 1 ? 'message was' : 'messages were'} not taken by the kernel: ${HINT}`);
  const full = counters[L_TABLE_FULL]!;
  if (full > 0) reasons.push(`${calls(full)} not begun or not answered, because the generator’s call table was full: measure with a lower rate or a higher --concurrency`);
  if (facts.asked === undefined) return reasons;
  const { asked, startedInTime, dueInTime, askedPerS } = facts;
  const due = Math.max(dueInTime, counters[L_DUE]!);
  // Calls that were begun after their time ran out count among those begun, and the plan may scatter.
  const least = REACHED_LEAST * asked - (facts.arrivals === 'poisson' ? SCATTER * Math.sqrt(asked) : 1) - EDGES_S * askedPerS;
  const begun = Math.max(startedInTime, counters[L_STARTED]!);
  if (startedInTime < least || begun < REACHED_LEAST * due - 1) {
    const wanted = Math.max(asked, due);
    reasons.push(`${countText(startedInTime)} calls begun of ${countText(wanted)} (${percentText(wanted === 0 ? 0 : (100 * startedInTime) / wanted)}, asked were ${rateText(askedPerS)}): ${HINT}`);
  }
  if (begun === 0) reasons.push('no call was begun: nothing was measured');
  return reasons;
}

function calls(count: number): string {
  return count === 1 ? '1 call was' : `${countText(count)} calls were`;
}
