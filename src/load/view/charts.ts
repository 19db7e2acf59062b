/** Which charts a result has, and what is in them. Pure. */
import { TIME_LABELS } from '../report/figures.js';
import type { LoadResult, SeriesRow, TimeFigures } from '../report/result.js';
import { clockText, countText, rateText, timeText } from '../units.js';
import { linearScale, timeScale, type Scale } from './scale.js';
import type { Chart } from './svg-chart.js';

/** More points than this cannot be told apart on a page. */
const POINTS_MOST = 400;
/** Times that hold no waiting of the scenario's own, in the order of their colours. */
const DISTRIBUTIONS: readonly (readonly [time: string, color: string])[] = [
  ['invite100', 'teal'], ['invite180', 'blue'], ['request', 'orange'], ['bye200', 'violet'], ['added', 'red'],
];

/** All charts, in the order of the page. */
export function chartsOf(result: LoadResult): Chart[] {
  const charts: Chart[] = [];
  const rows = condensed(result.series);
  if (result.findMax !== undefined && result.findMax.steps.length > 0) charts.push(stepsChart(result));
  if (rows.length > 0) charts.push(...overTime(result, rows));
  const distributions = DISTRIBUTIONS.filter(([time]) => (result.times[time]?.count ?? 0) > 1);
  if (distributions.length > 0) charts.push(distributionChart(distributions.map(([time, color]) => ({ time, color, figures: result.times[time]! }))));
  return charts;
}

function overTime(result: LoadResult, rows: readonly SeriesRow[]): Chart[] {
  const calleeOnly = result.options.role === 'uas';
  // What was counted over a second stands in its middle.
  const x = rows.map(({ atS }, i) => (atS + (rows[i - 1]?.atS ?? 0)) / 2);
  const endS = rows.at(-1)?.atS ?? 1;
  const xScale = timeScale(endS);
  const base = { x, xScale, xText: (s: number) => clockText(s * 1000), xTitle: 'time', bands: bandsOf(rows) };
  const main = TIME_LABELS[result.mainTime] ?? result.mainTime;
  const column = <Key extends keyof SeriesRow>(key: Key): SeriesRow[Key][] => rows.map((row) => row[key]);
  /** Nothing is asked for any more when calls only come to their end. */
  const begun = (key: 'askedPerS' | 'startedPerS'): (number | null)[] => rows.map((row) => (row.phase === 'drain' ? null : row[key]));
  const charts: Chart[] = [
    {
      ...base, id: 'rate', title: 'Rate', help: calleeOnly ? 'Calls answered per second' : 'Calls begun per second, as asked and as reached', wide: true, mayBeLog: false, yText: rateText,
      series: calleeOnly
        ? [{ name: 'answered', color: 'blue', kind: 'area', values: column('succeededPerS') }]
        : [
            { name: 'reached', color: 'blue', kind: 'area', values: begun('startedPerS') },
            { name: 'asked', color: 'orange', kind: 'dashed', values: begun('askedPerS') },
          ],
    },
  ];
  if (rows.some(({ p50Us }) => p50Us !== null)) {
    charts.push({
      ...base, id: 'latency', title: `Latency: ${main}`, help: 'Percentiles of each second, from the time at which the call was due', wide: true, mayBeLog: true, yText: timeText,
      series: [
        { name: 'max', color: 'gray', kind: 'line', values: column('maxUs') },
        { name: 'p99', color: 'red', kind: 'line', values: column('p99Us') },
        { name: 'p90', color: 'violet', kind: 'line', values: column('p90Us') },
        { name: 'p50', color: 'teal', kind: 'line', values: column('p50Us') },
      ],
    });
  }
  charts.push(
    { ...base, xScale: timeScale(endS, 6), id: 'in-flight', title: 'In flight', help: 'Calls in progress at the end of each second', wide: false, mayBeLog: false, yText: countText, series: [{ name: 'in flight', color: 'teal', kind: 'area', values: column('inFlight') }] },
    { ...base, xScale: timeScale(endS, 6), id: 'failures', title: 'Failures', help: rows.some(({ failedPerS }) => failedPerS > 0) ? 'Calls that failed, per second' : 'Calls that failed, per second: none did', wide: false, mayBeLog: false, yText: rateText, series: [{ name: 'failed', color: 'red', kind: 'bars', values: column('failedPerS') }] },
  );
  if (rows.some(({ watchCpuPercent }) => watchCpuPercent !== undefined)) {
    charts.push({ ...base, id: 'cpu', title: 'CPU', help: 'Of the watched processes; 100 % is one core', wide: true, mayBeLog: false, yText: (percent) => `${percent.toFixed(percent < 10 ? 1 : 0)} %`, series: [{ name: 'CPU', color: 'orange', kind: 'area', values: rows.map(({ watchCpuPercent }) => watchCpuPercent ?? null) }] });
  }
  return charts;
}

