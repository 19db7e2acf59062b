/** Loading a configuration: what it becomes, and what it says when something is wrong. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../../src/config/load.js';
import { ConfigError, type ConfigProblem } from '../../../src/config/problem.js';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function problemsOf(text: string, sets: readonly string[] = []): readonly ConfigProblem[] {
  try {
    parseConfig(text, { shownAs: 'site.yaml', sets });
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  throw new Error('the configuration was taken');
}

/** Problems as text, without what is allowed. */
function found(text: string, sets: readonly string[] = []): string[] {
  return problemsOf(text, sets).map(({ path, origin, message }) => {
    const place = origin.kind === 'flag' ? origin.flag : `${origin.line}:${origin.column}`;
    return `${place} ${path}: ${message}`;
  });
}

describe('a configuration', () => {
  it('needs nothing but a routing script', () => {
    const config = parseConfig('routes: /etc/viaduct/routes.ts');
    expect(config.routes).toBe('/etc/viaduct/routes.ts');
    expect(config.listen).toEqual([{ host: '127.0.0.1', family: 4, port: 5060, advertise: undefined }]);
    expect(config.shards).toBeGreaterThanOrEqual(1);
    expect(config.io).toEqual({ driver: 'auto', coalesceUs: 750, receiver: 'auto', receiveBufferBytes: 8 * 2 ** 20, sendBufferBytes: 4 * 2 ** 20, ringBytes: 4 * 2 ** 20 });
    expect(config.timers).toEqual({ t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 });
    expect(config.limits).toEqual({ transactions: 500_000, branches: 500_000, storeBytes: 2 ** 28, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 256 });
    expect(config.sharding).toEqual({ key: 'transaction', node: 0, secret: undefined });
    expect(config.shutdown).toEqual({ drainMs: 5000 });
  });

  it('takes listeners as texts and as mappings', () => {
    const { listen } = parseConfig('routes: r.ts\nlisten: [udp:127.0.0.1:5060, "udp:[::1]:0", { bind: "udp:0.0.0.0:5061", advertise: sip.example.com }, { bind: udp:10.0.0.1:5060, advertise: "[2001:DB8::1]:5070" }]');
    expect(listen).toEqual([
      { host: '127.0.0.1', family: 4, port: 5060, advertise: undefined },
      { host: '::1', family: 6, port: 0, advertise: undefined },
      { host: '0.0.0.0', family: 4, port: 5061, advertise: { host: 'sip.example.com', port: undefined } },
      { host: '10.0.0.1', family: 4, port: 5060, advertise: { host: '2001:db8::1', port: 5070 } },
    ]);
  });

  it('takes the driver alone for the section io', () => {
    expect(parseConfig('routes: r.ts\nio: dgram').io).toMatchObject({ driver: 'dgram', coalesceUs: 750 });
  });

  it('takes a section whose lines are all commented out for its defaults', () => {
    expect(parseConfig('routes: r.ts\ntimers:\n  # t1Ms: 100\nio:\n').timers.t1Ms).toBe(500);
  });

  it('resolves paths of the file from its folder, and of flags from the working directory', () => {
    const file = join(folder, 'site.yaml');
    writeFileSync(file, 'routes: ./routes.ts\ncontrol: { socket: run/control.sock }\n');
    expect(loadConfig(file)).toMatchObject({ file, routes: join(folder, 'routes.ts'), control: { socket: join(folder, 'run/control.sock') } });
    expect(loadConfig(file, ['routes=./other.ts']).routes).toBe(resolve('other.ts'));
  });

  it('names the default control socket by the first port', () => {
    const socket = (port: number) => parseConfig(`routes: r.ts\nlisten: [udp:127.0.0.1:${port}]`).control.socket;
    expect(socket(5060)).toMatch(/viaduct-.*5060/);
    expect(socket(5080)).not.toBe(socket(5060));
    expect(socket(0)).toContain(String(process.pid));
    expect(parseConfig('routes: r.ts\ncontrol: { socket: none }').control.socket).toBeUndefined();
  });

  it('that cannot be read says why', () => {
    expect(() => loadConfig(join(folder, 'missing.yaml'))).toThrow(/missing\.yaml: there is no such file/);
    expect(() => loadConfig(folder)).toThrow(/it is a folder/);
    const large = join(folder, 'large.yaml');
    writeFileSync(large, `# ${'x'.repeat(1024 * 1024)}\n`);
    expect(() => loadConfig(large)).toThrow(/larger than 1048576 bytes/);
  });
});

