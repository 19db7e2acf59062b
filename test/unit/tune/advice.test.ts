/** What a sweep comes to: the result, and its text. */
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.js';
import { coalesceFigures, resultOf, type AdviceFacts } from '../../../src/tune/advice.js';
import { cpuByRole } from '../../../src/tune/drive.js';
import { stepMsFor, sweepMs, type SweepOutcome } from '../../../src/tune/sweep.js';
import type { TuneStep } from '../../../src/tune/tune-result.js';
import { tuneText } from '../../../src/tune/tune-text.js';
import { tuneView } from '../../../src/tune/tune-view.js';

function step(shards: number, main: number, each: number, more: Partial<TuneStep> = {}): TuneStep {
  return {
    shards, coalesceUs: 100, askedPerS: 4000, reachedPerS: 4003, calls: 20_000, failed: 0, failurePercent: 0,
    cpuUsPerCall: { main, shards: Array.from({ length: shards }, () => each), other: 2, total: main + shards * each + 2, generator: 60 },
    addedP50Us: 250, addedP99Us: 900, crowded: false, othersCores: 0, usable: true, remarks: [], ...more,
  };
}

const outcome = (steps: readonly TuneStep[], coalesceRounds: readonly (readonly TuneStep[])[] = []): SweepOutcome => ({ driver: 'batch', ratePerS: 4000, warmUpMs: 5000, measuredMs: 5000, steps, coalesceRounds });

function facts(cores: number, more: Partial<AdviceFacts> = {}): AdviceFacts {
  return {
    version: '1.2.3', command: 'viaduct tune', startedAt: '2026-01-01T00:00:00.000Z', machine: { cpu: 'a CPU', cores, memoryBytes: 1, kernel: 'Linux', node: '20.0.0' }, cores,
    config: parseConfig('routes: ./r.ts\nshards: 7\nio: {coalesceUs: 100}\n'), ownRoutes: false, governor: undefined, ...more,
  };
}

describe('a sweep', () => {
  it('comes to limits, a recommendation for this machine and for others', () => {
    const result = resultOf(outcome([step(1, 20, 50), step(2, 20, 30)]), facts(8));
    expect(result).toMatchObject({
      prediction: { mainLimitPerS: 50_000, shardLimitPerS: 16_667, shardsUntilMain: 3 },
      recommendation: { shards: 3, coalesceUs: null },
      present: { shards: 7, coalesceUs: 100 },
      notes: [],
    });
    expect(result.prediction.machines.map(({ cores, shards }) => [cores, shards])).toEqual([[8, 3], [4, 3], [16, 3], [32, 3]]);
    const text = tuneText(result, { colors: false });
    expect(text).toContain('the main thread is full at   50,000/s');
    expect(text).toMatch(/8 cores, this machine +3 +50,000\/s +35,000\/s +the main thread \(estimated\)/);
    expect(text).toMatch(/shards: 3 {3}now 7\n$/);
  });

  it('says when the machine is too small for it, busy, or slowed down', () => {
    const { notes } = resultOf(outcome([step(1, 20, 50, { crowded: true, othersCores: 1.5 }), step(2, 20, 30, { crowded: true, othersCores: 1.5 })]), facts(2, { governor: 'powersave' }));
    expect(notes).toEqual([
      expect.stringMatching(/^This machine is too small for a sweep: generator, main thread and shards are up to 4 threads on 2 cores.*CPU time of each thread/),
      expect.stringMatching(/^other processes kept 1\.5 of 2 cores busy/),
      expect.stringMatching(/^the CPU frequency governor is powersave/),
    ]);
  });

  it('leaves out a step whose calls failed, and says so', () => {
    const { notes, recommendation } = resultOf(outcome([step(1, 20, 50), step(2, 900, 900, { usable: false, failed: 5000, remarks: ['25 % of the calls failed'] })]), facts(8));
    expect(recommendation.shards).toBe(3);
    expect(notes).toEqual(['with 2 shards: 25 % of the calls failed; this step is left out of what is recommended']);
  });

  it('can be without shards', () => {
    const result = resultOf(outcome([step(0, 70, 0)]), facts(1));
    expect(result).toMatchObject({ prediction: { mainLimitPerS: 14_286, shardsUntilMain: 0 }, recommendation: { shards: 0 }, notes: [expect.stringMatching(/^Without shards/)] });
    expect(tuneText(result, { colors: false })).toContain('with the engine in it');
  });

  it('of one shard that reads the sockets says what that bears, and nothing of the main thread', () => {
    const result = resultOf(outcome([step(1, 0.1, 50)]), facts(8));
    expect(result).toMatchObject({ prediction: { mainLimitPerS: 0, shardLimitPerS: 20_000, shardsUntilMain: 1 }, recommendation: { shards: 1 } });
    expect(tuneText(result, { colors: false })).toMatch(/one shard is full at +20,000\/s, with the sockets in it/);
    expect(tuneText(result, { colors: false })).not.toContain('the main thread is full');
  });

  it('compares io.coalesceUs by rounds', () => {
    const rounds = [
      [step(1, 20, 50), step(1, 15, 45, { coalesceUs: 200 })],
      [step(1, 22, 50), step(1, 15, 46, { coalesceUs: 200 })],
    ];
    expect(coalesceFigures(rounds)).toEqual([{ coalesceUs: 100, totalUs: [72, 74], addedP99Us: [900, 900] }, { coalesceUs: 200, totalUs: [62, 63], addedP99Us: [900, 900] }]);
    const result = resultOf(outcome([step(1, 20, 50)], rounds), facts(4));
    expect(result.recommendation.coalesceUs).toBe(200);
    expect(tuneText(result, { colors: false })).toContain('200 is cheaper in every round');
  });
});

