/**
 * `viaduct/testing` as somebody outside of this repository gets it: packed, installed beside a test, type-checked strictly, run
 * under Node's own test runner. What the guide shows type-checks too. Nothing is fetched: the packages that Viaduct needs are
 * those of this repository.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const COMPILER_OPTIONS = {
  target: 'ES2023',
  lib: ['ES2024'],
  module: 'NodeNext',
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  verbatimModuleSyntax: true,
  skipLibCheck: true,
};

/** Enough of Vitest for the examples: its own types take the compiler several times as long as everything else. */
const VITEST_TYPES = `
declare module 'vitest' {
  type Test = (name: string, test: () => unknown) => void;
  export const it: Test & { each<T>(cases: readonly T[]): (name: string, test: (one: T) => unknown) => void };
  export const expect: any, vi: any;
  export const afterEach: (hook: () => unknown) => void;
}`;

/** What the parts of the guide that are no whole files take for granted. */
const PARTS_BEGIN = `
import { vi } from 'vitest';
import { defineRoutes } from 'viaduct';
import { type IncomingInvite, type OutgoingInvite, type Phone, type Simulation, simulation } from 'viaduct/testing';
declare const [alice, bob, sdp, script, invite, call, sim]: [Phone, Phone, string, string, IncomingInvite, OutgoingInvite, Simulation];
export const used = [vi, defineRoutes, simulation, alice, bob, sdp, script, invite, call, sim];
`;

const run = promisify(execFile);

describe('the installed package', { timeout: 120_000 }, () => {
  let dir: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'viaduct-package-test-'));
    await mkdir(join(dir, 'node_modules'));
    // The cache and the log of npm stay in the folder of the test; npm is the one that runs the tests, if it does.
    const npm = process.env.npm_execpath;
    const args = ['pack', '--json', '--ignore-scripts', '--offline', '--cache', join(dir, 'npm'), '--pack-destination', dir];
    const { stdout } = await (npm !== undefined && /\.c?js$/.test(npm) ? run(process.execPath, [npm, ...args], { cwd: ROOT }) : run('npm', args, { cwd: ROOT, shell: process.platform === 'win32' }));
    const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
    await run('tar', ['-xzf', filename], { cwd: dir });
    const installed = join(dir, 'node_modules/viaduct');
    await rename(join(dir, 'package'), installed);
    await symlink(join(ROOT, 'node_modules'), join(installed, 'node_modules'), 'junction');
    await symlink(join(ROOT, 'node_modules/@types'), join(dir, 'node_modules/@types'), 'junction');
    await writeFile(join(dir, 'package.json'), JSON.stringify({ name: 'a-user', private: true, type: 'module' }));
    await cp(join(installed, 'examples/testing'), join(dir, 'testing'), { recursive: true });
  }, 120_000);

  afterAll(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  it('type-checks strictly with every example and the guide, and runs under node --test', async () => {
    const guide = await readFile(join(dir, 'node_modules/viaduct/docs/testing.md'), 'utf8');
    const examples = (await readdir(join(dir, 'testing'))).filter((name) => name.endsWith('.test.ts'));
    expect(examples.filter((name) => !guide.includes(`examples/testing/${name}`))).toEqual([]);
    const blocks = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
    expect(blocks.length).toBeGreaterThan(8);
    await writeFile(join(dir, 'whole.ts'), blocks.filter((text) => /^import /m.test(text)).join('\n'));
    const parts = blocks.filter((text) => !/^import /m.test(text)).map((text, i) => `export const part${i} = async () => {\n${text}\n};`);
    await writeFile(join(dir, 'parts.ts'), [PARTS_BEGIN, ...parts].join('\n'));
    await writeFile(join(dir, 'vitest.d.ts'), VITEST_TYPES);
    const files = ['vitest.d.ts', 'whole.ts', 'parts.ts', 'testing/node-test/first-call.ts', ...examples.map((name) => `testing/${name}`)];
    await writeFile(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files }));
    const problems = await run(process.execPath, [TSC, '-p', dir]).then(
      () => '',
      (error: unknown) => (error as { stdout: string }).stdout,
    );
    expect(problems).toBe('');

    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', 'testing/node-test/first-call.js'], { cwd: dir });
    expect(stdout).toMatch(/^# pass 2$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  });
});
