#!/usr/bin/env node
/**
 * Simulated calls through the real engine on virtual time: `npm run sim -- --seed 7 --calls 5000 --loss 10 --shards 4`.
 * One seed after the other; the first that breaks a rule is printed with its message ladder, and the exit code is 1.
 */
import { Command, InvalidArgumentError, Option } from 'commander';
import { performance } from 'node:perf_hooks';

const { describe, simulate } = await import('../dist/sim/simulate.js');
const { DEFAULT_KNOBS } = await import('../dist/sim/scenario.js');

/** Calls of one run; more are spread over seeds. */
const CALLS_A_RUN = 20_000;

function integer(min, max) {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < min || value > max) throw new InvalidArgumentError(`Wanted is an integer from ${min} to ${max}.`);
    return value;
  };
}

const percent = integer(0, 100);
const knob = (flags, text, name, parse) => new Option(flags, text).argParser(parse).default(DEFAULT_KNOBS[name]);

const program = new Command('npm run sim --')
  .description('Runs simulated calls through the real engine, several shards of it, on virtual time, and checks the rules after every step.')
  .addOption(knob('--seed <n>', 'first seed', 'seed', integer(0, 0xffffffff)))
  .option('--runs <n>', 'how many seeds in a row', integer(1, 1_000_000), 1)
  .option('--forever', 'one seed after the other until one breaks a rule, or Ctrl+C')
  .option('--calls <n>', 'calls of each seed', integer(1, 1_000_000), DEFAULT_KNOBS.calls)
  .addOption(knob('--rate <n>', 'new calls a second of virtual time', 'callsPerSecond', integer(1, 100_000)))
  .addOption(knob('--shards <n>', 'shards', 'shards', integer(1, 64)))
  .addOption(knob('--loss <percent>', 'datagrams lost', 'lossPercent', percent))
  .addOption(knob('--dup <percent>', 'datagrams doubled', 'dupPercent', percent))
  .addOption(knob('--reorder <percent>', 'datagrams held back', 'reorderPercent', percent))
  .addOption(knob('--delay <ms>', 'shortest delay', 'delayMs', integer(0, 10_000)))
  .addOption(knob('--forks <n>', 'most branches of a call', 'forks', integer(1, 16)))
  .addOption(knob('--cancel <percent>', 'calls cancelled', 'cancelPercent', percent))
  .addOption(knob('--blind <percent>', 'of those: without waiting for a provisional response', 'blindCancelPercent', percent))
  .addOption(knob('--async <percent>', 'scripts that await something', 'asyncPercent', percent))
  .addOption(knob('--old <percent>', 'phones of RFC 2543', 'oldPhonePercent', percent))
  .addOption(knob('--crash <n>', 'shards that crash during a run', 'crashes', integer(0, 1000)))
  .addOption(new Option('--key <key>', 'what new requests are sharded by').choices(['transaction', 'call-id']).default(DEFAULT_KNOBS.key))
  .addHelpText('after', '\nA run is repeated exactly by its seed and the same options.')
  .parse();

const options = program.opts();

/** Options as knobs of one run. */
function knobs(seed, calls) {
  return {
    seed,
    calls,
    callsPerSecond: options.rate,
    shards: options.shards,
    key: options.key,
    lossPercent: options.loss,
    dupPercent: options.dup,
    reorderPercent: options.reorder,
    delayMs: options.delay,
    forks: options.forks,
    cancelPercent: options.cancel,
    blindCancelPercent: options.blind,
    asyncPercent: options.async,
    oldPhonePercent: options.old,
    crashes: options.crash,
  };
}

let stop = false;
process.once('SIGINT', () => {
  stop = true;
});

const startedMs = performance.now();
let calls = 0;
let seed = options.seed;
for (let run = 0; !stop && (options.forever === true || run < options.runs); run++) {
  for (let left = options.calls; left > 0 && !stop; left -= CALLS_A_RUN, seed++) {
    const result = await simulate(knobs(seed, Math.min(left, CALLS_A_RUN)));
    calls += result.knobs.calls;
    console.log(describe(result));
    if (result.violations.length > 0) process.exit(1);
    // The loop is all microtasks and synchronous work: give Ctrl+C a chance.
    await new Promise((resolve) => { setTimeout(resolve, 0); });
  }
}
const seconds = (performance.now() - startedMs) / 1000;
console.log(`${calls} calls in ${seconds.toFixed(1)} s, no rule broken`);
