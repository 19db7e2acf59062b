#!/usr/bin/env node
/**
 * Simulated calls through the real engine on virtual time: `npm run sim -- --seed 7 --calls 5000 --loss 10 --shards 4`.
 * One seed after the other, on as many cores as there are; the first that breaks a rule is made small and printed with its
 * message ladder, and the exit code is 1. The main thread hands out seeds and reports; workers simulate.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import { clearInterval, setInterval } from 'node:timers';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

const { describe, simulate } = await import('../dist/sim/simulate.js');
const { DEFAULT_KNOBS, KNOB_FLAGS } = await import('../dist/sim/knobs.js');
const { sweepRuns } = await import('../dist/sim/sweep.js');

/** Calls of one run; more are spread over seeds. */
const CALLS_A_RUN = 10_000;
/** A failing run is not made smaller for longer than this. */
const SHRINK_MS = 60_000;
const PROGRESS_EVERY_MS = 500;
/** What does not fit into the nursery of the heap is moved about: short runs live in there whole. */
const RESOURCES = { maxYoungGenerationSizeMb: 192 };

if (isMainThread) main();
else parentPort.on('message', (knobs) => { void work(knobs); });

/** In a worker: one run. */
async function work(knobs) {
  let untilMs = 0;
  const mayShrink = () => {
    if (untilMs === 0) {
      untilMs = performance.now() + SHRINK_MS;
      parentPort.postMessage({ kind: 'failing', seed: knobs.seed });
    }
    return performance.now() < untilMs;
  };
  const result = await simulate(knobs, undefined, { mayShrink });
  parentPort.postMessage({ kind: 'done', seed: knobs.seed, calls: result.knobs.only < 0 ? result.knobs.calls : 1, isClean: result.violations.length === 0, text: describe(result) });
}

function integer(min, max) {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) throw new InvalidArgumentError(`Wanted is an integer from ${min} to ${max}.`);
    return value;
  };
}

function parseOptions() {
  const program = new Command('npm run sim --')
    .description('Runs simulated calls through the real engine, several shards of it, on virtual time, and checks the rules of RFC 3261 on every message.')
    .option('--sweep', 'the table of settings that `npm test` runs, instead of one setting')
    .option('--runs <n>', 'how many seeds in a row', integer(1, 1_000_000), 1)
    .option('--forever', 'one seed after the other until one breaks a rule, or Ctrl+C')
    .option('--jobs <n>', 'seeds that run side by side', integer(1, 256), availableParallelism());
  for (const { knob, flag, unit, min, max, text } of KNOB_FLAGS) {
    const bound = knob === 'calls' ? 1_000_000 : max;
    program.addOption(new Option(`--${flag} <${unit}>`, text).argParser(integer(min, bound)).default(DEFAULT_KNOBS[knob]));
  }
  program
    .addOption(new Option('--key <key>', 'what new requests are sharded by').choices(['transaction', 'call-id']).default(DEFAULT_KNOBS.key))
    .addHelpText(
      'after',
      `
Percentages are of calls, those of --loss, --dup, --reorder and --send-fail of datagrams.
A run is repeated exactly by its seed and the same options. Exit code: 0, or 1 when a rule was broken.

Examples:
  npm run sim -- --seed 7 --calls 5000 --loss 10 --dup 5 --reorder 20 --shards 4 --forks 3 --cancel 30
  npm run sim -- --calls 2000 --crash 10 --shards 4 --runs 20
  npm run sim -- --sweep --forever`,
    )
    .parse();
  return program.opts();
}

/** Knobs of one run after the other. */
function* plans(options) {
  if (options.sweep === true) {
    for (let seed = options.seed, round = 0; options.forever === true || round < options.runs; round++) {
      const runs = sweepRuns(seed);
      for (const { knobs } of runs) yield knobs;
      seed = (seed + runs.length) >>> 0;
    }
    return;
  }
  const knobs = { key: options.key };
  for (const { knob, flag } of KNOB_FLAGS) knobs[knob] = options[camelCase(flag)];
  let { seed } = options;
  for (let run = 0; options.forever === true || run < options.runs; run++) {
    // One call alone has its number and plan among all that are asked for, so that they stay in one run.
    const most = options.only >= 0 ? options.calls : CALLS_A_RUN;
    for (let left = options.calls; left > 0; left -= most, seed = (seed + 1) >>> 0) yield { ...knobs, seed, calls: Math.min(left, most) };
  }
}

function camelCase(flag) {
  return flag.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase());
}

function main() {
  const options = parseOptions();
  const queue = plans(options);
  const startedMs = performance.now();
  const isTerminal = process.stdout.isTTY === true;
  const workers = [];
  let calls = 0;
  let runs = 0;
  let busy = 0;
  let lastSeed = options.seed;
  let isStopping = false;
  /** A run has broken a rule and is being made smaller. */
  let isBroken = false;

  const clear = () => { if (isTerminal) process.stdout.write('\r\x1b[K'); };
  const rate = () => Math.round(calls / Math.max(0.001, (performance.now() - startedMs) / 1000));
  const finish = (code, words) => {
    if (isStopping) return;
    isStopping = true;
    clearInterval(ticking);
    clear();
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(`${calls.toLocaleString('en')} calls in ${runs.toLocaleString('en')} ${runs === 1 ? 'run' : 'runs'}, ${seconds} s, ${rate().toLocaleString('en')} calls/s: ${words}`);
    process.exitCode = code;
    for (const worker of workers) void worker.terminate();
  };
  const ticking = setInterval(() => {
    if (!isTerminal) return;
    clear();
    process.stdout.write(`${calls.toLocaleString('en')} calls, ${rate().toLocaleString('en')} calls/s, seed ${lastSeed}, ${busy} at a time `);
  }, PROGRESS_EVERY_MS);

  const next = (worker) => {
    const { value, done } = queue.next();
    if (done === true) {
      if (busy === 0) finish(0, 'no rule broken');
      return;
    }
    busy++;
    lastSeed = value.seed;
    worker.postMessage(value);
  };
  const onMessage = (worker, message) => {
    if (isStopping) return;
    clear();
    if (message.kind === 'failing') {
      isBroken = true;
      console.log(`seed ${message.seed} broke a rule; looking for a smaller run that does …`);
      return;
    }
    busy--;
    runs++;
    calls += message.calls;
    if (!isTerminal || !message.isClean || (options.forever !== true && options.sweep !== true)) console.log(message.text);
    if (message.isClean) next(worker);
    else finish(1, 'a rule was broken');
  };

  const stop = () => {
    if (isBroken) finish(1, 'stopped after a rule was broken');
    else finish(0, 'stopped, no rule broken');
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  // Not more than there is to do.
  const wanted = options.forever === true || options.sweep === true ? options.jobs : Math.min(options.jobs, options.runs * Math.ceil(options.calls / CALLS_A_RUN));
  for (let i = 0; i < Math.max(1, wanted) && !isStopping; i++) {
    const worker = new Worker(new URL(import.meta.url), { resourceLimits: RESOURCES });
    workers.push(worker);
    worker.on('message', (message) => { onMessage(worker, message); });
    worker.on('error', (error) => {
      clear();
      console.error(error);
      finish(1, 'a worker failed');
    });
    next(worker);
  }
}
