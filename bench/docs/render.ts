/**
 * docs/benchmarks.md with its charts and the table of the README, made from results. A figure that no result has is in no table, and
 * every table names its command. Pure.
 */
import type { Sample } from '../macro/measure.js';
import type { SearchStep } from '../macro/search.js';
import { figureText } from '../macro/show.js';
import type { BenchResult, Figure } from '../results.js';
import { significant } from '../statistics.js';
import { renderBarChart, type Bar } from './bar-chart.js';

/** Between these lines of the README stands its table. */
export const README_BEGIN = '<!-- Benchmarks: made from bench/results by npm run docs:benchmarks. -->';
export const README_END = '<!-- End of benchmarks. -->';

const PICTURES = 'docs/benchmarks';

type Results = ReadonlyMap<string, BenchResult>;

/** Files by path, for results by name. */
export function renderBenchmarkDocs(results: Results): Record<string, string> {
  const files: Record<string, string> = {};
  const picture = (name: string, text: string, alt: string): string[] => {
    files[`${PICTURES}/${name}.svg`] = text;
    return [`![${alt}](benchmarks/${name}.svg)`, ''];
  };
  const told = new Set<string>();
  const sections = [
    ...cpuSection(results, told, picture),
    ...threadsSection(results, told),
    ...handoverSection(results, told, picture),
    ...maxSection(results, told, picture),
    ...delaySection(results, told, picture),
    ...sippSection(results, told),
    ...aloneSection(results, told),
    ...otherSections(results, told),
  ];
  files['docs/benchmarks.md'] = [...introduction(results), ...sections].join('\n');
  return files;
}

/** The README with its table replaced; throws an Error when it has no place for one. */
export function renderReadme(readme: string, results: Results): string {
  const [begin, end] = [readme.indexOf(README_BEGIN), readme.indexOf(README_END)];
  if (begin < 0 || end < begin) throw new Error(`README.md has no lines ${README_BEGIN} and ${README_END}`);
  return `${readme.slice(0, begin + README_BEGIN.length)}\n${readmeTable(results).join('\n')}\n${readme.slice(end)}`;
}

function introduction(results: Results): string[] {
  return [
    '# Benchmarks',
    '',
    '<!-- Made from bench/results by npm run docs:benchmarks. Change nothing here. -->',
    '',
    'What Viaduct costs, and what Kamailio costs beside it. Every table names the command that repeats it; every figure with its raw',
    'samples, machine and commit is in [bench/results](../bench/results). `60 (58 to 63)` is the median of the rounds with the least',
    'and the most of them; a dash: no run at that rate could be used.',
    '',
    'How it is measured: both proxies are stateful relays with Record-Route and a script that does the same work',
    '([relay.ts](../bench/workloads/relay.ts), [kamailio.cfg](../bench/peers/kamailio.cfg)), with one worker: Viaduct with one shard',
    'beside its main thread, Kamailio with one child and its fast allocator (`-x fm`). `viaduct load` is caller and callee on the same machine,',
    'over loopback: INVITE, 100, 180, 200, ACK, BYE, 200. The processes start, take calls for ten seconds and stay up; then they are measured in turns,',
    'A B A B, so that a ratio is one of neighbours in time. CPU is the time that all threads spent on a core by the kernel’s own count',
    '(`/proc/PID/task/*/schedstat`). A run whose generator did not keep the rate, or in which a proxy did not keep up, so that messages were sent again, is marked and not used.',
    '',
    '**Take the ratios.** Absolute figures belong to the machine, and on a shared one they drift by the hour.',
    '',
    ...machineTable(results),
  ];
}

/** One row for each machine, kernel, Node version and commit. */
function machineTable(results: Results): string[] {
  const rows = new Map<string, string[]>();
  for (const result of sorted(results)) {
    const { machine, commit, dirty } = result;
    const row = `${machine.cpu}, ${machine.cores} cores | ${machine.kernel} | ${machine.node} | ${commit === null ? 'unknown' : commit.slice(0, 10)}${dirty ? ', changed' : ''} | ${result.startedAt.slice(0, 10)}`;
    rows.set(row, [...(rows.get(row) ?? []), result.name]);
  }
  if (rows.size === 0) return ['There are no results yet.', ''];
  return ['| results | machine | kernel | Node | commit | date |', '|---|---|---|---|---|---|', ...[...rows].map(([row, names]) => `| ${names.join(', ')} | ${row} |`), ''];
}

