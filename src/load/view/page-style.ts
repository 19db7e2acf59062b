/** Style sheet and script of the HTML report, as they stand in the page. */

export const STYLE = `
:root { color-scheme: light dark;
  --page: #f5f6f8; --card: #fff; --text: #1a1f29; --soft: #5d6675; --line: #e3e6eb; --band: rgb(93 102 117 / .08); --shadow: 0 1px 2px rgb(16 24 40 / .06);
  --blue: #2563eb; --teal: #0d8a80; --violet: #7c3aed; --orange: #c2650a; --red: #d92d20; --green: #16803c; --gray: #98a1b0; }
@media (prefers-color-scheme: dark) { :root {
  --page: #0f1319; --card: #181d26; --text: #e6e9ef; --soft: #97a1b2; --line: #2a313d; --band: rgb(151 161 178 / .09); --shadow: none;
  --blue: #6ea0ff; --teal: #3fc7b8; --violet: #b490ff; --orange: #f5a54a; --red: #ff7a6e; --green: #58c97d; --gray: #78828f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 32px 20px 48px; }
header { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: baseline; margin-bottom: 4px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 17px; margin: 0; }
p { margin: 0; }
.soft, .help { color: var(--soft); }
.help { font-size: 13px; }
.badge { padding: 2px 10px; border-radius: 99px; font-size: 13px; font-weight: 600; color: #fff; background: var(--green); align-self: center; }
.badge.bad { background: var(--red); } .badge.note { background: var(--gray); }
@media (prefers-color-scheme: dark) { .badge { color: #10141a; } }
.alert ul { margin: 4px 0 0; padding-left: 20px; }
.card, .tile { background: var(--card); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.card.alert { border-left: 4px solid var(--red); }
.card { padding: 18px 20px; margin-top: 16px; min-width: 0; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(168px, 1fr)); gap: 12px; margin-top: 20px; }
.tile { padding: 14px 16px; }
.tile .name { font-size: 13px; color: var(--soft); }
.tile .value { font-size: 26px; font-weight: 650; line-height: 1.25; letter-spacing: -.01em; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile .more { font-size: 13px; color: var(--soft); }
.tile.good .value { color: var(--green); } .tile.bad .value { color: var(--red); }
.grid { display: grid; grid-template-columns: 1fr 1fr; gap: 0 16px; }
.grid > .wide { grid-column: 1 / -1; }
@media (max-width: 760px) { .grid { grid-template-columns: 1fr; } }
.head { display: flex; flex-wrap: wrap; gap: 2px 18px; align-items: baseline; justify-content: space-between; margin-bottom: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 6px; vertical-align: middle; background: currentColor; }
.plot { position: relative; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { font: 11.5px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); } svg .axis { stroke: var(--gray); }
svg .axis-title { font-size: 11px; fill: var(--gray); }
svg .band { fill: var(--band); } svg .band-name { text-anchor: middle; font-size: 11px; }
svg .bound { stroke: var(--red); stroke-dasharray: 5 4; } svg .bound-name { fill: var(--red); }
svg .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .line.gray { stroke-width: 1.25; } svg .line.dashed { stroke-dasharray: 6 5; stroke-width: 1.5; }
svg .area { fill: currentColor; opacity: .14; } svg .fill, svg .dot { fill: currentColor; } svg .dot { stroke: var(--card); stroke-width: 1.5; }
svg .cursor { stroke: var(--soft); stroke-dasharray: 2 3; visibility: hidden; }
.blue { color: var(--blue); } .teal { color: var(--teal); } .violet { color: var(--violet); } .orange { color: var(--orange); } .red { color: var(--red); } .green { color: var(--green); } .gray { color: var(--gray); }
.tip { position: absolute; top: 8px; pointer-events: none; background: var(--card); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 4px 14px rgb(16 24 40 / .16); padding: 6px 10px; font-size: 12.5px; white-space: nowrap; font-variant-numeric: tabular-nums; z-index: 1; }
.tip b { display: block; } .tip span { display: flex; justify-content: space-between; gap: 14px; }
.scroll { overflow-x: auto; margin-top: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 10px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; color: var(--soft); font-size: 13px; }
th:first-child, td:first-child, .left { text-align: left; } th:first-child, td:first-child { padding-left: 0; }
td.left { white-space: normal; }
tr:last-child td { border-bottom: 0; } tr.main td { font-weight: 600; } tr.whole td { font-weight: 600; } tr.failed td { font-weight: 600; color: var(--red); }
pre { margin: 8px 0 0; padding: 10px 12px; background: var(--page); border-radius: 8px; overflow-x: auto; font: 13px/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
footer { margin-top: 20px; font-size: 13px; color: var(--soft); }
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; box-shadow: none; } }
`;

/** Shows the values under the pointer. The page is whole without it. */
export const SCRIPT = `
const charts = JSON.parse(document.getElementById('read-out').textContent);
for (const svg of document.querySelectorAll('svg[data-chart]')) {
  const chart = charts[svg.dataset.chart], cursor = svg.querySelector('.cursor'), plot = svg.parentElement;
  let tip;
  const hide = () => { if (tip) tip.remove(); tip = undefined; cursor.style.visibility = 'hidden'; };
  svg.addEventListener('pointerleave', hide);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect(), at = ((event.clientX - box.left) / box.width) * chart.width;
    let near = 0;
    for (let i = 1; i < chart.px.length; i++) if (Math.abs(chart.px[i] - at) < Math.abs(chart.px[near] - at)) near = i;
    if (chart.px.length === 0) return;
    if (!tip) { tip = document.createElement('div'); tip.className = 'tip'; plot.append(tip); }
    tip.replaceChildren();
    const head = document.createElement('b');
    head.textContent = chart.x[near];
    tip.append(head);
    for (const { name, color, texts } of chart.series) {
      if (texts[near] === '–' && chart.series.length > 1) continue;
      const row = document.createElement('span'), label = document.createElement('span'), value = document.createElement('span');
      label.className = color; label.textContent = name; value.textContent = texts[near];
      row.append(label, value); tip.append(row);
    }
    cursor.setAttribute('x1', chart.px[near]); cursor.setAttribute('x2', chart.px[near]); cursor.style.visibility = 'visible';
    const x = (chart.px[near] / chart.width) * box.width, right = x + 14 + tip.offsetWidth > box.width;
    tip.style.left = (right ? x - 14 - tip.offsetWidth : x + 14) + 'px';
  });
}
`;

/** A small picture for the browser's tab: three bars. */
export const ICON = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%232563eb' d='M1 15V9h3.5v6zM6.2 15V5h3.5v10zM11.5 15V1H15v14z'/%3E%3C/svg%3E";
