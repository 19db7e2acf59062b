/**
 * CPU per call with SIPp as caller and callee: a cross-check of `viaduct load` by a generator that is not ours. SIPp takes much CPU
 * itself, so the rate is modest. Counted from before the first call to after the last.
 */
import { copyFileSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Watch } from '../../src/load/run/watch.js';
import { waitUntil, type Child, type ProcessGroup } from '../../test/e2e/process-group.js';
import { findSipp } from '../../test/e2e/require-peers.js';
import { ROOT } from '../results.js';
import { freePort, type ProxyUnderTest } from './proxy.js';

/** One run with SIPp. */
export interface SippSample {
  readonly proxy: string;
  readonly ratePerS: number;
  readonly round: number;
  readonly valid: boolean;
  readonly reasons: readonly string[];
  readonly calls: number;
  readonly failed: number;
  readonly retransmissions: number;
  readonly reachedPerS: number;
  readonly cpuUsPerCall: number;
}

/** Less than this share of the rate, and SIPp was the limit. */
const KEPT = 0.97;
const SCENARIOS = join(ROOT, 'test/e2e/scenarios');

/** The SIPp command; throws an Error that says what to install when there is none. */
export function requireSipp(): string {
  const sipp = findSipp();
  if (sipp === undefined) throw new Error('SIPp is missing, the second generator of this benchmark: apt-get install sip-tester (Debian, Ubuntu), or leave the part out with --only cpu,max,delay,floor');
  return sipp;
}

export async function measureWithSipp(group: ProcessGroup, proxy: ProxyUnderTest, options: { readonly ratePerS: number; readonly round: number; readonly seconds: number }): Promise<SippSample> {
  const { ratePerS, round, seconds } = options;
  const sipp = requireSipp();
  const calls = Math.round(ratePerS * seconds);
  const start = (scenario: string, port: number, more: readonly string[]): { child: Child; folder: string } => {
    const folder = group.newFolder(scenario);
    copyFileSync(join(SCENARIOS, `${scenario}.xml`), join(folder, 'scenario.xml'));
    const args = [...more, '-sf', 'scenario.xml', '-i', '127.0.0.1', '-p', String(port), '-m', String(calls), '-buff_size', '4194304',
      '-nostdin', '-timeout', `${seconds + 30}s`, '-trace_stat', '-stf', 'statistics.csv', '-fd', '1'];
    return { child: group.start(sipp, args, { cwd: folder, env: { ...process.env, TERM: 'dumb' } }), folder };
  };
  const callee = start('load-uas', proxy.calleePort, []);
  await waitUntil(() => isBound(proxy.calleePort), 10_000, () => `SIPp does not start: ${callee.child.output()}`);
  const watch = new Watch([proxy.pid], () => performance.now());
  const from = watch.read();
  const caller = start('load-uac', await freePort(), [`127.0.0.1:${proxy.port}`, '-r', String(ratePerS), '-l', String(ratePerS * 10), '-key', 'target', `127.0.0.1:${proxy.port}`]);
  await caller.child.exited;
  const to = watch.read();
  callee.child.process.kill('SIGKILL'); // it lingers to absorb what may have been sent twice
  await callee.child.exited;
  const row = statistics(caller.folder);
  const [successful, failed] = [row('SuccessfulCall(C)'), row('FailedCall(C)')];
  const elapsedS = (to.atMs - from.atMs) / 1000;
  const reachedPerS = successful / elapsedS;
  const reasons = [...(failed > 0 ? [`${failed} calls failed`] : []), ...(successful < calls ? [`${successful} of ${calls} calls succeeded`] : []), ...(row('Retransmissions(C)') > calls / 1000 ? [`SIPp sent ${row('Retransmissions(C)')} messages again`] : [])];
  // Starting and ending take SIPp a moment in which there are no calls.
  if (reachedPerS < ratePerS * KEPT * (seconds / (seconds + 1))) reasons.push(`SIPp reached ${reachedPerS.toFixed(0)} calls/s`);
  return {
    proxy: proxy.label, ratePerS, round, valid: reasons.length === 0, reasons, calls: successful, failed, retransmissions: row('Retransmissions(C)'),
    reachedPerS: Math.round(reachedPerS), cpuUsPerCall: watch.report(from, to, to, Math.max(1, successful))[0]!.cpuUsPerCall,
  };
}

/** Some process has the UDP port bound: the kernel's own table says so. */
function isBound(port: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')} `;
  return readFileSync('/proc/net/udp', 'latin1').split('\n').some((line) => line.slice(0, 30).includes(local));
}

/** The last row of SIPp's statistics, by name of the column. */
function statistics(folder: string): (name: string) => number {
  const file = readdirSync(folder).find((name) => name === 'statistics.csv');
  const lines = file === undefined ? [] : readFileSync(join(folder, file), 'latin1').split('\n').filter((line) => line !== '');
  const names = lines[0]?.split(';') ?? [];
  const values = lines.at(-1)?.split(';') ?? [];
  return (name) => Number(values[names.indexOf(name)] ?? NaN);
}
