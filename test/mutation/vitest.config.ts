/**
 * Runs tests of the core against a source with one fault in it, which comes as JSON in VIADUCT_FAULT (see `prove.ts`). No
 * set-up and no build, since nothing here needs `dist/`; in one thread, and over at the first failure.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { type Fault, applyFault, editsOf } from './fault.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const text = process.env['VIADUCT_FAULT'];
const fault = text === undefined ? undefined : (JSON.parse(text) as Fault);
const files = new Set(fault === undefined ? [] : [...editsOf(fault).keys()].map((file) => `${ROOT}${file}`));

export default defineConfig({
  root: ROOT,
  resolve: {
    alias: {
      'viaduct/testing': `${ROOT}src/testing/index.ts`,
      viaduct: `${ROOT}src/index.ts`,
    },
  },
  plugins: [
    {
      name: 'viaduct-fault',
      enforce: 'pre',
      load(id: string): string | undefined {
        const [path = ''] = id.split('?');
        if (fault === undefined || !files.has(path)) return undefined;
        return applyFault(fault, path.slice(ROOT.length), readFileSync(path, 'utf8'));
      },
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/mutation/**'],
    pool: 'threads',
    isolate: false,
    maxWorkers: 1,
    testTimeout: 20_000,
    bail: 1,
    cache: false,
    reporters: ['json'],
  },
});
