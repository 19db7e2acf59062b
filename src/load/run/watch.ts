/**
 * CPU and memory of other processes, from `/proc` (Linux). A watched process stands for itself, its threads and all its
 * descendants; those that come and go while it is watched are counted for as long as they were seen. Main thread.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { LoadError } from '../load-error.js';
import type { WatchedProcess, WatchedThread } from '../report/result.js';

/** Between two searches for new child processes. */
const CHILDREN_EVERY_MS = 2000;

interface ThreadTime {
  readonly pid: number;
  readonly tid: number;
  name: string;
  /** On-CPU time since the watch began, and the kernel's own count when it was last seen, nanoseconds. */
  sinceNs: number;
  lastNs: number;
  ended: boolean;
}

interface Watched {
  readonly pid: number;
  readonly name: string;
  readonly threads: Map<string, ThreadTime>;
  /** Peak memory by process. */
  readonly peakBytes: Map<number, number>;
}

/** On-CPU time of every thread at one moment. */
export interface WatchReading {
  readonly atMs: number;
  /** For each watched process: nanoseconds by thread. */
  readonly cpuNs: readonly ReadonlyMap<string, number>[];
}

/** Watches processes. */
export class Watch {
  private readonly watched: Watched[];
  private childrenAtMs = -Infinity;
  private lastTotalNs = 0;
  private lastAtMs: number;
  private began = false;

  /** Throws a LoadError when a process is not there or cannot be watched. `root` is `/proc`, but in a test. */
  constructor(
    pids: readonly number[],
    private readonly nowMs: () => number,
    private readonly root = '/proc',
  ) {
    if (read(`${root}/self/stat`) === undefined) {
      throw new LoadError('VD_LOAD_WATCH', '--watch-pid needs /proc, which this system does not have (Linux only)');
    }
    this.watched = pids.map((pid) => {
      const name = this.processName(pid);
      if (name === undefined) throw new LoadError('VD_LOAD_WATCH', `--watch-pid ${pid}: there is no such process`);
      if (read(`${root}/${pid}/task/${pid}/schedstat`) === undefined) {
        throw new LoadError('VD_LOAD_WATCH', `--watch-pid ${pid}: cannot read ${root}/${pid}/task/${pid}/schedstat, which has its CPU time`);
      }
      return { pid, name, threads: new Map<string, ThreadTime>(), peakBytes: new Map<number, number>() };
    });
    this.lastAtMs = nowMs();
    this.look(true);
    this.began = true;
  }

  /** Reads everything now. */
  read(): WatchReading {
    this.look(true);
    return { atMs: this.nowMs(), cpuNs: this.watched.map(({ threads }) => new Map([...threads].map(([key, { sinceNs }]) => [key, sinceNs]))) };
  }

  /** CPU of all watched processes since the last call of this, percent of one core. */
  percentSinceLast(atMs: number): number {
    this.look(false);
    let totalNs = 0;
    for (const { threads } of this.watched) for (const { sinceNs } of threads.values()) totalNs += sinceNs;
    const elapsedMs = atMs - this.lastAtMs;
    const percent = elapsedMs <= 0 ? 0 : (totalNs - this.lastTotalNs) / (elapsedMs * 1e4);
    this.lastTotalNs = totalNs;
    this.lastAtMs = atMs;
    return percent;
  }

