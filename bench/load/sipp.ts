/**
 * CPU per call, caller plus callee, of `viaduct load` and of SIPp's two processes in turns. SIPp runs its own default
 * scenarios (`-sn uac`, `-sn uas`); `viaduct load` its scenario `call` without ring and hold time, which sends the same six messages.
 * Each run is a process of its own that is warmed up before it is measured.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeAddress } from '../../test/e2e/free-port.js';
import type { Child, ProcessGroup } from '../../test/e2e/process-group.js';
import { findSipp } from '../../test/e2e/require-peers.js';
import { progress } from '../macro/show.js';
import { figureOf, type Figure } from '../results.js';
import { ratioOfRounds } from '../statistics.js';
import { startGenerator } from './generator.js';
import type { LoadBenchOptions } from './options.js';
import { measureWindow, type WindowFigures } from './window.js';

/** SIPp's callee keeps each call for 4 s; from then on its memory does not grow any more. */
const SIPP_WARM_UP_S = 6;
/** SIPp's own choice, 64 KiB, overflows when the machine stops for a tenth of a second under load. */
const SOCKET_BUFFER_BYTES = 2 * 1024 * 1024;
/** A run goes on this long behind the measured time. */
const TAIL_S = 2;
/** What a process takes from its start to its first call, at most. */
const START_S = 2;
/** A rate is kept within this share, and random arrivals scatter by the root of their number. */
const RATE_SHARE = 0.01;
const SCATTER = 4;

export const SIDES = ['viaduct', 'sipp'] as const;
export type Side = (typeof SIDES)[number];

/** One run. */
export interface SippSample extends WindowFigures {
  readonly side: Side;
  readonly ratePerS: number;
  readonly round: number;
  /** False: it did not keep its rate, or calls failed; not used. */
  readonly valid: boolean;
  readonly reasons: readonly string[];
  /** By its own count, over the whole run: calls begun, succeeded, failed, and messages sent again. */
  readonly created: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly retransmissions: number;
}

/** Runs all rounds of one rate. */
export async function compareAtRate(group: ProcessGroup, options: LoadBenchOptions, ratePerS: number): Promise<SippSample[]> {
  const samples: SippSample[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    // A B, B A: what drifts does not always meet the same side first.
    for (const side of round % 2 === 1 ? SIDES : [...SIDES].reverse()) {
      const sample = side === 'viaduct' ? await viaductRun(group, options, ratePerS, round) : await sippRun(group, options, ratePerS, round);
      samples.push(sample);
      const { cpuUsPerCall, callsPerS, valid, reasons } = sample;
      progress(`${ratePerS} calls/s, round ${round} of ${options.rounds}: ${side} ${cpuUsPerCall.toFixed(1)} µs/call at ${callsPerS.toFixed(0)} calls/s${valid ? '' : `  INVALID, not used: ${reasons.join('; ')}`}`);
    }
  }
  return samples;
}

/** Median, least and most of both sides, and of the ratio in each round. */
export function sippFigures(samples: readonly SippSample[]): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  const rounds = Math.max(...samples.map(({ round }) => round));
  const of = (side: Side): (number | undefined)[] =>
    Array.from({ length: rounds }, (_, i) => samples.find((sample) => sample.side === side && sample.round === i + 1 && sample.valid)?.cpuUsPerCall);
  for (const side of SIDES) {
    const valid = of(side).filter((value) => value !== undefined);
    if (valid.length > 0) figures[`${side}.cpu`] = figureOf('µs/call', valid);
  }
  const [viaduct, sipp] = [of('viaduct'), of('sipp')];
  if (viaduct.some((value, i) => value !== undefined && sipp[i] !== undefined)) {
    const { median, min, max } = ratioOfRounds(viaduct, sipp);
    figures['viaduct/sipp'] = { unit: 'ratio', value: median, min, max };
  }
  return figures;
}

