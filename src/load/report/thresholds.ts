/**
 * `--fail-if 'p99 > 20ms'`: conditions on a result under which the run has failed. Read once when the command begins, so
 * that a typing error costs no run. Pure.
 */
import { nearest } from '../../config/suggest.js';
import { FAILURE_CAUSES, LOAD_COUNTERS, LOAD_TIMES } from '../metrics.js';
import { bytesText, countText, parseBytes, parseTimeUs, percentText, rateText, TIME_FORM, timeText } from '../units.js';
import type { LoadResult, ThresholdOutcome, TimeFigures } from './result.js';

const OPERATORS = ['>', '>=', '<', '<=', '==', '!='] as const;
type Operator = (typeof OPERATORS)[number];

/** What a value is measured in. */
type Kind = 'time' | 'count' | 'percent' | 'rate' | 'bytes';

/** A condition, read and checked. */
export interface Threshold {
  readonly text: string;
  readonly kind: Kind;
  readonly operator: Operator;
  /** Microseconds, percent, calls per second, bytes or a plain number. */
  readonly bound: number;
  /** The measured value, undefined when the run has none. */
  readonly read: (result: LoadResult) => number | undefined;
  /** It can only be judged with --watch-pid. */
  readonly needsWatch: boolean;
}

const TIME_FIELDS: Readonly<Record<string, keyof TimeFigures & `${string}Us`>> = {
  p50: 'p50Us', p90: 'p90Us', p95: 'p95Us', p99: 'p99Us', 'p99.9': 'p999Us', max: 'maxUs', mean: 'meanUs', min: 'minUs',
};

const TIMES = LOAD_TIMES.map(({ name }) => name);
const COUNTERS = LOAD_COUNTERS.map(({ name }) => name);
const CAUSES = FAILURE_CAUSES.map((cause) => LOAD_COUNTERS[cause]!.name);

/** What a metric may be, a line each, for `--help` and error messages. */
export const METRIC_LINES: readonly string[] = [
  `${Object.keys(TIME_FIELDS).join(', ')} (of the main time; of another with its name in front: ${TIMES.map((name) => `${name}.p99`).join(', ')})`,
  `failures (percent or a number), failures.${CAUSES.join(', failures.')}`,
  'rate (calls/s reached), cpu (time per call, with --watch-pid), memory (peak, with --watch-pid)',
  COUNTERS.filter((name) => !CAUSES.includes(name)).join(', '),
];

/** Reads a condition; a text says what is wrong with it, for the operator. */
export function parseThreshold(text: string): Threshold | string {
  const match = /^\s*([A-Za-z][\w.]*)\s*(>=|<=|==|!=|>|<|=)\s*(.+?)\s*$/.exec(text);
  if (match === null) return `${text.trim() === '' ? 'is empty' : 'has another form'}. Wanted: METRIC OPERATOR VALUE, as in 'p99 > 20ms' or 'failures > 0.01%'; operators: ${OPERATORS.join(' ')}`;
  const [, name, operatorText, value] = match;
  const operator = (operatorText === '=' ? '==' : operatorText) as Operator;
  const metric = findMetric(name!);
  if (metric === undefined) return `has no metric that is known: found ${name!}${suggestion(name!)}; allowed: ${METRIC_LINES.join('; ')}`;
  for (const kind of metric.kinds) {
    const bound = parseBound(kind, value!);
    if (bound !== undefined) return { text: text.trim(), kind, operator, bound, read: (result) => metric.read(result, kind), needsWatch: metric.needsWatch };
  }
  return `has no value that fits ${name!}: found ${value!}. Allowed: ${metric.kinds.map((kind) => FORMS[kind]).join(', or ')}`;
}

interface Metric {
  readonly kinds: readonly Kind[];
  readonly needsWatch: boolean;
  read(result: LoadResult, kind: Kind): number | undefined;
}