  /**
   * What the processes used: time per call between `from` and `ended` for `calls` calls, shares of a core between `from`
   * and `generatedTo`.
   */
  report(from: WatchReading, generatedTo: WatchReading, ended: WatchReading, calls: number): WatchedProcess[] {
    const elapsedMs = Math.max(1, generatedTo.atMs - from.atMs);
    return this.watched.map(({ pid, name, threads, peakBytes }, i) => {
      const between = (reading: WatchReading, key: string): number => ((reading.cpuNs[i]!.get(key) ?? 0) - (from.cpuNs[i]!.get(key) ?? 0)) / 1000;
      const figures = (keys: readonly string[]): Pick<WatchedThread, 'cpuUs' | 'cpuUsPerCall' | 'cpuPercent'> => {
        const cpuUs = keys.reduce((sum, key) => sum + between(ended, key), 0);
        const generatingUs = keys.reduce((sum, key) => sum + between(generatedTo, key), 0);
        return { cpuUs: Math.round(cpuUs), cpuUsPerCall: calls <= 0 ? 0 : tidy(cpuUs / calls), cpuPercent: tidy(generatingUs / (elapsedMs * 10)) };
      };
      const rows = [...threads].map(([key, thread]) => ({ pid: thread.pid, tid: thread.tid, name: thread.name, ...figures([key]), ended: thread.ended }));
      return {
        pid,
        name,
        processes: peakBytes.size,
        ...figures([...threads.keys()]),
        peakRssBytes: [...peakBytes.values()].reduce((sum, bytes) => sum + bytes, 0),
        threads: rows.sort((a, b) => b.cpuUs - a.cpuUs || a.tid - b.tid),
      };
    });
  }

  private look(withChildren: boolean): void {
    const now = this.nowMs();
    const searchChildren = withChildren || now - this.childrenAtMs >= CHILDREN_EVERY_MS;
    const children = searchChildren ? this.childrenByParent() : undefined;
    if (searchChildren) this.childrenAtMs = now;
    for (const watched of this.watched) {
      const pids = children === undefined ? [...watched.peakBytes.keys()] : [...new Set([...watched.peakBytes.keys(), ...descendants(watched.pid, children)])];
      for (const thread of watched.threads.values()) thread.ended = true;
      for (const pid of pids) this.lookAt(watched, pid);
    }
  }

  private lookAt(watched: Watched, pid: number): void {
    const peak = /^VmHWM:\s*(\d+) kB/m.exec(read(`${this.root}/${pid}/status`) ?? '')?.[1];
    watched.peakBytes.set(pid, peak === undefined ? (watched.peakBytes.get(pid) ?? 0) : Number(peak) * 1024);
    for (const entry of list(`${this.root}/${pid}/task`)) {
      const text = read(`${this.root}/${pid}/task/${entry}/schedstat`);
      if (text === undefined) continue;
      const ns = Number(text.slice(0, text.indexOf(' ')));
      const key = `${pid}/${entry}`;
      const known = watched.threads.get(key);
      if (known === undefined) {
        const name = (read(`${this.root}/${pid}/task/${entry}/comm`) ?? '').trim();
        // What was used before the watch began does not count; a thread that came later is counted from its beginning.
        watched.threads.set(key, { pid, tid: Number(entry), name, sinceNs: this.began ? ns : 0, lastNs: ns, ended: false });
      } else {
        // The kernel may give the number of an ended thread to a new one, which begins at zero.
        known.sinceNs += ns >= known.lastNs ? ns - known.lastNs : ns;
        known.lastNs = ns;
        known.ended = false;
      }
    }
  }

  private childrenByParent(): Map<number, number[]> {
    const children = new Map<number, number[]>();
    for (const entry of list(this.root)) {
      if (!/^\d+$/.test(entry)) continue;
      const stat = read(`${this.root}/${entry}/stat`);
      // The name stands in parentheses and may hold any character; state and parent follow it.
      const parent = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (!(parent > 0)) continue;
      const siblings = children.get(parent);
      if (siblings === undefined) children.set(parent, [Number(entry)]);
      else siblings.push(Number(entry));
    }
    return children;
  }

  private processName(pid: number): string | undefined {
    const comm = read(`${this.root}/${pid}/comm`);
    const program = read(`${this.root}/${pid}/cmdline`)?.split('\0')[0];
    return comm === undefined ? undefined : program === undefined || program === '' ? comm.trim() : basename(program);
  }
}

function descendants(pid: number, children: ReadonlyMap<number, readonly number[]>): number[] {
  const all = [pid];
  for (const parent of all) all.push(...(children.get(parent) ?? []));
  return all;
}

/** Undefined when the file is gone or closed to us: processes end at any moment. */
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function tidy(value: number): number {
  return Math.round(value * 100) / 100;
}
