/** From readings of the threads to the figures of a result. */
import { describe, expect, it } from 'vitest';
import {
  L_DUE, L_FAIL_ABORTED, L_FAIL_TIMEOUT, L_FAILED, L_IN_FLIGHT, L_OVERRUN, L_SEND_DROPPED, L_SKIPPED, L_STARTED, L_SUCCEEDED, L_TABLE_FULL, L_ANSWERED_UAS, METRICS_SLOTS, T_180, T_200, T_REQUEST, recordTime,
} from '../../../src/load/metrics.js';
import { callsOf, failurePercent, failuresOf, mainTime, timeFigures, timesOf, totalsOf } from '../../../src/load/report/figures.js';
import { SeriesRecorder } from '../../../src/load/report/series.js';
import { Snapshot } from '../../../src/load/report/snapshot.js';
import { invalidReasons, type ValidityFacts } from '../../../src/load/report/validity.js';
import { histogramOf, snapshotOf } from './recorded.js';

describe('a snapshot', () => {
  it('is the sum of all threads', () => {
    const blocks = [1, 2, 3].map((factor) => {
      const block = new Float64Array(METRICS_SLOTS);
      block[L_STARTED] = factor;
      recordTime(block, T_180, 100 * factor);
      return block;
    });
    const { counters, times } = Snapshot.take(blocks, 5);
    expect(counters[L_STARTED]).toBe(6);
    expect([times[T_180]!.count, times[T_180]!.leastUs, times[T_180]!.mostUs]).toEqual([3, 100, 300]);
  });

  it('less an earlier one is what came in between; what is in progress is that of the later', () => {
    const difference = snapshotOf(3000, { [L_STARTED]: 10, [L_IN_FLIGHT]: 4 }, { [T_180]: [5, 6, 7] }).since(snapshotOf(1000, { [L_STARTED]: 3, [L_IN_FLIGHT]: 9 }, { [T_180]: [5] }));
    expect([difference.atMs, difference.counters[L_STARTED], difference.counters[L_IN_FLIGHT], difference.times[T_180]!.count]).toEqual([2000, 7, 4, 2]);
  });
});

describe('figures', () => {
  it('name every counter, every cause, and the times that have a value', () => {
    const snapshot = snapshotOf(0, { [L_STARTED]: 5, [L_FAILED]: 2, [L_FAIL_TIMEOUT]: 2 }, { [T_200]: [1000] });
    expect(totalsOf(snapshot)).toMatchObject({ started: 5, failed: 2, skipped: 0 });
    expect(failuresOf(snapshot)).toMatchObject({ timeout: 2, aborted: 0 });
    expect(Object.keys(timesOf(snapshot))).toEqual(['invite200']);
  });

  it('have a distribution that never falls and ends with the most', () => {
    const { curve, maxUs } = timeFigures(histogramOf(Array.from({ length: 1000 }, (_, i) => i * 10)));
    expect(curve.at(-1)).toEqual([100, maxUs]);
    for (const [i, [percent, us]] of curve.entries()) {
      if (i === 0) continue;
      expect(percent).toBeGreaterThan(curve[i - 1]![0]);
      expect(us).toBeGreaterThanOrEqual(curve[i - 1]![1]);
    }
    // Of a thousand values, one in a thousand is the last that can be told.
    expect(curve.at(-2)![0]).toBeLessThanOrEqual(99.9);
  });

  it('count failures against the calls that ended, without those that the operator cut off', () => {
    const snapshot = snapshotOf(0, { [L_STARTED]: 100, [L_SUCCEEDED]: 90, [L_FAILED]: 10, [L_FAIL_ABORTED]: 8, [L_FAIL_TIMEOUT]: 2 });
    expect(failurePercent(snapshot, false)).toBe(10);
    expect(failurePercent(snapshot, true)).toBeCloseTo((100 * 2) / 92);
    expect(failurePercent(snapshotOf(0, {}), false)).toBe(0);
  });

  it('divide a cost by the mean of calls begun and ended, of a callee by those it answered', () => {
    expect(callsOf(snapshotOf(0, { [L_STARTED]: 100, [L_SUCCEEDED]: 110, [L_FAILED]: 10 }))).toBe(110);
    expect(callsOf(snapshotOf(0, { [L_ANSWERED_UAS]: 30 }))).toBe(30);
  });

  it('stand for the run by the 180 where there is one, else by the answer', () => {
    expect(mainTime(snapshotOf(0, {}, { [T_180]: [1], [T_200]: [1] }).times)).toBe(T_180);
    expect(mainTime(snapshotOf(0, {}, { [T_200]: [1] }).times)).toBe(T_200);
    expect(mainTime(snapshotOf(0, {}, { [T_REQUEST]: [1] }).times)).toBe(T_REQUEST);
    expect(mainTime(snapshotOf(0, {}, { [T_180]: [1], [T_REQUEST]: Array<number>(30).fill(1) }).times)).toBe(T_REQUEST);
    expect(mainTime(snapshotOf(0, {}).times)).toBe(T_180);
  });
});

