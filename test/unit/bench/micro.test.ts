/** Every micro benchmark runs, with tiny inputs: what is never run rots. How fast things are is no test's business. */
import { describe, expect, test } from 'vitest';
import { QUICK_SCALE } from '../../../bench/micro/benchmark.js';
import { GROUPS } from '../../../bench/micro/groups.js';

describe('each group of micro benchmarks measures what it names', () => {
  for (const group of GROUPS) {
    test(group.name, async () => {
      const rows = await group.measure(QUICK_SCALE);
      expect(rows.length).toBeGreaterThan(0);
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
      for (const { ns, minNs, maxNs, roundsNs } of rows) {
        expect(roundsNs).toHaveLength(QUICK_SCALE.rounds);
        expect(ns).toBeGreaterThanOrEqual(minNs);
        expect(ns).toBeLessThanOrEqual(maxNs);
      }
    });
  }
});
