/** The run at a moment, for a view. Main thread. */
import {
  FAILURE_CAUSES, L_FAILED, L_OVERRUN, L_RETRANSMISSIONS_SEEN, L_SEND_DROPPED, L_SKIPPED, L_STARTED, L_TABLE_FULL, L_UNEXPECTED, LOAD_COUNTERS, LOAD_TIMES,
} from '../metrics.js';
import { endedWell, failurePercent, mainTime, TIME_LABELS } from '../report/figures.js';
import { inFlight } from '../report/series.js';
import type { Snapshot } from '../report/snapshot.js';
import { countOf } from '../units.js';
import type { Progress } from '../view/view.js';
import { doneShare } from './plan.js';
import type { Tick } from './measure.js';

const WARNINGS: readonly (readonly [counter: number, one: string, text: string])[] = [
  [L_SKIPPED, 'call', 'skipped: --concurrency is reached'],
  [L_OVERRUN, 'call', 'begun more than 100 ms late, or not at all: the generator is too slow'],
  [L_SEND_DROPPED, 'message', 'not taken by the kernel'],
  [L_TABLE_FULL, 'call', 'lost: the generator’s call table is full'],
];

/** Reads the threads; a few hundred kilobytes are summed, so several times a second is often enough. */
export function progressOf({ phase, plan, step, elapsedMs, askedPerS, from, measuredFrom, context }: Tick): Progress {
  const { threads, recorder, nowMs, stop } = context;
  const now = threads.snapshot(nowMs());
  const since = now.since(measuredFrom ?? from);
  const { counters } = since;
  const time = mainTime(since.times);
  const histogram = since.times[time]!;
  const lastMinute = recorder.latest(60, time);
  const last = lastMinute.at(-1);
  const begun = counters[L_STARTED]!;
  return {
    phase,
    step: step === undefined ? undefined : { number: step, ratePerS: plan.ratePerS ?? 0 },
    elapsedMs,
    totalMs: plan.durationMs === undefined ? undefined : plan.warmUpMs + plan.durationMs,
    done: doneShare(plan, elapsedMs, plan.ratePerS === undefined ? endedWell(since) + counters[L_FAILED]! : now.since(from).counters[L_STARTED]!),
    calleeOnly: plan.ratePerS === undefined,
    askedPerS,
    reachedPerS: plan.ratePerS === undefined ? (last?.succeededPerS ?? 0) : (last?.startedPerS ?? rateOf(now, from)),
    inFlight: inFlight(now),
    begun,
    succeeded: endedWell(since),
    failed: counters[L_FAILED]!,
    failurePercent: failurePercent(since, stop.requested),
    failures: FAILURE_CAUSES.filter((cause) => counters[cause]! > 0).map((cause) => [LOAD_COUNTERS[cause]!.name, counters[cause]!]),
    retransmissionsSeen: counters[L_RETRANSMISSIONS_SEEN]!,
    unexpectedMessages: counters[L_UNEXPECTED]!,
    time:
      histogram.count <= 0
        ? undefined
        : {
            label: TIME_LABELS[LOAD_TIMES[time]!.name] ?? '',
            p50Us: histogram.percentileUs(50),
            p90Us: histogram.percentileUs(90),
            p99Us: histogram.percentileUs(99),
            p999Us: histogram.percentileUs(99.9),
            maxUs: histogram.mostUs,
          },
    watchCpuPercent: last?.watchCpuPercent,
    lastMinute,
    warnings: WARNINGS.filter(([counter]) => counters[counter]! > 0).map(([counter, one, text]) => `${countOf(counters[counter]!, one)} ${text}`),
  };
}

function rateOf(now: Snapshot, from: Snapshot): number {
  const seconds = (now.atMs - from.atMs) / 1000;
  return seconds < 0.2 ? 0 : (now.counters[L_STARTED]! - from.counters[L_STARTED]!) / seconds;
}
