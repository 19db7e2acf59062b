/**
 * Charts as inline SVG, drawn when the page is made: the page needs no script to show them. What the script needs for
 * its read-out under the pointer comes along as data. Pure.
 */
import { linearScale, logScale, type Scale } from './scale.js';

/** A line, an area below a line, or bars. */
export interface ChartSeries {
  readonly name: string;
  /** Name of a colour of the style sheet: `blue`, `red` … */
  readonly color: string;
  readonly kind: 'line' | 'dashed' | 'area' | 'bars' | 'dots';
  /** As many as the chart has places; null: a gap. */
  readonly values: readonly (number | null)[];
}

export interface Chart {
  readonly id: string;
  readonly title: string;
  /** One sentence below the title. */
  readonly help: string;
  /** Places on the x axis, ascending. */
  readonly x: readonly number[];
  readonly xScale: Scale;
  /** Text of a place on the axis, and of a place under the pointer. */
  readonly xText: (value: number) => string;
  readonly xTitle: string;
  readonly yText: (value: number) => string;
  readonly series: readonly ChartSeries[];
  /** The y axis may be logarithmic when its values are far apart. */
  readonly mayBeLog: boolean;
  /** Shaded parts of the x axis. */
  readonly bands: readonly { readonly from: number; readonly to: number; readonly name: string }[];
  /** A bound that is drawn across. */
  readonly bound?: { readonly value: number; readonly name: string };
  readonly wide: boolean;
}

const HEIGHT = 250;
const TOP = 12;
const BOTTOM = 34;
const RIGHT = 14;
/** Values further apart than this are shown on a logarithmic axis. */
const LOG_FROM = 40;

/** The SVG of a chart, and the data of its read-out: places in pixels, and texts. */
export function drawChart(chart: Chart): { readonly svg: string; readonly readOut: ReadOut } {
  const width = chart.wide ? 1040 : 510;
  const y = yScale(chart);
  const texts = y.ticks.map((tick) => withoutZeros(chart.yText(tick)));
  const left = 14 + Math.max(...texts.map((text) => text.length)) * 6.6;
  const plotWidth = width - left - RIGHT;
  const plotHeight = HEIGHT - TOP - BOTTOM;
  const px = (value: number): number => round(left + chart.xScale.at(value) * plotWidth);
  const py = (value: number): number => round(TOP + (1 - y.at(value)) * plotHeight);
  const bottom = TOP + plotHeight;

  const parts: string[] = [];
  for (const { from, to, name } of chart.bands) {
    const [x0, x1] = [px(from), px(to)];
    if (x1 - x0 < 0.5) continue;
    parts.push(`<rect class="band" x="${x0}" y="${TOP}" width="${round(x1 - x0)}" height="${plotHeight}"/>`);
    if (x1 - x0 > name.length * 6.5 + 8) parts.push(`<text class="band-name" x="${round((x0 + x1) / 2)}" y="${TOP + 13}">${escapeHtml(name)}</text>`);
  }
  for (const [i, tick] of y.ticks.entries()) {
    parts.push(`<line class="grid" x1="${round(left)}" x2="${width - RIGHT}" y1="${py(tick)}" y2="${py(tick)}"/><text class="tick" x="${round(left - 7)}" y="${py(tick) + 4}" text-anchor="end">${escapeHtml(texts[i]!)}</text>`);
  }
  let free = -Infinity;
  for (const tick of chart.xScale.ticks) {
    const text = chart.xText(tick);
    const at = Math.min(px(tick), width - 2 - text.length * 3.3);
    if (at - text.length * 3.3 < free) continue;
    free = at + text.length * 3.3 + 8;
    parts.push(`<text class="tick" x="${round(at)}" y="${bottom + 17}" text-anchor="middle">${escapeHtml(text)}</text>`);
  }
  parts.push(`<line class="axis" x1="${round(left)}" x2="${width - RIGHT}" y1="${bottom}" y2="${bottom}"/>`);
  parts.push(`<text class="axis-title" x="${width - RIGHT}" y="${HEIGHT - 3}" text-anchor="end">${escapeHtml(chart.xTitle)}</text>`);
  for (const series of chart.series) parts.push(drawSeries(series, chart.x, px, py, bottom, plotWidth));
  if (chart.bound !== undefined) {
    const at = py(chart.bound.value);
    parts.push(`<line class="bound" x1="${round(left)}" x2="${width - RIGHT}" y1="${at}" y2="${at}"/><text class="bound-name" x="${width - RIGHT}" y="${at - 5}" text-anchor="end">${escapeHtml(chart.bound.name)}</text>`);
  }
  parts.push(`<line class="cursor" y1="${TOP}" y2="${bottom}" x1="0" x2="0"/>`);
  const svg = `<svg viewBox="0 0 ${width} ${HEIGHT}" role="img" aria-label="${escapeHtml(`${chart.title}. ${chart.help}`)}" data-chart="${chart.id}">${parts.join('')}</svg>`;
  return {
    svg,
    readOut: {
      width,
      px: chart.x.map(px),
      x: chart.x.map(chart.xText),
      series: chart.series.map(({ name, color, values }) => ({ name, color, texts: values.map((value) => (value === null ? '–' : chart.yText(value))) })),
    },
  };
}

