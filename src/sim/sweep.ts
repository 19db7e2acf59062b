/**
 * The sweep: a table of knob sets that together reach every corner which the simulation knows, with fixed seeds. `npm test`
 * runs it whole; `npm run sim -- --sweep` does the same by hand, and with `--forever` goes on with other seeds.
 */
import type { Knobs } from './knobs.js';

/** One row of the table. */
export interface SweepRow {
  readonly name: string;
  /** Calls in all, as runs of `CALLS_A_RUN`. */
  readonly calls: number;
  readonly knobs: Partial<Knobs>;
}

/** One run of one row. */
export interface SweepRun {
  readonly name: string;
  readonly knobs: Partial<Knobs>;
}

/** Short runs keep what is alive at a time small, and with it the time that a call costs. */
export const CALLS_A_RUN = 1000;

const LOSSY: Partial<Knobs> = { lossPercent: 10, dupPercent: 5, reorderPercent: 20 };
const DUPLICATING: Partial<Knobs> = { dupPercent: 20, reorderPercent: 30, reorderMs: 800 };

export const SWEEP: readonly SweepRow[] = [
  { name: 'perfect network, 1 shard', calls: 7000, knobs: { shards: 1 } },
  { name: 'perfect network, 2 shards', calls: 8000, knobs: { shards: 2, dupCancelPercent: 30 } },
  { name: 'perfect network, 4 shards that run late', calls: 10_000, knobs: { shards: 4, lagMs: 15 } },
  { name: 'perfect network, sharded by Call-ID', calls: 8000, knobs: { shards: 3, key: 'call-id', spiralPercent: 20 } },
  { name: 'no delay at all, all at once', calls: 8000, knobs: { shards: 4, delayMs: 0, jitterMs: 0, callsPerSecond: 1000, batchMax: 32 } },
  { name: 'forks', calls: 7000, knobs: { shards: 2, forks: 4, rejectPercent: 40, silentPercent: 8 } },
  { name: 'forks that nobody answers', calls: 5000, knobs: { shards: 2, forks: 3, silentPercent: 30, vanishPercent: 20, noAnswerPercent: 30, rejectPercent: 60, cancelPercent: 40 } },
  { name: 'loss', calls: 8000, knobs: { ...LOSSY, shards: 1, forks: 2, cancelPercent: 30 } },
  { name: 'loss, 4 shards', calls: 7000, knobs: { ...LOSSY, shards: 4, forks: 3, cancelPercent: 30 } },
  { name: 'heavy loss', calls: 4000, knobs: { lossPercent: 30, dupPercent: 10, reorderPercent: 10, shards: 2, forks: 2, cancelPercent: 40 } },
  { name: 'duplicates and reordering', calls: 7000, knobs: { ...DUPLICATING, shards: 2, forks: 2, cancelPercent: 40, dupCancelPercent: 50 } },
  { name: 'loss, sharded by Call-ID', calls: 5000, knobs: { ...LOSSY, shards: 3, key: 'call-id', forks: 2 } },
  { name: 'blind CANCELs', calls: 8000, knobs: { ...LOSSY, shards: 2, forks: 2, cancelPercent: 80, blindCancelPercent: 60, lateAnswerPercent: 50 } },
  { name: 'CANCELs that wait for their INVITE', calls: 8000, knobs: { ...DUPLICATING, shards: 4, cancelPercent: 90, blindCancelPercent: 90, earlyCancelMs: 500, dupCancelPercent: 30 } },
  { name: 'answers that cross the CANCEL', calls: 7000, knobs: { shards: 2, cancelPercent: 100, lateAnswerPercent: 100, reorderPercent: 20 } },
  { name: 'old phones', calls: 6000, knobs: { ...LOSSY, shards: 4, oldPhonePercent: 100, cancelPercent: 40, blindCancelPercent: 30 } },
  { name: 'async scripts', calls: 8000, knobs: { ...LOSSY, shards: 4, forks: 2, cancelPercent: 40, asyncPercent: 60, lagMs: 15 } },
  { name: 'scripts that pend', calls: 6000, knobs: { shards: 2, forks: 2, cancelPercent: 40, asyncPercent: 20, pendPercent: 60, failoverPercent: 40, rejectPercent: 40, dupPercent: 10, reorderPercent: 20 } },
  { name: 'handlers that never settle', calls: 4000, knobs: { ...LOSSY, shards: 2, forks: 2, cancelPercent: 30, hangPercent: 60, asyncPercent: 20, failoverPercent: 40, rejectPercent: 50, messagePercent: 20, silentPercent: 8 } },
  { name: 'scripts that answer', calls: 7000, knobs: { ...LOSSY, shards: 2, forks: 2, scriptReplyPercent: 50, throwPercent: 5, cancelPercent: 30 } },
  { name: 'reply handlers', calls: 6000, knobs: { ...LOSSY, shards: 2, forks: 2, replyHandlerPercent: 70, cancelPercent: 30 } },
  { name: 'serial forking', calls: 6000, knobs: { ...LOSSY, shards: 2, forks: 2, failoverPercent: 70, rejectPercent: 60, cancelPercent: 30 } },
  { name: 'serial forking, async', calls: 4000, knobs: { shards: 3, forks: 2, failoverPercent: 80, rejectPercent: 60, asyncPercent: 50, cancelPercent: 40, dupPercent: 10 } },
  { name: 'MESSAGE and OPTIONS', calls: 8000, knobs: { ...LOSSY, shards: 2, forks: 3, messagePercent: 70, optionsPercent: 20, silentPercent: 10 } },
  { name: 're-INVITEs', calls: 7000, knobs: { ...LOSSY, shards: 4, reinvitePercent: 80, cancelPercent: 5, rejectPercent: 5 } },
  { name: 're-INVITEs whose CANCEL has no Route', calls: 6000, knobs: { shards: 4, reinvitePercent: 90, routelessPercent: 100, cancelPercent: 5, rejectPercent: 5, dupPercent: 10, reorderPercent: 10, earlyCancelMs: 300 } },
  { name: 'spirals', calls: 5000, knobs: { ...LOSSY, shards: 4, spiralPercent: 70, forks: 2, cancelPercent: 30 } },
  { name: 'three proxies in a row', calls: 4000, knobs: { ...LOSSY, nodes: 3, shards: 2, cancelPercent: 40, forks: 2 } },
  { name: 'transport errors', calls: 6000, knobs: { ...LOSSY, shards: 2, forks: 2, sendFailPercent: 5, cancelPercent: 40 } },
  { name: 'everything at once', calls: 4000, knobs: { ...LOSSY, shards: 3, forks: 2, lagMs: 5, asyncPercent: 20, pendPercent: 20, failoverPercent: 30, scriptReplyPercent: 10, replyHandlerPercent: 30, messagePercent: 10, reinvitePercent: 40, routelessPercent: 50, spiralPercent: 20, sendFailPercent: 2, dupCancelPercent: 20, blindCancelPercent: 30, earlyCancelMs: 300, cancelPercent: 40, vanishPercent: 5 } },
  { name: 'shards that crash', calls: 7000, knobs: { shards: 4, crashes: 12, throwPercent: 0 } },
  { name: 'shards that crash, with loss', calls: 4000, knobs: { ...LOSSY, shards: 3, crashes: 8, throwPercent: 0, forks: 2, cancelPercent: 40 } },
];

/** All runs of the table, the seeds counted from `firstSeed`. Rows take turns, so that any part of it is a mixture. */
export function sweepRuns(firstSeed = 1): SweepRun[] {
  const turns: { readonly place: number; readonly run: SweepRun }[] = [];
  let seed = firstSeed;
  for (const { name, calls, knobs } of SWEEP) {
    const runs = Math.ceil(calls / CALLS_A_RUN);
    for (let i = 0; i < runs; i++) {
      turns.push({ place: (i + 0.5) / runs, run: { name, knobs: { callsPerSecond: 200, ...knobs, seed: seed++, calls: CALLS_A_RUN } } });
    }
  }
  return turns.sort((a, b) => a.place - b.place).map(({ run }) => run);
}
