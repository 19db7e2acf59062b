/** Replacing a configuration: whole or not at all. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { diffLines } from '../../../src/tune/line-diff.js';
import { refuseUnwritableConfig, writeConfig } from '../../../src/tune/write-config.js';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-tune-write-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string, mode = 0o644): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe('a configuration that is written', () => {
  it('keeps its mode, and nothing is left beside it', () => {
    const path = file('mode.yaml', 'a: 1\n', 0o640);
    writeConfig(path, 'a: 1\n', 'a: 2\n');
    expect(readFileSync(path, 'utf8')).toBe('a: 2\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is what a link leads to', () => {
    const path = file('real.yaml', 'a: 1\n');
    const link = join(folder, 'link.yaml');
    symlinkSync('real.yaml', link);
    writeConfig(link, 'a: 1\n', 'a: 2\n');
    expect([readFileSync(path, 'utf8'), readlinkSync(link)]).toEqual(['a: 2\n', 'real.yaml']);
  });

  it('is left alone when somebody else has changed it', () => {
    const path = file('changed.yaml', 'a: 3\n');
    expect(() => writeConfig(path, 'a: 1\n', 'a: 2\n')).toThrow(/changed by somebody else meanwhile: nothing was written/);
    expect(readFileSync(path, 'utf8')).toBe('a: 3\n');
  });
});

describe('a configuration that cannot be written', () => {
  it('is refused with the reason and what to do', () => {
    expect(() => refuseUnwritableConfig(join(folder, 'gone.yaml'))).toThrow(/^cannot write .*gone\.yaml: there is no such file or folder; viaduct tune --dry-run only measures and prints$/);
    expect(() => writeConfig(join(folder, 'gone.yaml'), 'a', 'b')).toThrow(expect.objectContaining({ code: 'VD_TUNE_WRITE' }) as Error);
  });

  // Root may write anything.
  it.skipIf(process.getuid?.() === 0)('is refused when its mode says so', () => {
    const path = file('locked.yaml', 'a: 1\n', 0o444);
    expect(() => refuseUnwritableConfig(path)).toThrow(/permission denied/);
  });
});

describe('the difference', () => {
  const text = Array.from({ length: 12 }, (_, i) => `line${i}`).join('\n') + '\n';

  it('shows changed lines with two around them, and where some are left out', () => {
    const after = text.replace('line1\n', 'one\n').replace('line10\n', 'line10\nnew\n');
    expect(diffLines(text, after).map((line) => `${line.kind}${line.text}`)).toEqual([' line0', '-line1', '+one', ' line2', ' line3', ' …', ' line9', ' line10', '+new', ' line11']);
  });

  it('is empty when nothing has changed', () => {
    expect(diffLines(text, text)).toEqual([]);
  });

  it('has a line that comes last', () => {
    expect(diffLines('a\n', 'a\nb\n').map((line) => `${line.kind}${line.text}`)).toEqual([' a', '+b']);
    expect(diffLines('a', 'a\nb').map((line) => `${line.kind}${line.text}`)).toEqual([' a', '+b']);
  });
});
