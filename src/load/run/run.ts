/** A whole run, from the flags to the result: reaches for the target, starts the threads, measures, and adds it all up. Main thread. */
import { performance } from 'node:perf_hooks';
import { LoadError } from '../load-error.js';
import { L_DUE, L_FAILED, L_OVERRUN, L_STARTED, LOAD_TIMES, T_LATENESS } from '../metrics.js';
import type { LoadOptions } from '../options.js';
import { P99_CALLS, limitingStep, searchProblems } from '../report/deciding-steps.js';
import { callsOf, endedWell, failurePercent, failuresOf, mainTime, statusesOf, timeFigures, timesOf, totalsOf } from '../report/figures.js';
import { thisMachine } from '../report/machine.js';
import { RESULT_FORMAT, type FindMaxResult, type FindMaxStep, type LoadResult, type WatchedProcess } from '../report/result.js';
import { inFlight, SeriesRecorder } from '../report/series.js';
import { judge, type Threshold } from '../report/thresholds.js';
import { invalidReasons } from '../report/validity.js';
import { percentText, timeText } from '../units.js';
import type { LoadView } from '../view/view.js';
import { addressText, headingOf, resultOptions } from './describe.js';
import { RateSearch, stepMs } from './find-max.js';
import { measure, type MeasureContext, type Measurement } from './measure.js';
import { drainLimitMs, type RunPlan } from './plan.js';
import { progressOf } from './progress.js';
import { isRefused } from './reach.js';
import { LoadThreads } from './threads.js';
import { Waker, type StopRequest } from './waker.js';
import { Watch } from './watch.js';

/** What `--find-max` is bound by. */
export interface FindMaxBounds {
  readonly maxFailurePercent: number;
  readonly maxP99Us: number;
}

/** Everything that a run is given. */
export interface LoadJob {
  readonly options: LoadOptions;
  readonly plan: RunPlan;
  readonly findMax: FindMaxBounds | undefined;
  readonly watchPids: readonly number[];
  readonly thresholds: readonly Threshold[];
  /** As it was typed, and by what version: for the result. */
  readonly command: string;
  readonly version: string;
  /** The module that a load thread runs. */
  readonly threadEntry: URL;
}

/** Runs it. Rejects with a LoadError when it cannot begin, when nobody answers, or when a thread dies; the threads are gone then. */
export async function runLoad(job: LoadJob, view: LoadView, stop: StopRequest): Promise<LoadResult> {
  const { options, plan } = job;
  const nowMs = (): number => performance.now();
  const watch = job.watchPids.length === 0 ? undefined : new Watch(job.watchPids, nowMs);
  const silence = await reach(options);
  const threads = await LoadThreads.start(options, job.threadEntry);
  const waker = new Waker();
  threads.onChange = () => waker.wake();
  stop.onRequest(() => waker.wake());
  try {
    view.begin(headingOf(options, plan, threads.addresses, job.findMax !== undefined));
    const startedAt = new Date().toISOString();
    let shownMs = -Infinity;
    const context: MeasureContext = {
      threads,
      watch,
      stop,
      waker,
      drainLimitMs: drainLimitMs(options),
      silence,
      recorder: new SeriesRecorder(threads.snapshot(nowMs())),
      nowMs,
      onTick: (tick) => {
        if (nowMs() - shownMs < view.progressEveryMs) return;
        shownMs = nowMs();
        view.progress(progressOf(tick));
      },
    };
    const outcome = job.findMax === undefined ? { measurement: await measure(context, plan, true) } : await findMax(job, job.findMax, context, view);
    return resultOf(job, startedAt, context, outcome);
  } finally {
    view.end();
    await threads.stop();
  }
}

/** Throws when nobody listens at the target. Returns what to say when nothing comes back later. */
async function reach({ role, target, faults, listen, threads, socketsPerThread }: LoadOptions): Promise<string | undefined> {
  if (role === 'uas' || target === undefined) return undefined;
  const where = addressText(target);
  // The callee of this very run is not there yet: straight to it is a fine way to measure the generator itself.
  const own = role === 'both' && target.host === listen.host && target.port >= listen.port && target.port < listen.port + threads * socketsPerThread;
  if (!own && (await isRefused(target))) throw new LoadError('VD_LOAD_UNREACHABLE', `nobody listens at ${where}: is the proxy running?${startHint(target)}`);
  return faults.lossPercent >= 50 ? undefined : `no response at all from ${where} to the first calls: is the proxy running, and does it send calls on to where somebody answers?${startHint(target)}`;
}

