/** The command line, as far as it needs no running proxy. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { loadConfig, parseConfig } from '../../../src/config/load.js';
import { start, viaduct } from './cli-process.js';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

describe('viaduct', () => {
  it.each([[['--version']], [['run', '--version']], [['check', '--version']], [['stats', '-V']]])('%j prints the version', async (args) => {
    expect(await viaduct(...args)).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([[['--help']], [['run', '--help']], [['check', '-h']], [['stats', '--help']]])('%j prints help with examples', async (args) => {
    const { code, stdout } = await viaduct(...args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Usage: viaduct /);
    expect(stdout).toContain('Examples:\n  viaduct ');
  });

  it.each([
    [['rnu'], /unknown command 'rnu' \(Did you mean run\?\); see viaduct --help\n$/],
    [['run', '--confg', 'x'], /unknown option '--confg' \(Did you mean --config\?\); see viaduct run --help\n$/],
    [['run', 'extra'], /too many arguments/],
    [['stats', '--watch', '0'], /Allowed: 0\.1 to 3600 seconds/],
    [['run', '--config'], /argument missing/],
    [['tune', '--shards', '1,x'], /Allowed: numbers of shards with commas between, as in 1,2,4; each an integer from \d to 64;/],
    [['tune', '--coalesce', '5000'], /Allowed: none, or up to 8 numbers.*each an integer from 0 to 2000 µs;/],
    [['tune', '--dry-run', '--yes'], /use one of them/],
    [['tune', '--routes', '192.0.2.1:5070'], /--routes: found 192\.0\.2\.1:5070; allowed: an address of this machine’s loopback/],
  ])('%j is a usage error: exit 2', async (args, message) => {
    const { code, stdout, stderr } = await viaduct(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^viaduct: /);
  });

  it('shows its help when it is called without a command', async () => {
    const { code, stderr } = await viaduct();
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Usage: viaduct /);
  });

  it.runIf(process.platform !== 'win32')('is an executable', () => {
    expect(statSync(`${ROOT}dist/cli/main.js`).mode & 0o111).toBe(0o111);
  });
});

describe('viaduct run --print-config', () => {
  it('prints the effective configuration, which loads again to the same', async () => {
    const file = write('print.yaml', 'routes: ./routes.ts\nio: dgram\nlisten: ["udp:[::1]:0"]\ncontrol: { socket: none }');
    const { code, stdout, stderr } = await viaduct('run', '--config', file, '--set', 'limits.transactions=1000', '-p');
    expect([code, stderr]).toEqual([0, '']);
    expect(parseConfig(stdout)).toEqual({ ...loadConfig(file, ['limits.transactions=1000']), file: undefined });
  });

  it('lists every problem instead, and exits with 1', async () => {
    const file = write('bad.yaml', 'routes: ./routes.ts\nshard: 2\nio: fast\n');
    const { code, stdout, stderr } = await viaduct('run', '--config', file, '--set', 'log.level=loud', '-p');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toEqual([
      expect.stringContaining(`${file}:2:1: shard: unknown key, did you mean shards?`),
      expect.stringContaining(`${file}:3:5: io: found "fast"; allowed: auto, batch, dgram`),
      '--set log.level=loud: log.level: found "loud"; allowed: trace, debug, info, warn, error, fatal, silent',
      'viaduct: 3 problems in the configuration',
      '',
    ]);
  });
});

describe('viaduct check', () => {
  it('is content with the configuration that comes with the package', async () => {
    const { code, stdout, stderr } = await viaduct('check');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^OK: /);
  });

  it('prints every problem of the script with its place', async () => {
    write('typo.ts', "import { defineRoutes } from 'viaduct';\nexport default defineRoutes({\n  request(req) {\n    req.realy();\n    const n: number = req.method;\n  },\n});\n");
    const { code, stdout, stderr } = await viaduct('check', '--config', write('typo.yaml', 'routes: ./typo.ts'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`${join(folder, 'typo.ts')}:4:9: `);
    expect(stderr).toContain(`${join(folder, 'typo.ts')}:5:11: `);
    expect(stderr).toMatch(/\nviaduct: 2 problems in the routing script\n$/);
  });

  it('says so when the script is missing', async () => {
    const { code, stderr } = await viaduct('check', '--config', write('gone.yaml', 'routes: ./gone.ts'));
    expect(code).toBe(1);
    expect(stderr).toContain(join(folder, 'gone.ts'));
  });
});

describe('an error', () => {
  it('is one line without a stack', async () => {
    const { code, stdout, stderr } = await viaduct('stats', '--socket', join(folder, 'nobody.sock'));
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`viaduct: no Viaduct answers on the control socket ${join(folder, 'nobody.sock')}: there is no such file or folder\n`);
  });

  it('has its stack with VIADUCT_DEBUG=1', async () => {
    const { stderr } = await start(['run', '--config', join(folder, 'none.yaml')], { env: { VIADUCT_DEBUG: '1' } }).ended;
    expect(stderr).toMatch(/^viaduct: cannot read the configuration .*\n.*\n +at /);
  });

  it('tells when there is no control socket to ask', async () => {
    const { code, stderr } = await viaduct('stats', '--config', write('none.yaml', 'routes: r.ts\ncontrol: { socket: none }'));
    expect([code, stderr]).toEqual([1, 'viaduct: the configuration has no control socket (control.socket: none)\n']);
  });
});