function findMetric(name: string): Metric | undefined {
  const dot = /^([A-Za-z]\w*)\.(.+)$/.exec(name);
  if (Object.hasOwn(TIME_FIELDS, name)) return timeMetric(TIME_FIELDS[name]!, undefined);
  if (dot !== null && TIMES.includes(dot[1]!) && Object.hasOwn(TIME_FIELDS, dot[2]!)) return timeMetric(TIME_FIELDS[dot[2]!]!, dot[1]);
  if (dot !== null && dot[1] === 'failures' && CAUSES.includes(dot[2]!)) {
    const cause = dot[2]!;
    return {
      kinds: ['percent', 'count'],
      needsWatch: false,
      read: (result, kind) => (kind === 'count' ? result.failures[cause] : percentOfEnded(result, result.failures[cause] ?? 0)),
    };
  }
  if (name === 'failures') {
    return { kinds: ['percent', 'count'], needsWatch: false, read: (result, kind) => (kind === 'count' ? result.totals['failed'] : result.failurePercent) };
  }
  if (name === 'rate') return { kinds: ['rate'], needsWatch: false, read: ({ reachedPerS }) => reachedPerS };
  if (name === 'cpu') return { kinds: ['time'], needsWatch: true, read: ({ watch }) => sum(watch.map(({ cpuUsPerCall }) => cpuUsPerCall)) };
  if (name === 'memory') return { kinds: ['bytes'], needsWatch: true, read: ({ watch }) => sum(watch.map(({ peakRssBytes }) => peakRssBytes)) };
  if (COUNTERS.includes(name)) return { kinds: ['count'], needsWatch: false, read: ({ totals }) => totals[name] };
  return undefined;
}

function timeMetric(field: keyof TimeFigures & `${string}Us`, time: string | undefined): Metric {
  return { kinds: ['time'], needsWatch: false, read: ({ times, mainTime }) => times[time ?? mainTime]?.[field] };
}

/** As `failurePercent` of the result, for a part of the failures. */
function percentOfEnded({ totals, failures, interrupted }: LoadResult, failed: number): number {
  const succeeded = totals['started'] === 0 ? (totals['answered'] ?? 0) : (totals['succeeded'] ?? 0);
  const ended = succeeded + (totals['failed'] ?? 0) - (interrupted ? (failures['aborted'] ?? 0) : 0);
  return ended <= 0 ? 0 : (100 * failed) / ended;
}

function sum(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
}

function suggestion(name: string): string {
  const dot = name.lastIndexOf('.');
  const candidates = [...Object.keys(TIME_FIELDS), 'failures', 'rate', 'cpu', 'memory', ...COUNTERS, ...CAUSES.map((cause) => `failures.${cause}`)];
  const near = nearest(name, candidates) ?? (dot > 0 && Object.hasOwn(TIME_FIELDS, name.slice(dot + 1)) ? nearest(name, TIMES.map((time) => `${time}${name.slice(dot)}`)) : undefined);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

const FORMS: Readonly<Record<Kind, string>> = {
  time: TIME_FORM,
  count: 'a number',
  percent: 'a percentage, as in 0.01%',
  rate: 'calls per second, as in 2000 or 2000/s',
  bytes: 'a size with its unit, as in 200MB',
};

function parseBound(kind: Kind, text: string): number | undefined {
  switch (kind) {
    case 'time':
      return parseTimeUs(text);
    case 'bytes':
      return parseBytes(text);
    case 'percent':
      return plain(/^([\d.]+)\s*%$/.exec(text)?.[1]);
    case 'rate':
      return plain(/^([\d.]+)\s*(?:\/s)?$/.exec(text)?.[1]);
    case 'count':
      return plain(text);
  }
}

function plain(text: string | undefined): number | undefined {
  return text !== undefined && /^(\d+(\.\d+)?|\.\d+)$/.test(text) ? Number(text) : undefined;
}

/** Judges a result. A condition on what was not measured does not hold: silence is no success. */
export function judge(threshold: Threshold, result: LoadResult): ThresholdOutcome {
  const { text, kind, operator, bound } = threshold;
  const value = threshold.read(result);
  if (value === undefined) return { text, value: null, measured: 'nothing was measured', held: false };
  return { text, value, measured: SHOWN[kind](value), held: !isTrue(value, operator, bound) };
}

const SHOWN: Readonly<Record<Kind, (value: number) => string>> = { time: timeText, count: countText, percent: percentText, rate: rateText, bytes: bytesText };

function isTrue(value: number, operator: Operator, bound: number): boolean {
  switch (operator) {
    case '>':
      return value > bound;
    case '>=':
      return value >= bound;
    case '<':
      return value < bound;
    case '<=':
      return value <= bound;
    case '==':
      return value === bound;
    case '!=':
      return value !== bound;
  }
}
