/** Single settings changed in the text of a configuration: everything else stays as it was, byte for byte. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editSettings, type SettingChange } from '../../../src/config/edit.js';
import { parseConfig } from '../../../src/config/load.js';

const SHARDS: SettingChange = { path: ['shards'], value: 3 };
const COALESCE: SettingChange = { path: ['io', 'coalesceUs'], value: 50 };

function edited(text: string, ...changes: readonly SettingChange[]): string {
  const result = editSettings(text, changes);
  if ('refusal' in result) throw new Error(result.refusal);
  return result.text;
}

describe('a setting that stands in the file', () => {
  it('is replaced where it stands: comments, blank lines, quotes and indentation stay', () => {
    const text = '# top\n\nshards:   auto   # threads\nroutes: "./r.ts" # calls\n\nio:\n    # pauses\n    coalesceUs:  100 # µs\n    driver: batch\n# end\n';
    expect(edited(text, SHARDS, COALESCE)).toBe(text.replace('auto ', '3 ').replace('100', '50'));
  });

  it.each([
    ['in quotes', "shards: 'auto'\nroutes: r\n", 'shards: 3\nroutes: r\n'],
    ['with a tag', 'shards: !!int 2\nroutes: r\n', 'shards: !!int 3\nroutes: r\n'],
    ['in JSON', '{"routes": "r", "shards": 2}', '{"routes": "r", "shards": 3}'],
    ['with line ends of Windows', 'routes: r\r\nshards: 2 # x\r\n', 'routes: r\r\nshards: 3 # x\r\n'],
    ['behind a byte order mark', '\uFEFFshards: 2\nroutes: r\n', '\uFEFFshards: 3\nroutes: r\n'],
    ['as the last thing without a line end', 'routes: r\nshards: 2', 'routes: r\nshards: 3'],
    ['on the line below its key', 'shards:\n  2\nroutes: r\n', 'shards:\n  3\nroutes: r\n'],
  ])('%s', (_, before, after) => {
    expect(edited(before, SHARDS)).toBe(after);
  });
});

describe('a setting that does not stand in the file', () => {
  it.each([
    ['comes last', 'routes: r # calls\n# end\n', 'routes: r # calls\nshards: 3\n# end\n'],
    ['comes last, where the file has no last line end', 'routes: r', 'routes: r\nshards: 3'],
    ['comes behind a list', 'routes: r\nlisten:\n  - udp:127.0.0.1:5060 # here\n', 'routes: r\nlisten:\n  - udp:127.0.0.1:5060 # here\nshards: 3\n'],
    ['comes behind a block of text', 'routes: |-\n  r\n', 'routes: |-\n  r\nshards: 3\n'],
    ['comes before the end of the document', '---\nroutes: r\n...\n', '---\nroutes: r\nshards: 3\n...\n'],
    ['has the indentation of the others', '  routes: r\n', '  routes: r\n  shards: 3\n'],
    ['joins a flow mapping', '{ routes: r }\n', '{ routes: r, shards: 3 }\n'],
    ['is quoted in JSON', '{\n  "routes": "r"\n}\n', '{\n  "routes": "r", "shards": 3\n}\n'],
  ])('%s', (_, before, after) => {
    expect(edited(before, SHARDS)).toBe(after);
  });

  it.each([
    ['brings its section along', 'routes: r\n', 'routes: r\nio:\n  coalesceUs: 50\n'],
    ['joins its section', 'io:\n  driver: batch # linux\n\n# next\nroutes: r\n', 'io:\n  driver: batch # linux\n  coalesceUs: 50\n\n# next\nroutes: r\n'],
    ['joins its section in a flow mapping', 'io: { driver: batch }\nroutes: r\n', 'io: { driver: batch, coalesceUs: 50 }\nroutes: r\n'],
    ['fills an empty flow mapping', 'io: {}\nroutes: r\n', 'io: { coalesceUs: 50 }\nroutes: r\n'],
    ['fills an empty section', 'io:\nroutes: r\n', 'io: { coalesceUs: 50 }\nroutes: r\n'],
    ['fills a section of nothing', 'io: ~ # none\nroutes: r\n', 'io: { coalesceUs: 50 } # none\nroutes: r\n'],
    ['makes a mapping of a short form', 'io: batch # short\nroutes: r\n', 'io: { driver: batch, coalesceUs: 50 } # short\nroutes: r\n'],
    ['joins JSON', '{"routes": "r"}', '{"routes": "r", "io": { "coalesceUs": 50 }}'],
  ])('%s', (_, before, after) => {
    expect(edited(before, COALESCE)).toBe(after);
  });
});

describe('anchors and aliases', () => {
  it('an alias makes room for the value, what it stood for stays', () => {
    expect(edited('limits:\n  targets: &n 8\nshards: *n\nroutes: r\n', SHARDS)).toBe('limits:\n  targets: &n 8\nshards: 3\nroutes: r\n');
  });

  it('an anchor that nobody follows stays', () => {
    expect(edited('shards: &n 2\nroutes: r\n', SHARDS)).toBe('shards: &n 3\nroutes: r\n');
  });

  it('what other settings follow is not changed, and the reason is given', () => {
    expect(editSettings('shards: &n 8\nlimits:\n  targets: *n\nroutes: r\n', [SHARDS])).toEqual({ refusal: 'shards is an anchor (&n) that other settings follow' });
    expect(editSettings('io: &x\n  driver: batch\nroutes: r\nmore: *x\n', [COALESCE])).toEqual({ refusal: 'io is an anchor (&x) that other settings follow' });
    expect(editSettings('x: &x { driver: batch }\nroutes: r\nio: *x\n', [COALESCE])).toEqual({ refusal: 'io is an alias (*x)' });
  });
});

describe('any configuration', () => {
  it('means the same afterwards, but for what was changed', () => {
    const line = fc.constantFrom('# a comment', '', 'log: { level: warn } # quiet', 'listen: ["udp:127.0.0.1:5080"]', 'limits:\n  # few\n  targets: 4', 'io: dgram', 'shards: 7', 'proxy:\n    maxForwards: 20', 'control:\n  socket: none');
    fc.assert(
      fc.property(fc.uniqueArray(line, { maxLength: 9 }), fc.nat(9), fc.boolean(), (lines, at, windows) => {
        const text = [...lines.slice(0, at), 'routes: ./r.ts', ...lines.slice(at)].join('\n').replaceAll('\n', windows ? '\r\n' : '\n');
        const before = parseConfig(text);
        const after = parseConfig(edited(text, SHARDS, COALESCE));
        expect(after).toEqual({ ...before, shards: 3, io: { ...before.io, coalesceUs: 50 } });
      }),
    );
  });

  it('that comes with the package keeps every line', () => {
    const text = readFileSync(new URL('../../../config/default.yaml', import.meta.url), 'utf8');
    expect(edited(text, SHARDS, COALESCE)).toBe(`${text.replace('shards: auto', 'shards: 3')}io:\n  coalesceUs: 50\n`);
  });
});
