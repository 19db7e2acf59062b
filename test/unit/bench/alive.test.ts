/** The benchmark of large tables on its stage: it holds what it says, and leaves nothing behind. How fast it is is no test's business. */
import { describe, expect, it } from 'vitest';
import { longestCollectionMs } from '../../../bench/alive/proxy-part.js';
import { ShardStage, type StageOptions } from '../../../bench/alive/shard-stage.js';

const OPTIONS: StageOptions = {
  alive: 1600, mix: { answered: 80, refused: 15, cancelled: 5 }, ringMs: 3000, failureHandler: false, transactions: 4000, storeBytes: 16 << 20,
};

/** Calls of 40 s at the stage's rate: from then on as many end as begin. */
function filled(options: Partial<StageOptions>): ShardStage {
  const stage = new ShardStage({ ...OPTIONS, ...options });
  stage.run(stage.rate * 40);
  return stage;
}

describe('a shard on the stage of bench:alive', () => {
  it.each([
    ['mixed calls', {}],
    ['answered calls that do not ring', { mix: { answered: 100, refused: 0, cancelled: 0 }, ringMs: 0 }],
    ['calls of a script with a failure handler', { failureHandler: true }],
  ])('holds as many transactions as asked, more or less, however long it runs: %s', (_, options) => {
    const stage = filled(options);
    for (let round = 0; round < 3; round++) {
      expect(stage.serversAlive / OPTIONS.alive).toBeGreaterThan(0.85);
      expect(stage.serversAlive / OPTIONS.alive).toBeLessThan(1.15);
      stage.run(640);
    }
    expect(stage.take(640).cpuNs).toBeGreaterThan(0);
  });

  it('keeps the branches of refused calls for 32 s, which are more than their server transactions', () => {
    const stage = filled({ alive: 500, mix: { answered: 0, refused: 100, cancelled: 0 }, ringMs: 0 });
    expect(stage.clientsAlive).toBeGreaterThan(4 * stage.serversAlive);
  });

  it('has nothing left behind a burst, in steps or in one', () => {
    const stage = new ShardStage({ ...OPTIONS, alive: 2500, ringMs: 0 });
    for (const stepMs of [10, 60_000]) {
      stage.burst(1280, 1000);
      expect(stage.serversAlive).toBeGreaterThan(2000);
      stage.idle(60_000, stepMs);
      expect([stage.serversAlive, stage.clientsAlive, stage.engine.storedBytes]).toEqual([0, 0, 0]);
    }
  });
});

it('finds the longest collection in what --trace-gc prints', () => {
  const text = [
    '[17:0x5581] 4711 ms: Scavenge 5.1 (6.2) -> 4.0 (7.2) MB, 0.61 / 0.00 ms  (average mu = 1.000) task;',
    '[17:0x5581:1]      812 ms: Mark-Compact 8.1 (9.2) -> 4.0 (9.2) MB, 12.5 / 0.01 ms  (average mu = 0.9) allocation failure;',
    'viaduct is running',
  ].join('\n');
  expect(longestCollectionMs(text)).toBe(12.5);
  expect(longestCollectionMs('viaduct is running')).toBe(0);
});
