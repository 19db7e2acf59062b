/**
 * A proxy process of one shard with few and with 600,000 transactions alive: CPU per call of all its threads, memory, delay, and
 * how long its shard was away from its ring. Finished transactions stay 64·T1: T1 is set so that at the rate asked for as many
 * are alive as asked, and T4 with it. Each size is filled first, then the sizes are called in turns, so that a machine that changes
 * its pace does so for all of them. While another one has its turn transactions end and none begin: a size is filled with more
 * than is asked, has that many in the middle of its turns, and the result says what there was in each.
 */
import { ProcessGroup } from '../../test/e2e/process-group.js';
import { measure, type Sample } from '../macro/measure.js';
import { figureText, printTable, progress, runLine } from '../macro/show.js';
import type { ProxyUnderTest } from '../macro/proxy.js';
import { ownBuild, startViaduct } from '../macro/viaduct.js';
import { figure, figureOf, type Figure, type Measured } from '../results.js';
import { ratioOfRounds } from '../statistics.js';
import type { AliveOptions } from './options.js';

/** Calls while nothing is compiled yet: a rate that a cold proxy can keep, so that no call has to wait for its timeout. */
const COLD = { ratePerS: 1000, seconds: 4, settleS: 0, drainS: 3, round: 0 };
/** Seconds of calls for longer than finished transactions stay, before a size is measured. */
const SETTLE_S = 4;
/** Seconds for calls to end. */
const DRAIN_S = 3;
/** The generator gives way to the proxy: else the longest pause of a shard is that for which it has no core. */
const GENERATOR_NICE = 10;
/** The generator's own settling in each run. */
const RUN_SETTLE_S = 1;
/** How much more than asked is filled. */
const FILLED = 1.15;
/** An INVITE and a BYE. */
const SERVER_TRANSACTIONS_A_CALL = 2;
/** How often the proxy is asked what it holds, while it is called. */
const ASK_EVERY_MS = 500;
/** `timers.t1Ms` may not be less. */
const LEAST_T1_MS = 10;

/** One measured run with what else was seen. */
export interface AliveSample extends Sample {
  /** Server and client transactions alive, at most. */
  readonly servers: number;
  readonly clients: number;
  /** Longest time for which the shard did not look at its ring, milliseconds. */
  readonly longestPauseMs: number;
  /** Longest collection of any thread, milliseconds; 0: there was none. */
  readonly longestGcMs: number;
}

export async function proxyPart(options: AliveOptions): Promise<Measured> {
  if (process.platform !== 'linux') throw new Error('the part proxy reads CPU time from /proc, which only Linux has');
  const group = new ProcessGroup('bench');
  const samples: AliveSample[] = [];
  const t1Ms: Record<string, number> = {};
  try {
    const proxies = new Map<number, ProxyUnderTest>();
    const sizes = options.proxySizes;
    for (const alive of sizes) {
      t1Ms[alive] = Math.max(LEAST_T1_MS, Math.round((alive * FILLED * 1000) / (options.ratePerS * SERVER_TRANSACTIONS_A_CALL * 64)));
      const build = { ...ownBuild(), label: String(alive), nodeFlags: ['--trace-gc'], settings: [`timers.t1Ms=${t1Ms[alive]}`, `timers.t4Ms=${10 * t1Ms[alive]}`] };
      proxies.set(alive, await startViaduct(group, build));
    }
    for (const alive of sizes) {
      const proxy = proxies.get(alive)!;
      const seconds = options.quick ? 1 : Math.ceil((64 * t1Ms[alive]!) / 1000) + SETTLE_S;
      await measure(group, quiet(proxy), options.quick ? { ...COLD, ratePerS: 100, seconds: 1 } : COLD);
      progress(`${alive} alive: ${seconds} s at ${options.ratePerS} calls/s, T1 ${t1Ms[alive]} ms`);
      await measure(group, quiet(proxy), { ratePerS: options.ratePerS, round: 0, seconds, settleS: 0, drainS: DRAIN_S, generatorNice: GENERATOR_NICE });
    }
    for (let round = 1; round <= options.proxyRounds; round++) {
      for (const alive of sizes) samples.push(await oneRun(group, proxies.get(alive)!, options, round));
    }
    for (const proxy of proxies.values()) await proxy.stop();
    const figures = figuresOf(samples, sizes);
    print(figures, sizes, options.ratePerS);
    return { figures, raw: { ratePerS: options.ratePerS, t1Ms, samples } };
  } finally {
    await group.dispose();
  }
}

async function oneRun(group: ProcessGroup, proxy: ProxyUnderTest, { ratePerS, seconds }: AliveOptions, round: number): Promise<AliveSample> {
  const printed = proxy.output().length;
  const most = { servers: 0, clients: 0, longestPauseMs: 0 };
  const asking = setInterval(() => void proxy.holds?.().then((held) => {
    for (const key of ['servers', 'clients', 'longestPauseMs'] as const) most[key] = Math.max(most[key], held[key]);
  }, () => {}), ASK_EVERY_MS);
  const sample = await measure(group, quiet(proxy), { ratePerS, round, seconds, settleS: RUN_SETTLE_S, drainS: DRAIN_S, generatorNice: GENERATOR_NICE });
  clearInterval(asking);
  const longestGcMs = longestCollectionMs(proxy.output().slice(printed));
  const full = { ...sample, ...most, longestGcMs };
  progress(`${runLine(full)}, ${most.servers} + ${most.clients} alive, ${(sample.memoryBytes / 1e6).toFixed(0)} MB, longest pause of the shard ${most.longestPauseMs.toFixed(1)} ms, collection ${longestGcMs} ms`);
  return full;
}

