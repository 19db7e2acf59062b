/** The coordinator: real threads, which only pretend to call (stand-in-thread.mjs). */
import { describe, expect, it } from 'vitest';
import type { LoadOptions } from '../../../src/load/options.js';
import type { FindMaxStep, LoadResult } from '../../../src/load/report/result.js';
import { parseThreshold, type Threshold } from '../../../src/load/report/thresholds.js';
import { RateSearch, stepMs } from '../../../src/load/run/find-max.js';
import { rateAt, type RunPlan } from '../../../src/load/run/plan.js';
import { runLoad, startHint, type LoadJob } from '../../../src/load/run/run.js';
import { StopRequest } from '../../../src/load/run/waker.js';
import type { LoadView, Progress } from '../../../src/load/view/view.js';

const STAND_IN = new URL('stand-in-thread.mjs', import.meta.url);

/** No call goes there: the target is one of the generator's own sockets, which is not looked for. */
const OWN = { host: '127.0.0.1', family: 4, port: 5070 } as const;

const OPTIONS: LoadOptions = {
  role: 'both', target: OWN, listen: OWN, callerHost: '127.0.0.1', socketsPerThread: 1, threads: 2, scenarios: [{ scenario: 'call', weight: 1 }], arrivals: 'even', concurrency: 1000,
  ring: { kind: 'fixed', ms: 5 }, hold: { kind: 'fixed', ms: 20 }, cancelAfter: { kind: 'fixed', ms: 0 }, domain: '', users: { kind: 'generated', count: 10, password: 'geheim' },
  faults: { retransmitPercent: 0, lossPercent: 0, delayMs: 0, reorderPercent: 0 }, t1Ms: 500, seed: 7, driver: 'auto', coalesceUs: 0,
};
const PLAN: RunPlan = { ratePerS: 400, durationMs: 700, calls: undefined, rampMs: 0, warmUpMs: 0 };

interface Changes {
  readonly behaviour?: string;
  readonly options?: Partial<LoadOptions>;
  readonly plan?: Partial<RunPlan>;
  readonly job?: Partial<LoadJob>;
  readonly onProgress?: (progress: Progress, stop: StopRequest) => void;
}

class Recorded implements LoadView {
  readonly progressEveryMs = 250;
  readonly steps: FindMaxStep[] = [];
  readonly progresses: Progress[] = [];
  readonly events: string[] = [];
  constructor(private readonly onProgress: (progress: Progress) => void) {}
  begin(): void {
    this.events.push('begin');
  }
  progress(progress: Progress): void {
    this.progresses.push(progress);
    this.onProgress(progress);
  }
  step(step: FindMaxStep): void {
    this.steps.push(step);
  }
  note(): void {}
  end(): void {
    this.events.push('end');
  }
}

async function run({ behaviour = '', options = {}, plan = {}, job = {}, onProgress }: Changes): Promise<{ result: LoadResult; view: Recorded }> {
  const stop = new StopRequest();
  const view = new Recorded((progress) => onProgress?.(progress, stop));
  const whole: LoadJob = {
    options: { ...OPTIONS, domain: behaviour, ...options }, plan: { ...PLAN, ...plan }, findMax: undefined, watchPids: [], thresholds: [], command: 'viaduct load', version: '1.2.3', threadEntry: STAND_IN, ...job,
  };
  const result = await runLoad(whole, view, stop);
  expect(view.events).toEqual(['begin', 'end']);
  return { result, view };
}

function total(result: LoadResult, name: string): number {
  return result.totals[name]!;
}

