/**
 * What a call allocates, where, and what its collection costs: `npm run bench:alloc`. The core by itself, counted exactly; then a
 * proxy process under load, thread by thread. The result is kept as `allocations`.
 */
import { parseArgs } from 'node:util';
import { numberOf } from '../flags.js';
import { SCRATCH_FOLDER, figure, figureOf, writeResult, type Figure } from '../results.js';
import { significant } from '../statistics.js';
import { coreAllocationsApart } from './core-apart.js';
import { processCollections, processSites, type LoadPlan, type ThreadCollections } from './proxy-process.js';
import type { AllocationSite } from './sites.js';

const HELP = `Counts what a call of seven datagrams allocates in steady state, and names the functions that do it.

npm run bench:alloc -- [FLAGS]

  --only PARTS      which parts, with commas between (default: all)
                      core     router, ring, engine and send queue in one thread: counted, not estimated
                      process  a proxy under load, by thread: bytes per call and pauses from V8's trace of collections (Linux)
                      sites    the same proxy with the sampling heap profiler in every thread (Linux)
  --rate N          calls/s of the load (default: 4000)
  --seconds N       measured time of a load (default: 10)
  --warm-up N       seconds of calls before it (default: 10)
  --quick           tiny inputs, to see that it works
  --help            this text

The result goes to bench/results/allocations.json when all parts ran; of --quick to bench/out/results/.
`;

const PARTS = ['core', 'process', 'sites'] as const;
type Part = (typeof PARTS)[number];

/** Sites that allocate less than this, bytes per call, are not printed. */
const LEAST_BYTES = 1;

interface Options extends LoadPlan {
  readonly parts: readonly Part[];
  readonly quick: boolean;
}

async function run(options: Options): Promise<void> {
  const figures: Record<string, Figure> = {};
  const raw: Record<string, unknown> = {};
  if (options.parts.includes('core')) {
    progress('core …');
    const core = await coreAllocationsApart(options.quick ? 1000 : 16_000, options.quick ? 1 : 5);
    figures['core.bytes'] = figureOf('bytes/call', core.bytesPerCall.map((bytes) => significant(bytes, 4)));
    raw['core'] = core;
    console.log(`\nCore: ${significant(figures['core.bytes'].value)} bytes a call`);
    printSites(core.sites);
  }
  if (options.parts.includes('process')) {
    progress(`proxy under ${options.ratePerS} calls/s: collections …`);
    const threads = await processCollections(options);
    raw['process'] = threads;
    figures['process.bytes'] = figure('bytes/call', significant(sum(threads, 'bytesPerCall'), 4));
    figures['process.pause'] = figure('µs/call', significant(sum(threads, 'pauseUsPerCall'), 4));
    figures['process.longest'] = figure('ms', Math.max(0, ...threads.map(({ longestPauseMs }) => longestPauseMs)));
    console.log(`\nProxy at ${options.ratePerS} calls/s, by thread:`);
    for (const thread of threads) console.log(`  ${threadLine(thread)}`);
  }
  if (options.parts.includes('sites')) {
    progress(`proxy under ${options.ratePerS} calls/s: functions …`);
    const threads = await processSites(options);
    raw['sites'] = Object.fromEntries(threads);
    for (const [thread, sites] of threads) {
      console.log(`\n${thread}: ${significant(sites.reduce((all, { bytes }) => all + bytes, 0))} bytes a call`);
      printSites(sites);
    }
  }
  if (options.parts.length < PARTS.length) return;
  progress(`kept in ${writeResult('allocations', { figures, raw }, options.quick ? SCRATCH_FOLDER : undefined)}`);
}

function threadLine({ bytesPerCall, pauseUsPerCall, collections, longestPauseMs }: ThreadCollections): string {
  return `${significant(bytesPerCall)} bytes a call, ${significant(pauseUsPerCall)} µs of collection a call (${collections} collections, the longest ${longestPauseMs} ms)`;
}

function printSites(sites: readonly AllocationSite[]): void {
  for (const { bytes, name, place } of sites) if (bytes >= LEAST_BYTES) console.log(`  ${bytes.toFixed(1).padStart(8)} bytes  ${name}  ${place}`);
}

function sum(threads: readonly ThreadCollections[], key: 'bytesPerCall' | 'pauseUsPerCall'): number {
  return threads.reduce((all, thread) => all + thread[key], 0);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function optionsOf(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  return {
    parts: values.only === undefined ? PARTS : values.only.split(',').map(partOf),
    ratePerS: numberOf('--rate', values.rate ?? (quick ? '500' : '4000'), 10, 200_000),
    seconds: numberOf('--seconds', values.seconds ?? (quick ? '2' : '10'), 1, 3600),
    warmUpS: numberOf('--warm-up', values['warm-up'] ?? (quick ? '1' : '10'), 1, 3600),
    quick,
  };
}

function partOf(text: string): Part {
  const part = PARTS.find((name) => name === text);
  if (part === undefined) throw new Error(`--only: found ${JSON.stringify(text)}; allowed: ${PARTS.join(', ')}`);
  return part;
}

process.on('SIGINT', () => process.exit(130)); // children end on exit
process.on('SIGTERM', () => process.exit(143));
try {
  const options = optionsOf(process.argv.slice(2));
  if (options === undefined) process.stdout.write(HELP);
  else await run(options);
} catch (error) {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