async function viaductRun(group: ProcessGroup, { seconds, warmUpS }: LoadBenchOptions, ratePerS: number, round: number): Promise<SippSample> {
  const generator = await startGenerator(group, [
    '--rate', String(ratePerS), '--ring', '0s', '--hold', '0s', '--warm-up', `${warmUpS}s`, '--duration', `${START_S + seconds + TAIL_S}s`,
  ]);
  await sleep((START_S + warmUpS) * 1000);
  const window = await measureWindow([generator.pid], seconds);
  const { totals, valid, reasons, reachedPerS } = await generator.result;
  const count = (name: string): number => totals[name] ?? 0;
  const counts = { created: count('started'), succeeded: count('succeeded'), failed: count('failed'), retransmissions: count('retransmissionsSent') };
  const own = [...(valid ? [] : reasons), ...(Math.abs(reachedPerS / window.callsPerS - 1) > slack(window.calls) ? [`it counted ${reachedPerS.toFixed(0)} calls/s, the kernel ${window.callsPerS.toFixed(0)}`] : [])];
  return sampleOf('viaduct', ratePerS, round, window, counts, own);
}

async function sippRun(group: ProcessGroup, { seconds, warmUpS }: LoadBenchOptions, ratePerS: number, round: number): Promise<SippSample> {
  const warmUp = Math.min(warmUpS, SIPP_WARM_UP_S);
  const [to, from] = [await freeAddress('127.0.0.1'), await freeAddress('127.0.0.1')];
  const calls = ratePerS * (warmUp + seconds + TAIL_S);
  const folder = group.newFolder('sipp');
  const common = (port: number, name: string): string[] => [
    '-i', '127.0.0.1', '-p', String(port), '-nostdin', '-buff_size', String(SOCKET_BUFFER_BYTES), '-trace_stat', '-fd', '1', '-stf', `${name}.csv`,
  ];
  const start = (args: readonly string[]): Child => group.start(findSipp()!, args, { cwd: folder, env: { ...process.env, TERM: 'dumb' } });
  const callee = start(['-sn', 'uas', ...common(to.port, 'uas')]);
  await sleep(500);
  const caller = start([`127.0.0.1:${to.port}`, '-sn', 'uac', ...common(from.port, 'uac'), '-r', String(ratePerS), '-m', String(calls)]);
  await sleep(warmUp * 1000);
  const window = await measureWindow([caller.process.pid!, callee.process.pid!], seconds);
  const { code } = await caller.exited;
  const uac = lastRow(join(folder, 'uac.csv'));
  // Told to end, it waits for the calls that it keeps.
  callee.process.kill('SIGUSR1');
  await Promise.race([callee.exited, sleep(6000, undefined, { ref: false })]);
  const uas = lastRow(join(folder, 'uas.csv'));
  callee.process.kill('SIGKILL');
  const both = (name: string): number => (uac.get(name) ?? NaN) + (uas.get(name) ?? NaN);
  const counts = {
    created: uac.get('TotalCallCreated') ?? NaN, succeeded: uac.get('SuccessfulCall(C)') ?? NaN, failed: both('FailedCall(C)'), retransmissions: both('Retransmissions(C)'),
  };
  return sampleOf('sipp', ratePerS, round, window, counts, [
    ...(code === 0 ? [] : [`its caller ended with exit code ${code}`]),
    ...(counts.created === calls ? [] : [`it began ${counts.created} of ${calls} calls`]),
  ]);
}

type Counts = Pick<SippSample, 'created' | 'succeeded' | 'failed' | 'retransmissions'>;

function sampleOf(side: Side, ratePerS: number, round: number, window: WindowFigures, counts: Counts, own: readonly string[]): SippSample {
  const reasons = [...own];
  if (Math.abs(window.callsPerS / ratePerS - 1) > slack(window.calls)) reasons.push(`${window.callsPerS.toFixed(0)} calls/s went over the wire, asked were ${ratePerS}`);
  if (counts.failed !== 0) reasons.push(`${counts.failed} calls failed`);
  // Copies are datagrams that are no part of the six of a call.
  if (counts.retransmissions > counts.created / 1000) reasons.push(`${counts.retransmissions} messages were sent again`);
  return { side, ratePerS, round, valid: reasons.length === 0, reasons, ...window, ...counts };
}

function slack(calls: number): number {
  return RATE_SHARE + SCATTER / Math.sqrt(Math.max(1, calls));
}

/** The last row of SIPp's statistics: numbers by column. */
function lastRow(file: string): Map<string, number> {
  const lines = readFileSync(file, 'latin1').split('\n').filter((line) => line !== '');
  const values = lines.at(-1)!.split(';');
  return new Map(lines[0]!.split(';').map((name, i) => [name, Number(values[i])]));
}
