/** `--print-config`: the effective configuration, written out, is the same configuration when it is read again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/load.js';
import { renderConfig } from '../../../src/config/render.js';
import { keyPaths } from '../../../src/config/schema-walk.js';

function again(sets: readonly string[]) {
  const config = parseConfig('routes: routes.ts', { sets });
  return { config, read: parseConfig(renderConfig(config)) };
}

describe('a rendered configuration', () => {
  it.each([
    [[]],
    [['shards=auto', 'control.socket=none', 'proxy.serverHeader=']],
    [['listen.0=udp:[::1]:0', 'listen.1=udp:0.0.0.0:5061', 'listen.1.advertise=[2001:db8::1]:5070', 'listen.2={bind: "udp:127.0.0.2:5060", advertise: sip.example.com}']],
    [['io=batch', 'io.ringBytes=262144', 'sharding.secret=00112233445566778899001122334455', 'sharding.key=call-id']],
    [['routes=./a folder/#1: "routes".ts', 'control.socket=- odd: name', 'log.format=json']],
  ])('loads again to the same: %j', (sets) => {
    const { config, read } = again(sets);
    expect(read).toEqual(config);
  });

  it('loads again to the same whatever a text contains', () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))), maxLength: 200 });
    fc.assert(
      fc.property(text, (header) => {
        const { config, read } = again([`proxy.serverHeader=${header}`]);
        expect(read.proxy.serverHeader).toBe(config.proxy.serverHeader);
        expect(config.proxy.serverHeader).toBe(header);
      }),
      { numRuns: 40 },
    );
  });

  it('has every key, each with a comment above it', () => {
    const lines = renderConfig(parseConfig('routes: routes.ts')).split('\n');
    for (const path of keyPaths().filter((path) => !path.startsWith('listen.'))) {
      const key = path.split('.').at(-1)!;
      const at = lines.findIndex((line) => new RegExp(`^\\s*(# )?${key}:`).test(line) && !/Allowed/.test(line));
      expect(at, path).toBeGreaterThan(0);
      expect(lines[at - 1], path).toMatch(/^\s*# /);
    }
  });
});