/** Warm-up and the end of the run, which the figures leave out or only wait for. */
function bandsOf(rows: readonly SeriesRow[]): Chart['bands'] {
  const bands: { from: number; to: number; name: string }[] = [];
  let before = 0;
  for (const { atS, phase } of rows) {
    const last = bands.at(-1);
    if (phase !== 'measured') {
      const name = phase === 'drain' ? 'finishing' : 'warm-up';
      if (last !== undefined && last.to === before && last.name === name) last.to = atS;
      else bands.push({ from: before, to: atS, name });
    }
    before = atS;
  }
  return bands;
}

/** Neighbours made one where there are too many: rates are averaged, of percentiles the worst is kept. */
function condensed(rows: readonly SeriesRow[]): readonly SeriesRow[] {
  const size = Math.ceil(rows.length / POINTS_MOST);
  if (size <= 1) return rows;
  const groups: SeriesRow[] = [];
  for (let i = 0; i < rows.length; i += size) groups.push(oneRow(rows.slice(i, i + size)));
  return groups;
}

function oneRow(rows: readonly SeriesRow[]): SeriesRow {
  const mean = (read: (row: SeriesRow) => number): number => rows.reduce((sum, row) => sum + read(row), 0) / rows.length;
  const worst = (read: (row: SeriesRow) => number | null): number | null => rows.reduce<number | null>((most, row) => (read(row) === null ? most : Math.max(most ?? 0, read(row)!)), null);
  return {
    ...rows.at(-1)!,
    askedPerS: mean((row) => row.askedPerS),
    startedPerS: mean((row) => row.startedPerS),
    succeededPerS: mean((row) => row.succeededPerS),
    failedPerS: mean((row) => row.failedPerS),
    p50Us: worst((row) => row.p50Us),
    p90Us: worst((row) => row.p90Us),
    p99Us: worst((row) => row.p99Us),
    maxUs: worst((row) => row.maxUs),
    ...(rows.some((row) => row.watchCpuPercent !== undefined) ? { watchCpuPercent: mean((row) => row.watchCpuPercent ?? 0) } : {}),
  };
}

/** p99 against the rate, a dot a step. */
function stepsChart({ findMax }: LoadResult): Chart {
  const steps = [...findMax!.steps].sort((a, b) => a.askedPerS - b.askedPerS);
  const most = steps.at(-1)?.askedPerS ?? 1;
  return {
    id: 'steps', title: 'Search for the highest rate', help: 'p99 of each step against its rate', wide: true, mayBeLog: true,
    x: steps.map(({ askedPerS }) => askedPerS), xScale: linearScale(most, 8), xText: rateText, xTitle: 'rate asked', yText: timeText, bands: [],
    bound: { value: findMax!.maxP99Us, name: `p99 allowed: ${timeText(findMax!.maxP99Us)}` },
    series: [
      { name: 'p99', color: 'gray', kind: 'line', values: steps.map(({ p99Us }) => p99Us) },
      { name: 'passed', color: 'green', kind: 'dots', values: steps.map(({ passed, p99Us }) => (passed ? p99Us : null)) },
      { name: 'did not pass', color: 'red', kind: 'dots', values: steps.map(({ passed, p99Us }) => (passed ? null : p99Us)) },
    ],
  };
}

/** Places of percentiles as the nines have them: 90, 99 and 99.9 are equally far apart. */
const NINES: Scale = {
  ticks: [0, 50, 90, 99, 99.9, 99.99, 99.999],
  at: (percent) => Math.min(1, -Math.log10(Math.max(1e-5, 1 - percent / 100)) / 5),
};

function distributionChart(lines: readonly { readonly time: string; readonly color: string; readonly figures: TimeFigures }[]): Chart {
  // The last point of a curve is the most that was seen, at 100 %: it stands where the next nine would be.
  const percents = [...new Set(lines.flatMap(({ figures }) => figures.curve.map(([percent]) => percent)))].filter((percent) => percent > 0 && percent < 100).sort((a, b) => a - b);
  const end = NINES.at(percents.at(-1) ?? 99);
  return {
    id: 'distribution', title: 'Distribution', help: 'How many of all calls were as fast as this, or faster', wide: true, mayBeLog: true,
    x: percents, xScale: { ticks: NINES.ticks.filter((tick) => NINES.at(tick) <= end + 1e-9), at: (percent) => NINES.at(percent) / end }, xText: (percent) => `${percent} %`, xTitle: 'of the calls', yText: timeText, bands: [],
    series: lines.map(({ time, color, figures }) => {
      const values = new Map(figures.curve.map(([percent, us]) => [percent, us]));
      return { name: TIME_LABELS[time] ?? time, color, kind: 'line', values: percents.map((percent) => values.get(percent) ?? null) };
    }),
  };
}
