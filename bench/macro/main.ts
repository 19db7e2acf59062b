/**
 * The macro benchmarks: Viaduct as a whole, alone or in turns with Kamailio or with another build of itself. All processes start
 * first, are warmed up, and stay up through all rounds. See `--help` (options.ts).
 */
import { ProcessGroup } from '../../test/e2e/process-group.js';
import { startKamailio } from '../peers/kamailio.js';
import { SCRATCH_FOLDER, RESULTS_FOLDER, writeResult, type Figure } from '../results.js';
import { cpuAtRate, cpuFigures } from './cpu.js';
import { measure } from './measure.js';
import { HELP, macroOptions, type MacroOptions } from './options.js';
import type { ProxyUnderTest } from './proxy.js';
import { figureText, printTable, progress } from './show.js';
import { startViaduct } from './viaduct.js';

/** The rate at which a process is warmed up, at most. */
const WARM_UP_PER_S = 3000;

async function run(options: MacroOptions): Promise<void> {
  if (process.platform !== 'linux') throw new Error('the macro benchmarks read CPU time from /proc, which only Linux has');
  const group = new ProcessGroup('bench');
  try {
    const proxies: ProxyUnderTest[] = [];
    for (const build of options.builds) proxies.push(await startViaduct(group, build));
    if (options.peers) proxies.push(await startKamailio(group));
    for (const proxy of proxies) progress(`${proxy.label}: ${proxy.description}`);
    await warmUp(group, proxies, options);
    if (options.parts.includes('cpu')) await cpuPart(group, proxies, options);
    for (const proxy of proxies) await proxy.stop();
  } finally {
    await group.dispose();
  }
}

async function warmUp(group: ProcessGroup, proxies: readonly ProxyUnderTest[], options: MacroOptions): Promise<void> {
  if (options.warmUpS === 0) return;
  const ratePerS = Math.min(WARM_UP_PER_S, Math.max(...options.ratesPerS));
  for (const proxy of proxies) {
    progress(`warm-up of ${proxy.label}: ${options.warmUpS} s at ${ratePerS} calls/s`);
    await measure(group, proxy, { ratePerS, round: 0, seconds: options.warmUpS, warmUpS: 0 });
  }
}

async function cpuPart(group: ProcessGroup, proxies: readonly ProxyUnderTest[], options: MacroOptions): Promise<void> {
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
    rows.push(row('  delay added, p99, ms', `${label}.added.p99`, 1e-3), row('  memory at most, MB', `${label}.memory`, 1e-6));
  }
  for (const label of labels.slice(1)) rows.push(row(`CPU, ${labels[0]} ÷ ${label}`, `${labels[0]}/${label}`));
  printTable('CPU per call: median (least to most)', ['', ...rates.map((rate) => `${rate} calls/s`)], rows);
}

function write(part: string, options: MacroOptions, figures: Readonly<Record<string, Figure>>, raw: unknown): void {
  const name = `${options.comparison ? 'compare' : options.peers ? 'peers' : 'viaduct'}-${part}`;
  const scratch = options.quick || options.comparison;
  const path = writeResult(name, { figures, raw }, scratch ? SCRATCH_FOLDER : RESULTS_FOLDER);
  progress(`written: ${path}`);
}

function described(proxies: readonly ProxyUnderTest[]): Record<string, string> {
  return Object.fromEntries(proxies.map(({ label, description }) => [label, description]));
}

process.on('SIGINT', () => process.exit(130)); // the process group ends its children on exit
process.on('SIGTERM', () => process.exit(143));
try {
  const options = macroOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else await run(options);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
