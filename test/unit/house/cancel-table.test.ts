/**
 * docs/cancel-and-retransmissions.md: every row names tests that exist under that very name in that very file, every case
 * has rows, and the ladders are what the simulator draws now.
 *
 * The ladders are written anew by `VIADUCT_WRITE_LADDERS=1 npx vitest run test/unit/house/cancel-table.test.ts`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { LADDERS } from './cancel-ladders.js';

const DOCUMENT = fileURLToPath(new URL('../../../docs/cancel-and-retransmissions.md', import.meta.url));
const CASES = 17;

interface Row {
  readonly number: string;
  readonly behaviour: string;
  readonly source: string;
  /** Path from the document, and full name. */
  readonly tests: readonly (readonly [file: string, name: string])[];
}

/** The rows of the tables: five cells, of which the first is `case.row`; the last names end-to-end tests, or `—`. */
function rowsOf(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
    const [, number = '', behaviour = '', source = '', tests = '', ends = ''] = cells;
    if (!/^\d+\.\d+$/.test(number)) return [];
    if (cells.length !== 7) throw new Error(`row ${number} has ${cells.length - 2} cells`);
    const named = [...tests.split('<br>'), ...(ends === '—' ? [] : ends.split('<br>'))];
    return [{ number, behaviour, source, tests: named.map((test) => testOf(number, test.trim())) }];
  });
}

function testOf(number: string, text: string): readonly [string, string] {
  const match = /^\[[^\]]+\]\(([^)]+)\) (.+)$/.exec(text);
  if (match === null) throw new Error(`row ${number} has a test that is no "[file](path) name": ${text}`);
  return [match[1]!, match[2]!];
}

/** Title of `it(…)`, `describe.each(…)(…)` and the like; undefined of any other call. */
function titleOf(call: ts.CallExpression): string | undefined {
  let callee: ts.Expression = call.expression;
  // it.each(…)(title, …), test.skipIf(…)(title, …), describe.concurrent.each(…)(title, …)
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression;
  if (!ts.isIdentifier(callee) || !['it', 'test', 'describe'].includes(callee.text)) return undefined;
  const [title] = call.arguments;
  if (title === undefined) return undefined;
  if (ts.isStringLiteralLike(title)) return title.text;
  return ts.isTemplateExpression(title) ? title.getText().slice(1, -1) : undefined;
}

/** Full names of the tests of a file: titles from the outside in, as they stand in the source, with ` › ` between. */
function namesOf(path: string): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node, outer: readonly string[]): void => {
    let titles = outer;
    if (ts.isCallExpression(node) && !ts.isCallExpression(node.parent)) {
      const title = titleOf(node);
      if (title !== undefined) {
        titles = [...outer, title];
        names.add(titles.join(' › '));
      }
    }
    ts.forEachChild(node, (child) => { visit(child, titles); });
  };
  visit(ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true), []);
  return names;
}

/** What stands between the fences behind `<!-- ladder: name -->`, by name. */
function laddersOf(text: string): Map<string, string> {
  return new Map([...text.matchAll(/<!-- ladder: ([a-z0-9-]+) -->\n\n```text\n([^]*?)\n```/g)].map((match) => [match[1]!, match[2]!]));
}

describe('the table of hard cases', () => {
  const text = readFileSync(DOCUMENT, 'utf8');
  const rows = rowsOf(text);

  it('has a heading and rows for each case, numbered without a gap', () => {
    for (let number = 1; number <= CASES; number++) {
      expect(text, `heading of case ${number}`).toMatch(new RegExp(`^### ${number}\\. `, 'm'));
      const own = rows.filter((row) => row.number.startsWith(`${number}.`)).map((row) => row.number);
      expect(own, `rows of case ${number}`).toEqual(own.map((_, i) => `${number}.${i + 1}`));
      expect(own.length, `rows of case ${number}`).toBeGreaterThan(0);
    }
    expect(rows.every(({ number }) => Number(number.split('.')[0]) <= CASES)).toBe(true);
  });

  it('says of each behaviour what it is and where it comes from', () => {
    const bad = rows.filter(({ behaviour, source }) => behaviour.length < 20 || !/§\d|^Viaduct$/.test(source));
    expect(bad.map(({ number, source }) => `${number} (${source})`)).toEqual([]);
  });

  it('names tests that exist', () => {
    const known = new Map<string, Set<string>>();
    const missing: string[] = [];
    for (const { number, tests } of rows) {
      for (const [file, name] of tests) {
        const path = resolve(dirname(DOCUMENT), file);
        if (!known.has(path)) known.set(path, existsSync(path) ? namesOf(path) : new Set());
        if (!known.get(path)!.has(name)) missing.push(`row ${number}: ${file} has no test “${name}”`);
      }
    }
    expect(missing).toEqual([]);
  });
});

describe('the ladders', () => {
  it('are all in the document', () => {
    expect([...laddersOf(readFileSync(DOCUMENT, 'utf8')).keys()]).toEqual(Object.keys(LADDERS));
  });

  it.each(Object.entries(LADDERS))('%s is what the simulator draws', async (name, draw) => {
    const drawn = await draw();
    const text = readFileSync(DOCUMENT, 'utf8');
    const found = laddersOf(text).get(name);
    if (process.env['VIADUCT_WRITE_LADDERS'] !== undefined && found !== undefined && found !== drawn) {
      writeFileSync(DOCUMENT, text.replace(`<!-- ladder: ${name} -->\n\n\`\`\`text\n${found}\n`, () => `<!-- ladder: ${name} -->\n\n\`\`\`text\n${drawn}\n`));
      return;
    }
    expect(found).toBe(drawn);
  });
});
