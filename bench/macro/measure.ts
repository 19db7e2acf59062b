/**
 * One measured run: `viaduct load` of this working tree's build as caller and callee of a proxy that is already up. CPU is the
 * kernel's own count by thread (`--watch-pid`), context switches are those of /proc/PID/task/TID/status, batches come from the
 * proxy's counters.
 */
import { existsSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { Watch } from '../../src/load/run/watch.js';
import type { LoadResult } from '../../src/load/index.js';
import type { ProcessGroup } from '../../test/e2e/process-group.js';
import { ROOT } from '../results.js';
import type { ProxyCounters, ProxyUnderTest } from './proxy.js';

/** How long it rings and how long a call is held: short enough that a run ends, long enough that a call's messages do not all meet. */
export const CALL_FLAGS = ['--ring', '100ms', '--hold', '1s'];
/** What the generator takes to start. */
const START_S = 1;
/** More failures, or more messages sent again, than this share of the calls, and the run says nothing about the cost of a call. */
const TROUBLE_SHARE = 0.001;

/** One run, as it goes into the raw figures of a result. Times in µs. */
export interface Sample {
  readonly proxy: string;
  readonly ratePerS: number;
  readonly round: number;
  /** False: not used, for `reasons`: the generator did not keep the rate, the proxy did not keep up, calls failed. */
  readonly valid: boolean;
  /** The generator kept the rate, and all calls ended in time. */
  readonly kept: boolean;
  readonly reasons: readonly string[];
  readonly reachedPerS: number;
  readonly calls: number;
  readonly failed: number;
  /** Messages that the generator sent again, because no answer had come. */
  readonly retransmissions: number;
  /** All threads of all processes. */
  readonly cpuUsPerCall: number;
  /** By part: `main`, `shard`, `other`; `worker`, `other`. */
  readonly roles: Readonly<Record<string, RoleFigures>>;
  /** After the run; memory that processes share is counted once (Pss). */
  readonly memoryBytes: number;
  readonly generatorCpuUsPerCall: number;
  readonly generatorCpuPercent: number;
  /** Delay that the proxy adds to the set-up of a call. */
  readonly addedP50Us: number;
  readonly addedP99Us: number;
  readonly addedMaxUs: number;
  /** Of the proxy's own counters, over the run with its warm-up; null when it has none. */
  readonly counters: CounterFigures | null;
}

export interface RoleFigures {
  readonly cpuUsPerCall: number;
  /** Percent of one core. */
  readonly cpuPercent: number;
  /** Context switches per call: the thread went to sleep, or was made to give way. */
  readonly sleepsPerCall: number;
  readonly preemptionsPerCall: number;
}

export interface CounterFigures {
  readonly datagramsInPerCall: number;
  readonly datagramsPerMainBatch: number;
  readonly datagramsPerShardBatch: number;
  readonly mainWakeupsPerCall: number;
  readonly shardWakeupsPerCall: number;
}

/** How a run is made. */
export interface RunOptions {
  readonly ratePerS: number;
  readonly round: number;
  readonly seconds: number;
  /** Calls before the measured time: the generator settles; the proxy has been warmed up before. */
  readonly settleS: number;
  /** Seconds that calls have to end after the last was begun; what is in progress then is cut off, and the run is not valid. Without: as long as they take. */
  readonly drainS?: number;
  /** Gives way to the proxy where both want a core: 1 to 19 as in nice(1). Without: as important as the proxy. */
  readonly generatorNice?: number;
}

/** Runs the load and reads everything. Throws an Error when the generator cannot run or the proxy has ended. */
export async function measure(group: ProcessGroup, proxy: ProxyUnderTest, options: RunOptions): Promise<Sample> {
  const file = join(group.newFolder('load'), 'result.json');
  const printedBefore = proxy.output().length;
  const countersBefore = await proxy.counters();
  const switchesBefore = contextSwitches(proxy.pid);
  const child = group.start(process.execPath, [
    join(ROOT, 'dist/cli/main.js'), 'load', '--quiet', '--json', file,
    '--target', `127.0.0.1:${proxy.port}`, '--listen', `127.0.0.1:${proxy.calleePort}`,
    '--rate', String(options.ratePerS), '--duration', `${options.seconds}s`, '--warm-up', `${options.settleS}s`,
    '--watch-pid', String(proxy.pid), ...CALL_FLAGS,
  ], { cwd: group.folder });
  // Before it starts its threads, which take over what it has then.
  if (options.generatorNice !== undefined) setPriority(child.process.pid!, options.generatorNice);
  const endMs = options.drainS === undefined ? undefined : (START_S + options.settleS + options.seconds + options.drainS) * 1000;
  const end = endMs === undefined ? undefined : setTimeout(() => child.process.kill('SIGINT'), endMs);
  const { code } = await child.exited;
  clearTimeout(end);
  if (proxy.ended()) throw new Error(`${proxy.label} ended during the run:\n${proxy.output()}`);
  // 1: an invalid result, which is a result.
  if ((code !== 0 && code !== 1) || !existsSync(file)) throw new Error(`viaduct load failed (exit code ${code}):\n${child.output()}`);
  const result = JSON.parse(readFileSync(file, 'utf8')) as LoadResult;
  const switches = contextSwitches(proxy.pid);
  const printed = proxy.output().slice(printedBefore).trim().split('\n').at(-1) ?? '';
  return sampleOf(proxy, options, result, switchesBefore, switches, counterFigures(countersBefore, await proxy.counters()), printed);
}

function sampleOf(proxy: ProxyUnderTest, options: RunOptions, result: LoadResult, before: Switches, after: Switches, counters: CounterFigures | null, printed: string): Sample {
  const watched = result.watch[0];
  if (watched === undefined) throw new Error('the result of the load has no watched process');
  const { added } = result.times;
  const allCalls = Math.max(1, options.ratePerS * (options.seconds + options.settleS));
  const roles: Record<string, RoleFigures> = {};
  for (const [rank, thread] of watched.threads.entries()) {
    const role = proxy.roleOf({ pid: thread.pid, tid: thread.tid, rank });
    const key = `${thread.pid}/${thread.tid}`;
    const so = roles[role] ?? { cpuUsPerCall: 0, cpuPercent: 0, sleepsPerCall: 0, preemptionsPerCall: 0 };
    roles[role] = {
      cpuUsPerCall: tidy(so.cpuUsPerCall + thread.cpuUsPerCall),
      cpuPercent: tidy(so.cpuPercent + thread.cpuPercent),
      sleepsPerCall: tidy(so.sleepsPerCall + ((after.get(key)?.voluntary ?? 0) - (before.get(key)?.voluntary ?? 0)) / allCalls),
      preemptionsPerCall: tidy(so.preemptionsPerCall + ((after.get(key)?.involuntary ?? 0) - (before.get(key)?.involuntary ?? 0)) / allCalls),
    };
  }
  const failed = result.totals['failed'] ?? 0;
  const retransmissions = result.totals['retransmissionsSent'] ?? 0;
  const calls = result.totals['started'] ?? 0;
  const keptReasons = [...(result.interrupted ? ['calls did not end in time'] : []), ...result.reasons];
  const reasons = [
    ...keptReasons,
    ...(failed > calls * TROUBLE_SHARE ? [`${failed} calls failed`] : []),
    ...(retransmissions > calls * TROUBLE_SHARE ? [`the proxy did not keep up: ${retransmissions} messages had to be sent again`] : []),
    ...(printed === '' ? [] : [`the proxy complained: ${printed.slice(0, 200)}`]),
  ];
  return {
    proxy: proxy.label,
    ratePerS: options.ratePerS,
    round: options.round,
    valid: reasons.length === 0,
    kept: keptReasons.length === 0,
    reasons,
    reachedPerS: tidy(result.reachedPerS),
    calls,
    failed,
    retransmissions,
    cpuUsPerCall: watched.cpuUsPerCall,
    roles,
    memoryBytes: memoryOf(watched.threads.map(({ pid }) => pid)),
    generatorCpuUsPerCall: tidy(result.generator.cpuUsPerCall),
    generatorCpuPercent: tidy(result.generator.cpuPercent),
    addedP50Us: added?.p50Us ?? NaN,
    addedP99Us: added?.p99Us ?? NaN,
    addedMaxUs: added?.maxUs ?? NaN,
    counters,
  };
}

function counterFigures(before: ProxyCounters | undefined, after: ProxyCounters | undefined): CounterFigures | null {
  if (before === undefined || after === undefined) return null;
  const calls = Math.max(1, after.calls - before.calls);
  const datagrams = after.datagramsIn - before.datagramsIn;
  const share = (of: number, by: number): number => (by <= 0 ? 0 : tidy(of / by));
  return {
    datagramsInPerCall: share(datagrams, calls),
    datagramsPerMainBatch: share(datagrams, after.mainBatches - before.mainBatches),
    datagramsPerShardBatch: share(datagrams, after.shardBatches - before.shardBatches),
    mainWakeupsPerCall: share(after.mainWakeups - before.mainWakeups, calls),
    shardWakeupsPerCall: share(after.shardWakeups - before.shardWakeups, calls),
  };
}

function memoryOf(pids: readonly number[]): number {
  let bytes = 0;
  for (const pid of new Set(pids)) {
    try {
      bytes += Number(/^Pss:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0) * 1024;
    } catch {
      // The process has just ended.
    }
  }
  return bytes;
}

/** Context switches by `PID/TID`. */
type Switches = ReadonlyMap<string, { readonly voluntary: number; readonly involuntary: number }>;

/** Of a process, its threads and its descendants, since each began. */
function contextSwitches(pid: number): Switches {
  const watch = new Watch([pid], () => performance.now());
  const now = watch.read();
  const switches = new Map<string, { voluntary: number; involuntary: number }>();
  for (const thread of watch.report(now, now, now, 0)[0]!.threads) {
    try {
      const status = readFileSync(`/proc/${thread.pid}/task/${thread.tid}/status`, 'utf8');
      const count = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      switches.set(`${thread.pid}/${thread.tid}`, { voluntary: count('voluntary_ctxt_switches'), involuntary: count('nonvoluntary_ctxt_switches') });
    } catch {
      // The thread has just ended.
    }
  }
  return switches;
}

function tidy(value: number): number {
  return Math.round(value * 1000) / 1000;
}
