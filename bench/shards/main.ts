/**
 * The sweep of shard counts as a benchmark: CPU time per call of the main thread and of each shard with 1, 2 … shards, and what
 * follows for machines of any size. The same sweep as `viaduct tune` (src/tune), with longer steps and a result on disk.
 */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../../src/config/load.js';
import { configSchema } from '../../src/config/schema.js';
import { SHARDS_MAX } from '../../src/limits.js';
import { thisMachine } from '../../src/load/report/machine.js';
import { StopRequest } from '../../src/load/run/waker.js';
import { screenOf } from '../../src/load/view/style.js';
import { VERSION } from '../../src/telemetry/version.js';
import { resultOf, shardsForThisMachine } from '../../src/tune/advice.js';
import { slowGovernor } from '../../src/tune/machine-notes.js';
import { mean, sweepCounts } from '../../src/tune/model.js';
import { killProxies } from '../../src/tune/proxy-process.js';
import { sweep, type SweepJob } from '../../src/tune/sweep.js';
import type { TuneResult } from '../../src/tune/tune-result.js';
import { tuneText } from '../../src/tune/tune-text.js';
import { tuneView } from '../../src/tune/tune-view.js';
import { figure, figureOf, RESULTS_FOLDER, ROOT, SCRATCH_FOLDER, thisCommand, writeResult, type Figure } from '../results.js';

const HELP = `Sweeps shard counts: CPU per call of the main thread and of each shard, what this machine wants and where bigger ones end. Linux.

npm run bench:shards -- [FLAGS]

  --shards LIST      numbers of shards, with commas between (default: 0 where the engine can run in the main thread, 1 … cores)
  --coalesce LIST    settings of io.coalesceUs to compare, or none (default: 50,200)
  --rate N           calls/s (default: what keeps this machine more than half busy)
  --seconds N        length of a step, half of it warm-up (default: 20)
  --quick            tiny inputs, to see that it works: the figures mean nothing
  --help             this text

The result goes to bench/results/shards.json; with --quick to bench/out/results/. Progress is on standard error.
`;

interface Options {
  readonly counts: readonly number[];
  readonly coalesceUs: readonly number[];
  readonly ratePerS: number | undefined;
  readonly stepMs: number;
  readonly quick: boolean;
}

async function run({ counts, coalesceUs, ratePerS, stepMs, quick }: Options): Promise<void> {
  const dist = (file: string): URL => pathToFileURL(join(ROOT, 'dist', file));
  const config = loadConfig(join(ROOT, 'config', 'relay.yaml'));
  const cores = availableParallelism();
  const job: SweepJob = { config, callee: undefined, counts, coalesceUs, ratePerS, stepMs, cores, entries: { proxy: dist('tune/proxy-main.js'), load: dist('load/thread.js') } };
  const view = tuneView(() => screenOf(process.stderr, process.env), (text) => void process.stderr.write(text), () => performance.now());
  const startedAt = new Date().toISOString();
  let outcome;
  try {
    outcome = await sweep(job, view, new StopRequest(), (steps) => shardsForThisMachine(steps, cores));
  } finally {
    view.end();
  }
  const result = resultOf(outcome, { version: VERSION, command: thisCommand(), startedAt, machine: thisMachine(), cores, config, ownRoutes: false, governor: slowGovernor() });
  process.stdout.write(tuneText(result, screenOf(process.stdout, process.env)));
  // Where this clone lies is nobody's business.
  const path = writeResult('shards', { startedAt, figures: figuresOf(result), raw: { ...result, config: 'config/relay.yaml' } }, quick ? SCRATCH_FOLDER : RESULTS_FOLDER);
  process.stderr.write(`written: ${path}\n`);
}

/** `main.2` is the CPU per call of the main thread with 2 shards, `shard.2` of each of them, `full.16` where 16 cores end. */
function figuresOf({ steps, coalesceRounds, prediction, recommendation }: TuneResult): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const { shards, cpuUsPerCall: cpu, addedP99Us, reachedPerS } of steps) {
    figures[`main.${shards}`] = figure('µs/call', cpu.main);
    if (cpu.shards.length > 0) figures[`shard.${shards}`] = figure('µs/call', mean(cpu.shards));
    figures[`proxy.${shards}`] = figure('µs/call', cpu.total);
    figures[`rate.${shards}`] = figure('calls/s', reachedPerS);
    if (addedP99Us !== null) figures[`added.p99.${shards}`] = figure('µs', addedP99Us);
  }
  for (const coalesceUs of new Set(coalesceRounds.flat().map((step) => step.coalesceUs))) {
    figures[`coalesce.${coalesceUs}`] = figureOf('µs/call', coalesceRounds.flat().filter((step) => step.coalesceUs === coalesceUs).map(({ cpuUsPerCall }) => cpuUsPerCall.total));
  }
  figures['full.main'] = figure('calls/s', prediction.mainLimitPerS);
  figures['full.shard'] = figure('calls/s', prediction.shardLimitPerS);
  figures['shards.until.main'] = figure('shards', prediction.shardsUntilMain);
  figures['shards.here'] = figure('shards', recommendation.shards);
  for (const { cores, shards, limitPerS } of prediction.machines) {
    figures[`shards.${cores}`] = figure('shards', shards);
    figures[`full.${cores}`] = figure('calls/s', limitPerS);
  }
  return figures;
}

/** Throws an Error with one line when a flag is wrong; undefined: --help was asked for. */
function optionsOf(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      shards: { type: 'string' },
      coalesce: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  const zero = configSchema.shape.shards.safeParse(0).success;
  return {
    counts: values.shards === undefined ? (quick ? [1, 2] : sweepCounts(availableParallelism(), SHARDS_MAX, zero)) : list('--shards', values.shards, zero ? 0 : 1, SHARDS_MAX),
    coalesceUs: values.coalesce === undefined ? (quick ? [] : [50, 200]) : values.coalesce === 'none' ? [] : list('--coalesce', values.coalesce, 0, 2000),
    ratePerS: values.rate === undefined ? (quick ? 200 : undefined) : list('--rate', values.rate, 10, 50_000)[0],
    stepMs: 1000 * (values.seconds === undefined ? (quick ? 1 : 20) : list('--seconds', values.seconds, 1, 600)[0]!),
    quick,
  };
}

function list(flag: string, text: string, least: number, most: number): number[] {
  const values = text.split(',').map(Number);
  if (!values.every((value) => Number.isInteger(value) && value >= least && value <= most)) throw new Error(`${flag}: found ${JSON.stringify(text)}; allowed: whole numbers from ${least} to ${most}`);
  return [...new Set(values)].sort((a, b) => a - b);
}

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.on(signal, () => {
    killProxies();
    process.exit(code);
  });
}
try {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else await run(options);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
