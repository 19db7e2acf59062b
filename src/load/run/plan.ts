/** What a run is to do over time: rate, ramp, warm-up, length. Pure. */
import { longestMs } from '../units.js';
import type { LoadOptions } from '../options.js';

export interface RunPlan {
  /** Calls per second once the ramp is over; undefined for a callee, which begins none. */
  readonly ratePerS: number | undefined;
  /** The measured time, behind the warm-up; undefined: as long as the calls last, or until the operator stops. */
  readonly durationMs: number | undefined;
  /** Calls to begin (a callee: to answer), those of the warm-up included; undefined: any number. */
  readonly calls: number | undefined;
  /** The rate rises evenly from nothing over this time, from the beginning of the run. */
  readonly rampMs: number;
  /** Time at the beginning that the figures leave out. */
  readonly warmUpMs: number;
}

/** Calls per second at a moment of the run. */
export function rateAt({ ratePerS = 0, rampMs }: RunPlan, elapsedMs: number): number {
  return elapsedMs >= rampMs ? ratePerS : (ratePerS * Math.max(0, elapsedMs)) / rampMs;
}

/** Share of the run that is over, from 0 to 1; undefined when it has no end of its own. */
export function doneShare(plan: RunPlan, elapsedMs: number, begunCalls: number): number | undefined {
  const ofCalls = plan.calls === undefined ? 0 : begunCalls / plan.calls;
  const ofTime = plan.durationMs === undefined ? 0 : elapsedMs / (plan.warmUpMs + plan.durationMs);
  return plan.calls === undefined && plan.durationMs === undefined ? undefined : Math.min(1, Math.max(ofCalls, ofTime));
}

/** How long calls in progress may take to end by themselves: all that a scenario may wait for, and then to be answered or given up. */
export function drainLimitMs({ ring, hold, cancelAfter, t1Ms, faults }: LoadOptions): number {
  return longestMs(ring) + longestMs(hold) + longestMs(cancelAfter) + 2 * (64 * t1Ms) + 4 * faults.delayMs + 5000;
}
