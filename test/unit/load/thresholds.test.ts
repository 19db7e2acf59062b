/** Conditions of --fail-if: how they are read, and how they judge. */
import { describe, expect, it } from 'vitest';
import { judge, parseThreshold, type Threshold } from '../../../src/load/report/thresholds.js';
import type { LoadResult } from '../../../src/load/report/result.js';
import { sampleResult } from './sample-result.js';

function read(text: string): Threshold {
  const threshold = parseThreshold(text);
  if (typeof threshold === 'string') throw new Error(threshold);
  return threshold;
}

function held(text: string, result: LoadResult = sampleResult()): boolean {
  return judge(read(text), result).held;
}

describe('a condition', () => {
  it.each([
    ['p99 > 20ms', 'time', 20_000], ['p99.9>=1.5s', 'time', 1_500_000], ['max > 800us', 'time', 800], ['invite200.p99 > 2s', 'time', 2_000_000], ['lateness.p99 > 1ms', 'time', 1000],
    ['failures > 0.01%', 'percent', 0.01], ['failures > 3', 'count', 3], ['failures.timeout > 0', 'count', 0], ['failures.timeout > 1 %', 'percent', 1],
    ['unexpectedMessages != 0', 'count', 0], ['rate < 2000', 'rate', 2000], ['rate < 2000/s', 'rate', 2000], ['cpu > 80us', 'time', 80], ['memory > 200MB', 'bytes', 2e8], ['memory > 1GiB', 'bytes', 1_073_741_824],
  ])('%s is read', (text, kind, bound) => {
    expect(read(text)).toMatchObject({ text, kind, bound });
  });

  it.each([
    ['p99', /^has another form\. Wanted: METRIC OPERATOR VALUE/],
    ['p99 => 3ms', /has no value|has another form/],
    ['p98 > 3ms', /found p98 \(did you mean p9\d\?\); allowed: p50, p90, p95, p99, p99\.9, max/],
    ['unexpectedMesages > 0', /did you mean unexpectedMessages\?/],
    ['invite20.p99 > 3ms', /did you mean invite[12]\d0\.p99\?/],
    ['p99 > 3', /found 3\. Allowed: a time with its unit/],
    ['failures > 3ms', /Allowed: a percentage, as in 0\.01%, or a number/],
    ['memory > 3', /a size with its unit/],
    ['toString > 3', /no metric that is known/],
    ['', /^is empty\. Wanted: METRIC OPERATOR VALUE/],
  ])('%j is refused with what is allowed', (text, message) => {
    expect(parseThreshold(text)).toMatch(message);
  });

  it('needs a watched process for CPU and memory, and for nothing else', () => {
    expect(['cpu > 1us', 'memory > 1MB', 'p99 > 1ms', 'failures > 1'].map((text) => read(text).needsWatch)).toEqual([true, true, false, false]);
  });
});

describe('a result', () => {
  it('fails by a condition that comes true, and by no other', () => {
    const result = sampleResult();
    const p99Us = result.times['invite180']!.p99Us;
    expect(held(`p99 > ${p99Us - 1}us`)).toBe(false);
    expect(held(`p99 > ${p99Us}us`)).toBe(true);
    expect(held(`p99 >= ${p99Us}us`)).toBe(false);
    expect(held(`p99 <= ${p99Us}us`)).toBe(false);
    expect(held(`p99 = ${p99Us}us`)).toBe(false);
    expect(held(`p99 != ${p99Us}us`)).toBe(true);
    expect(held('rate < 1990')).toBe(true);
    expect(held('rate < 1991')).toBe(false);
  });

  it('is judged by share or by number, whichever the condition names', () => {
    expect(held('failures > 12')).toBe(false);
    expect(held('failures > 13')).toBe(true);
    expect(held('failures > 0.003%')).toBe(false);
    expect(held('failures > 0.004%')).toBe(true);
    expect(held('failures.timeout > 0.002%')).toBe(false);
    expect(held('failures.timeout > 0.003%')).toBe(true);
    expect(held('failures.aborted > 0')).toBe(true);
  });

  it('is judged by all watched processes together', () => {
    const [process] = sampleResult().watch;
    const two = sampleResult({ watch: [process!, process!] });
    expect([held('cpu > 177us', two), held('cpu > 178us', two)]).toEqual([false, true]);
    expect([held('memory > 289MB', two), held('memory > 290MB', two)]).toEqual([false, true]);
  });

  it('fails when what a condition asks for was not measured', () => {
    expect(judge(read('p99 > 1s'), sampleResult({ times: {} }))).toEqual({ text: 'p99 > 1s', value: null, measured: 'nothing was measured', held: false });
    expect(held('request.p99 > 1s')).toBe(false);
  });
});
