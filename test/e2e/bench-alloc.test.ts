/** The measurement of a whole proxy's allocations runs, with tiny inputs. The figures are those of `npm run bench:alloc`. */
import { expect, test } from 'vitest';
import { processCollections, processSites } from '../../bench/alloc/proxy-process.js';

const PLAN = { ratePerS: 1000, warmUpS: 1, seconds: 1 };

test.skipIf(process.platform !== 'linux')('a proxy under load tells what its threads allocate, where, and how long collections take', async () => {
  const [threads, collections] = await Promise.all([processSites(PLAN), processCollections(PLAN)]);
  expect([...threads.keys()]).toContain('main');
  // The shard's thread names a function of the engine.
  const places = [...threads.values()].flat().map(({ place }) => place);
  expect(places.some((place) => place.startsWith('src/proxy/'))).toBe(true);
  for (const { bytesPerCall, pauseUsPerCall } of collections) {
    expect(bytesPerCall).toBeGreaterThan(0);
    expect(pauseUsPerCall).toBeGreaterThan(0);
  }
});