type Picture = (name: string, text: string, alt: string) => string[];

function cpuSection(results: Results, told: Set<string>, picture: Picture): string[] {
  const rates = byRate(results, 'peers-cpu-');
  if (rates.length === 0) return [];
  const labels = ['viaduct', 'kamailio'];
  const chart = renderBarChart({
    title: 'CPU per call, µs, all threads (less is better)',
    unit: 'µs',
    groups: rates.map(([rate, { figures }]) => ({ name: `${count(rate)} calls/s`, bars: labels.map((label) => barOf(figures[`${label}.cpu`])) })),
    legend: labels.map(capital),
    text: short,
  }, 'bench/results/peers-cpu-*.json');
  return [
    '## CPU per call, beside Kamailio',
    '',
    ...picture('cpu', chart, 'CPU per call of Viaduct and Kamailio at each rate'),
    '| calls/s | Viaduct, µs | Kamailio, µs | Viaduct ÷ Kamailio | memory, Viaduct, MB | Kamailio, MB |',
    '|---:|---:|---:|---:|---:|---:|',
    ...rates.map(([rate, { figures }]) => tell([count(rate), figureText(figures['viaduct.cpu']), figureText(figures['kamailio.cpu']), `**${figureText(figures['viaduct/kamailio'])}**`, figureText(once(figures['viaduct.memory']), 1e-6), figureText(once(figures['kamailio.memory']), 1e-6)])),
    '',
    ...unused(rates.map(([, result]) => result)),
    ...commands(rates.map(([, result]) => result), told),
  ];
}

function threadsSection(results: Results, told: Set<string>): string[] {
  const rates = byRate(results, 'peers-cpu-');
  if (rates.length === 0) return [];
  return [
    '## Where Viaduct spends it',
    '',
    'The shard reads the sockets itself, so that it does nearly all there is to do:',
    '',
    '| calls/s | shard, µs a call | main | V8 and libuv | sleeps a call | datagrams a batch |',
    '|---:|---:|---:|---:|---:|---:|',
    ...rates.map(([rate, { figures }]) => tell([count(rate), ...['cpu.shard', 'cpu.main', 'cpu.other', 'sleeps.shard', 'datagrams.shard'].map((name) => figureText(figures[`viaduct.${name}`]))])),
    '',
    ...commands(rates.map(([, result]) => result), told),
  ];
}

/** What it costs that main receives and hands over, which it does for two shards and more. */
function handoverSection(results: Results, told: Set<string>, picture: Picture): string[] {
  const rates = byRate(results, 'hand-over-');
  if (rates.length === 0) return [];
  const floor = results.get('receive-floor');
  const ways = ['lent', 'handed', 'none'];
  const chart = renderBarChart({
    title: 'Viaduct: CPU per call, µs, all threads',
    unit: 'µs',
    groups: rates.map(([rate, { figures }]) => ({ name: `${count(rate)} calls/s`, bars: ways.map((way) => barOf(figures[`${way}.cpu`])) })),
    legend: ['the shard reads the sockets', 'the main thread hands over', 'no shards'],
    text: short,
  }, 'bench/results/hand-over-*.json');
  return [
    '## What handing over costs',
    '',
    'With two shards and more the main thread receives, chooses the shard and hands over; one shard is lent the sockets. Here one shard',
    'has its messages handed over too (`io.receiver: main`), and in the third column the engine is in the main thread (`shards: 0`).',
    '',
    ...picture('hand-over', chart, 'CPU per call of Viaduct, with and without handing over'),
    '| calls/s | shard reads, µs a call | main hands over | shard reads ÷ main hands over | no shards | shard reads ÷ no shards |',
    '|---:|---:|---:|---:|---:|---:|',
    ...rates.map(([rate, { figures }]) => tell([count(rate), figureText(figures['lent.cpu']), figureText(figures['handed.cpu']), `**${figureText(figures['lent/handed'])}**`, figureText(figures['none.cpu']), figureText(figures['lent/none'])])),
    '',
    'The main thread that hands over, per datagram that it receives (six a call), and what a bare `recvmmsg` loop takes that pauses until',
    'as many have gathered, which is the kernel’s part (with the call from JavaScript into it):',
    '',
    '| calls/s | main, µs a datagram | datagrams a batch | kernel alone, µs | above the kernel, µs |',
    '|---:|---:|---:|---:|---:|',
    ...rates.map(([rate, { figures }]) => {
      const batch = figures['handed.datagrams.main'];
      const kernel = floorAt(floor, batch?.value);
      const main = figures['handed.main.datagram'];
      return tell([count(rate), figureText(main), figureText(batch), kernel === undefined ? '–' : short(kernel), kernel === undefined || main === undefined ? '–' : short(main.value - kernel)]);
    }),
    '',
    ...floorPicture(floor, picture),
    ...commands([...rates.map(([, result]) => result), ...(floor === undefined ? [] : [floor])], told),
  ];
}

