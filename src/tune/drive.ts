/** One measurement of one proxy: the generator drives it, and the CPU time of its threads is told apart. Main thread. */
import { randomInt } from 'node:crypto';
import type { LoadOptions } from '../load/options.js';
import type { LoadResult, WatchedThread } from '../load/report/result.js';
import { runLoad } from '../load/run/run.js';
import { StopRequest } from '../load/run/waker.js';
import type { LoadView, Progress } from '../load/view/view.js';
import { SILENT_VIEW } from '../load/view/plain.js';
import { percentText } from '../load/units.js';
import { VERSION } from '../telemetry/version.js';
import { othersBetween, readMachine } from './machine-notes.js';
import type { ProxyProcess } from './proxy-process.js';
import { TuneError } from './tune-error.js';
import type { CpuUsPerCall, TuneStep } from './tune-result.js';

/** Calls ring and are held for moments only: how long they last costs a proxy nothing, and those in progress end soon. */
const RING_MS = 50;
const HOLD_MS = 200;
const CONCURRENCY = 20_000;
/** The default of `viaduct load`: messages gather at most this long at the generator, which times them when they arrived. */
const COALESCE_US = 1000;
/** What calls get to end beyond the time that they take. */
const GRACE_MS = 3000;
/** More failures than this, and the costs say nothing. */
const FAILURES_MOST_PERCENT = 2;
/** So many are worth a word. */
const FAILURES_NOTED_PERCENT = 0.05;

/** What all measurements of a sweep have in common. */
export interface DriveSetting {
  /** The module of a load thread. */
  readonly loadEntry: URL;
  /** Where the generator takes calls: port 0 lets the system choose, and calls are then for that address. */
  readonly callee: { readonly host: string; readonly family: 4 | 6; readonly port: number };
  readonly cores: number;
  readonly stop: StopRequest;
  readonly onProgress: (progress: Progress) => void;
}

/** How long and how fast. */
export interface DrivePlan {
  readonly ratePerS: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

/** Drives `proxy`, which has `shards` shards and this `coalesceUs`. Rejects with the generator's LoadError, or a TuneError when the proxy died. */
export async function drive(setting: DriveSetting, proxy: ProxyProcess, shards: number, coalesceUs: number, plan: DrivePlan): Promise<TuneStep> {
  const machineFrom = readMachine([process.pid, proxy.pid]);
  const result = await load(setting, proxy, plan);
  const othersCores = othersBetween(machineFrom, readMachine([process.pid, proxy.pid]));
  if (proxy.failure !== undefined) throw new TuneError('VD_TUNE_PROXY', `the proxy with ${shardsText(shards)} died while it was measured: ${proxy.failure}`);
  return stepOf(result, proxy, { shards, coalesceUs, crowded: shards + 2 > setting.cores, othersCores: tidy(othersCores) });
}

/** `1 shard`, `3 shards`, `no shards`. */
export function shardsText(shards: number): string {
  return shards === 0 ? 'no shards' : shards === 1 ? '1 shard' : `${shards} shards`;
}

async function load({ loadEntry, callee, stop, onProgress }: DriveSetting, proxy: ProxyProcess, { ratePerS, warmUpMs, measuredMs }: DrivePlan): Promise<LoadResult> {
  const target = { host: '127.0.0.1', family: 4 as const, port: proxy.port };
  const options: LoadOptions = {
    role: 'both',
    target,
    listen: callee,
    callerHost: target.host,
    socketsPerThread: 1,
    threads: 1,
    scenarios: [{ scenario: 'call', weight: 1 }],
    arrivals: 'poisson',
    concurrency: CONCURRENCY,
    ring: { kind: 'fixed', ms: RING_MS },
    hold: { kind: 'fixed', ms: HOLD_MS },
    cancelAfter: { kind: 'fixed', ms: RING_MS },
    domain: callee.port === 0 ? '{callee}' : target.host,
    users: { kind: 'generated', count: 1000, password: 'secret' },
    faults: { retransmitPercent: 0, lossPercent: 0, delayMs: 0, reorderPercent: 0 },
    t1Ms: 500,
    seed: randomInt(2 ** 32),
    driver: 'auto',
    coalesceUs: COALESCE_US,
  };
  // One for each run: a run that takes too long is ended by it, and the next one goes on.
  const end = new StopRequest();
  stop.onRequest(() => end.request());
  if (stop.requested) end.request();
  const limit = setTimeout(() => end.request(), warmUpMs + measuredMs + RING_MS + HOLD_MS + GRACE_MS);
  const view: LoadView = { ...SILENT_VIEW, progress: onProgress };
  try {
    return await runLoad(
      { options, plan: { ratePerS, durationMs: measuredMs, calls: undefined, rampMs: 0, warmUpMs }, findMax: undefined, watchPids: [proxy.pid], thresholds: [], command: '', version: VERSION, threadEntry: loadEntry },
      view,
      end,
    );
  } catch (error) {
    // The proxy's end is the cause, nobody listening its consequence.
    if (proxy.failure !== undefined) throw new TuneError('VD_TUNE_PROXY', `the proxy to be measured died: ${proxy.failure}`, { cause: error });
    throw error;
  } finally {
    clearTimeout(limit);
    stop.onRequest(() => undefined);
  }
}

function stepOf(result: LoadResult, proxy: ProxyProcess, facts: Pick<TuneStep, 'shards' | 'coalesceUs' | 'crowded' | 'othersCores'>): TuneStep {
  const { totals, failurePercent, times } = result;
  const failed = totals['failed'] ?? 0;
  const calls = (totals['succeeded'] ?? 0) + failed;
  const remarks = [...result.reasons];
  if (failed > 0 && failurePercent >= FAILURES_NOTED_PERCENT) remarks.push(`${percentText(failurePercent)} of the calls failed`);
  return {
    ...facts,
    askedPerS: result.askedPerS,
    reachedPerS: result.reachedPerS,
    calls,
    failed,
    failurePercent,
    cpuUsPerCall: { ...cpuByRole(result.watch[0]?.threads ?? [], proxy), generator: result.generator.cpuUsPerCall },
    addedP50Us: times['added']?.p50Us ?? null,
    addedP99Us: times['added']?.p99Us ?? null,
    usable: calls > 0 && failurePercent <= FAILURES_MOST_PERCENT,
    remarks,
  };
}

/** The CPU time of the threads of a proxy by what they do. */
export function cpuByRole(threads: readonly Pick<WatchedThread, 'tid' | 'cpuUsPerCall'>[], { pid, shardThreads }: Pick<ProxyProcess, 'pid' | 'shardThreads'>): Omit<CpuUsPerCall, 'generator'> {
  const of = (tid: number): number => threads.find((thread) => thread.tid === tid)?.cpuUsPerCall ?? 0;
  const total = threads.reduce((sum, { cpuUsPerCall }) => sum + cpuUsPerCall, 0);
  const main = of(pid);
  const shards = shardThreads.map(of);
  return { main, shards, other: tidy(total - main - shards.reduce((sum, us) => sum + us, 0)), total: tidy(total) };
}

function tidy(value: number): number {
  return Math.round(value * 100) / 100;
}