/** What the script of the page is given for a chart. */
export interface ReadOut {
  readonly width: number;
  readonly px: readonly number[];
  readonly x: readonly string[];
  readonly series: readonly { readonly name: string; readonly color: string; readonly texts: readonly string[] }[];
}

function yScale({ series, mayBeLog, bound }: Chart): Scale {
  const values = series.flatMap((one) => one.values).filter((value) => value !== null);
  const most = Math.max(0, ...(bound === undefined ? [] : [bound.value]), ...values);
  const positive = values.filter((value) => value > 0);
  const least = Math.min(...positive);
  return mayBeLog && positive.length > 1 && most / least > LOG_FROM ? logScale(least, most) : linearScale(most);
}

function drawSeries({ kind, color, values }: ChartSeries, x: readonly number[], px: (value: number) => number, py: (value: number) => number, bottom: number, plotWidth: number): string {
  const points = values.map((value, i) => (value === null ? undefined : ([px(x[i]!), py(value)] as const)));
  switch (kind) {
    case 'bars': {
      const barWidth = round(Math.min(24, Math.max(1, (plotWidth / Math.max(1, x.length)) * 0.7)));
      const bars = points.map((point, i) => (point === undefined || !((values[i] ?? 0) > 0) ? '' : `M${round(point[0] - barWidth / 2)} ${bottom}V${point[1]}h${barWidth}V${bottom}z`));
      return `<path class="fill ${color}" d="${bars.join('')}"/>`;
    }
    case 'dots':
      return points.map((point) => (point === undefined ? '' : `<circle class="dot ${color}" cx="${point[0]}" cy="${point[1]}" r="4.5"/>`)).join('');
    case 'line':
    case 'dashed':
    case 'area': {
      const runs = runsOf(points);
      const line = runs.map((run) => `M${run.map(([a, b]) => `${a} ${b}`).join('L')}`).join('');
      // A point between two gaps is a line of no length: its round cap shows it.
      const stroke = `<path class="line ${color}${kind === 'dashed' ? ' dashed' : ''}" d="${runs.map((run, i) => (run.length === 1 ? `M${run[0]![0]} ${run[0]![1]}h0.01` : i === 0 && runs.length === 1 ? line : `M${run.map(([a, b]) => `${a} ${b}`).join('L')}`)).join('')}"/>`;
      if (kind !== 'area') return stroke;
      const area = runs.map((run) => `M${run[0]![0]} ${bottom}L${run.map(([a, b]) => `${a} ${b}`).join('L')}L${run.at(-1)![0]} ${bottom}z`).join('');
      return `<path class="area ${color}" d="${area}"/>${stroke}`;
    }
  }
}

type Point = readonly [x: number, y: number];

/** Points between gaps. */
function runsOf(points: readonly (Point | undefined)[]): Point[][] {
  const runs: Point[][] = [];
  let open: Point[] | undefined;
  for (const point of points) {
    if (point === undefined) open = undefined;
    else if (open === undefined) runs.push((open = [point]));
    else open.push(point);
  }
  return runs;
}

/** `6.00 ms` on an axis is `6 ms`. */
function withoutZeros(text: string): string {
  return text.replace(/\.(\d*?)0+(?= )/, (_, digits: string) => (digits === '' ? '' : `.${digits}`));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Text that may stand in an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