/** How to have a proxy at the target, for whom it is the default one. */
export function startHint({ host, port }: { readonly host: string; readonly port: number }): string {
  return host === '127.0.0.1' && port === 5060 ? ' (npm start runs one on 127.0.0.1:5060)' : '';
}

interface Outcome {
  /** The one whose figures are given; undefined when no step was worth it. */
  readonly measurement: Measurement;
  readonly findMax?: FindMaxResult;
}

/** Steps of ever better knowledge, until the highest rate is known well enough. */
async function findMax(job: LoadJob, bounds: FindMaxBounds, context: MeasureContext, view: LoadView): Promise<Outcome> {
  const search = new RateSearch(job.plan.ratePerS ?? 1);
  const steps: FindMaxStep[] = [];
  let best: Measurement | undefined;
  let last: Measurement | undefined;
  let interrupted = false;
  let hitchAtPerS: number | undefined;
  let longEnough = false;
  for (let rate = search.next; rate !== undefined; rate = search.next) {
    const durationMs = longEnough ? stepMs(rate, job.plan.durationMs) : job.plan.durationMs;
    const measurement = await measure(context, { ...job.plan, ratePerS: rate, durationMs }, false, steps.length + 1);
    last = measurement;
    interrupted = measurement.interrupted;
    if (interrupted) break;
    const judged = stepOf(job, bounds, context, measurement, steps.length + 1);
    // One hitch of this machine is no verdict on the rate.
    const hitch = hitchAtPerS !== rate && judged.limit === 'generator' && !measurement.stuck && wasLate(measurement, bounds);
    if (hitch) hitchAtPerS = rate;
    // Nor is the p99 of a few calls. Near the bound all steps are long enough, as far as anybody would wait for them.
    const short = !longEnough && judged.limit === 'p99' && judged.calls < P99_CALLS;
    if (short) longEnough = true;
    const repeating = hitch || short;
    const step: FindMaxStep = repeating ? { ...judged, repeated: true } : judged;
    steps.push(step);
    view.step(step);
    if (step.passed) best = measurement;
    if (!repeating) search.report(step.passed);
    // Calls that do not end would count in the next step.
    if (measurement.stuck) break;
  }
  await context.threads.stop();
  return {
    // The search makes at least one step.
    measurement: best ?? last!,
    findMax: { ...bounds, bestPerS: search.bestPerS, limit: interrupted ? 'interrupted' : (limitingStep(steps)?.limit ?? 'ceiling'), steps },
  };
}

/** Calls began so late that the bound could not be kept, whatever the target did: p99 counts from the time at which a call was due. */
function wasLate({ measuredFrom, ended }: Measurement, { maxP99Us }: FindMaxBounds): boolean {
  const { counters, times } = ended.since(measuredFrom);
  return counters[L_OVERRUN]! > 0 || times[T_LATENESS]!.percentileUs(99) >= maxP99Us;
}

function stepOf(job: LoadJob, bounds: FindMaxBounds, context: MeasureContext, measurement: Measurement, step: number): FindMaxStep {
  const counted = measurement.ended.since(measurement.measuredFrom);
  const figures = timeFigures(counted.times[mainTime(counted.times)]!);
  const failures = failurePercent(counted, false);
  const latenessUs = counted.times[T_LATENESS]!.percentileUs(99);
  const [invalid] = [...reasonsOf(job, measurement), ...(latenessUs >= bounds.maxP99Us ? [`calls began ${timeText(latenessUs)} late at p99, p99 allowed is less than ${timeText(bounds.maxP99Us)}`] : [])];
  const limit = invalid !== undefined ? 'generator' : measurement.stuck ? 'drain' : failures >= bounds.maxFailurePercent && counted.counters[L_FAILED]! > 0 ? 'failures' : figures.p99Us >= bounds.maxP99Us ? 'p99' : undefined;
  const watched = watchOf(context, measurement);
  return {
    step,
    askedPerS: measurement.plan.ratePerS ?? 0,
    reachedPerS: tidy(reachedOf(measurement)),
    calls: endedWell(counted) + counted.counters[L_FAILED]!,
    failures: counted.counters[L_FAILED]!,
    failurePercent: failures,
    p50Us: figures.p50Us,
    p99Us: figures.p99Us,
    maxUs: figures.maxUs,
    passed: limit === undefined,
    ...(limit === undefined ? {} : { limit, reason: limitText(limit, bounds, failures, figures.p99Us, invalid) }),
    ...(watched.length === 0 ? {} : { cpuUsPerCall: tidy(watched.reduce((sum, { cpuUsPerCall }) => sum + cpuUsPerCall, 0)) }),
  };
}

