/** Results of benchmarks on disk, and the statistics in them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { figure, figureOf, readResult, writeResult } from '../../../bench/results.js';
import { ratioOfRounds, significant, summarize, summaryText } from '../../../bench/statistics.js';

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'viaduct-results-'))));
afterEach(() => rmSync(folder, { recursive: true }));

describe('a result on disk', () => {
  it('comes back with its figures, and names machine, commit and command', () => {
    writeResult('some-thing', { command: 'npm run bench', figures: { a: figure('µs', 2), b: figureOf('µs', [3, 1, 2]) }, raw: [1] }, folder);
    const result = readResult('some-thing', folder)!;
    expect(result.figures).toEqual({ a: { unit: 'µs', value: 2 }, b: { unit: 'µs', value: 2, min: 1, max: 3, samples: [3, 1, 2] } });
    expect(result.machine.node).toBe(process.versions.node);
    expect(result).toMatchObject({ name: 'some-thing', command: 'npm run bench', raw: [1] });
    expect(Object.keys(result)).toContain('commit');
  });

  it('is undefined when there is none, and an error when the file is something else', () => {
    expect(readResult('nothing', folder)).toBeUndefined();
    writeFileSync(join(folder, 'other.json'), '{}');
    expect(() => readResult('other', folder)).toThrow('no viaduct-bench/1');
  });
});

describe('statistics', () => {
  it('takes the middle sample, or the mean of the two in the middle', () => {
    expect(summarize([9, 1, 5])).toEqual({ count: 3, median: 5, min: 1, max: 9 });
    expect(summarize([4, 1, 2, 9]).median).toBe(3);
    expect(() => summarize([])).toThrow(RangeError);
  });

  it('divides round by round and leaves out rounds that are missing on one side', () => {
    expect(ratioOfRounds([1, undefined, 6, 4], [2, 5, 4, NaN])).toEqual({ count: 2, median: 1, min: 0.5, max: 1.5 });
    expect(() => ratioOfRounds([undefined], [1])).toThrow(RangeError);
  });

  it('prints three digits that mean something', () => {
    expect(significant(81.2345)).toBe(81.2);
    expect(summaryText({ count: 3, median: 0.7134, min: 0.69, max: 12345 })).toBe('0.713 (0.69 to 12300)');
  });
});