/** The threads of this machine may stand still for a while; what depends on their speed is not looked at. */
describe.concurrent('a run', () => {
  it('begins calls at the rate, lets them end, and adds up what all threads have seen', async () => {
    const { result, view } = await run({});
    expect(total(result, 'started')).toBeGreaterThan(100);
    expect(total(result, 'succeeded')).toBe(total(result, 'started'));
    expect([total(result, 'failed'), total(result, 'inFlight'), result.failurePercent]).toEqual([0, 0, 0]);
    expect(result).toMatchObject({ format: 'viaduct-load/1', version: '1.2.3', mainTime: 'invite180', interrupted: false, watch: [], thresholds: [] });
    expect(result.times['invite180']!.count).toBe(total(result, 'started'));
    expect(result.series.at(-1)!.phase).toBe('drain');
    expect(result.measuredS).toBeGreaterThanOrEqual(0.7);
    expect(view.progresses.length).toBeGreaterThan(1);
    expect(JSON.stringify(result)).not.toContain('geheim');
  });

  it('begins as many calls as it was told, spread over the threads, and ends', async () => {
    const { result } = await run({ plan: { calls: 101, durationMs: undefined, ratePerS: 2000 } });
    expect([total(result, 'started'), total(result, 'succeeded')]).toEqual([101, 101]);
  });

  it('leaves the warm-up out of the figures', async () => {
    const { result } = await run({ plan: { warmUpMs: 500, durationMs: 500 }, options: { hold: { kind: 'fixed', ms: 100 } } });
    const phases = result.series.map(({ phase }) => phase);
    expect(phases[0]).toBe('warm-up');
    expect(result.inFlightAtStart).toBeGreaterThan(0);
    // A reading is taken while the threads count on: it may be off by the call that was just ending.
    expect(Math.abs(total(result, 'succeeded') - total(result, 'started') - result.inFlightAtStart)).toBeLessThanOrEqual(2);
  });

  it('lets the rate rise over the ramp', async () => {
    const { result } = await run({ plan: { ratePerS: 400, rampMs: 800, durationMs: 800 } });
    // The ramp takes away half of the calls of its time: 160.
    expect(result.askedPerS * result.measuredS).toBeGreaterThan(20);
    expect(result.askedPerS * result.measuredS).toBeLessThan(400 * result.measuredS - 100);
  });

  it('counts failures by their causes', async () => {
    const { result } = await run({ behaviour: 'fail=50' });
    expect(total(result, 'failed')).toBeGreaterThan(0);
    expect(Object.values(result.failures).reduce((sum, count) => sum + count, 0)).toBe(total(result, 'failed'));
    expect(result.failurePercent).toBeCloseTo((100 * total(result, 'failed')) / total(result, 'started'));
  });

  it('is invalid when the generator cannot keep the rate', async () => {
    const { result } = await run({ behaviour: 'slow=100' });
    expect(result.valid).toBe(false);
    expect(result.reasons).toEqual(expect.arrayContaining([expect.stringMatching(/more than 100 ms late, or not at all: the generator could not keep the rate: measure with a lower rate or more --threads/)]));
  });

  it('is judged by its thresholds', async () => {
    const thresholds = ['p99 > 1us', 'failures > 1%'].map((text) => parseThreshold(text) as Threshold);
    const { result } = await run({ job: { thresholds } });
    expect(result.thresholds.map(({ held }) => held)).toEqual([false, true]);
  });

  it.runIf(process.platform === 'linux')('measures the CPU of a watched process', async () => {
    const { result } = await run({ job: { watchPids: [process.pid] } });
    expect(result.watch).toMatchObject([{ pid: process.pid }]);
    expect(result.watch[0]!.cpuUsPerCall).toBeGreaterThan(0);
    expect(result.watch[0]!.peakRssBytes).toBeGreaterThan(10_000_000);
    expect(result.series[0]!.watchCpuPercent).toBeGreaterThanOrEqual(0);
  });

  it('stops when it is asked to, and gives the results so far', async () => {
    const { result } = await run({ plan: { durationMs: 600_000 }, onProgress: ({ begun }, stop) => { if (begun > 20) stop.request(); } });
    expect(result).toMatchObject({ interrupted: true });
    expect(total(result, 'started')).toBeGreaterThan(20);
    expect(total(result, 'succeeded')).toBe(total(result, 'started'));
  });

  it('gives calls up that do not end, which then count as cut off', async () => {
    const { result } = await run({ behaviour: 'stuck=1', plan: { durationMs: 600_000 }, onProgress: ({ begun }, stop) => { if (begun > 20) stop.request(); } });
    expect(result.failures['aborted']).toBe(total(result, 'started'));
    expect(result.failurePercent).toBe(0);
  });

  it('complains when nothing at all comes back', async () => {
    const rejected = run({ behaviour: 'silent=1', plan: { durationMs: 600_000 } });
    await expect(rejected).rejects.toMatchObject({ code: 'VD_LOAD_UNREACHABLE', message: expect.stringMatching(/^no response at all from 127\.0\.0\.1:5070 to the first calls: is the proxy running/) as string });
  });

  it('says in one line why a thread could not begin', async () => {
    await expect(run({ behaviour: 'refuse=cannot listen on udp:127.0.0.1:5070' })).rejects.toMatchObject({ code: 'VD_LOAD_START', message: 'cannot listen on udp:127.0.0.1:5070' });
  });

  it('ends when a thread dies', async () => {
    await expect(run({ behaviour: 'die=out of ideas' })).rejects.toMatchObject({ code: 'VD_LOAD_THREAD', message: expect.stringMatching(/^load thread \d died: out of ideas$/) as string });
  });

  it('is refused when nobody listens at the target', async () => {
    // Port 1 is no port of the generator, and none that a test machine has in use.
    await expect(run({ options: { target: { host: '127.0.0.1', family: 4, port: 1 } } })).rejects.toMatchObject({ code: 'VD_LOAD_UNREACHABLE', message: expect.stringMatching(/^nobody listens at 127\.0\.0\.1:1: is the proxy running\?$/) as string });
  });

  it('says how to start a proxy where the target is the default one only', () => {
    expect(startHint({ host: '127.0.0.1', port: 5060 })).toBe(' (npm start runs one on 127.0.0.1:5060)');
    expect(startHint({ host: '127.0.0.1', port: 5061 })).toBe('');
    expect(startHint({ host: '192.0.2.1', port: 5060 })).toBe('');
  });

  it('finds the highest rate between one that passes and one that does not', async () => {
    const bounds = { maxFailurePercent: 0.01, maxP99Us: 1e9 };
    const { result, view } = await run({ behaviour: 'knee=450', plan: { ratePerS: 200, durationMs: 300, warmUpMs: 100 }, job: { findMax: bounds } });
    const { findMax } = result;
    expect(findMax!.steps).toEqual(view.steps);
    expect(view.steps.map(({ askedPerS }) => askedPerS).slice(0, 3)).toEqual([200, 400, 800]);
    const passed = view.steps.filter((step) => step.passed).map(({ askedPerS }) => askedPerS);
    // A machine that stands still makes a step fail at any rate; beyond the knee none passes.
    expect(findMax!.bestPerS).toBe(Math.max(0, ...passed));
    expect(findMax!.bestPerS).toBeLessThanOrEqual(450);
    for (const step of view.steps) if (!step.passed) expect(step.reason).toBeDefined();
    expect(new Set(result.series.map(({ step }) => step)).size).toBe(view.steps.length);
  });

  it('says so when the generator was the limit of the search', async () => {
    const { result } = await run({ behaviour: 'slow=150', plan: { ratePerS: 100, durationMs: 300, warmUpMs: 0 }, job: { findMax: { maxFailurePercent: 1, maxP99Us: 1e9 } } });
    expect(result.findMax!.limit).toBe('generator');
    expect(result.valid).toBe(false);
    expect(result.reasons[0]).toMatch(/^the generator was the limit at .*more --threads/);
    // A late step comes once more before it counts.
    const { steps } = result.findMax!;
    const late = steps.findIndex(({ repeated }) => repeated === true);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(steps[late + 1]!.askedPerS).toBe(steps[late]!.askedPerS);
    expect(steps[late + 1]!.repeated).toBeUndefined();
  });
});

