/** The result as text, for the end of a run and for comparisons. Pure. */
import type { Comparison } from '../report/compare.js';
import { shortSteps, shortText } from '../report/deciding-steps.js';
import { TIME_LABELS, causeText, generatorText } from '../report/figures.js';
import { LOAD_COUNTERS } from '../metrics.js';
import type { FindMaxResult, LoadResult, WatchedProcess } from '../report/result.js';
import { bytesText, countText, percentText, rateText, timeText } from '../units.js';
import { plainTable } from './frame.js';
import { stepHeader, stepLine } from './steps.js';
import { lineOf, type Screen, type Span } from './style.js';

/** Threads of a watched process that are shown, when they do anything; the file has all. */
const THREADS_SHOWN = 12;
/** A rate over less time than this says nothing. */
export const RATE_SECONDS = 1;
/** Counters that are shown when they are not zero, in this order. */
const NOTED = [
  'retransmissionsSent', 'retransmissionsSeen', 'unexpectedMessages', 'unreadableMessages', 'faultDoubled', 'faultLost', 'faultDelayed', 'skipped', 'overrun', 'sendDropped',
  'tableFull',
];

/** The whole result, several lines, the last one ended. */
export function finalText(result: LoadResult, screen: Pick<Screen, 'colors'>): string {
  const line = (...spans: Span[]): string => lineOf(spans, { colors: screen.colors, columns: Infinity });
  const { findMax, thresholds, watch } = result;
  const blocks: string[] = [];
  if (findMax !== undefined) blocks.push(stepsText(findMax, line));
  blocks.push(headText(result, line));
  const times = Object.entries(result.times);
  if (times.length > 0) blocks.push(timesTable(result));
  const noted = NOTED.filter((name) => (result.totals[name] ?? 0) > 0);
  if (noted.length > 0) blocks.push(notedText(result, noted));
  for (const process of watch) blocks.push(watchTable(process));
  if (thresholds.length > 0) blocks.push(thresholds.map(({ text, measured, held }) => line(held ? ['held    ', 'green'] : ['FAILED  ', 'red', 'bold'], `fail if ${text}: ${measured}`)).join('\n'));
  if (!result.valid) blocks.push(invalidText(result, line));
  return `${blocks.join('\n\n')}\n`;
}

type Line = (...spans: Span[]) => string;

function headText(result: LoadResult, line: Line): string {
  const { totals, failurePercent, findMax, interrupted, options, failures } = result;
  const calleeOnly = options.role === 'uas';
  const title = findMax === undefined ? 'Result' : findMax.bestPerS > 0 ? 'Figures of the highest rate that passed' : 'Figures of the last step';
  // What the operator cut off has not failed.
  const cutOff = interrupted ? (failures['aborted'] ?? 0) : 0;
  const failed = (totals['failed'] ?? 0) - cutOff;
  const rows: Span[][] = [];
  if (result.measuredS < RATE_SECONDS) rows.push(['  rate        ', `too short for a rate: ${result.measuredS.toFixed(2)} s`]);
  else if (!calleeOnly) rows.push(['  rate        ', [rateText(result.reachedPerS), 'bold'], ` reached, ${rateText(result.askedPerS)} asked, over ${result.measuredS.toFixed(1)} s`]);
  else rows.push(['  rate        ', [rateText(result.reachedPerS), 'bold'], ` answered, over ${result.measuredS.toFixed(1)} s`]);
  rows.push([
    '  calls       ',
    calleeOnly ? '' : `${countText(totals['started'] ?? 0)} begun${result.inFlightAtStart > 0 ? ` (${countText(result.inFlightAtStart)} before, in the warm-up)` : ''}, `,
    [`${countText((calleeOnly ? totals['answered'] : totals['succeeded']) ?? 0)} ${calleeOnly ? 'answered' : 'succeeded'}`, 'green'], ', ',
    failed === 0 ? '0 failed' : [`${countText(failed)} failed (${percentText(failurePercent)})`, 'red'],
    cutOff === 0 ? '' : `, ${countText(cutOff)} cut off when the run was stopped`,
  ]);
  for (const [name, count] of Object.entries(failures)) if (count > 0 && !(interrupted && name === 'aborted')) rows.push(['              ', [`${countText(count)} ${causeText(name, result.statuses)}`, 'red'], `: ${helpOf(name)}`]);
  rows.push(['  messages    ', `${countText(totals['messagesSent'] ?? 0)} sent, ${countText(totals['messagesReceived'] ?? 0)} received`]);
  rows.push(['  generator   ', generatorText(result.generator)]);
  rows.push(['  seed        ', `${options.seed}: with it, --seed repeats the random choices`]);
  return [line([title, 'bold'], interrupted ? ' (stopped before its time)' : ''), ...rows.map((spans) => line(...spans))].join('\n');
}