describe('the series', () => {
  it('has rates of each row by its own length, and percentiles of the row alone', () => {
    const recorder = new SeriesRecorder(snapshotOf(1000, {}));
    expect(recorder.add(snapshotOf(2000, { [L_STARTED]: 100, [L_SUCCEEDED]: 80 }, { [T_180]: [10, 20] }), { phase: 'warm-up', asked: 100 }, false)).toBe(true);
    expect(recorder.add(snapshotOf(2500, { [L_STARTED]: 200, [L_SUCCEEDED]: 180, [L_IN_FLIGHT]: 20 }, { [T_180]: [10, 20, 200] }), { phase: 'measured', asked: 50, step: 2, watchCpuPercent: 12.345 }, false)).toBe(true);
    expect(recorder.series(T_180)).toEqual([
      { atS: 1, phase: 'warm-up', askedPerS: 100, startedPerS: 100, succeededPerS: 80, failedPerS: 0, inFlight: 0, p50Us: 10, p90Us: 20, p99Us: 20, maxUs: 20 },
      { atS: 1.5, phase: 'measured', step: 2, askedPerS: 100, startedPerS: 200, succeededPerS: 200, failedPerS: 0, inFlight: 20, p50Us: 200, p90Us: 200, p99Us: 200, maxUs: 200, watchCpuPercent: 12.35 },
    ]);
  });

  it('has a gap where nothing was timed', () => {
    const recorder = new SeriesRecorder(snapshotOf(0, {}));
    recorder.add(snapshotOf(1000, { [L_STARTED]: 1 }), { phase: 'measured', asked: 1 }, false);
    expect(recorder.series(T_180)[0]).toMatchObject({ p50Us: null, p99Us: null });
  });

  it('makes a moment that is too short a part of the next row, unless it is the last', () => {
    const recorder = new SeriesRecorder(snapshotOf(0, {}));
    expect(recorder.add(snapshotOf(150, { [L_STARTED]: 15 }), { phase: 'measured', asked: 15 }, false)).toBe(false);
    expect(recorder.add(snapshotOf(1000, { [L_STARTED]: 100 }), { phase: 'measured', asked: 100 }, false)).toBe(true);
    expect(recorder.add(snapshotOf(1010, { [L_STARTED]: 101 }), { phase: 'drain', asked: 1 }, true)).toBe(true);
    expect(recorder.series(T_180).map(({ atS, startedPerS }) => [atS, startedPerS])).toEqual([[1, 100], [1.01, 100]]);
  });
});

describe('a result is', () => {
  const facts = (counters: Record<number, number>, more: Partial<ValidityFacts> = {}): ValidityFacts => ({
    counted: snapshotOf(10_000, { [L_DUE]: 10_000, [L_STARTED]: 10_000, ...counters }), asked: 10_000, startedInTime: 10_000, dueInTime: 10_000, askedPerS: 1000, arrivals: 'poisson', concurrency: 500, ...more,
  });

  it('valid when the generator kept up, scatter of random arrivals included', () => {
    expect(invalidReasons(facts({}))).toEqual([]);
    expect(invalidReasons(facts({ [L_DUE]: 9700, [L_STARTED]: 9700 }, { startedInTime: 9700, dueInTime: 9700 }))).toEqual([]);
    expect(invalidReasons(facts({}, { asked: undefined, startedInTime: 0, dueInTime: 0 }))).toEqual([]);
  });

  it.each([
    [{ [L_SKIPPED]: 1200 }, /^1,200 calls were due and not begun, because 500 were in progress.*--concurrency/],
    [{ [L_SKIPPED]: 1 }, /^1 call was due and not begun, because 500 were in progress/],
    [{ [L_OVERRUN]: 1 }, /^1 call was begun more than 100 ms late, or not at all: the generator could not keep the rate: measure with a lower rate or more --threads/],
    [{ [L_SEND_DROPPED]: 2 }, /^2 messages were not taken by the kernel/],
    [{ [L_TABLE_FULL]: 2 }, /call table was full/],
    [{ [L_STARTED]: 9850 }, /^10,000 calls begun of 10,000|calls begun of 10,000/],
  ])('invalid, with the reason, for %j', (counters, reason) => {
    expect(invalidReasons(facts(counters, L_STARTED in counters ? { startedInTime: 9850 } : {}))).toEqual([expect.stringMatching(reason)]);
  });

  it('invalid when fewer calls were begun than were asked for', () => {
    expect(invalidReasons(facts({ [L_DUE]: 9000, [L_STARTED]: 9000 }, { startedInTime: 9000, dueInTime: 9000 }))).toEqual([
      '9,000 calls begun of 10,000 (90 %, asked were 1,000/s): the generator could not keep the rate: measure with a lower rate or more --threads',
    ]);
  });

  it('invalid with one call in a hundred too few when arrivals are even: nothing scatters then', () => {
    const fewer = (calls: number): ValidityFacts => facts({ [L_DUE]: calls, [L_STARTED]: calls }, { arrivals: 'even', startedInTime: calls, dueInTime: calls });
    expect(invalidReasons(fewer(9900))).toEqual([]);
    expect(invalidReasons(fewer(9800))).toEqual([expect.stringMatching(/^9,800 calls begun of 10,000 \(98 %/)]);
  });

  it('invalid when no call was begun', () => {
    expect(invalidReasons(facts({ [L_DUE]: 0, [L_STARTED]: 0 }, { asked: 1, startedInTime: 0, dueInTime: 0 }))).toEqual(['no call was begun: nothing was measured']);
  });
});
