/**
 * The quick proof: a few hundred simulated calls a run, over the knobs that matter, with seeds that never change. A fault
 * of the engine has to break a rule of the simulation within them. Entry of the bundle that a worker runs. Sans-I/O.
 */
import type { Knobs } from '../../src/sim/scenario.js';
import { simulate } from '../../src/sim/simulate.js';

/** The first runs are small, and those that most faults break. */
const RUNS: readonly Partial<Knobs>[] = [
  { seed: 11, calls: 60, shards: 4, forks: 3, cancelPercent: 40, lossPercent: 10, dupPercent: 10, reorderPercent: 20, silentPercent: 8, rejectPercent: 40, optionsPercent: 20 },
  { seed: 12, calls: 80, shards: 2, forks: 3, cancelPercent: 40, blindCancelPercent: 50, dupCancelPercent: 50, lateAnswerPercent: 40, rejectPercent: 40 },
  { seed: 13, calls: 80, forks: 2, noAnswerPercent: 30, silentPercent: 20, cancelPercent: 30, optionsPercent: 20, failoverPercent: 30 },
  { seed: 14, calls: 80, asyncPercent: 70, pendPercent: 20, throwPercent: 10, cancelPercent: 50, blindCancelPercent: 50, dupPercent: 20, earlyCancelMs: 500 },
  { seed: 15, calls: 100, shards: 3, key: 'call-id', oldPhonePercent: 50, cancelPercent: 30, reinvitePercent: 50, routelessPercent: 50, lossPercent: 15 },
  { seed: 16, calls: 80, shards: 4, crashes: 2, cancelPercent: 30, asyncPercent: 20 },
  { seed: 17, calls: 200, shards: 4, forks: 4, cancelPercent: 50, blindCancelPercent: 30, lossPercent: 20, dupPercent: 20, reorderPercent: 30, lagMs: 15, lateAnswerPercent: 40, messagePercent: 10 },
  { seed: 18, calls: 80, forks: 2, hangPercent: 80, rejectPercent: 80, failoverPercent: 10, cancelPercent: 10, messagePercent: 20 },
];

/** What a run broke first, or undefined when all rules hold in all runs. */
export async function quickProof(): Promise<string | undefined> {
  for (const knobs of RUNS) {
    const [violation] = (await simulate(knobs, undefined, { shrinkRuns: 0 })).violations;
    if (violation !== undefined) return `seed ${knobs.seed}: ${violation.rule.split('\n')[0]}`;
  }
  return undefined;
}
