/**
 * One measurement: calls begin at the rate of the plan, through ramp, warm-up and measured time, and those in progress
 * then end. The clock runs here; what is due when is decided by the threads. Main thread.
 */
import { LoadError } from '../load-error.js';
import { L_ANSWERED_UAS, L_FAILED, L_RECEIVED, L_STARTED } from '../metrics.js';
import type { SeriesRow } from '../report/result.js';
import { type SeriesRecorder } from '../report/series.js';
import type { Snapshot } from '../report/snapshot.js';
import { rateAt, type RunPlan } from './plan.js';
import type { LoadThreads } from './threads.js';
import type { StopRequest, Waker } from './waker.js';
import type { Watch, WatchReading } from './watch.js';

/** Between two looks at a run whose rate does not change. */
const CALM_TICK_MS = 100;
/** Between two looks at a ramp, or while calls are counted down: the rate rises smoothly and the end is not missed. */
const BUSY_TICK_MS = 20;
const ROW_MS = 1000;
/** After this time without any message the target counts as unreachable. */
const SILENCE_LIMIT_MS = 4000;
/** What calls in progress get when the operator stops the run. */
const INTERRUPTED_DRAIN_MS = 2000;

/** What a measurement works with; the same for all steps of a search. */
export interface MeasureContext {
  readonly threads: LoadThreads;
  readonly watch: Watch | undefined;
  readonly stop: StopRequest;
  readonly waker: Waker;
  /** Longest that calls in progress may take to end. */
  readonly drainLimitMs: number;
  /** Complain when nothing at all comes back; undefined when that may be: the words for the operator. */
  readonly silence: string | undefined;
  /** Rows of all measurements, in order. */
  readonly recorder: SeriesRecorder;
  readonly nowMs: () => number;
  /** Called at every look. */
  readonly onTick: (tick: Tick) => void;
}

/** The run at one look. */
export interface Tick {
  readonly phase: SeriesRow['phase'];
  readonly plan: RunPlan;
  readonly step: number | undefined;
  readonly elapsedMs: number;
  readonly askedPerS: number;
  /** Reading at the beginning of this measurement, and after its warm-up. */
  readonly from: Snapshot;
  readonly measuredFrom: Snapshot | undefined;
  readonly context: MeasureContext;
}

/** What was measured. */
export interface Measurement {
  readonly plan: RunPlan;
  /** Readings after warm-up, when the last call had begun, and when all had ended. */
  readonly measuredFrom: Snapshot;
  readonly generatedTo: Snapshot;
  readonly ended: Snapshot;
  /** Calls asked for between the first two. */
  readonly asked: number;
  readonly interrupted: boolean;
  /** Calls did not end in time. */
  readonly stuck: boolean;
  readonly watch: { readonly from: WatchReading; readonly generatedTo: WatchReading; readonly ended: WatchReading } | undefined;
  readonly ownCpuUs: number;
}

/** Measures once. With `last`, the threads are stopped behind it, so that calls which do not end count as aborted. */
export async function measure(context: MeasureContext, plan: RunPlan, last: boolean, step?: number): Promise<Measurement> {
  return new Measuring(context, plan, step).run(last);
}

class Measuring {
  private readonly beganMs: number;
  private readonly from: Snapshot;
  private asked = 0;
  private askedRow = 0;
  private askedAtMs: number;
  private ratePerS = 0;
  private measuredFrom: Snapshot | undefined;
  private measuredAsked = 0;
  private watchFrom: WatchReading | undefined;
  private ownCpuFrom = process.cpuUsage();
  private phase: SeriesRow['phase'];
  private nextRowMs = ROW_MS;

  constructor(
    private readonly context: MeasureContext,
    private readonly plan: RunPlan,
    private readonly step: number | undefined,
  ) {
    this.beganMs = context.nowMs();
    this.askedAtMs = this.beganMs;
    this.from = context.threads.snapshot(this.beganMs);
    this.phase = plan.warmUpMs > 0 ? 'warm-up' : 'measured';
  }

  async run(last: boolean): Promise<Measurement> {
    const { threads, stop, watch, nowMs } = this.context;
    // Read before the first call can begin: one that had begun by then would be missing among those begun.
    if (this.plan.warmUpMs === 0) this.beginMeasuring();
    this.setRate(0);
    threads.go(this.plan.ratePerS === undefined ? Infinity : this.plan.calls);
    await this.generate();
    const interrupted = stop.requested;
    if (this.measuredFrom === undefined) this.beginMeasuring();
    const generatedTo = threads.snapshot(nowMs());
    this.account(generatedTo.atMs);
    const asked = this.asked - this.measuredAsked;
    const watchTo = watch?.read();
    threads.setRate(0);
    this.row(generatedTo);
    const stuck = await this.drain();
    const watchEnded = watch?.read();
    const own = process.cpuUsage(this.ownCpuFrom);
    if (last) {
      await threads.stop();
      if (threads.failure !== undefined && !stuck) throw threads.failure;
    }
    const ended = threads.snapshot(nowMs());
    this.row(ended, true);
    return {
      plan: this.plan,
      measuredFrom: this.measuredFrom!,
      generatedTo,
      ended,
      asked,
      interrupted,
      stuck,
      watch: watchTo === undefined || watchEnded === undefined || this.watchFrom === undefined ? undefined : { from: this.watchFrom, generatedTo: watchTo, ended: watchEnded },
      ownCpuUs: own.user + own.system,
    };
  }

