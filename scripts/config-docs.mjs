/**
 * Writes what is made from the configuration schema and the table of counters. Runs on the
 * built package: `npm run docs:config` builds first. With `--check` it writes nothing and exits 1 when a file is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { renderDocs } from '../dist/config/docs.js';
import { renderJsonSchema } from '../dist/config/json-schema.js';
import { renderCounterDocs } from '../dist/telemetry/counter-docs.js';

const made = {
  'docs/configuration.md': renderDocs(),
  'docs/counters.md': renderCounterDocs(),
  'config/viaduct.schema.json': renderJsonSchema(),
};
for (const [name, text] of Object.entries(made)) {
  const url = new URL(`../${name}`, import.meta.url);
  if (!process.argv.includes('--check')) {
    writeFileSync(url, text);
  } else if (readFileSync(url, 'utf8') !== text) {
    console.error(`${name} is stale: run npm run docs:config`);
    process.exitCode = 1;
  }
}
