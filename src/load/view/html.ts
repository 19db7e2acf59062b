/**
 * The result as one HTML page that opens from a file, without a network and without a server: style, charts and script
 * stand in it, and its policy forbids the browser to fetch anything. Pure.
 */
import { LOAD_COUNTERS } from '../metrics.js';
import { TIME_LABELS, causeText, generatorText } from '../report/figures.js';
import type { LoadResult, WatchedProcess } from '../report/result.js';
import { bytesText, countText, percentText, rateText, timeText } from '../units.js';
import { chartsOf } from './charts.js';
import { RATE_SECONDS, foundSpans } from './final.js';
import { stepOutcome } from './steps.js';
import { ICON, SCRIPT, STYLE } from './page-style.js';
import { drawChart, escapeHtml, type Chart, type ReadOut } from './svg-chart.js';

/** The whole page. */
export function htmlReport(result: LoadResult): string {
  const charts = chartsOf(result).map((chart) => ({ chart, drawn: drawChart(chart) }));
  const readOuts = Object.fromEntries(charts.map(({ chart, drawn }): [string, ReadOut] => [chart.id, drawn.readOut]));
  const { options } = result;
  const title = `${scenarios(result)}${options.target === null ? '' : ` → ${options.target}`}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>viaduct load: ${escapeHtml(title)}</title>
<link rel="icon" href="${ICON}">
<style>${STYLE}</style>
</head>
<body>
<main>
<header><h1>${escapeHtml(title)}</h1>${badges(result)}</header>
<p class="soft">${escapeHtml(subtitle(result))}</p>
${alert(result)}
${tiles(result)}
<div class="grid">
${charts.map(({ chart, drawn }) => chartCard(chart, drawn.svg)).join('\n')}
</div>
${thresholdsCard(result)}
${stepsCard(result)}
${timesCard(result)}
${countsCard(result)}
${result.watch.map(watchCard).join('\n')}
${runCard(result)}
<footer>Made by viaduct ${escapeHtml(result.version)}, ${escapeHtml(result.format)}. Times run from the moment at which a call was due, so a slow answer never hides the calls behind it.</footer>
</main>
<script type="application/json" id="read-out">${JSON.stringify(readOuts).replaceAll('<', '\\u003c')}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function scenarios({ options }: LoadResult): string {
  const all = options.scenarios.reduce((sum, { weight }) => sum + weight, 0);
  return options.scenarios.map(({ scenario, weight }) => (options.scenarios.length === 1 ? scenario : `${scenario} ${percentText((100 * weight) / all)}`)).join(', ');
}

function subtitle({ startedAt, measuredS, options }: LoadResult): string {
  const role = { both: 'caller and callee', uac: 'caller', uas: 'callee' }[options.role];
  return [`${startedAt.slice(0, 19).replace('T', ' ')} UTC`, `${measuredS.toFixed(1)} s measured${options.warmUpS > 0 ? ` after ${options.warmUpS} s of warm-up` : ''}`, role].join(' · ');
}

function badges({ valid, interrupted, thresholds }: LoadResult): string {
  const failed = thresholds.filter(({ held }) => !held).length;
  return [
    valid ? '' : '<span class="badge bad">INVALID</span>',
    thresholds.length === 0 ? '' : failed === 0 ? '<span class="badge">all thresholds held</span>' : `<span class="badge bad">${failed} of ${thresholds.length} thresholds failed</span>`,
    interrupted ? '<span class="badge note">stopped early</span>' : '',
  ].join('');
}

function alert({ valid, reasons }: LoadResult): string {
  if (valid) return '';
  return `<section class="card alert"><h2>Invalid: these figures say little about the target</h2><ul>${reasons.map((reason) => `<li>${escapeHtml(reason)}</li>`).join('')}</ul></section>`;
}

function tiles(result: LoadResult): string {
  const { totals, findMax, times, mainTime, watch, options, failurePercent, failures } = result;
  const calleeOnly = options.role === 'uas';
  const main = times[mainTime];
  const all: string[] = [];
  if (findMax !== undefined) all.push(tile('Highest rate', rateText(findMax.bestPerS), `in ${findMax.steps.length} steps`, findMax.bestPerS > 0 ? 'good' : 'bad'));
  else if (result.measuredS < RATE_SECONDS) all.push(tile('Rate', '–', 'too short for a rate'));
  else all.push(tile(calleeOnly ? 'Answered' : 'Rate reached', rateText(result.reachedPerS), calleeOnly ? '' : `${rateText(result.askedPerS)} asked`));
  all.push(tile(calleeOnly ? 'Calls answered' : 'Calls succeeded', countText((calleeOnly ? totals['answered'] : totals['succeeded']) ?? 0), calleeOnly ? '' : `${countText(totals['started'] ?? 0)} begun`));
  const causes = Object.entries(failures).filter(([name]) => !(result.interrupted && name === 'aborted'));
  const cause = causes.sort(([, a], [, b]) => b - a)[0];
  const failed = causes.reduce((sum, [, count]) => sum + count, 0);
  all.push(tile('Failures', percentText(failurePercent), failed === 0 ? 'no call failed' : `${countText(failed)} calls, mostly ${causeText(cause?.[0] ?? '', result.statuses)}`, failed === 0 ? 'good' : 'bad'));
  if (main !== undefined) {
    const label = TIME_LABELS[mainTime] ?? mainTime;
    all.push(tile(`${label}, p99`, timeText(main.p99Us), `p50 ${timeText(main.p50Us)}, max ${timeText(main.maxUs)}`));
  }
  const added = times['added'];
  if (added !== undefined) all.push(tile('Added by proxy, p50', timeText(added.p50Us), `p99 ${timeText(added.p99Us)}`));
  if (watch.length > 0) {
    const sum = (field: 'cpuUsPerCall' | 'cpuPercent' | 'peakRssBytes'): number => watch.reduce((total, process) => total + process[field], 0);
    all.push(tile('CPU per call', timeText(sum('cpuUsPerCall')), `${Math.round(sum('cpuPercent'))} % of a core, ${bytesText(sum('peakRssBytes'))}`));
  }
  return `<div class="tiles">${all.join('')}</div>`;
}

function tile(name: string, value: string, more: string, mood = ''): string {
  return `<div class="tile ${mood}"><div class="name">${escapeHtml(name)}</div><div class="value">${escapeHtml(value)}</div><div class="more">${escapeHtml(more)}</div></div>`;
}

function chartCard({ title, help, series, wide }: Chart, svg: string): string {
  const legend = series.map(({ name, color }) => `<span><i class="${color}"></i>${escapeHtml(name)}</span>`).join('');
  return `<section class="card${wide ? ' wide' : ''}"><div class="head"><div><h2>${escapeHtml(title)}</h2><p class="help">${escapeHtml(help)}</p></div>${series.length > 1 ? `<div class="legend">${legend}</div>` : ''}</div><div class="plot">${svg}</div></section>`;
}

interface Row {
  readonly cells: readonly string[];
  readonly mark?: 'main' | 'whole' | 'failed';
}

function tableCard(title: string, head: readonly string[], rows: readonly Row[], options: { readonly help?: string; readonly left?: readonly number[] } = {}): string {
  const { help = '', left = [] } = options;
  const side = (i: number): string => (left.includes(i) ? ' class="left"' : '');
  return [
    `<section class="card"><h2>${escapeHtml(title)}</h2>${help === '' ? '' : `<p class="help">${escapeHtml(help)}</p>`}<div class="scroll"><table>`,
    head.some((text) => text !== '') ? `<thead><tr>${head.map((text, i) => `<th${side(i)}>${escapeHtml(text)}</th>`).join('')}</tr></thead>` : '',
    `<tbody>${rows.map(({ cells, mark }) => `<tr${mark === undefined ? '' : ` class="${mark}"`}>${cells.map((text, i) => `<td${side(i)}>${escapeHtml(text)}</td>`).join('')}</tr>`).join('')}</tbody></table></div></section>`,
  ].join('');
}

function thresholdsCard({ thresholds }: LoadResult): string {
  if (thresholds.length === 0) return '';
  return tableCard('Thresholds', ['fails if', 'measured', ''], thresholds.map(({ text, measured, held }) => ({ cells: [text, measured, held ? 'held' : 'FAILED'], ...(held ? {} : { mark: 'failed' as const }) })));
}

function stepsCard({ findMax }: LoadResult): string {
  if (findMax === undefined) return '';
  const help = foundSpans(findMax).map((span) => (typeof span === 'string' ? span : span[0])).join('');
  const rows = findMax.steps.map((step): Row => ({
    cells: [
      String(step.step), rateText(step.askedPerS), rateText(step.reachedPerS), countText(step.calls), percentText(step.failurePercent), timeText(step.p50Us), timeText(step.p99Us), timeText(step.maxUs),
      step.cpuUsPerCall === undefined ? '–' : timeText(step.cpuUsPerCall), stepOutcome(step),
    ],
    ...(step.askedPerS === findMax.bestPerS && step.passed ? { mark: 'main' as const } : {}),
  }));
  return tableCard('Steps of the search', ['step', 'asked', 'reached', 'calls', 'failures', 'p50', 'p99', 'max', 'CPU per call', ''], rows, { help, left: [9] });
}

function timesCard({ times, mainTime }: LoadResult): string {
  const rows = Object.entries(times).map(([name, { count, meanUs, p50Us, p90Us, p95Us, p99Us, p999Us, maxUs }]): Row => ({
    cells: [TIME_LABELS[name] ?? name, countText(count), ...[meanUs, p50Us, p90Us, p95Us, p99Us, p999Us, maxUs].map(timeText)],
    ...(name === mainTime ? { mark: 'main' as const } : {}),
  }));
  return rows.length === 0 ? '' : tableCard('Times', ['', 'count', 'mean', 'p50', 'p90', 'p95', 'p99', 'p99.9', 'max'], rows, { help: 'From the moment at which the call, or the request, was due. The main time stands out.' });
}

/** What is zero would only hide the rest, but for these. */
const ALWAYS = new Set(['started', 'succeeded', 'failed', 'answered', 'messagesSent', 'messagesReceived', 'retransmissionsSent', 'retransmissionsSeen', 'unexpectedMessages']);

function countsCard({ totals }: LoadResult): string {
  const rows = LOAD_COUNTERS.filter(({ name }) => ALWAYS.has(name) || (totals[name] ?? 0) > 0).map(({ name, help }): Row => ({ cells: [name, countText(totals[name] ?? 0), help] }));
  return tableCard('Counts', ['', '', ''], rows, { left: [2] });
}

function watchCard({ pid, name, processes, cpuUsPerCall, cpuPercent, peakRssBytes, threads }: WatchedProcess): string {
  const rows: Row[] = [
    { cells: [processes > 1 ? `${processes} processes` : 'whole process', timeText(cpuUsPerCall), `${cpuPercent.toFixed(1)} %`], mark: 'whole' },
    ...threads.map((thread) => ({ cells: [`${thread.name} (${thread.tid})${thread.ended ? ', ended' : ''}`, timeText(thread.cpuUsPerCall), `${thread.cpuPercent.toFixed(1)} %`] })),
  ];
  return tableCard(`${name}, process ${pid}`, ['thread', 'CPU per call', 'of a core'], rows, { help: `Peak memory ${bytesText(peakRssBytes)}. CPU is time on a core, by the kernel’s count.` });
}

function runCard({ command, machine, options, generator }: LoadResult): string {
  const { faults } = options;
  const rows: [string, string][] = [
    ['machine', `${machine.cpu}, ${machine.cores} cores, ${bytesText(machine.memoryBytes)}, ${machine.kernel}, Node ${machine.node}`],
    ['generator', `${options.threads} ${options.threads === 1 ? 'thread' : 'threads'}, ${generatorText(generator)}`],
    ['arrivals', `${options.arrivals}, seed ${options.seed}`],
    ['times of the scenario', `ring ${options.ring}, hold ${options.hold}, cancel after ${options.cancelAfter}`],
    ['users', `${countText(options.users)} in ${options.domain}`],
    ['at most in progress', `${countText(options.concurrency)} calls`],
  ];
  const made = [
    faults.retransmitPercent > 0 ? `${faults.retransmitPercent} % of requests sent twice` : '', faults.lossPercent > 0 ? `${faults.lossPercent} % of messages lost` : '',
    faults.delayMs > 0 ? `${faults.delayMs} ms of delay` : '', faults.reorderPercent > 0 ? `${faults.reorderPercent} % out of order` : '',
  ].filter((text) => text !== '');
  if (made.length > 0) rows.push(['faults made on purpose', made.join(', ')]);
  const table = tableCard('Run', ['', ''], rows.map((cells) => ({ cells })), { left: [1] });
  return table.replace('</section>', `<pre>${escapeHtml(command)}</pre></section>`);
}
