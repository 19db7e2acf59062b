/** Grouped bar charts as SVG files of their own, legible on light and dark pages. Pure. */
import { escapeHtml } from '../../src/load/view/svg-chart.js';

/** One bar, with a whisker from least to most. */
export interface Bar {
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** Stacked from the bottom, when it has parts: `[main, shard, other]`, adding up to about the value. */
  readonly parts?: readonly number[];
}

export interface BarChart {
  readonly title: string;
  /** Unit of the axis: `µs`. */
  readonly unit: string;
  /** One place on the axis each, with as many bars as there are series; undefined: not measured. */
  readonly groups: readonly { readonly name: string; readonly bars: readonly (Bar | undefined)[] }[];
  /** Names in the legend: of the bars of a group, or of the parts of a bar. */
  readonly legend: readonly string[];
  readonly text: (value: number) => string;
}

const WIDTH = 760;
const HEIGHT = 320;
const [LEFT, RIGHT, TOP, BOTTOM] = [64, 16, 62, 40];
const BAR_MAX = 64;
const GAP = 8;

/** The file's text. */
export function renderBarChart(chart: BarChart, source: string): string {
  const most = Math.max(0, ...chart.groups.flatMap(({ bars }) => bars.map((bar) => Math.max(bar?.value ?? 0, bar?.max ?? 0))));
  const step = niceStep(most / 4);
  const top = Math.max(step, Math.ceil((most * 1.05) / step) * step);
  const y = (value: number): number => tidy(HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM));
  const parts: string[] = [];
  for (let tick = 0; tick <= top + step / 2; tick += step) {
    parts.push(`<line class="${tick === 0 ? 'axis' : 'grid'}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(tick)}" y2="${y(tick)}"/>`, `<text class="tick" x="${LEFT - 8}" y="${y(tick) + 4}" text-anchor="end">${tickText(tick)}</text>`);
  }
  const groupWidth = (WIDTH - LEFT - RIGHT) / Math.max(1, chart.groups.length);
  for (const [g, { name, bars }] of chart.groups.entries()) {
    const middle = LEFT + (g + 0.5) * groupWidth;
    parts.push(`<text class="tick" x="${tidy(middle)}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${escapeHtml(name)}</text>`);
    const width = Math.min(BAR_MAX, (groupWidth - 20) / bars.length - GAP);
    for (const [i, bar] of bars.entries()) if (bar !== undefined) parts.push(...drawBar(chart, bar, i, tidy(middle + (i - bars.length / 2) * (width + GAP) + GAP / 2), tidy(width), y));
  }
  let x = LEFT;
  for (const [i, name] of chart.legend.entries()) {
    parts.push(`<rect class="c${i}" x="${tidy(x)}" y="36" width="12" height="12" rx="2"/>`, `<text class="tick" x="${tidy(x + 18)}" y="46">${escapeHtml(name)}</text>`);
    x += 18 + name.length * 7 + 24;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" role="img" aria-label="${escapeHtml(chart.title)}">
  <!-- Drawn from ${source} by npm run docs:benchmarks. -->
  <style>
    .page { fill: #ffffff; }
    .title { fill: #1f2328; font-size: 14px; font-weight: 600; }
    .tick { fill: #57606a; }
    .value { fill: #1f2328; font-weight: 600; }
    .grid { stroke: #d8dee4; }
    .axis { stroke: #8c959f; }
    .whisker { stroke: #1f2328; stroke-width: 1.2; }
    .c0 { fill: #0969da; }
    .c1 { fill: #bc4c00; }
    .c2 { fill: #8250df; }
    @media (prefers-color-scheme: dark) {
      .page { fill: #0d1117; }
      .title, .value { fill: #e6edf3; }
      .tick { fill: #9198a1; }
      .grid { stroke: #262c36; }
      .axis { stroke: #6e7681; }
      .whisker { stroke: #e6edf3; }
      .c0 { fill: #4493f8; }
      .c1 { fill: #db6d28; }
      .c2 { fill: #ab7df8; }
    }
  </style>
  <rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="8"/>
  <text class="title" x="${LEFT}" y="22">${escapeHtml(chart.title)}</text>
  ${parts.join('\n  ')}
</svg>
`;
}

function drawBar(chart: BarChart, bar: Bar, series: number, x: number, width: number, y: (value: number) => number): string[] {
  const drawn: string[] = [];
  let from = 0;
  for (const [i, part] of (bar.parts ?? [bar.value]).entries()) {
    drawn.push(`<rect class="c${bar.parts === undefined ? series : i}" x="${x}" y="${y(from + part)}" width="${width}" height="${tidy(y(from) - y(from + part))}"/>`);
    from += part;
  }
  const middle = tidy(x + width / 2);
  const highest = Math.max(bar.value, bar.max ?? 0, from);
  if (bar.min !== undefined && bar.max !== undefined && bar.max > bar.min) {
    drawn.push(`<path class="whisker" d="M${middle} ${y(bar.min)}V${y(bar.max)}M${tidy(middle - 5)} ${y(bar.min)}h10M${tidy(middle - 5)} ${y(bar.max)}h10"/>`);
  }
  drawn.push(`<text class="value" x="${middle}" y="${tidy(y(highest) - 5)}" text-anchor="middle">${escapeHtml(chart.text(bar.value))}</text>`);
  return drawn;
}

/** 1, 2 or 5 times a power of ten, at least `step`. */
function niceStep(step: number): number {
  if (!(step > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= step * 0.999) ?? 10 * power;
}

function tickText(value: number): string {
  return Number(value.toPrecision(6)).toLocaleString('en-US', { maximumFractionDigits: 3 });
}

function tidy(value: number): number {
  return Math.round(value * 10) / 10;
}
