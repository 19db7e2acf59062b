/** The parts of the macro benchmarks: each measures, writes a result and prints a table. */
import { relative } from 'node:path';
import type { ProcessGroup } from '../../test/e2e/process-group.js';
import { RESULTS_FOLDER, SCRATCH_FOLDER, figure, figureOf, readResult, writeResult, type Figure } from '../results.js';
import { cpuAtRate, cpuFigures } from './cpu.js';
import { measure, type Sample } from './measure.js';
import type { MacroOptions } from './options.js';
import type { ProxyUnderTest } from './proxy.js';
import { addRatios } from './ratios.js';
import { receiveFloor, type Floor } from './receive-floor.js';
import { searchHighest } from './search.js';
import { figureText, printTable, progress, runLine } from './show.js';
import { measureWithSipp, requireSipp, type SippSample } from './sipp.js';
import { ownBuild, startViaduct } from './viaduct.js';

/** Pauses of the part floor, µs: from none to batches of a few tens. */
const PAUSES_US = [0, 50, 100, 200, 400, 800, 1600];
/** Datagrams per second of the part floor: those of 4,000 calls. */
const FLOOR_PER_S = 24_000;
/** Rate of the part sipp, at most. */
const SIPP_PER_S = 2000;

/** What a part works with. */
export interface PartContext {
  readonly group: ProcessGroup;
  readonly proxies: readonly ProxyUnderTest[];
  readonly options: MacroOptions;
}

/** CPU per call at every rate. Results `…-cpu-RATE`. */
export async function cpuPart({ group, proxies, options }: PartContext): Promise<void> {
  const labels = proxies.map(({ label }) => label);
  const byRate = new Map<number, Record<string, Figure>>();
  for (const ratePerS of options.ratesPerS) {
    const samples = await cpuAtRate(group, proxies, options, ratePerS);
    const figures = cpuFigures(samples, labels);
    byRate.set(ratePerS, figures);
    write(`cpu-${ratePerS}`, options, figures, { ratePerS, proxies: described(proxies), samples });
  }
  const rates = [...byRate.keys()];
  const row = (title: string, name: string, scale = 1): string[] => [title, ...rates.map((rate) => figureText(byRate.get(rate)![name], scale))];
  const rows: string[][] = [];
  for (const label of labels) {
    rows.push(row(`${label}: CPU, µs per call`, `${label}.cpu`));
    const names = new Set([...byRate.values()].flatMap((figures) => Object.keys(figures)));
    for (const role of ['main', 'shard', 'worker', 'other']) if (names.has(`${label}.cpu.${role}`)) rows.push(row(`  ${role}`, `${label}.cpu.${role}`), row('    sleeps per call', `${label}.sleeps.${role}`), row('    preemptions per call', `${label}.preemptions.${role}`));
    if (names.has(`${label}.datagrams.main`)) {
      rows.push(row('  datagrams in per call', `${label}.datagrams.call`), row('  datagrams a batch, main', `${label}.datagrams.main`), row('  datagrams a batch, shard', `${label}.datagrams.shard`));
      rows.push(row('  main thread, µs per datagram', `${label}.main.datagram`));
    }
    rows.push(row('  delay added, p99, ms', `${label}.added.p99`, 1e-3), row('  memory after a run, MB', `${label}.memory`, 1e-6));
  }
  for (const label of labels.slice(1)) rows.push(row(`CPU, ${labels[0]} ÷ ${label}`, `${labels[0]}/${label}`));
  printTable('CPU per call: median (least to most)', ['', ...rates.map((rate) => `${rate} calls/s`)], rows);
}

/** Highest rate without a failed call. Result `…-max`, with a figure `LABEL.max` each; returns them by label. */
export async function maxPart({ group, proxies, options }: PartContext): Promise<Record<string, number>> {
  const { best, steps } = await searchHighest(group, proxies, options);
  const [first, ...others] = proxies.map(({ label }) => label);
  const figures: Record<string, Figure> = Object.fromEntries(Object.entries(best).map(([label, rate]) => [`${label}.max`, figure('calls/s', rate)]));
  for (const label of others) if (best[label]! > 0) figures[`${first!}/${label}`] = figure('ratio', best[first!]! / best[label]!);
  write('max', options, figures, { proxies: described(proxies), steps });
  printTable('Highest rate without a failed call, generator on the same cores', ['', 'calls/s', `${first!} ÷`], proxies.map(({ label }) => [label, figureText(figures[`${label}.max`]), figureText(figures[`${first!}/${label}`])]));
  return best;
}

