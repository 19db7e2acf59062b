/** Histograms: what they keep of a value, and what merging and subtracting leave of it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HISTOGRAM_MAX_US, Histogram } from '../../../src/load/histogram.js';
import { histogramOf } from './recorded.js';

/** Microseconds of all magnitudes. */
const times = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: HISTOGRAM_MAX_US })), { minLength: 1, maxLength: 200 });

/** By its definition: the smallest value that `percent` of all do not exceed. */
function exactPercentile(us: readonly number[], percent: number): number {
  const sorted = [...us].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)]!;
}

describe('a histogram', () => {
  it('gives percentiles that are never too small, and at most 1/128 too large', () => {
    fc.assert(
      fc.property(times, fc.constantFrom(0, 50, 90, 99, 99.9, 100), (us, percent) => {
        const exact = exactPercentile(us, percent);
        const given = histogramOf(us).percentileUs(percent);
        expect(given).toBeGreaterThanOrEqual(exact);
        expect(given).toBeLessThanOrEqual(Math.max(exact, exact * (1 + 1 / 128)));
      }),
    );
  });

  it('is exact for short times, for least, most, count and mean', () => {
    const histogram = histogramOf([7, 255, 3, 100]);
    expect([histogram.percentileUs(25), histogram.percentileUs(50), histogram.percentileUs(75), histogram.percentileUs(100)]).toEqual([3, 7, 100, 255]);
    expect([histogram.leastUs, histogram.mostUs, histogram.count, histogram.meanUs]).toEqual([3, 255, 4, 91.25]);
  });

  it('is zero everywhere while it is empty', () => {
    const empty = new Histogram();
    expect([empty.count, empty.meanUs, empty.leastUs, empty.mostUs, empty.percentileUs(50)]).toEqual([0, 0, 0, 0, 0]);
  });

  it('takes what is negative as zero, and what is too long as the longest', () => {
    const histogram = histogramOf([-5, Infinity, 1e12]);
    expect([histogram.leastUs, histogram.mostUs, histogram.percentileUs(100)]).toEqual([0, HISTOGRAM_MAX_US, HISTOGRAM_MAX_US]);
  });

  it('merged from parts equals that of the whole', () => {
    fc.assert(
      fc.property(times, times, (a, b) => {
        const merged = histogramOf(a);
        merged.add(histogramOf(b).slots, 0);
        const whole = histogramOf([...a, ...b]);
        expect(merged.slots.every((value, i) => value === whole.slots[i])).toBe(true);
      }),
    );
  });

  it('subtracted from a later reading leaves what came in between', () => {
    fc.assert(
      fc.property(times, times, (before, between) => {
        const difference = histogramOf([...before, ...between]).since(histogramOf(before));
        const alone = histogramOf(between);
        expect([difference.count, difference.meanUs]).toEqual([alone.count, alone.meanUs]);
        for (const percent of [0, 50, 99, 100]) {
          // Least and most are those of their buckets.
          expect(difference.percentileUs(percent)).toBeGreaterThanOrEqual(alone.percentileUs(percent));
          expect(difference.percentileUs(percent)).toBeLessThanOrEqual(Math.max(alone.percentileUs(percent), alone.percentileUs(percent) * (1 + 1 / 128)));
        }
      }),
    );
  });
});