function limitText(limit: NonNullable<FindMaxStep['limit']>, bounds: FindMaxBounds, failures: number, p99Us: number, invalid: string | undefined): string {
  switch (limit) {
    case 'generator':
      return `the generator was the limit: ${invalid ?? ''}`;
    case 'drain':
      return 'calls did not end in time';
    case 'failures':
      return `failures ${percentText(failures)}, allowed are less than ${percentText(bounds.maxFailurePercent)}`;
    case 'p99':
      return `p99 ${timeText(p99Us)}, allowed is less than ${timeText(bounds.maxP99Us)}`;
  }
}

function reasonsOf({ options }: LoadJob, { plan, measuredFrom, generatedTo, ended, asked }: Measurement): string[] {
  const inTime = generatedTo.since(measuredFrom).counters;
  return invalidReasons({
    counted: ended.since(measuredFrom),
    asked: plan.ratePerS === undefined ? undefined : plan.calls === undefined ? asked : Math.min(asked, plan.calls),
    startedInTime: inTime[L_STARTED]!,
    dueInTime: inTime[L_DUE]!,
    askedPerS: plan.ratePerS ?? 0,
    arrivals: options.arrivals,
    concurrency: options.concurrency,
  });
}

function reachedOf({ measuredFrom, generatedTo, plan }: Measurement): number {
  const seconds = (generatedTo.atMs - measuredFrom.atMs) / 1000;
  const inTime = generatedTo.since(measuredFrom);
  return seconds <= 0 ? 0 : (plan.ratePerS === undefined ? endedWell(inTime) : inTime.counters[L_STARTED]!) / seconds;
}

function watchOf({ watch }: MeasureContext, measurement: Measurement): WatchedProcess[] {
  if (watch === undefined || measurement.watch === undefined) return [];
  const { from, generatedTo, ended } = measurement.watch;
  return watch.report(from, generatedTo, ended, callsOf(measurement.ended.since(measurement.measuredFrom)));
}

function resultOf(job: LoadJob, startedAt: string, context: MeasureContext, { measurement, findMax: found }: Outcome): LoadResult {
  const { measuredFrom, generatedTo, ended, asked, plan } = measurement;
  const counted = ended.since(measuredFrom);
  const measuredS = Math.max(0, generatedTo.atMs - measuredFrom.atMs) / 1000;
  const interrupted = context.stop.requested;
  const calls = callsOf(counted);
  const time = mainTime(counted.times);
  const reasons = found === undefined ? reasonsOf(job, measurement) : searchProblems(found);
  const result: LoadResult = {
    format: RESULT_FORMAT,
    version: job.version,
    command: job.command,
    startedAt,
    machine: thisMachine(),
    options: resultOptions(job.options, found === undefined ? job.plan : plan),
    interrupted,
    valid: reasons.length === 0,
    reasons,
    measuredS: tidy(measuredS),
    askedPerS: plan.ratePerS === undefined || measuredS === 0 ? 0 : tidy(asked / measuredS),
    reachedPerS: tidy(reachedOf(measurement)),
    inFlightAtStart: inFlight(measuredFrom),
    totals: totalsOf(counted),
    failurePercent: failurePercent(counted, interrupted),
    failures: failuresOf(counted),
    statuses: statusesOf(counted),
    times: timesOf(counted),
    mainTime: LOAD_TIMES[time]!.name,
    series: context.recorder.series(time),
    watch: watchOf(context, measurement),
    generator: {
      cpuUsPerCall: calls <= 0 ? 0 : tidy(measurement.ownCpuUs / calls),
      cpuPercent: tidy(measurement.ownCpuUs / Math.max(1, (ended.atMs - measuredFrom.atMs) * 10)),
      peakRssBytes: process.resourceUsage().maxRSS * 1024,
    },
    ...(found === undefined ? {} : { findMax: found }),
    thresholds: [],
  };
  return { ...result, thresholds: job.thresholds.map((threshold) => judge(threshold, result)) };
}

/** Digits that nobody measured are noise in the file. */
function tidy(value: number): number {
  return Math.round(value * 100) / 100;
}
