/**
 * Writes docs/benchmarks.md, its charts and the table of the README from bench/results: `npm run docs:benchmarks`. With `--check` it
 * writes nothing and exits 1 when a file is stale.
 */
import { staleFiles, writeStaleFiles } from './files.js';

if (process.argv.includes('--check')) {
  for (const path of staleFiles()) {
    process.stderr.write(`${path} is stale: run npm run docs:benchmarks\n`);
    process.exitCode = 1;
  }
} else {
  for (const line of writeStaleFiles()) process.stdout.write(`${line}\n`);
}
