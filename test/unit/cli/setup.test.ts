/** `scripts/setup.mjs`: when it works, and that two at once do not meet. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

interface Setup {
  satisfies(version: string, range: string): boolean;
  packagesAreFresh(lock: LockFile, installed: LockFile | undefined, production: boolean): boolean;
  sourceHash(root: string): string;
  withLock<T>(file: string, work: () => T | Promise<T>): Promise<T>;
}
interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean; readonly optional?: boolean }>>;
}

const SETUP = new URL('../../../scripts/setup.mjs', import.meta.url);
const setup = (await import(SETUP.href)) as Setup;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'viaduct-setup-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the version of Node', () => {
  it.each([
    ['v20.19.0', true], ['v20.20.1', true], ['v22.0.0', true], ['v26.1.0-nightly', true], ['v100.0.0', true],
    ['v20.18.9', false], ['v18.20.0', false], ['v9.99.99', false],
  ])('%s is good for >=20.19: %s', (version, good) => {
    expect(setup.satisfies(version, '>=20.19')).toBe(good);
  });
});

describe('installed packages', () => {
  const lock: LockFile = { packages: { '': { version: '0.1.0' }, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '2.0.0', dev: true }, 'node_modules/c': { version: '3.0.0', optional: true } } };
  const without = (...names: string[]): LockFile => ({ packages: Object.fromEntries(Object.entries(lock.packages).filter(([path]) => !names.includes(path))) });

  it('are fresh when each has the version of the lock file', () => {
    expect(setup.packagesAreFresh(lock, lock, false)).toBe(true);
    expect(setup.packagesAreFresh(lock, { packages: { ...lock.packages, 'node_modules/a': { version: '1.0.1' } } }, false)).toBe(false);
    expect(setup.packagesAreFresh(lock, without('node_modules/a'), false)).toBe(false);
    expect(setup.packagesAreFresh(lock, undefined, false)).toBe(false);
  });

  it('may lack what this platform has not, and when run only, what development needs', () => {
    expect(setup.packagesAreFresh(lock, without('', 'node_modules/c'), false)).toBe(true);
    expect(setup.packagesAreFresh(lock, without('node_modules/b'), false)).toBe(false);
    expect(setup.packagesAreFresh(lock, without('node_modules/b'), true)).toBe(true);
  });
});

describe('the hash of the source', () => {
  it('changes with a file’s content and name, and with nothing else', () => {
    const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
    mkdirSync(join(folder, 'src/deep'), { recursive: true });
    mkdirSync(join(folder, 'scripts'));
    for (const name of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json', 'scripts/local-bindings.mjs', 'src/a.ts', 'src/deep/b.ts']) write(name, name);
    const before = setup.sourceHash(folder);
    write('src/note.txt', 'no source');
    write('src/a.ts', 'src/a.ts');
    expect(setup.sourceHash(folder)).toBe(before);
    write('src/a.ts', 'changed');
    const changed = setup.sourceHash(folder);
    expect(changed).not.toBe(before);
    write('src/c.ts', '');
    expect(setup.sourceHash(folder)).not.toBe(changed);
  });
});

describe('the lock', () => {
  it('lets one in at a time', async () => {
    const file = join(folder, 'lock');
    const events: string[] = [];
    let leave: () => void = () => undefined;
    const first = setup.withLock(file, async () => {
      events.push('first in');
      await new Promise<void>((resolve) => (leave = resolve));
      events.push('first out');
    });
    const second = setup.withLock(file, () => void events.push('second in'));
    leave();
    await Promise.all([first, second]);
    expect(events).toEqual(['first in', 'first out', 'second in']);
  });

  it('is let go when the work fails', async () => {
    const file = join(folder, 'lock');
    await expect(setup.withLock(file, () => { throw new Error('no'); })).rejects.toThrow('no');
    expect(await setup.withLock(file, () => 'in')).toBe('in');
  });

  it('of a dead process is taken over', async () => {
    const file = join(folder, 'lock');
    const child = spawn(process.execPath, ['-e', '']);
    await new Promise((resolve) => child.on('close', resolve));
    writeFileSync(file, String(child.pid));
    expect(await setup.withLock(file, () => 'in')).toBe('in');
  });
});

describe('set-up of a tree that is ready', () => {
  it('does nothing, and runs the proxy’s command with what follows --run', async () => {
    const child = spawn(process.execPath, [fileURLToPath(SETUP), '--run', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.resume();
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    expect(stdout).toMatch(/^Usage: viaduct run /);
  });
});