function floorPicture(floor: BenchResult | undefined, picture: Picture): string[] {
  if (floor === undefined) return [];
  const groups = floorPoints(floor).map(([batch, us]) => ({ name: short(batch), bars: [{ value: us }] }));
  return picture('receive-floor', renderBarChart({ title: 'Receiving alone: µs of CPU per datagram, by datagrams a batch', unit: 'µs', groups, legend: ['recvmmsg and sleep'], text: short }, 'bench/results/receive-floor.json'), 'CPU per datagram of a bare receive loop by size of batches');
}

function maxSection(results: Results, told: Set<string>, picture: Picture): string[] {
  const result = results.get('peers-max');
  if (result === undefined) return [];
  const labels = labelsOf(result, 'max');
  const chart = renderBarChart({ title: 'Highest rate without a failed call, calls/s (more is better)', unit: 'calls/s', groups: [{ name: 'proxy and generator on the same cores', bars: labels.map((label) => barOf(result.figures[`${label}.max`])) }], legend: labels.map(capital), text: (value) => count(value) }, 'bench/results/peers-max.json');
  return [
    '## Highest rate',
    '',
    'Without a failed call, the generator on the same cores. Known within 5 %; a step that does not pass is tried once more, and its calls have five seconds to end.',
    '',
    ...picture('max', chart, 'Highest rate of Viaduct and Kamailio'),
    '| proxy | calls/s | p99 of the delay there, ms | why not more |', '|---|---:|---:|---|',
    ...labels.map((label) => {
      const steps = (result.raw as { readonly steps?: Readonly<Record<string, readonly SearchStep[]>> } | null)?.steps?.[label] ?? [];
      const best = steps.findLast(({ ratePerS, passed }) => passed && ratePerS === result.figures[`${label}.max`]!.value);
      return tell([capital(label), count(result.figures[`${label}.max`]!.value), best === undefined ? '–' : short(best.sample.addedP99Us / 1000), steps.findLast(({ passed }) => !passed)?.reason?.replace(/:.*/, '') ?? '–']);
    }),
    ...ratioRow(result, 2),
    '',
    ...commands([result], told),
  ];
}

function delaySection(results: Results, told: Set<string>, picture: Picture): string[] {
  const result = results.get('peers-delay');
  if (result === undefined) return [];
  const labels = labelsOf(result, 'p99');
  const rate = count(result.figures['rate']?.value ?? 0);
  const milliseconds = (figure: Figure | undefined): Bar | undefined => barOf(figure, 1e-3);
  const chart = renderBarChart({ title: `Delay that the proxy adds at ${rate} calls/s, ms (less is better)`, unit: 'ms', groups: ['p50', 'p99'].map((name) => ({ name, bars: labels.map((label) => milliseconds(result.figures[`${label}.${name}`])) })), legend: labels.map(capital), text: short }, 'bench/results/peers-delay.json');
  return [
    '## Delay',
    '',
    `What the proxy adds to the set-up of a call (INVITE on its way there, 180 on its way back), at ${rate} calls/s for both.`,
    '',
    ...picture('delay', chart, 'Delay that Viaduct and Kamailio add'),
    '| proxy | p50, ms | p99, ms |', '|---|---:|---:|',
    ...labels.map((label) => tell([capital(label), figureText(result.figures[`${label}.p50`], 1e-3), figureText(result.figures[`${label}.p99`], 1e-3)])),
    ...ratioRow(result, 0, 1),
    '',
    ...unused([result]),
    ...commands([result], told),
  ];
}