/** Delay at half of the lowest of the highest rates, the same for all. Result `…-delay`. */
export async function delayPart({ group, proxies, options }: PartContext, best: Readonly<Record<string, number>> | undefined): Promise<void> {
  const ratePerS = options.delayRatePerS ?? halfOf(proxies, options, best);
  const samples: Sample[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const proxy of proxies) {
      const sample = await measure(group, proxy, { ratePerS, round, seconds: options.seconds, settleS: options.settleS });
      samples.push(sample);
      progress(`delay ${ratePerS}/s, round ${round} of ${options.rounds}, ${runLine(sample)}`);
    }
  }
  const figures: Record<string, Figure> = { rate: figure('calls/s', ratePerS) };
  const labels = proxies.map(({ label }) => label);
  for (const label of labels) {
    const valid = samples.filter(({ proxy, valid: good }) => proxy === label && good);
    if (valid.length === 0) continue;
    figures[`${label}.p50`] = figureOf('µs', valid.map(({ addedP50Us }) => addedP50Us));
    figures[`${label}.p99`] = figureOf('µs', valid.map(({ addedP99Us }) => addedP99Us));
  }
  addRatios(figures, labels, samples, ({ addedP99Us }) => addedP99Us);
  write('delay', options, figures, { ratePerS, proxies: described(proxies), samples });
  printTable(`Delay that the proxy adds at ${ratePerS} calls/s, ms: median (least to most)`, ['', 'p50', 'p99', `p99, ${labels[0]!} ÷`], labels.map((label) => [label, figureText(figures[`${label}.p50`], 1e-3), figureText(figures[`${label}.p99`], 1e-3), figureText(figures[`${labels[0]!}/${label}`])]));
}

/** Ways for a datagram into the engine, one proxy each: read by the shard, handed over by main, and in main itself. */
const WAYS: readonly { readonly label: string; readonly settings: readonly string[] }[] = [
  { label: 'lent', settings: [] },
  { label: 'handed', settings: ['io.receiver=main'] },
  { label: 'none', settings: ['shards=0'] },
];

/** What handing over costs: see WAYS. Results `hand-over-RATE`. `warmUp` drives proxies before they are measured. */
export async function handoverPart({ group, options }: PartContext, warmUp: (proxies: readonly ProxyUnderTest[]) => Promise<void>): Promise<void> {
  const proxies: ProxyUnderTest[] = [];
  try {
    for (const { label, settings } of WAYS) proxies.push(await startViaduct(group, { ...ownBuild(), label, settings }));
    await warmUp(proxies);
    const labels = WAYS.map(({ label }) => label);
    const byRate = new Map<number, Record<string, Figure>>();
    for (const ratePerS of options.ratesPerS) {
      const samples = await cpuAtRate(group, proxies, options, ratePerS);
      byRate.set(ratePerS, cpuFigures(samples, labels));
      write(`hand-over-${ratePerS}`, options, byRate.get(ratePerS)!, { ratePerS, proxies: described(proxies), samples });
    }
    const row = (title: string, name: string): string[] => [title, ...[...byRate.values()].map((figures) => figureText(figures[name]))];
    printTable('Handing over: CPU, µs per call', ['', ...[...byRate.keys()].map((rate) => `${rate} calls/s`)], [
      row('the shard reads the sockets', 'lent.cpu'), row('the main thread hands over', 'handed.cpu'), row('no shards', 'none.cpu'),
      row('shard reads ÷ main hands over', 'lent/handed'), row('shard reads ÷ no shards', 'lent/none'),
      row('main hands over: its µs per datagram', 'handed.main.datagram'), row('  datagrams a batch', 'handed.datagrams.main'),
    ]);
  } finally {
    for (const proxy of proxies) if (!proxy.ended()) await proxy.stop();
  }
}

