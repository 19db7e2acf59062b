/** docs/counters.md, made from the table of counters. Pure. */
import { COUNTERS } from './counters.js';

/** The page as Markdown. */
export function renderCounterDocs(): string {
  const rows = COUNTERS.map(({ name, kind, help }) => `| \`${name}\` | ${kind === 'gauge' ? 'now' : kind} | ${help} |`);
  return [
    '# Counters',
    '',
    '<!-- Made from src/telemetry/counters.ts by npm run docs:config. Change it there. -->',
    '',
    'What `viaduct stats` prints, for the main thread, each shard and in total. `count` only grows, `now` is a present value,',
    '`peak` the largest one lately (its total is that of all threads).',
    'Names that begin with `drop` count what got no further; `viaduct stats` shows those that are not 0, `--all` shows all.',
    '',
    '| name | kind | meaning |',
    '|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}
