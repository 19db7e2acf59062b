/** The arithmetic of `viaduct tune`: from the CPU time of threads to numbers of shards. */
import { describe, expect, it } from 'vitest';
import { betterCoalesce, costWith, predict, recommend, saturationPerS, shardsUntilMain, sweepCounts, sweepRate, type CallCost } from '../../../src/tune/model.js';

const cost = (shards: number, mainUs: number, shardsUs: number, otherUs = 0): CallCost => ({ shards, mainUs, shardsUs, otherUs });
/** The main thread bears 50,000 calls/s, a shard 12,500. */
const MEASURED = [cost(1, 20, 80), cost(2, 20, 80)];

describe('a thread', () => {
  it('is full when it has used a core for a second', () => {
    expect(saturationPerS(20)).toBe(50_000);
    expect(saturationPerS(0)).toBe(Infinity);
  });
});

describe('costs that were not measured', () => {
  it('lie on the line between the neighbours, or are those of the nearest', () => {
    const measured = [cost(2, 20, 80, 4), cost(6, 40, 100, 8)];
    expect(costWith(measured, 3)).toEqual(cost(3, 25, 85, 5));
    expect(costWith(measured, 1)).toEqual(cost(1, 20, 80, 4));
    expect(costWith(measured, 9)).toEqual(cost(9, 40, 100, 8));
  });

  it('are never taken from the engine in the main thread, nor the other way round', () => {
    expect(costWith([cost(0, 60, 0), cost(2, 20, 80)], 1)).toEqual(cost(1, 20, 80));
    expect(() => costWith([cost(0, 60, 0)], 1)).toThrow(RangeError);
    expect(() => costWith(MEASURED, 0)).toThrow(RangeError);
  });
});

describe('one shard that reads the sockets', () => {
  const lent = cost(1, 0.1, 70);

  it('stands for itself, and says nothing of more of them', () => {
    expect(predict([lent], 1, 2)).toMatchObject({ bottleneck: 'shards', estimated: false });
    expect(() => costWith([lent], 2)).toThrow(RangeError);
    expect(recommend([lent], 16, 64)).toMatchObject({ shards: 1 });
    expect(costWith([lent, cost(2, 20, 80)], 3)).toEqual(cost(3, 20, 80));
    expect(costWith([lent, cost(3, 20, 80)], 2)).toEqual(cost(2, 20, 80));
  });

  it('is recommended where more of them bear hardly more', () => {
    expect(recommend([lent, cost(2, 30, 90)], 2, 64)).toMatchObject({ shards: 2, limitPerS: expect.closeTo(16_667, 0) as number });
    expect(recommend([lent, cost(2, 45, 100)], 2, 64)).toMatchObject({ shards: 1 });
  });
});

describe('a prediction names what gives out first', () => {
  it.each([
    [1, 2, 12_500, 'shards'],
    [2, 2, 20_000, 'cores'],
    [4, 8, 50_000, 'main'],
    [3, 8, 37_500, 'shards'],
    [1, 1, 10_000, 'cores'],
  ] as const)('%i shards on %i cores: %i calls/s, %s', (shards, cores, limitPerS, bottleneck) => {
    expect(predict(MEASURED, shards, cores)).toEqual({ cores, shards, limitPerS, bottleneck, estimated: shards > 2 });
  });

  it('without shards the main thread does it all', () => {
    expect(predict([cost(0, 50, 0)], 0, 4)).toMatchObject({ limitPerS: 20_000, bottleneck: 'main' });
  });

  it('helper threads use cores too', () => {
    expect(predict([cost(1, 20, 20, 60)], 1, 1).limitPerS).toBe(10_000);
  });
});

describe('the recommendation', () => {
  it('is the fewest shards that bear nearly as much as any number does', () => {
    expect(recommend(MEASURED, 2, 64)).toMatchObject({ shards: 2, limitPerS: 20_000, bottleneck: 'cores' });
    expect(recommend(MEASURED, 4, 64)).toMatchObject({ shards: 4, limitPerS: 40_000, bottleneck: 'cores' });
    expect(recommend(MEASURED, 16, 64)).toMatchObject({ shards: 4, limitPerS: 50_000, bottleneck: 'main' });
    // 48,000 of 50,000 is nearly as much.
    expect(recommend([cost(1, 20, 62.5)], 16, 64)).toMatchObject({ shards: 3, limitPerS: 48_000 });
  });

  it('takes one shard when a second would only cost more', () => {
    expect(recommend([cost(1, 25, 25), cost(2, 30, 30)], 2, 64)).toMatchObject({ shards: 1 });
  });

  it('is the engine in the main thread on one core, where that is cheaper', () => {
    expect(recommend([cost(0, 60, 0), ...MEASURED], 1, 64)).toMatchObject({ shards: 0, bottleneck: 'main' });
    expect(recommend([cost(0, 60, 0), ...MEASURED], 4, 64)).toMatchObject({ shards: 4 });
    expect(recommend([cost(0, 60, 0)], 4, 64)).toMatchObject({ shards: 0 });
  });

  it('keeps to the bound', () => {
    expect(recommend([cost(1, 1, 1000)], 128, 10)).toMatchObject({ shards: 10, bottleneck: 'shards' });
  });
});

