import { describe, expect, it } from 'vitest';
import { Arrivals } from '../../../src/load/arrivals.js';
import { Random } from '../../../src/load/random.js';

/** Due times up to `endUs` under a rate that may change: `rateAt` is asked every 10 ms. */
function plan(arrivals: Arrivals, endUs: number, rateAt: (us: number) => number): number[] {
  const due: number[] = [];
  for (let now = 0; now <= endUs; now += 10_000) {
    arrivals.setRate(rateAt(now), now);
    while (arrivals.nextUs <= now + 10_000) due.push(arrivals.take());
  }
  return due;
}

describe('the plan of arrivals', () => {
  it('is even when asked to be, and threads stand between each other', () => {
    const [first, second] = [0, 1].map((thread) => plan(new Arrivals(new Random(1), 'even', thread, 2), 100_000, () => 100).slice(0, 3));
    expect(first).toEqual([5000, 15_000, 25_000]);
    expect(second).toEqual([10_000, 20_000, 30_000]);
  });

  it('is the same for the same seed, and has the rate asked for', () => {
    const [one, two] = [7, 7].map((seed) => plan(new Arrivals(new Random(seed), 'poisson', 0, 1), 100_000_000, () => 500));
    expect(one).toEqual(two);
    expect(one!.length).toBeGreaterThan(49_000);
    expect(one!.length).toBeLessThan(51_000);
  });

  it('follows a ramp', () => {
    const due = plan(new Arrivals(new Random(3), 'even', 0, 1), 10_000_000, (us) => us / 10_000_000 * 900);
    expect(Math.abs(due.length - 4500)).toBeLessThan(10);
    expect(Math.abs(due.filter((us) => us < 5_000_000).length - 1125)).toBeLessThan(10);
  });

  it.each([[1000, 2000], [2000, 2000], [3999, 2000], [4000, 1000], [7999, 1000], [8000, 500], [50_000, 500]])('of %d calls per second stands on a grid of %d µs', (rate, stepUs) => {
    const due = plan(new Arrivals(new Random(3), 'poisson', 0, 1), 1_000_000, () => rate);
    expect(due.every((us) => us % stepUs === 0)).toBe(true);
    expect(due.some((us) => us % (2 * stepUs) !== 0)).toBe(true);
  });

  it('has the rate asked for on a grid too, and none below 1,000 calls per second', () => {
    const due = plan(new Arrivals(new Random(3), 'poisson', 0, 1), 10_000_000, () => 9000);
    expect(Math.abs(due.length - 90_000)).toBeLessThan(2500);
    expect(plan(new Arrivals(new Random(3), 'poisson', 0, 1), 1_000_000, () => 999).some((us) => us % 500 !== 0)).toBe(true);
  });

  it('is over while the rate is 0', () => {
    const arrivals = new Arrivals(new Random(3), 'poisson', 0, 1);
    expect(arrivals.nextUs).toBe(Infinity);
    arrivals.setRate(100, 0);
    expect(arrivals.nextUs).toBeLessThan(1e6);
    arrivals.stop();
    expect(arrivals.nextUs).toBe(Infinity);
  });
});
