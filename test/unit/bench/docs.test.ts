/** docs/benchmarks.md, its charts and the README's table say what the committed results say. */
import { describe, expect, it } from 'vitest';
import { staleFiles } from '../../../bench/docs/files.js';
import { floorAt, README_BEGIN, README_END, renderBenchmarkDocs, renderReadme } from '../../../bench/docs/render.js';
import { BENCH_FORMAT, figure, figureOf, type BenchResult, type Figure } from '../../../bench/results.js';

function result(name: string, figures: Record<string, Figure>): [string, BenchResult] {
  const machine = { cpu: 'Some CPU', cores: 2, memoryBytes: 1, kernel: 'Linux 6', node: '20.0.0' };
  return [name, { format: BENCH_FORMAT, name, command: `npm run some-${name}`, startedAt: '2026-01-02T03:04:05Z', endedAt: '2026-01-02T03:05:05Z', machine, commit: 'abc', dirty: false, figures, raw: null }];
}

const RESULTS = new Map([
  result('peers-cpu-4000', { 'viaduct.cpu': figureOf('µs/call', [60, 58, 63]), 'kamailio.cpu': figureOf('µs/call', [75, 74, 76]), 'viaduct/kamailio': { unit: 'ratio', value: 0.8, min: 0.78, max: 0.83 } }),
  result('hand-over-4000', { 'lent.cpu': figure('µs/call', 50), 'handed.cpu': figure('µs/call', 80), 'none.cpu': figure('µs/call', 50), 'lent/handed': figure('ratio', 0.625), 'lent/none': figure('ratio', 1), 'handed.datagrams.main': figure('/batch', 10), 'handed.main.datagram': figure('µs/datagram', 3) }),
  result('receive-floor', { 'pause.0.batch': figure('datagrams/batch', 1), 'pause.0.kernel': figure('µs/datagram', 5), 'pause.100.batch': figure('datagrams/batch', 10), 'pause.100.kernel': figure('µs/datagram', 1) }),
  result('something-else', { 'a.b': figure('ns', 12.345) }),
]);

describe('pages made from results', () => {
  it('are as fresh as the committed results; if not: npm run docs:benchmarks', () => {
    expect(staleFiles()).toEqual([]);
  });

  it('have every table with its command, and results of other benchmarks too', () => {
    const page = renderBenchmarkDocs(RESULTS)['docs/benchmarks.md']!;
    expect(page).toContain('| 4,000 | 60 (58 to 63) | 75 (74 to 76) | **0.8 (0.78 to 0.83)** |');
    expect(page).toContain('| 4,000 | 50 | 80 | **0.625** | 50 | 1 |');
    expect(page).toContain('| 4,000 | 3 | 10 | 1 | 2 |');
    expect(page).toContain('| a.b | ns | 12.3 |');
    for (const [name] of RESULTS) expect(page).toContain(`$ npm run some-${name}\n`);
  });

  it('draw what they show', () => {
    const files = renderBenchmarkDocs(RESULTS);
    const page = files['docs/benchmarks.md']!;
    const shown = [...page.matchAll(/\(benchmarks\/([\w-]+\.svg)\)/g)].map(([, name]) => `docs/benchmarks/${name}`);
    expect(Object.keys(files).filter((path) => path.endsWith('.svg')).sort()).toEqual([...shown].sort());
    expect(shown.length).toBeGreaterThan(1);
    for (const path of shown) expect(files[path]).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('replace the table of the README and nothing else', () => {
    const readme = renderReadme(`before\n${README_BEGIN}\nold\n${README_END}\nafter\n`, RESULTS);
    expect(readme).toMatch(/^before\n/);
    expect(readme).toMatch(/\nafter\n$/);
    expect(readme).not.toContain('old');
    expect(readme).toContain('| CPU a call at 4,000 calls/s | 60 µs | 75 µs | **0.8** |');
    expect(renderReadme(readme, RESULTS)).toBe(readme);
    expect(() => renderReadme('no marks', RESULTS)).toThrow('README.md has no lines');
  });
});

describe('the kernel’s part at a size of bursts', () => {
  it('lies between the sizes that were measured, in proportion to the wake-ups', () => {
    const floor = RESULTS.get('receive-floor');
    expect(floorAt(floor, 1)).toBe(5);
    expect(floorAt(floor, 100)).toBe(1);
    expect(floorAt(floor, 2)).toBeCloseTo(1 + (4 * (0.5 - 0.1)) / 0.9);
    expect(floorAt(undefined, 2)).toBeUndefined();
  });
});
