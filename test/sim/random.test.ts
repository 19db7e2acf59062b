/** Thousands of random calls on a bad network, with every invariant checked on every message. A failure prints its seed. */
import { describe, expect, it } from 'vitest';
import type { Knobs } from '../../src/sim/scenario.js';
import { describe as describeResult, simulate } from '../../src/sim/simulate.js';

async function expectClean(knobs: Partial<Knobs>): Promise<void> {
  const result = await simulate(knobs);
  expect(result.violations.length === 0, describeResult(result)).toBe(true);
}

const BAD_NETWORK: Partial<Knobs> = { lossPercent: 10, dupPercent: 5, reorderPercent: 20 };

describe.each([1, 2, 4])('%i shards', (shards) => {
  it('carry every call as planned on a perfect network', () => expectClean({ seed: 101, calls: 1000, shards, forks: 1 }));

  it('keep every rule on a bad network', () => expectClean({ ...BAD_NETWORK, seed: 102, calls: 1000, shards, forks: 3, cancelPercent: 30 }));

  it('keep every rule with async scripts and shards that run late', () =>
    expectClean({ ...BAD_NETWORK, seed: 103, calls: 500, shards, forks: 2, cancelPercent: 40, asyncPercent: 50, lagMs: 15 }));

  it('keep every rule when callers cancel blindly and callees answer all the same', () =>
    expectClean({ ...BAD_NETWORK, seed: 104, calls: 500, shards, forks: 3, cancelPercent: 80, blindCancelPercent: 50, lateAnswerPercent: 50 }));
});

it('keeps every rule when sharded by Call-ID', () => expectClean({ ...BAD_NETWORK, seed: 105, calls: 500, shards: 3, key: 'call-id', forks: 2 }));

it('sends nothing wrong when shards crash', () => expectClean({ seed: 106, calls: 1000, shards: 4, crashes: 10, cancelPercent: 20, throwPercent: 0 }));

it('gives the same result for the same seed', async () => {
  const knobs: Partial<Knobs> = { ...BAD_NETWORK, seed: 107, calls: 300, shards: 3, forks: 3, asyncPercent: 30 };
  const [one, two] = [await simulate(knobs), await simulate(knobs)];
  expect({ ...one, outcomes: [...one.outcomes] }).toEqual({ ...two, outcomes: [...two.outcomes] });
});

describe('seeds that once failed', () => {
  it('a branch that rang after its Timer B was heard upstream after a 2xx', () =>
    expectClean({ seed: 1008, calls: 2000, shards: 8, forks: 3, lossPercent: 25, reorderPercent: 30, cancelPercent: 90, blindCancelPercent: 30, lateAnswerPercent: 80, silentPercent: 0, throwPercent: 2, rejectPercent: 30, callsPerSecond: 200, batchMax: 4, lagMs: 0, oldPhonePercent: 0, asyncPercent: 30 }));
});