function sippSection(results: Results, told: Set<string>): string[] {
  const result = results.get('peers-sipp');
  if (result === undefined) return [];
  return [
    '## The same with SIPp as generator',
    '',
    `A cross-check with a generator that is not ours, at ${count(result.figures['rate']?.value ?? 0)} calls/s: calls without ringing and holding, whose messages follow each other at once.`,
    '',
    '| proxy | CPU, µs a call |', '|---|---:|',
    ...labelsOf(result, 'cpu').map((label) => tell([capital(label), figureText(result.figures[`${label}.cpu`])])),
    ...ratioRow(result),
    '',
    ...unused([result]),
    ...commands([result], told),
  ];
}

/** `npm run bench`: Viaduct alone. */
function aloneSection(results: Results, told: Set<string>): string[] {
  const rates = byRate(results, 'viaduct-cpu-');
  const more = ['viaduct-max', 'viaduct-delay'].map((name) => results.get(name)).filter((result) => result !== undefined);
  if (rates.length === 0 && more.length === 0) return [];
  const rows = [
    ...rates.flatMap(([rate, { figures }]) => [tell([`CPU a call at ${count(rate)} calls/s, µs`, figureText(figures['viaduct.cpu'])])]),
    ...more.flatMap(({ figures }) => [
      ...(figures['viaduct.max'] === undefined ? [] : [tell(['highest rate without a failed call, calls/s', count(figures['viaduct.max'].value)])]),
      ...(figures['viaduct.p99'] === undefined ? [] : [tell([`p99 of the delay added at ${count(figures['rate']?.value ?? 0)} calls/s, ms`, figureText(figures['viaduct.p99'], 1e-3)])]),
    ]),
  ];
  return ['## Viaduct alone', '', '| what | figure |', '|---|---:|', ...rows, '', ...commands([...rates.map(([, result]) => result), ...more], told)];
}

/** Results that no section above knows: a plain table each. */
function otherSections(results: Results, told: Set<string>): string[] {
  return sorted(results).filter(({ name }) => !told.has(name)).flatMap((result) => [
    `## ${capital(result.name.replaceAll('-', ' '))}`,
    '',
    '| figure | unit | value |', '|---|---|---:|',
    ...Object.entries(result.figures).map(([name, figure]) => tell([name, figure.unit, figureText(figure)])),
    '',
    ...commands([result], told),
  ]);
}

function readmeTable(results: Results): string[] {
  const rates = byRate(results, 'peers-cpu-');
  const [max, delay] = [results.get('peers-max'), results.get('peers-delay')];
  const rows = [
    ...rates.map(([rate, { figures }]) => tell([`CPU a call at ${count(rate)} calls/s`, unit(figures['viaduct.cpu'], 'µs'), unit(figures['kamailio.cpu'], 'µs'), ratio(figures['viaduct/kamailio'])])),
    ...(max === undefined ? [] : [tell(['highest rate without a failed call', unit(max.figures['viaduct.max'], 'calls/s'), unit(max.figures['kamailio.max'], 'calls/s'), ratio(max.figures['viaduct/kamailio'])])]),
    ...(delay === undefined ? [] : [tell([`p99 of the delay added at ${count(delay.figures['rate']?.value ?? 0)} calls/s`, unit(delay.figures['viaduct.p99'], 'ms', 1e-3), unit(delay.figures['kamailio.p99'], 'ms', 1e-3), ratio(delay.figures['viaduct/kamailio'])])]),
  ];
  const any = rates[0]?.[1] ?? max ?? delay;
  if (any === undefined) return ['', 'No results yet: `npm run bench:peers`.', ''];
  return [
    '',
    '| | Viaduct | Kamailio | ratio |', '|---|---:|---:|---:|',
    ...rows,
    '',
    `\`npm run bench:peers\` on ${any.machine.cores} cores of ${/^[aeiou]/i.test(any.machine.cpu) ? 'an' : 'a'} ${any.machine.cpu}, Node ${any.machine.node}; stateful relay with Record-Route, one shard beside Kamailio with one child and \`-x fm\`. A ratio is the median of those of rounds measured in turns. How it was measured, and the rest: [docs/benchmarks.md](docs/benchmarks.md).`,
    '',
  ];
}

