/** Random simulations as such: the sweep of all their settings is in sweep.test.ts. A failure prints its seed. */
import { describe, expect, it } from 'vitest';
import { Engine } from '../../src/proxy/engine.js';
import type { Endpoint, Outbox, PacketMeta } from '../../src/proxy/ports.js';
import { commandOf, DEFAULT_KNOBS, KNOB_FLAGS } from '../../src/sim/knobs.js';
import type { EngineFactory } from '../../src/sim/node-viaduct.js';
import type { Knobs } from '../../src/sim/scenario.js';
import { describe as describeResult, simulate } from '../../src/sim/simulate.js';
import { SWEEP } from '../../src/sim/sweep.js';

async function expectClean(knobs: Partial<Knobs>): Promise<void> {
  const result = await simulate(knobs);
  expect(result.violations.length === 0, describeResult(result)).toBe(true);
}

const BAD_NETWORK: Partial<Knobs> = { lossPercent: 10, dupPercent: 5, reorderPercent: 20 };

/** Loses every ACK that the engine sends. */
class DeafOutbox implements Outbox {
  private readonly inner: Outbox;
  constructor(inner: Outbox) {
    this.inner = inner;
  }
  get bytes(): Uint8Array {
    return this.inner.bytes;
  }
  reserve(maxBytes: number): number {
    return this.inner.reserve(maxBytes);
  }
  commit(start: number, end: number, to: Endpoint, owner: number): void {
    if (this.bytes[start] !== 0x41) this.inner.commit(start, end, to, owner);
  }
  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    return bytes[start] === 0x41 || this.inner.send(bytes, start, end, to, owner);
  }
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    return this.inner.offer(shard, bytes, start, end, meta);
  }
}

const deafEngine: EngineFactory = (options, ports, routes) => new Engine(options, { ...ports, outbox: new DeafOutbox(ports.outbox) }, routes);

it('gives the same result for the same seed', async () => {
  const knobs: Partial<Knobs> = { ...BAD_NETWORK, seed: 107, calls: 300, shards: 3, forks: 3, asyncPercent: 30 };
  const [one, two] = [await simulate(knobs), await simulate(knobs)];
  expect({ ...one, outcomes: [...one.outcomes] }).toEqual({ ...two, outcomes: [...two.outcomes] });
});

describe('a run that breaks a rule', () => {
  it('is made small, and printed with the command that repeats it and the ladder of one call', async () => {
    const knobs: Partial<Knobs> = { seed: 108, calls: 100, shards: 4, forks: 3, lossPercent: 5, dupPercent: 5, asyncPercent: 20 };
    const result = await simulate(knobs, deafEngine);
    const { smallest } = result;
    expect(smallest?.knobs.only).toBeGreaterThanOrEqual(0);
    expect(smallest?.knobs).toMatchObject({ shards: 1, lossPercent: 0, dupPercent: 0, asyncPercent: 0 });
    const text = describeResult(result);
    expect(text).toContain('npm run sim -- --seed 108 --calls 100 --loss 5 --dup 5 --shards 4 --forks 3 --async 20');
    expect(text).toContain(commandOf(smallest!.knobs));
    expect(result.ladder.split('\n').length).toBeLessThan(60);
    const again = await simulate(smallest!.knobs, deafEngine, { shrinkRuns: 0 });
    expect(again.violations).toEqual(smallest!.violations);
  });

  it('is reported as it is when it may not be made smaller', async () => {
    const result = await simulate({ seed: 109, calls: 20 }, deafEngine, { shrinkRuns: 0 });
    expect(result.smallest?.knobs.calls).toBe(20);
    expect(result.ladder).not.toBe('');
  });
});

it('has a call of its own do the same as among others', async () => {
  const knobs: Partial<Knobs> = { ...BAD_NETWORK, seed: 110, calls: 40, shards: 1, forks: 2, cancelPercent: 40 };
  const all = await simulate(knobs);
  const alone = await Promise.all(Array.from({ length: 40 }, (_, only) => simulate({ ...knobs, only })));
  const datagrams = alone.reduce((sum, result) => sum + result.datagrams, 0);
  expect(datagrams).toBe(all.datagrams);
});

describe('the knobs', () => {
  it('all have a flag and a place in the sweep', () => {
    const flags = new Set<string>(KNOB_FLAGS.map(({ knob }) => knob));
    const used = new Set(SWEEP.flatMap(({ knobs }) => Object.keys(knobs)));
    const always = ['seed', 'calls', 'only', 'callsPerSecond', 'recordRoutePercent', 'reinviteCancelPercent'];
    for (const knob of Object.keys(DEFAULT_KNOBS)) {
      if (knob !== 'key') expect(flags).toContain(knob);
      if (!always.includes(knob)) expect(used).toContain(knob);
    }
  });

  it('have flags that are no negations to a command line', () => {
    expect(KNOB_FLAGS.filter(({ flag }) => flag.startsWith('no-'))).toEqual([]);
    expect(new Set(KNOB_FLAGS.map(({ flag }) => flag)).size).toBe(KNOB_FLAGS.length);
  });

  it('have calm values and defaults within their bounds', () => {
    for (const { knob, min, max, calm } of KNOB_FLAGS) {
      for (const value of [DEFAULT_KNOBS[knob], calm ?? min]) {
        expect(value).toBeGreaterThanOrEqual(min);
        expect(value).toBeLessThanOrEqual(max);
      }
    }
  });
});

describe('seeds that once failed', () => {
  it('a branch that rang after its Timer B was heard upstream after a 2xx', () =>
    expectClean({ seed: 1008, calls: 2000, shards: 8, forks: 3, lossPercent: 25, reorderPercent: 30, cancelPercent: 90, blindCancelPercent: 30, lateAnswerPercent: 80, silentPercent: 0, throwPercent: 2, rejectPercent: 30, callsPerSecond: 200, batchMax: 4, lagMs: 0, oldPhonePercent: 0, asyncPercent: 30 }));
});