/** What the kernel takes to receive, by the size of batches. Result `receive-floor`: `pause.N.batch` and `pause.N.kernel` for each pause. */
export async function floorPart({ group, options }: PartContext): Promise<void> {
  const floors: Floor[] = [];
  for (const pauseUs of options.quick ? [100] : PAUSES_US) {
    const floor = await receiveFloor(group, pauseUs, FLOOR_PER_S, options.quick ? 2000 : FLOOR_PER_S * Math.min(options.seconds, 4));
    floors.push(floor);
    progress(`floor, pause of ${pauseUs} µs: ${floor.datagramsPerBatch.toFixed(1)} datagrams a batch, ${floor.cpuUsPerDatagram.toFixed(2)} µs a datagram`);
  }
  const figures = Object.fromEntries(floors.flatMap(({ pauseUs, datagramsPerBatch, cpuUsPerDatagram }) => [
    [`pause.${pauseUs}.batch`, figure('datagrams/batch', datagramsPerBatch)],
    [`pause.${pauseUs}.kernel`, figure('µs/datagram', cpuUsPerDatagram)],
  ]));
  write('receive-floor', options, figures, { perS: FLOOR_PER_S, floors });
  printTable('Receiving alone (recvmmsg and sleep)', ['pause, µs', 'datagrams a batch', 'µs a datagram'], floors.map(({ pauseUs }) => [String(pauseUs), figureText(figures[`pause.${pauseUs}.batch`]), figureText(figures[`pause.${pauseUs}.kernel`])]));
}

/** CPU per call with SIPp. Result `…-sipp`. */
export async function sippPart({ group, proxies, options }: PartContext): Promise<void> {
  requireSipp();
  const ratePerS = Math.min(SIPP_PER_S, ...options.ratesPerS);
  const samples: SippSample[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const proxy of proxies) {
      const sample = await measureWithSipp(group, proxy, { ratePerS, round, seconds: options.seconds });
      samples.push(sample);
      progress(`sipp ${ratePerS}/s, round ${round} of ${options.rounds}, ${sample.proxy}: ${sample.cpuUsPerCall.toFixed(1)} µs/call${sample.valid ? '' : `  INVALID, not used: ${sample.reasons.join('; ')}`}`);
    }
  }
  const labels = proxies.map(({ label }) => label);
  const figures: Record<string, Figure> = { rate: figure('calls/s', ratePerS) };
  for (const label of labels) {
    const valid = samples.filter(({ proxy, valid: good }) => proxy === label && good);
    if (valid.length > 0) figures[`${label}.cpu`] = figureOf('µs/call', valid.map(({ cpuUsPerCall }) => cpuUsPerCall));
  }
  addRatios(figures, labels, samples, ({ cpuUsPerCall }) => cpuUsPerCall);
  write('sipp', options, figures, { ratePerS, proxies: described(proxies), samples });
  printTable(`CPU per call with SIPp as generator at ${ratePerS} calls/s, µs: median (least to most)`, ['', 'CPU', `${labels[0]!} ÷`], labels.map((label) => [label, figureText(figures[`${label}.cpu`]), figureText(figures[`${labels[0]!}/${label}`])]));
}

function halfOf(proxies: readonly ProxyUnderTest[], options: MacroOptions, best: Readonly<Record<string, number>> | undefined): number {
  const known = proxies.map(({ label }) => best?.[label] ?? readResult(resultName('max', options), folderOf(options))?.figures[`${label}.max`]?.value ?? 0);
  const least = Math.min(...known);
  if (least <= 0) throw new Error('the part delay needs the highest rate: run the part max too, or give --delay-rate');
  return Math.max(10, Math.round(least / 20) * 10);
}

function folderOf(options: MacroOptions): string {
  return options.quick || options.comparison ? SCRATCH_FOLDER : RESULTS_FOLDER;
}

function resultName(part: string, options: MacroOptions): string {
  if (part === 'receive-floor' || part.startsWith('hand-over')) return part;
  return `${options.comparison ? 'compare' : options.peers ? 'peers' : 'viaduct'}-${part}`;
}

function write(part: string, options: MacroOptions, figures: Readonly<Record<string, Figure>>, raw: unknown): void {
  progress(`written: ${relative('', writeResult(resultName(part, options), { figures, raw }, folderOf(options)))}`);
}

function described(proxies: readonly ProxyUnderTest[]): Record<string, string> {
  return Object.fromEntries(proxies.map(({ label, description }) => [label, description]));
}
