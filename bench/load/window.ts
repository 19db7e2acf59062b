/**
 * What processes used and what went over the wire in one stretch of time: on-CPU time of all their threads (schedstat, by
 * `Watch`), and UDP datagrams by the kernel's count for the whole machine, which knows nothing of who sent them and so
 * is the same measure for any generator. Linux.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Watch } from '../../src/load/run/watch.js';

/** INVITE, 180, 200, ACK, BYE, 200: what a call sends when nothing is in between. */
export const DATAGRAMS_PER_CALL = 6;

export interface WindowFigures {
  readonly seconds: number;
  readonly datagrams: number;
  /** `datagrams` in calls, and per second. */
  readonly calls: number;
  readonly callsPerS: number;
  /** All threads of each process, in the order given, and all together over the calls. */
  readonly cpuUs: readonly number[];
  readonly cpuUsPerCall: number;
}

/** Watches `pids` for `seconds`. */
export async function measureWindow(pids: readonly number[], seconds: number): Promise<WindowFigures> {
  const watch = new Watch(pids, () => performance.now());
  const datagramsBefore = datagramsSent();
  const before = watch.read();
  await sleep(seconds * 1000);
  const datagrams = datagramsSent() - datagramsBefore;
  const after = watch.read();
  const elapsedS = (after.atMs - before.atMs) / 1000;
  const calls = datagrams / DATAGRAMS_PER_CALL;
  const cpuUs = watch.report(before, after, after, 0).map((process) => process.cpuUs);
  return {
    seconds: elapsedS,
    datagrams,
    calls,
    callsPerS: calls / elapsedS,
    cpuUs,
    cpuUsPerCall: cpuUs.reduce((sum, us) => sum + us, 0) / calls,
  };
}

/** UDP datagrams that this machine has sent since it was started (both families). */
function datagramsSent(): number {
  const [names, values] = readFileSync('/proc/net/snmp', 'utf8').split('\n').filter((line) => line.startsWith('Udp:'));
  const at = names!.split(' ').indexOf('OutDatagrams');
  const six = /^Udp6OutDatagrams\s+(\d+)/m.exec(readFileSync('/proc/net/snmp6', 'utf8'))?.[1] ?? '0';
  return Number(values!.split(' ')[at]) + Number(six);
}
