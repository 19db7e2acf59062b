/** Two results side by side, with the ratio of the second to the first. Pure, but for reading the files. Main thread. */
import { readFileSync } from 'node:fs';
import { systemReason } from '../../errors.js';
import { LoadError } from '../load-error.js';
import { bytesText, countText, percentText, rateText, timeText } from '../units.js';
import { TIME_LABELS } from './figures.js';
import { RESULT_FORMAT, type LoadResult } from './result.js';

/** One line of the comparison. */
export interface ComparedFigure {
  readonly name: string;
  readonly a: string;
  readonly b: string;
  /** Second to first; undefined when there is none to give. */
  readonly ratio: number | undefined;
  /** What is better: undefined when neither is. */
  readonly better: 'less' | 'more' | undefined;
}

export interface Comparison {
  readonly figures: readonly ComparedFigure[];
  /** What makes the two hard to compare. */
  readonly warnings: readonly string[];
}

/** Reads a file that `--json` has written. */
export function readResult(file: string): LoadResult {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new LoadError('VD_LOAD_FILE', `cannot read the result ${file}: ${systemReason(error)}`, { cause: error });
  }
  const result = parsed(text);
  if (typeof result !== 'object' || result === null || !('format' in result)) {
    throw new LoadError('VD_LOAD_FILE', `${file} is no result of viaduct load; wanted is a file that --json has written`);
  }
  if (result.format !== RESULT_FORMAT) {
    throw new LoadError('VD_LOAD_FILE', `${file}: found the format ${JSON.stringify(result.format)}; this version reads ${RESULT_FORMAT}`);
  }
  const missing = PARTS.find((part) => typeof Reflect.get(result, part) !== 'object' || Reflect.get(result, part) === null);
  if (missing !== undefined) throw new LoadError('VD_LOAD_FILE', `${file} is no whole result: found no "${missing}" in it; wanted is a file as --json has written it`);
  // For the rest, a file of this format comes from this program and is taken at its word.
  return result as LoadResult;
}

/** What a comparison reads into. */
const PARTS = ['machine', 'options', 'reasons', 'totals', 'times', 'watch', 'generator'] as const satisfies readonly (keyof LoadResult)[];

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Compares two results. */
export function compare(a: LoadResult, b: LoadResult): Comparison {
  const figures: ComparedFigure[] = [];
  const add = (name: string, read: (result: LoadResult) => number | undefined, show: (value: number) => string, better?: 'less' | 'more'): void => {
    const [left, right] = [read(a), read(b)];
    if (left === undefined && right === undefined) return;
    figures.push({
      name,
      a: left === undefined ? '–' : show(left),
      b: right === undefined ? '–' : show(right),
      ratio: left === undefined || right === undefined || left === 0 ? undefined : right / left,
      better,
    });
  };
  if (a.findMax !== undefined || b.findMax !== undefined) add('highest rate found', ({ findMax }) => findMax?.bestPerS, rateText, 'more');
  add('rate reached', ({ reachedPerS }) => reachedPerS, rateText);
  add('calls succeeded', ({ totals }) => totals['started'] === 0 ? totals['answered'] : totals['succeeded'], countText);
  add('failures', ({ failurePercent }) => failurePercent, percentText, 'less');
  add('CPU per call', watched('cpuUsPerCall'), timeText, 'less');
  add('peak memory', watched('peakRssBytes'), bytesText, 'less');
  for (const [time, label] of Object.entries(TIME_LABELS)) {
    for (const [field, title] of [['p50Us', 'p50'], ['p90Us', 'p90'], ['p99Us', 'p99'], ['p999Us', 'p99.9'], ['maxUs', 'max']] as const) {
      add(`${label} ${title}`, ({ times }) => times[time]?.[field], timeText, 'less');
    }
  }
  add('retransmissions seen', ({ totals }) => totals['retransmissionsSeen'], countText, 'less');
  add('unexpected messages', ({ totals }) => totals['unexpectedMessages'], countText, 'less');
  add('generator CPU per call', ({ generator }) => generator.cpuUsPerCall, timeText, 'less');
  return { figures, warnings: [...differences(a, b)] };
}

function watched(field: 'cpuUsPerCall' | 'peakRssBytes'): (result: LoadResult) => number | undefined {
  return ({ watch }) => (watch.length === 0 ? undefined : watch.reduce((sum, process) => sum + process[field], 0));
}

function* differences(a: LoadResult, b: LoadResult): Generator<string> {
  for (const [name, result] of [['first', a], ['second', b]] as const) if (!result.valid) yield `the ${name} result is INVALID: ${result.reasons.join('; ')}`;
  for (const key of ['cpu', 'cores', 'kernel', 'node'] as const) {
    if (a.machine[key] !== b.machine[key]) yield `the machines differ: ${key} ${a.machine[key]} and ${b.machine[key]}`;
  }
  const [left, right] = [a.options, b.options] as const;
  for (const key of Object.keys(left) as (keyof typeof left)[]) {
    // Every run has a seed of its own unless it is given, and other calls is what a seed makes.
    if (key === 'seed') continue;
    const [one, other] = [JSON.stringify(left[key]), JSON.stringify(right[key])];
    if (one !== other) yield `the options differ: ${key} ${one} and ${other}`;
  }
  if ((a.findMax === undefined) !== (b.findMax === undefined)) yield 'only one of them searched for the highest rate (--find-max)';
}