describe.concurrent('a search', () => {
  it('does not blame the target when calls begin later than the bound of p99 allows', async () => {
    const { result } = await run({ behaviour: 'late=150&us=800', plan: { ratePerS: 100, durationMs: 300, warmUpMs: 0 }, job: { findMax: { maxFailurePercent: 1, maxP99Us: 1e6 } } });
    const { limit, steps } = result.findMax!;
    expect([limit, result.valid]).toEqual(['generator', false]);
    const late = steps.filter(({ askedPerS }) => askedPerS > 150);
    expect(late[0]).toMatchObject({ passed: false, limit: 'generator', repeated: true, reason: expect.stringMatching(/calls began 1\.0\d? s late at p99, p99 allowed is less than 1\.00 s/) as string });
    expect(late.every(({ passed }) => !passed)).toBe(true);
  });
});

describe.concurrent('a search by p99', () => {
  it('repeats a step with too few calls for it, long enough, and so all that follow', async () => {
    // Beyond the knee answers take ten times as long; a twentieth of the calls fails too, which is allowed.
    const { result } = await run({ behaviour: 'knee=3500&us=4000', plan: { ratePerS: 5000, durationMs: 100, warmUpMs: 0 }, job: { findMax: { maxFailurePercent: 50, maxP99Us: 50_000 } } });
    const { steps, limit, bestPerS } = result.findMax!;
    expect(steps[0]).toMatchObject({ askedPerS: 5000, limit: 'p99', repeated: true });
    expect(steps[1]!.askedPerS).toBe(5000);
    for (const step of steps.slice(1)) if (step.limit !== 'generator') expect(step.calls, JSON.stringify(step)).toBeGreaterThan(950);
    expect(bestPerS).toBeLessThanOrEqual(3500);
    if (limit === 'p99') expect(result.reasons.join()).not.toContain('too few');
  });

  it('makes no step longer than anybody would wait, nor shorter than it was asked to be', () => {
    expect([1000, 200, 6].map((rate) => stepMs(rate, 2000))).toEqual([2000, 5500, 30_000]);
    expect(stepMs(6, 60_000)).toBe(60_000);
  });
});

