/** Two results side by side. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compare, readResult } from '../../../src/load/report/compare.js';
import { comparisonText } from '../../../src/load/view/final.js';
import { sampleResult } from './sample-result.js';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a comparison', () => {
  it('gives the ratio of the second to the first, and which is better', () => {
    const a = sampleResult();
    const [process] = a.watch;
    const b = sampleResult({ reachedPerS: 995, watch: [{ ...process!, cpuUsPerCall: process!.cpuUsPerCall * 2 }] });
    const { figures, warnings } = compare(a, b);
    const named = Object.fromEntries(figures.map((figure) => [figure.name, figure]));
    expect(named['rate reached']).toMatchObject({ a: '1,990/s', b: '995/s', ratio: 0.5 });
    expect(named['CPU per call']).toMatchObject({ ratio: 2, better: 'less' });
    expect(named['INVITE → 180 p99']!.ratio).toBe(1);
    expect(warnings).toEqual([]);
    const text = comparisonText({ figures, warnings }, ['a.json', 'b.json'], { colors: false });
    expect(text).toMatch(/CPU per call +89 µs +177 µs +2\.000× +worse/);
    expect(text).toMatch(/INVITE → 180 p99 +\S+ ms +\S+ ms +1\.000×\n/);
  });

  it('leaves out what neither has, and shows a dash for what one has not', () => {
    const { figures } = compare(sampleResult({ watch: [], times: {} }), sampleResult({ times: {} }));
    const names = figures.map(({ name }) => name);
    expect(names).toContain('CPU per call');
    expect(figures.find(({ name }) => name === 'CPU per call')).toMatchObject({ a: '–', ratio: undefined });
    expect(names.filter((name) => name.includes('p99'))).toEqual([]);
    expect(compare(sampleResult({ watch: [] }), sampleResult({ watch: [] })).figures.map(({ name }) => name)).not.toContain('CPU per call');
  });

  it('warns when options or machine differ, or a result is not valid', () => {
    const a = sampleResult();
    const b = sampleResult({ valid: false, reasons: ['too slow'], machine: { ...a.machine, cores: 4 }, options: { ...a.options, ratePerS: 500, seed: 99 } });
    expect(compare(a, b).warnings).toEqual([
      'the second result is INVALID: too slow', 'the machines differ: cores 8 and 4', 'the options differ: ratePerS 2000 and 500',
    ]);
  });
});

describe('a file', () => {
  it('of a result is read', () => {
    const result = sampleResult();
    expect(readResult(file('good.json', JSON.stringify(result)))).toEqual(result);
  });

  it.each([
    ['gone.json', undefined, /cannot read the result .*: there is no such file/],
    ['text.json', 'hello', /is no result of viaduct load/],
    ['null.json', 'null', /is no result of viaduct load/],
    ['other.json', '{"a":1}', /is no result of viaduct load/],
    ['half.json', '{"format":"viaduct-load/1","machine":{},"options":{}}', /is no whole result: found no "reasons" in it/],
    ['newer.json', '{"format":"viaduct-load/2"}', /found the format "viaduct-load\/2"; this version reads viaduct-load\/1/],
  ])('%s is refused with its reason', (name, text, message) => {
    const path = text === undefined ? join(folder, name) : file(name, text);
    expect(() => readResult(path)).toThrow(expect.objectContaining({ code: 'VD_LOAD_FILE', message: expect.stringMatching(message) as string }) as Error);
  });
});