function timesTable({ times, mainTime }: LoadResult): string {
  return plainTable(
    ['Time', 'count', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'],
    Object.entries(times).map(([name, figures]) => [
      `${name === mainTime ? '* ' : '  '}${TIME_LABELS[name] ?? name}`,
      countText(figures.count),
      ...[figures.meanUs, figures.p50Us, figures.p90Us, figures.p95Us, figures.p99Us, figures.p999Us, figures.maxUs].map(timeText),
    ]),
  );
}

function notedText({ totals }: LoadResult, names: readonly string[]): string {
  const counts = names.map((name) => countText(totals[name] ?? 0));
  const [nameWidth, countWidth] = [Math.max(...names.map(({ length }) => length)), Math.max(...counts.map(({ length }) => length))];
  return ['Seen', ...names.map((name, i) => `  ${name.padEnd(nameWidth)}  ${counts[i]!.padStart(countWidth)}  ${helpOf(name)}`)].join('\n');
}

function watchTable({ pid, name, processes, cpuUsPerCall, cpuPercent, peakRssBytes, threads }: WatchedProcess): string {
  const busy = threads.filter(({ cpuPercent }) => cpuPercent >= 0.05).slice(0, THREADS_SHOWN);
  const rest = threads.slice(busy.length);
  const rows = busy.map((thread) => [`  ${thread.name} (${thread.tid})${thread.ended ? ', ended' : ''}`, timeText(thread.cpuUsPerCall), percentOfCore(thread.cpuPercent)]);
  if (rest.length > 0) rows.push([`  ${rest.length} more`, timeText(sum(rest.map((thread) => thread.cpuUsPerCall))), percentOfCore(sum(rest.map((thread) => thread.cpuPercent)))]);
  return plainTable(
    ['Watched', 'CPU per call', 'of a core'],
    [[`${name} (${pid})${processes > 1 ? ` and ${processes - 1} below it` : ''}, ${bytesText(peakRssBytes)} at most`, timeText(cpuUsPerCall), percentOfCore(cpuPercent)], ...rows],
  );
}

function percentOfCore(percent: number): string {
  return `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function stepsText(findMax: FindMaxResult, line: Line): string {
  return [line(...stepHeader()), ...findMax.steps.map((step) => line(...stepLine(step))), '', line(...foundSpans(findMax))].join('\n');
}

/** The outcome of a search in a sentence. */
export function foundSpans(findMax: FindMaxResult): Span[] {
  const { bestPerS, limit, maxFailurePercent, maxP99Us } = findMax;
  const bounds = `with failures under ${percentText(maxFailurePercent)} and p99 under ${timeText(maxP99Us)}`;
  const limits: Readonly<Record<FindMaxResult['limit'], string>> = {
    failures: 'beyond it, failures are the limit',
    p99: 'beyond it, p99 is the limit',
    drain: 'beyond it, calls do not end',
    generator: 'beyond it, the generator itself was the limit: the target may bear more',
    ceiling: 'the search went no further',
    interrupted: 'the search was stopped before its end',
  };
  const short = shortSteps(findMax);
  const doubt: Span[] = short.length === 0 ? [] : [[` But ${shortText(short)}.`, 'yellow']];
  if (bestPerS === 0) return [['No rate passed', 'red', 'bold'], ` ${bounds}.`, ...doubt];
  return ['Highest rate: ', [rateText(bestPerS), 'bold', 'green'], ` ${bounds}; ${limits[limit]}.`, ...doubt];
}

function invalidText({ reasons }: LoadResult, line: Line): string {
  return [line(['INVALID: these figures say little about the target', 'red', 'bold']), ...reasons.map((reason) => line('  ', reason))].join('\n');
}

function helpOf(name: string): string {
  return LOAD_COUNTERS.find((counter) => counter.name === name)?.help ?? '';
}

/** A comparison as a table, with its warnings above. */
export function comparisonText({ figures, warnings }: Comparison, names: readonly [string, string], screen: Pick<Screen, 'colors'>): string {
  const warned = warnings.map((warning) => lineOf([['! ', 'yellow', 'bold'], [warning, 'yellow']], { colors: screen.colors, columns: Infinity }));
  const rows = figures.map(({ name, a, b, ratio, better }) => [name, a, b, ratioText(ratio), verdict(ratio, better)]);
  return `${[...warned, ...(warned.length > 0 ? [''] : []), plainTable(['', ...names, 'ratio', ''], rows)].join('\n')}\n`;
}

function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? '–' : `${ratio.toFixed(ratio < 10 ? 3 : 1)}×`;
}

/** Two runs of the same are never equal to the last digit. */
const SAME_WITHIN = 0.03;

function verdict(ratio: number | undefined, better: 'less' | 'more' | undefined): string {
  if (ratio === undefined || better === undefined || Math.abs(ratio - 1) <= SAME_WITHIN) return '';
  return ratio < 1 === (better === 'less') ? 'better' : 'worse';
}