describe('the CPU time of threads', () => {
  it('is told apart by what they do', () => {
    const threads = [{ tid: 10, cpuUsPerCall: 20 }, { tid: 12, cpuUsPerCall: 30 }, { tid: 11, cpuUsPerCall: 31 }, { tid: 13, cpuUsPerCall: 1.5 }];
    expect(cpuByRole(threads, { pid: 10, shardThreads: [11, 12] })).toEqual({ main: 20, shards: [31, 30], other: 1.5, total: 82.5 });
    expect(cpuByRole(threads.slice(0, 1), { pid: 10, shardThreads: [] })).toEqual({ main: 20, shards: [], other: 0, total: 20 });
  });
});

describe('the length of a step', () => {
  it('is what makes the whole as long as it may be, within bounds', () => {
    const job = { counts: [1, 2], coalesceUs: [50, 200] };
    const stepMs = stepMsFor(60_000, job, 4000, 15_000);
    expect(sweepMs({ ...job, stepMs })).toBeGreaterThan(55_000);
    expect(sweepMs({ ...job, stepMs })).toBeLessThan(65_000);
    expect(stepMsFor(60_000, { counts: [1], coalesceUs: [] }, 4000, 15_000)).toBe(15_000);
    expect(stepMsFor(60_000, { counts: Array.from({ length: 40 }, (_, i) => i + 1), coalesceUs: [] }, 4000, 15_000)).toBe(4000);
  });
});

describe('the view', () => {
  const screen = (terminal: boolean) => () => ({ terminal, colors: false, columns: 80 });

  it('is a line that is redrawn on a terminal, and gives the cursor back', () => {
    let text = '';
    const view = tuneView(screen(true), (more) => (text += more), () => 3000);
    view.at('1 shard', 0.5, undefined);
    view.step(step(1, 20, 50));
    view.end();
    expect(text).toContain('██████████░░░░░░░░░░ 00:00  1 shard');
    expect(text).toContain('1 shard: main 20.0 µs a call, shard 50.0 µs, proxy 72.0 µs; 4,003/s, p99 900 µs\n');
    expect(text.endsWith('\x1b[?25h')).toBe(true);
  });

  it('is a line for each thing that begins elsewhere', () => {
    let text = '';
    const view = tuneView(screen(false), (more) => (text += more), () => 0);
    view.at('1 shard', 0.1, undefined);
    view.at('1 shard', 0.2, undefined);
    view.note('stopping');
    view.end();
    expect(text).toBe('1 shard …\nstopping\n');
  });
});