describe('a configuration with problems', () => {
  it('lists all of them, each with its place, in the order of the file', () => {
    const text = [
      'listen:',
      '  - tcp:127.0.0.1:5060',
      '  - { bind: udp:localhost:5060, advertise: "a b" }',
      'shards: 65',
      'io: fast',
      'limits:',
      '  transactions: lots',
      '  brnches: 5',
      'sharding: { node: -1 }',
      'log: [info]',
    ].join('\n');
    expect(found(text)).toEqual([
      '1:1 routes: missing',
      '2:5 listen.0: found "tcp:127.0.0.1:5060"',
      '3:13 listen.1.bind: found "udp:localhost:5060"',
      '3:44 listen.1.advertise: found "a b"',
      '4:9 shards: found 65',
      '5:5 io: found "fast"',
      '7:17 limits.transactions: found "lots"',
      '8:3 limits.brnches: unknown key, did you mean branches?',
      '9:19 sharding.node: found -1',
      '10:6 log: found a list of 1',
    ]);
  });

  it('says what is allowed', () => {
    const [shards, node] = problemsOf('routes: r.ts\nshards: -1\nsharding: { node: 256 }');
    expect(shards?.allowed).toBe('auto, or an integer from 0 to 64');
    expect(node?.allowed).toBe('an integer from 0 to 255');
    expect(() => parseConfig('routes: r.ts\nshards: -1', { shownAs: 'site.yaml' })).toThrow('site.yaml:2:9: shards: found -1; allowed: auto, or an integer from 0 to 64');
  });

  it('suggests a key of another section', () => {
    expect(found('routes: r.ts\nt1Ms: 100')).toEqual(['2:1 t1Ms: unknown key, did you mean timers.t1Ms?']);
    expect(found('routes: r.ts\nxyzzy: 1')).toEqual(['2:1 xyzzy: unknown key']);
  });

  it('never shows a secret', () => {
    const secret = 'not-a-key-but-private';
    for (const [text, sets] of [[`routes: r.ts\nsharding: { secret: ${secret} }`, []], ['routes: r.ts', [`sharding.secret=${secret}`]]] as const) {
      try {
        parseConfig(text, { sets });
        expect.unreachable();
      } catch (error) {
        expect(String(error)).toContain('sharding.secret');
        expect(String(error)).not.toContain(secret);
      }
    }
  });

  it('finds what is wrong between settings', () => {
    expect(found('routes: r.ts\nlisten:\n  - udp:[::1]:5060\n  - bind: udp:[::1]:5060\ntimers: { t1Ms: 600, t2Ms: 500 }')).toEqual([
      '4:5 listen.1: the same address as listen.0',
      '5:28 timers.t2Ms: found 500',
    ]);
    expect(found(`routes: r.ts\ncontrol: { socket: /${'x'.repeat(200)} }`)[0]).toMatch(/^2:20 control\.socket: found a path of 201 bytes/);
  });

  it('takes port 0 any number of times', () => {
    expect(parseConfig('routes: r.ts\nlisten: [udp:127.0.0.1:0, udp:127.0.0.1:0]').listen).toHaveLength(2);
  });

  it.each([['', 'missing'], ['[a, b]', 'found a list of 2'], ['just words', 'found "just words"']])('says so when the file is %j', (text, message) => {
    expect(found(text)[0]).toContain(message);
  });

  it('shows the line and a mark for a syntax error', () => {
    expect(() => parseConfig('routes: r.ts\nlisten: [a, b\nshards: 1\n', { shownAs: 'site.yaml' })).toThrow(/^site\.yaml:3:1: not valid YAML: .*\n {2}3 \| shards: 1\n {4}\| \^$/);
  });

  it('refuses a key that stands twice, with the place of the second', () => {
    expect(found('shards: 1\nroutes: r.ts\nshards: 2')[0]).toMatch(/^3:1 .*stands here twice/);
  });

  it('refuses aliases that would unfold into millions of values', () => {
    const bomb = ['a: &a [x, x, x, x, x, x, x, x, x, x]', ...[...'bcdefghi'].map((key, i) => `${key}: &${key} [${Array<string>(10).fill(`*${'abcdefgh'[i]!}`).join(', ')}]`)].join('\n');
    expect(found(bomb)[0]).toContain('not valid YAML');
  });

  it('refuses tags that it does not know', () => {
    expect(found('routes: !include other.yaml')[0]).toMatch(/^1:9 .*Unresolved tag/);
  });

  it('does not take __proto__ for anything but an unknown key', () => {
    expect(found('routes: r.ts\n__proto__: { shards: 3 }')).toEqual(['2:1 __proto__: unknown key']);
    expect(found('routes: r.ts', ['__proto__.shards=3', 'constructor.x=1', 'log.__proto__.level=info'])).toEqual([
      '--set __proto__.shards=3 __proto__: unknown key',
      '--set constructor.x=1 constructor: unknown key',
      '--set log.__proto__.level=info log.__proto__: unknown key',
    ]);
  });
});