describe('shards that keep the main thread busy', () => {
  it('are as many as together bear what it bears', () => {
    expect(shardsUntilMain(MEASURED, 64)).toBe(4);
    expect(shardsUntilMain([cost(1, 20, 81)], 64)).toBe(5);
    expect(shardsUntilMain([cost(1, 1, 1000)], 64)).toBe(64);
  });
});

describe('a setting of io.coalesceUs', () => {
  const figures = (coalesceUs: number, totalUs: number[], addedP99Us: number[]) => ({ coalesceUs, totalUs, addedP99Us });
  const present = figures(100, [80, 84], [900, 1000]);

  it('with a longer pause is better when it is cheaper in every round by a margin, and hardly later', () => {
    expect(betterCoalesce([present, figures(150, [70, 72], [1000, 1000]), figures(200, [60, 61], [950, 990])], 100, false)?.coalesceUs).toBe(200);
  });

  it.each([
    ['cheaper in one round alone', [70, 85], [900, 900]],
    ['cheaper by next to nothing', [79, 83], [900, 900]],
    ['much later', [60, 60], [2000, 2000]],
    ['measured in fewer rounds', [60], [900]],
  ])('with a longer pause is not better when it is %s', (_, totalUs, addedP99Us) => {
    expect(betterCoalesce([present, figures(200, totalUs, addedP99Us)], 100, true)).toBeUndefined();
  });

  it('with a shorter pause is better when it is sooner in every round by a margin, and hardly dearer', () => {
    expect(betterCoalesce([present, figures(50, [81, 84], [600, 700])], 100, true)?.coalesceUs).toBe(50);
    expect(betterCoalesce([present, figures(50, [90, 92], [600, 700])], 100, true)).toBeUndefined();
    expect(betterCoalesce([present, figures(50, [81, 84], [850, 950])], 100, true)).toBeUndefined();
    expect(betterCoalesce([present, figures(50, [81, 84], [600, 700])], 100, false)).toBeUndefined();
  });

  it('is not better when a shorter pause seems to save as much CPU, which is noise', () => {
    expect(betterCoalesce([present, figures(50, [60, 60], [900, 1000])], 100, true)).toBeUndefined();
    expect(betterCoalesce([figures(50, [61, 61], [900, 1000]), present, figures(200, [60, 60], [900, 1000])], 100, true)).toBeUndefined();
  });

  it('is not better than one that was not measured', () => {
    expect(betterCoalesce([figures(200, [60], [900])], 100, true)).toBeUndefined();
  });
});

describe('the rate of a sweep', () => {
  const facts = { cores: 16, cost: cost(1, 20, 40), generatorUs: 60, tableCalls: 1e6, drivenS: 10 };

  it('keeps the busiest thread well below its limit, and the machine', () => {
    expect(sweepRate(facts)).toBe(10_000);
    expect(sweepRate({ ...facts, cores: 1 })).toBe(5000);
    expect(sweepRate({ ...facts, cost: cost(0, 300, 0) })).toBe(2000);
  });

  it('does not fill the tables of a shard', () => {
    expect(sweepRate({ ...facts, tableCalls: 25_000 })).toBe(2500);
  });
});

describe('the counts of a sweep', () => {
  it('are all on small machines; on bigger ones doubled, and those around the number of cores', () => {
    expect(sweepCounts(1, 64, false)).toEqual([1]);
    expect(sweepCounts(2, 64, true)).toEqual([0, 1, 2]);
    expect(sweepCounts(4, 64, false)).toEqual([1, 2, 3, 4]);
    expect(sweepCounts(16, 64, false)).toEqual([1, 2, 4, 8, 15, 16]);
    expect(sweepCounts(128, 64, false)).toEqual([1, 2, 4, 8, 16, 32, 64]);
  });
});