  private beginMeasuring(): void {
    const { threads, nowMs, watch } = this.context;
    this.phase = 'measured';
    this.measuredFrom = threads.snapshot(nowMs());
    this.account(this.measuredFrom.atMs);
    this.measuredAsked = this.asked;
    this.watchFrom = watch?.read();
    this.ownCpuFrom = process.cpuUsage();
  }

  /** Until the time is over, the calls are begun, or the operator has had enough. */
  private async generate(): Promise<void> {
    const { plan } = this;
    const { stop, waker, nowMs, threads } = this.context;
    const endMs = plan.durationMs === undefined ? Infinity : plan.warmUpMs + plan.durationMs;
    for (;;) {
      const elapsedMs = nowMs() - this.beganMs;
      this.look(elapsedMs);
      if (stop.requested || elapsedMs >= endMs || this.callsAreBegun()) return;
      const busy = elapsedMs < plan.rampMs || plan.calls !== undefined;
      const tickMs = busy ? BUSY_TICK_MS : CALM_TICK_MS;
      // The rate of the middle of the tick: a staircase that holds as many calls as the ramp.
      this.setRate(elapsedMs + tickMs / 2);
      const edgeMs = this.measuredFrom === undefined ? plan.warmUpMs : endMs;
      await waker.wait(Math.min(tickMs, edgeMs - elapsedMs, this.nextRowMs - elapsedMs));
      if (threads.failure !== undefined) throw threads.failure;
      if (this.measuredFrom === undefined && nowMs() - this.beganMs >= plan.warmUpMs) {
        // The row ends here, so that none is half warm-up.
        this.row(threads.snapshot(nowMs()));
        this.beginMeasuring();
      }
    }
  }

  private callsAreBegun(): boolean {
    const { plan } = this;
    if (plan.calls === undefined) return false;
    if (plan.ratePerS !== undefined) return this.context.threads.spent;
    const now = this.context.threads.snapshot(this.context.nowMs()).since(this.from);
    return now.counters[L_ANSWERED_UAS]! + now.counters[L_FAILED]! >= plan.calls;
  }

  /** True when calls were left. */
  private async drain(): Promise<boolean> {
    const { threads, stop, waker, nowMs, drainLimitMs } = this.context;
    this.phase = 'drain';
    threads.drain();
    const sinceMs = nowMs();
    let stoppedMs = stop.requested ? sinceMs : undefined;
    while (!threads.idle) {
      if (threads.failure !== undefined) throw threads.failure;
      const now = nowMs();
      if (stop.requested) stoppedMs ??= now;
      if (now - sinceMs >= drainLimitMs || (stoppedMs !== undefined && now - stoppedMs >= INTERRUPTED_DRAIN_MS)) return true;
      this.look(now - this.beganMs);
      await waker.wait(CALM_TICK_MS);
    }
    return false;
  }

  /** Records the second when it is over, and shows the run. */
  private look(elapsedMs: number): void {
    const { threads, nowMs, silence, onTick } = this.context;
    if (elapsedMs >= this.nextRowMs) {
      // Rows end on whole seconds, so that their number is that of the seconds.
      this.nextRowMs = (Math.floor(elapsedMs / ROW_MS) + 1) * ROW_MS;
      const now = threads.snapshot(nowMs());
      this.row(now);
      if (silence !== undefined && elapsedMs > SILENCE_LIMIT_MS + this.plan.rampMs / 10 && isSilent(now)) throw new LoadError('VD_LOAD_UNREACHABLE', silence);
    }
    onTick({
      phase: this.phase,
      plan: this.plan,
      step: this.step,
      elapsedMs,
      askedPerS: this.phase === 'drain' ? 0 : this.ratePerS,
      from: this.from,
      measuredFrom: this.measuredFrom,
      context: this.context,
    });
  }

  private row(now: Snapshot, isLast = false): void {
    const { recorder, watch } = this.context;
    this.account(now.atMs);
    const facts = { phase: this.phase, step: this.step, asked: this.asked - this.askedRow, watchCpuPercent: watch?.percentSinceLast(now.atMs) };
    if (recorder.add(now, facts, isLast)) this.askedRow = this.asked;
  }

  private setRate(elapsedMs: number): void {
    this.account(this.context.nowMs());
    this.ratePerS = rateAt(this.plan, elapsedMs);
    this.context.threads.setRate(this.ratePerS);
  }

  /** Adds what the rate since the last call of this comes to. */
  private account(nowMs: number): void {
    if (this.phase !== 'drain') this.asked += (this.ratePerS * Math.max(0, nowMs - this.askedAtMs)) / 1000;
    this.askedAtMs = nowMs;
  }
}

function isSilent({ counters }: Snapshot): boolean {
  return counters[L_STARTED]! > 0 && counters[L_RECEIVED] === 0;
}