describe('--set', () => {
  const set = (...sets: string[]) => parseConfig('routes: r.ts\nlisten: [udp:127.0.0.1:5060]\nio: batch\nshards: 2', { sets });

  it('overrides a setting by its dotted path, the last one winning', () => {
    expect(set('limits.transactions=1000', 'log.level=debug', 'log.level=warn')).toMatchObject({ limits: { transactions: 1000 }, log: { level: 'warn' } });
  });

  it('changes and adds an entry of a list', () => {
    expect(set('listen.0=udp:[::1]:5080', 'listen.1=udp:127.0.0.1:5081').listen.map(({ host, port }) => `${host} ${port}`)).toEqual(['::1 5080', '127.0.0.1 5081']);
    expect(set('listen.0.advertise=192.0.2.1').listen).toEqual([{ host: '127.0.0.1', family: 4, port: 5060, advertise: { host: '192.0.2.1', port: undefined } }]);
    expect(set('listen=[udp:127.0.0.1:1, udp:127.0.0.1:2]').listen).toHaveLength(2);
  });

  it('changes the default of a list that the file leaves out', () => {
    expect(parseConfig('routes: r.ts', { sets: ['listen.0=udp:127.0.0.1:5090'] }).listen.map(({ port }) => port)).toEqual([5090]);
    expect(parseConfig('routes: r.ts', { sets: ['listen.1=udp:127.0.0.1:5090'] }).listen.map(({ port }) => port)).toEqual([5060, 5090]);
  });

  it('goes into a shorthand', () => {
    expect(set('io.coalesceUs=0').io).toMatchObject({ driver: 'batch', coalesceUs: 0 });
  });

  it('takes texts as they stand', () => {
    const secret = '00112233445566778899001122334455';
    expect(set(`sharding.secret=${secret}`).sharding.secret).toBe(secret);
    expect(set('proxy.serverHeader=').proxy.serverHeader).toBe('');
    expect(set('proxy.serverHeader=a=b: #c').proxy.serverHeader).toBe('a=b: #c');
  });

  it('names the flag when something is wrong, after the problems of the file', () => {
    expect(found('routes: r.ts\nlisten: [udp:127.0.0.1:5060]\nlogs: 1', ['shards=many', 'listen.3=udp:127.0.0.1:1', 'timers.t1ms=1', 'limits.transactions.x=4', 'nonsense', '=1'])).toEqual([
      '3:1 logs: unknown key, did you mean log?',
      '--set shards=many shards: found "many"',
      '--set listen.3=udp:127.0.0.1:1 listen.3: found "3"',
      '--set timers.t1ms=1 timers.t1ms: unknown key, did you mean t1Ms?',
      '--set limits.transactions.x=4 limits.transactions.x: limits.transactions has no parts',
      '--set nonsense : found "nonsense"',
      '--set =1 : found "=1"',
    ]);
  });
});
