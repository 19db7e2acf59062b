/** examples/testing: every hard case has an example, and each example says in its opening comment and in both tables which case it shows. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const CASES = 17;

const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** Case numbers in `(case 2)` or `(cases 1, 4 and 5)` at the end of the opening comment, by the name of the file. */
const examples = new Map(
  readdirSync(fileURLToPath(new URL('examples/testing/', ROOT)))
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => {
      const [, numbers = ''] = /^\/\*\* [^]*? \(cases? ([\d, and]+)\)\. \*\/\n/.exec(read(`examples/testing/${name}`)) ?? [];
      return [name, numbers.match(/\d+/g)?.map(Number) ?? []];
    }),
);

/** The same from the tables: of a row the file and its case numbers. */
function rowsOf(text: string, row: RegExp, file: number, numbers: number): Map<string, number[]> {
  return new Map([...text.matchAll(row)].map((match) => [match[file]!, match[numbers]!.split(', ').map(Number)]));
}

it('every case has an example', () => {
  const shown = [...new Set([...examples.values()].flat())].sort((a, b) => a - b);
  expect(shown).toEqual(Array.from({ length: CASES }, (_, i) => i + 1));
});

it('every example names its cases', () => {
  expect([...examples].filter(([, numbers]) => numbers.length === 0).map(([name]) => name)).toEqual([]);
});

it('both tables list every example under its cases', () => {
  const sorted = [...examples].sort();
  const readme = rowsOf(read('examples/testing/README.md'), /^\| `([\w-]+\.test\.ts)` \| ([\d, ]+) \|/gm, 1, 2);
  expect([...readme].sort()).toEqual(sorted);
  const guide = rowsOf(read('docs/testing.md'), /^\| ([\d, ]+) \| .* \| \[([\w-]+\.test\.ts)\]\(\.\.\/examples\/testing\/\2\) \|$/gm, 2, 1);
  expect([...guide].sort()).toEqual(sorted);
});
