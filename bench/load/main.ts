/** The load generator's benchmarks: beside SIPp, at its highest rate, and with many calls in progress. See `--help` (options.ts). */
import { ProcessGroup } from '../../test/e2e/process-group.js';
import { findSipp } from '../../test/e2e/require-peers.js';
import { figureText, printTable, progress } from '../macro/show.js';
import { RESULTS_FOLDER, SCRATCH_FOLDER, writeResult, type Figure } from '../results.js';
import { HELP, loadBenchOptions, type LoadBenchOptions } from './options.js';
import { compareAtRate, sippFigures } from './sipp.js';
import { holdFigures, holdRun, rateFigures, rateRuns, THREADS } from './straight.js';

async function run(options: LoadBenchOptions): Promise<void> {
  if (process.platform !== 'linux') throw new Error('these benchmarks read CPU time and datagrams from /proc, which only Linux has');
  const { parts } = options;
  const group = new ProcessGroup('bench-load');
  try {
    if (parts.includes('sipp')) {
      if (findSipp() !== undefined) await sippPart(group, options);
      else if (options.chosen) throw new Error('SIPp not found (Debian package sip-tester, or VIADUCT_SIPP=/path/to/sipp)');
      else progress('SIPp not found (Debian package sip-tester, or VIADUCT_SIPP=/path/to/sipp): the part sipp is left out');
    }
    if (parts.includes('max')) await maxPart(group, options);
    if (parts.includes('hold')) await holdPart(group, options);
  } finally {
    await group.dispose();
  }
}

async function sippPart(group: ProcessGroup, options: LoadBenchOptions): Promise<void> {
  const rows: string[][] = [];
  for (const ratePerS of options.ratesPerS) {
    const samples = await compareAtRate(group, options, ratePerS);
    const figures = sippFigures(samples);
    write(`sipp-${ratePerS}`, options, figures, { ratePerS, samples });
    rows.push([String(ratePerS), figureText(figures['viaduct.cpu']), figureText(figures['sipp.cpu']), figureText(figures['viaduct/sipp'])]);
  }
  printTable('CPU per call, caller plus callee, µs: median (least to most)', ['calls/s', 'viaduct load', 'SIPp, both processes', 'ratio'], rows);
}

async function maxPart(group: ProcessGroup, options: LoadBenchOptions): Promise<void> {
  const { samples, sleepers } = await rateRuns(group, options);
  const figures = rateFigures(samples, sleepers);
  write('max', options, figures, { threads: THREADS, samples, sleepers });
  const rates = [options.maxRatePerS, options.maxRatePerS / 2];
  const row = (title: string, name: string, scale = 1): string[] => [title, ...rates.map((rate) => figureText(figures[`${rate}.${name}`], scale))];
  printTable(`Caller straight to callee, ${THREADS} threads: median (least to most)`, ['', ...rates.map((rate) => `${rate} calls/s`)], [
    row('calls/s reached', 'reached'), row('failed', 'failed'), row('runs that kept the rate', 'valid'), row('CPU, µs per call', 'cpu'), row('lateness of arrivals, p99, ms', 'lateness.p99', 1e-3), row('whole call, p99, ms', 'call.p99', 1e-3),
    ['lateness of a thread that only sleeps, p99, ms', ...rates.map(() => figureText(figures['sleeper.lateness.p99'], 1e-3))],
  ]);
}

async function holdPart(group: ProcessGroup, options: LoadBenchOptions): Promise<void> {
  const sample = await holdRun(group, options);
  const figures = holdFigures(sample);
  write('hold', options, figures, { sample });
  printTable('Calls in progress', ['calls', 'all of them for', 'bytes per call', 'failed'], [[figureText(figures['calls']), `${figureText(figures['held'])} s`, figureText(figures['memory']), figureText(figures['failed'])]]);
}

function write(part: string, options: LoadBenchOptions, figures: Readonly<Record<string, Figure>>, raw: unknown): void {
  progress(`written: ${writeResult(`load-${part}`, { figures, raw }, options.quick ? SCRATCH_FOLDER : RESULTS_FOLDER)}`);
}

process.on('SIGINT', () => process.exit(130)); // the process group ends its children on exit
process.on('SIGTERM', () => process.exit(143));
try {
  const options = loadBenchOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else await run(options);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