describe('the plan', () => {
  it('rises evenly to its rate', () => {
    const plan = { ...PLAN, ratePerS: 1000, rampMs: 10_000 };
    expect([0, 2500, 10_000, 20_000].map((ms) => rateAt(plan, ms))).toEqual([0, 250, 1000, 1000]);
    expect(rateAt({ ...PLAN, rampMs: 0 }, 0)).toBe(400);
  });
});

describe('the search for a rate', () => {
  /** Rates tried when all up to `knee` pass. */
  function search(first: number, knee: number): { best: number; tried: number[] } {
    const rates = new RateSearch(first);
    const tried: number[] = [];
    for (let rate = rates.next; rate !== undefined; rate = rates.next) {
      tried.push(rate);
      rates.report(rate <= knee);
    }
    return { best: rates.bestPerS, tried };
  }

  it.each([[500, 7300], [500, 500], [500, 60], [1000, 999], [1, 40], [500, 123_456], [3, 1]])('from %d finds a knee of %d within five percent', (first, knee) => {
    const { best, tried } = search(first, knee);
    expect(best).toBeLessThanOrEqual(knee);
    expect(best).toBeGreaterThanOrEqual(Math.min(knee - 1, knee * 0.94));
    expect(tried.length).toBeLessThanOrEqual(20);
    expect(new Set(tried).size).toBe(tried.length);
  });

  it('gives up when nothing passes, and when everything does', () => {
    expect(search(500, 0).best).toBe(0);
    expect(search(500, Infinity).best).toBe(1_000_000);
  });
});
