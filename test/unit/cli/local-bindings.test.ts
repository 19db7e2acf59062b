/** `scripts/local-bindings.mjs`: which bindings become constants of their importer, and that nothing else changes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const SCRIPT = new URL('../../../scripts/local-bindings.mjs', import.meta.url);
const { bindLocally } = (await import(SCRIPT.href)) as { bindLocally(folder: string): void };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'viaduct-bindings-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function read(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

async function load(name: string): Promise<Record<string, unknown>> {
  return (await import(pathToFileURL(join(folder, name)).href)) as Record<string, unknown>;
}

describe('bindings made local', () => {
  it('are constants, functions and classes, under other names and through other modules too', async () => {
    write({
      'deep/a.js': "export const A = 1;\nexport const TWICE = A * 2;\nexport function f() { return A + TWICE; }\nexport class C {\n  a = A;\n}\n// The end.\n",
      'b.js': "export * from './deep/a.js';\nexport { A as RENAMED } from './deep/a.js';\n",
      'c.js': "#!/usr/bin/env node\n// Why.\nimport { join } from 'node:path';\nimport { A, C, f as g } from './b.js';\nimport {\n  RENAMED,\n} from './b.js';\nexport const sum = [A, new C().a, g(), RENAMED, join('x', 'y')];\n",
    });
    bindLocally(folder);
    expect(read('c.js')).toContain('const A = $A, C = $C, g = $g, RENAMED = $RENAMED;');
    expect(read('c.js')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(read('deep/a.js')).toContain('\nconst TWICE = A * 2;');
    expect(read('deep/a.js')).toMatch(/\n\/\/ The end\.\n$/);
    expect((await load('c.js'))['sum']).toEqual([1, 1, 3, 1, join('x', 'y')]);
    expect(Object.keys(await load('deep/a.js')).sort()).toEqual(['A', 'C', 'TWICE', 'f']);
  });

  it('leave every line where it was, and a second pass changes nothing', () => {
    write({ 'a.js': '/** A. */\nexport const A = 1;\nexport const B = 2;\n', 'b.js': "// B.\n\nimport { A } from './a.js';\nthrow new Error(String(A));\n" });
    const lines = ['a.js', 'b.js'].map((name) => read(name).split('\n').length);
    bindLocally(folder);
    const once = ['a.js', 'b.js'].map(read);
    expect(once.map((text) => text.split('\n').length)).toEqual(lines);
    expect(once[1]!.split('\n')[3]).toBe('throw new Error(String(A));');
    bindLocally(folder);
    expect(['a.js', 'b.js'].map(read)).toEqual(once);
  });
});

describe('bindings left as they are', () => {
  it('may change', async () => {
    write({ 'a.js': 'export let count = 0;\nexport function add() { count++; }\n', 'b.js': "import { add, count } from './a.js';\nadd();\nexport const seen = count;\n" });
    bindLocally(folder);
    expect(read('b.js')).toContain("{ add as $add, count }");
    expect((await load('b.js'))['seen']).toBe(1);
  });

  it('belong to modules that need one another', async () => {
    const files = {
      'a.js': "import { b } from './b.js';\nexport const A = 1;\nexport function a() { return b; }\n",
      'b.js': "import { A, a } from './a.js';\nexport const b = 2;\nexport function both() { return [A, a()]; }\n",
    };
    write({ ...files, 'c.js': "import { both } from './b.js';\nexport const seen = both();\n" });
    bindLocally(folder);
    for (const [name, text] of Object.entries(files)) expect(read(name)).toBe(text);
    expect((await load('c.js'))['seen']).toEqual([1, 2]);
  });

  it('are of packages, are default exports or whole modules', () => {
    const text = "import ts, { version } from 'typescript';\nimport * as all from './a.js';\nimport one from './a.js';\nconsole.log(ts, version, all, one);\n";
    write({ 'a.js': 'export default 1;\n', 'b.js': text });
    bindLocally(folder);
    expect(read('b.js')).toBe(text);
  });
});

it('refuses files of an earlier pass whose constants have become variables', () => {
  write({ 'a.js': 'export const A = 1;\n', 'b.js': "import { A } from './a.js';\nexport const seen = A;\n" });
  bindLocally(folder);
  write({ 'a.js': 'export let A = 1;\n' });
  expect(() => { bindLocally(folder); }).toThrow(/b\.js was built when A of .* was a constant: remove the folder and build again/);
});