/** Results `PREFIX<rate>`, by rising rate. */
function byRate(results: Results, prefix: string): [number, BenchResult][] {
  return [...results].filter(([name]) => name.startsWith(prefix)).map(([name, result]): [number, BenchResult] => [Number(name.slice(prefix.length)), result]).sort(([a], [b]) => a - b);
}

/** Datagrams a batch and µs a datagram, by rising batch. */
function floorPoints({ figures }: BenchResult): [batch: number, us: number][] {
  return Object.entries(figures).filter(([name]) => name.endsWith('.batch')).map(([name, { value }]): [number, number] => [value, figures[name.replace(/batch$/, 'kernel')]!.value]).sort(([a], [b]) => a - b);
}

/** The kernel's part at `batch` datagrams a batch: between two measured sizes in proportion to 1/batch, which is what a wake-up shared by a batch gives. */
export function floorAt(floor: BenchResult | undefined, batch: number | undefined): number | undefined {
  if (floor === undefined || batch === undefined) return undefined;
  const points = floorPoints(floor);
  const above = points.findIndex(([size]) => size >= batch);
  if (above <= 0) return points.at(above < 0 ? -1 : 0)?.[1];
  const [[size0, us0], [size1, us1]] = [points[above - 1]!, points[above]!];
  return us0 + ((1 / batch - 1 / size0) / (1 / size1 - 1 / size0)) * (us1 - us0);
}

/** Says which runs were measured and not used, and why: a figure above may rest on fewer rounds than were measured. */
function unused(results: readonly BenchResult[]): string[] {
  const lines = results.flatMap(({ raw }) => samplesOf(raw).filter(({ valid }) => !valid).map(({ proxy, ratePerS, round, reasons }) => `* ${capital(proxy)}, ${count(ratePerS)} calls/s, round ${round}: ${reasons.join('; ')}`));
  return lines.length === 0 ? [] : ['Runs that were not used, so that the figures above rest on fewer rounds:', '', ...lines, ''];
}

type Run = Pick<Sample, 'proxy' | 'ratePerS' | 'round' | 'valid' | 'reasons'>;

function samplesOf(raw: unknown): readonly Run[] {
  return (raw as { readonly samples?: readonly Run[] } | null)?.samples ?? [];
}

function commands(results: readonly BenchResult[], told: Set<string>): string[] {
  for (const { name } of results) told.add(name);
  return ['```console', ...[...new Set(results.map(({ command }) => `$ ${command}`))], '```', ''];
}

function labelsOf({ figures }: BenchResult, name: string): string[] {
  return Object.keys(figures).filter((key) => key.endsWith(`.${name}`) && !key.includes('/')).map((key) => key.slice(0, -name.length - 1));
}

function ratioRow({ figures }: BenchResult, columnsAfter = 0, columnsBefore = 0): string[] {
  return Object.entries(figures).filter(([name]) => name.includes('/')).map(([name, figure]) => tell([name.split('/').map(capital).join(' ÷ '), ...Array.from({ length: columnsBefore }, () => ''), `**${figureText(figure)}**`, ...Array.from({ length: columnsAfter }, () => '')]));
}

function barOf(figure: Figure | undefined, scale = 1): Bar | undefined {
  if (figure === undefined) return undefined;
  return { value: figure.value * scale, ...(figure.min === undefined || figure.max === undefined ? {} : { min: figure.min * scale, max: figure.max * scale }) };
}

/** Only the value. */
function once(figure: Figure | undefined): Figure | undefined {
  return figure === undefined ? undefined : { unit: figure.unit, value: figure.value };
}

function unit(figure: Figure | undefined, name: string, scale = 1): string {
  return figure === undefined ? '–' : `${name === 'calls/s' ? count(figure.value) : short(figure.value * scale)} ${name}`;
}

function ratio(figure: Figure | undefined): string {
  return figure === undefined ? '–' : `**${short(figure.value, 2)}**`;
}

function short(value: number, digits = 3): string {
  return String(significant(value, digits));
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function tell(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function sorted(results: Results): BenchResult[] {
  return [...results.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
