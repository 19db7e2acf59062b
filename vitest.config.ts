import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const SWEEP = 'test/sim/sweep.test.ts';

/** vitest leaves one core free, which on two cores is half of the machine. */
const WORKERS = Math.max(2, availableParallelism());

/**
 * Three groups, one after the other: the simulator's sweep, which fills all cores by itself; then everything else that runs
 * in virtual time or in a moment, side by side; then the
 * end-to-end tests, two files at a time, because they start proxies with several threads and place calls through them.
 */
export default defineConfig({
  // Longest first: a name also stands for what begins with it and a slash.
  resolve: {
    alias: {
      'viaduct/load': fileURLToPath(new URL('src/load/index.ts', import.meta.url)),
      'viaduct/testing': fileURLToPath(new URL('src/testing/index.ts', import.meta.url)),
      viaduct: fileURLToPath(new URL('src/index.ts', import.meta.url)),
    },
  },
  test: {
    globalSetup: ['test/global-setup.ts'],
    pool: 'forks',
    maxWorkers: WORKERS,
    reporters: ['default', './test/count-reporter.ts'],
    projects: [
      { extends: true, test: { name: 'sweep', include: [SWEEP], testTimeout: 300_000, sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: 'core',
          include: ['test/**/*.test.ts', 'examples/testing/**/*.test.ts'],
          exclude: ['test/e2e/**', SWEEP],
          testTimeout: 60_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