/** Without what `--trace-gc` has it print, which is no complaint. */
function quiet(proxy: ProxyUnderTest): ProxyUnderTest {
  return { ...proxy, output: () => proxy.output().replace(/^\[\d+:0x.*$\n?/gm, '') };
}

/** Of what `--trace-gc` prints: `[123:0x55] 4711 ms: Scavenge 5.1 (6.2) -> 4.0 (7.2) MB, 0.61 / 0.00 ms  (…`. */
export function longestCollectionMs(text: string): number {
  let longestMs = 0;
  for (const [, ms] of text.matchAll(/\] +\d+ ms: .*? MB, ([\d.]+) \/ /g)) longestMs = Math.max(longestMs, Number(ms));
  return longestMs;
}

/** What is compared with the first size. */
const RATIOS: readonly (readonly [string, (sample: AliveSample) => number])[] = [
  ['cpu', ({ cpuUsPerCall }) => cpuUsPerCall],
  ['cpu.shard', ({ roles }) => roles['shard']?.cpuUsPerCall ?? NaN],
  ['cpu.main', ({ roles }) => roles['main']?.cpuUsPerCall ?? NaN],
];

function figuresOf(samples: readonly AliveSample[], sizes: readonly number[]): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  const of = (alive: number): AliveSample[] => samples.filter(({ proxy, valid }) => proxy === String(alive) && valid);
  for (const alive of sizes) {
    const valid = of(alive);
    if (valid.length === 0) continue;
    const add = (name: string, unit: string, value: (sample: AliveSample) => number): void => void (figures[`${alive}.${name}`] = figureOf(unit, valid.map(value)));
    add('cpu', 'µs/call', ({ cpuUsPerCall }) => cpuUsPerCall);
    add('cpu.shard', 'µs/call', ({ roles }) => roles['shard']?.cpuUsPerCall ?? 0);
    add('cpu.main', 'µs/call', ({ roles }) => roles['main']?.cpuUsPerCall ?? 0);
    add('servers', 'transactions', ({ servers }) => servers);
    add('clients', 'transactions', ({ clients }) => clients);
    add('memory', 'bytes', ({ memoryBytes }) => memoryBytes);
    add('pause', 'ms', ({ longestPauseMs }) => longestPauseMs);
    add('gc.longest', 'ms', ({ longestGcMs }) => longestGcMs);
    add('added.p99', 'ms', ({ addedP99Us }) => addedP99Us / 1000);
    add('added.max', 'ms', ({ addedMaxUs }) => addedMaxUs / 1000);
  }
  const byRound = (alive: number, of: (sample: AliveSample) => number): (number | undefined)[] => {
    const rounds: (number | undefined)[] = [];
    for (const sample of samples) if (sample.proxy === String(alive) && sample.valid) rounds[sample.round] = of(sample);
    return Array.from(rounds);
  };
  for (const alive of sizes.slice(1)) {
    for (const [name, value] of RATIOS) {
      const [many, few] = [byRound(alive, value), byRound(sizes[0]!, value)];
      if (!many.some((one, round) => one !== undefined && few[round] !== undefined)) continue;
      const { median, min, max } = ratioOfRounds(many, few);
      figures[`${name}.${alive}/${sizes[0]!}`] = { unit: 'ratio', value: median, min, max };
    }
    if (of(alive).length === 0 || of(sizes[0]!).length === 0) continue;
    // A process gives no memory back: it has what the most took.
    const most = (size: number): number => figures[`${size}.servers`]!.max!;
    const memory = (figures[`${alive}.memory`]!.value - figures[`${sizes[0]!}.memory`]!.value) / (most(alive) - most(sizes[0]!));
    figures[`memory.${alive}`] = figure('bytes', Math.round(memory));
  }
  return figures;
}

function print(figures: Readonly<Record<string, Figure>>, sizes: readonly number[], ratePerS: number): void {
  const row = (title: string, name: string, scale = 1): string[] => [title, ...sizes.map((alive) => figureText(figures[`${alive}.${name}`], scale))];
  const ratio = (title: string, name: (alive: number) => string): string[] => [title, ...sizes.map((alive) => figureText(figures[name(alive)]))];
  printTable(`A proxy of one shard at ${ratePerS} calls/s: median (least to most)`, ['', ...sizes.map((alive) => alive.toLocaleString('en-US'))], [
    row('server transactions alive', 'servers'),
    row('client transactions alive', 'clients'),
    row('CPU, µs per call', 'cpu'),
    ratio('  ÷ with the fewest', (alive) => `cpu.${alive}/${sizes[0]!}`),
    row('  shard', 'cpu.shard'),
    ratio('    ÷ with the fewest', (alive) => `cpu.shard.${alive}/${sizes[0]!}`),
    row('  main', 'cpu.main'),
    ratio('    ÷ with the fewest', (alive) => `cpu.main.${alive}/${sizes[0]!}`),
    row('memory, MB', 'memory', 1e-6),
    ratio('  bytes a finished transaction', (alive) => `memory.${alive}`),
    row('longest pause of the shard, ms', 'pause'),
    row('longest collection, ms', 'gc.longest'),
    row('delay added, p99, ms', 'added.p99'),
    row('delay added, at most, ms', 'added.max'),
  ]);
}
