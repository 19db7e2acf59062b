/**
 * Writes docs/state-machines.md and its pictures from the state tables. Runs on the built package: `npm run docs:machines`
 * builds first. With `--check` it writes nothing and exits 1 when a file is stale.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { renderMachineDocs } from '../dist/transaction/machine-docs.js';

mkdirSync(new URL('../docs/machines/', import.meta.url), { recursive: true });
for (const [name, text] of Object.entries(renderMachineDocs())) {
  const url = new URL(`../${name}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(url, text);
  } else if (!existsSync(url) || readFileSync(url, 'utf8') !== text) {
    console.error(`${name} is stale: run npm run docs:machines`);
    process.exitCode = 1;
  }
}
