/** The parts of the macro benchmarks that decide: the search for the highest rate, ratios, flags. */
import { describe, expect, it } from 'vitest';
import { macroOptions } from '../../../bench/macro/options.js';
import { addRatios } from '../../../bench/macro/ratios.js';
import { RateSearch } from '../../../bench/macro/search.js';
import type { Figure } from '../../../bench/results.js';

function search(fromPerS: number, bears: (rate: number, attempt: number) => boolean): { best: number; steps: number } {
  const one = new RateSearch(fromPerS);
  let steps = 0;
  for (let rate = one.next(); rate !== undefined; rate = one.next()) one.tried(bears(rate, steps++));
  return { best: one.bestPerS, steps };
}

describe('the search for the highest rate', () => {
  it.each([500, 6000, 100_000])('finds a limit of 8,000 within 5 percent, from %i calls/s on', (from) => {
    const { best } = search(from, (rate) => rate <= 8000);
    expect(best).toBeGreaterThan(8000 / 1.06);
    expect(best).toBeLessThanOrEqual(8000);
  });

  it('tries a rate once more before it takes it for too high', () => {
    const { best } = search(6000, (rate, attempt) => rate <= 8000 && attempt !== 0);
    expect(best).toBeGreaterThan(8000 / 1.06);
  });

  it('ends, with 0, when nothing passes', () => {
    expect(search(1000, () => false).best).toBe(0);
    expect(search(1000, () => true).steps).toBeLessThan(100);
  });
});

describe('ratios of proxies measured in turns', () => {
  const sample = (proxy: string, round: number, value: number, valid = true): { proxy: string; round: number; value: number; valid: boolean } => ({ proxy, round, value, valid });

  it('leave out rounds in which either run is not valid', () => {
    const figures: Record<string, Figure> = {};
    addRatios(figures, ['a', 'b'], [sample('a', 1, 10), sample('b', 1, 20), sample('a', 2, 10), sample('b', 2, 1, false), sample('a', 3, 30), sample('b', 3, 20)], ({ value }) => value);
    expect(figures['a/b']).toEqual({ unit: 'ratio', value: 1, min: 0.5, max: 1.5 });
  });

  it('are missing when no round is left', () => {
    const figures: Record<string, Figure> = {};
    addRatios(figures, ['a', 'b'], [sample('a', 1, 10), sample('b', 1, 20, false), sample('b', 2, 20)], ({ value }) => value);
    expect(figures).toEqual({});
  });
});

describe('flags', () => {
  it('measure everything but peers by default, little with --quick', () => {
    expect(macroOptions([], false)).toMatchObject({ parts: ['cpu', 'max', 'delay', 'handover', 'floor'], ratesPerS: [2000, 4000, 6000], rounds: 3, warmUpS: 10, peers: false });
    expect(macroOptions([], true)!.parts).toContain('sipp');
    expect(macroOptions(['--quick'], false)).toMatchObject({ ratesPerS: [200], rounds: 1 });
    expect(macroOptions(['--help'], false)).toBeUndefined();
  });

  it.each([
    [['--rates', '2000,x'], '--rates: found "x"; allowed: a number'],
    [['--rounds', '0'], '--rounds: found "0"'],
    [['--only', 'speed'], '--only: found "speed"; allowed: cpu, max'],
    [['--viaduct', '/nowhere'], '/nowhere is no build of Viaduct'],
  ])('that are wrong are named: %j', (args, message) => {
    expect(() => macroOptions(args, false)).toThrow(message);
  });
});
