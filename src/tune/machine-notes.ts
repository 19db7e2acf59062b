/** What about this machine makes figures uncertain: other processes, clock speed that follows the load. Linux, main thread. */
import { readFileSync } from 'node:fs';

/** Linux counts CPU time for /proc in hundredths of a second (USER_HZ), whatever its own clock does. */
const TICK_MS = 10;

/** CPU time of the whole machine and of processes, at one moment. */
export interface MachineReading {
  readonly atMs: number;
  readonly busyMs: number;
  readonly oursMs: number;
}

/** Reads now. `pids`: processes that are no others. */
export function readMachine(pids: readonly number[]): MachineReading {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = /^cpu +(.*)$/m.exec(read('/proc/stat'))?.[1]?.split(' ').map(Number) ?? [];
  return { atMs: performance.now(), busyMs: (user + nice + system + irq + softirq + steal) * TICK_MS, oursMs: pids.reduce((sum, pid) => sum + processMs(pid), 0) };
}

/** Cores that others kept busy between two readings. */
export function othersBetween(from: MachineReading, to: MachineReading): number {
  const elapsedMs = to.atMs - from.atMs;
  if (elapsedMs <= 0) return 0;
  return Math.max(0, (to.busyMs - from.busyMs - (to.oursMs - from.oursMs)) / elapsedMs);
}

/** A process's user and system time, all threads (fields 14 and 15 of its stat, behind the name in parentheses). */
function processMs(pid: number): number {
  const fields = read(`/proc/${pid}/stat`).replace(/^.*\) /s, '').split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * TICK_MS;
}

/** The frequency governor when it is not the one for measuring; undefined when it is, or when the system does not say. */
export function slowGovernor(): string | undefined {
  const governor = read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor').trim();
  return governor === '' || governor === 'performance' ? undefined : governor;
}

/** Whether per-thread CPU time can be had here. */
export function canMeasureThreads(): boolean {
  return read('/proc/self/schedstat') !== '' && read('/proc/thread-self/schedstat') !== '';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
