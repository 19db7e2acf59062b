/** `viaduct tune` with tiny inputs: what it writes, and that nothing is left behind, however it ends. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { TuneResult } from '../../src/tune/tune-result.js';
import { freeAddress, hostPort } from './free-port.js';
import { ProcessGroup, waitUntil, type Child } from './process-group.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
/** One step of half a second. */
const TINY = ['--shards', '1', '--seconds', '0.5', '--rate', '100', '--coalesce', 'none'];
/** No machine wants so many shards. */
const CONFIG = '# my site\nroutes: ./routes.ts # calls\n\nshards: 64   # to be tuned\nlog:\n    level: warn\n';
const REFUSES = "import { defineRoutes } from 'viaduct';\nexport default defineRoutes({ request(req) { req.reply(403, 'No'); } });\n";

const group = new ProcessGroup('tune');
afterAll(() => group.dispose());

interface Tuning {
  readonly child: Child;
  readonly config: string;
  /** Where it makes its temporary folders. */
  readonly temporary: string;
  text(): string;
}

function tune(...flags: readonly string[]): Tuning {
  const folder = group.newFolder('site');
  const temporary = group.newFolder('tmp');
  const config = join(folder, 'site.yaml');
  writeFileSync(config, CONFIG);
  writeFileSync(join(folder, 'routes.ts'), REFUSES);
  const child = group.start(process.execPath, [MAIN, 'tune', config, ...flags], { cwd: folder, env: { ...process.env, NO_COLOR: '1', TMPDIR: temporary } });
  return { child, config, temporary, text: () => Buffer.from(child.output(), 'latin1').toString('utf8') };
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

const alive = (pid: number): boolean => existsSync(`/proc/${pid}`);

/** The proxies of a sweep that has begun to measure. */
async function proxiesOf({ child, text }: Tuning): Promise<number[]> {
  await waitUntil(() => text().includes('1 shard …'), 30_000, () => `does not measure: ${text()}`);
  const proxies = childrenOf(child.process.pid!);
  expect(proxies).toHaveLength(1);
  return proxies;
}

describe.skipIf(process.platform !== 'linux')('viaduct tune', () => {
  test('measures, prints, and writes what it recommends; the rest of the file stays as it was', async () => {
    const json = join(group.newFolder('json'), 'tune.json');
    const { child, config, temporary, text } = tune(...TINY, '--yes', '--json', json);
    expect((await child.exited).code, text()).toBe(0);
    const result = JSON.parse(readFileSync(json, 'utf8')) as TuneResult;
    expect(result).toMatchObject({ format: 'viaduct-tune/1', script: 'relay', present: { shards: 64 }, ratePerS: 100, coalesceRounds: [] });
    const [step] = result.steps;
    expect(step).toMatchObject({ shards: 1, failed: 0, usable: true });
    // The shard reads the sockets: nothing is left to the main thread.
    expect(step!.cpuUsPerCall.main).toBeLessThan(step!.cpuUsPerCall.shards[0]!);
    expect(step!.cpuUsPerCall.shards).toEqual([expect.any(Number)]);
    expect(step!.cpuUsPerCall.shards[0]).toBeGreaterThan(0);
    expect(readFileSync(config, 'utf8')).toBe(CONFIG.replace('64', String(result.recommendation.shards)));
    expect(text()).toContain(`- shards: 64   # to be tuned\n+ shards: ${result.recommendation.shards}   # to be tuned`);
    expect(text()).toContain(`Written: ${config}`);
    expect(readdirSync(temporary)).toEqual([]);
  });

  test('without a terminal and without --yes it shows the change and makes none', async () => {
    const { child, config, text } = tune(...TINY);
    expect((await child.exited).code, text()).toBe(0);
    expect(text()).toContain('- shards: 64');
    expect(text()).toContain('Nothing was written: --yes writes without asking.');
    expect(readFileSync(config, 'utf8')).toBe(CONFIG);
  });

  test('a signal stops it: no proxy, no folder and no change is left', async () => {
    const tuning = tune(...TINY, '--seconds', '60', '--yes');
    const proxies = await proxiesOf(tuning);
    tuning.child.process.kill('SIGINT');
    expect((await tuning.child.exited).code).toBe(130);
    expect(tuning.text()).toContain('viaduct: stopped; nothing was written\n');
    expect(proxies.filter(alive)).toEqual([]);
    expect(readdirSync(tuning.temporary)).toEqual([]);
    expect(readFileSync(tuning.config, 'utf8')).toBe(CONFIG);
  });

  test('its proxies end with it when it is killed', async () => {
    const tuning = tune(...TINY, '--seconds', '60');
    const proxies = await proxiesOf(tuning);
    tuning.child.process.kill('SIGKILL');
    await tuning.child.exited;
    await waitUntil(() => !proxies.some(alive), 10_000, () => 'a proxy is left');
  });

  test('a script that does not send calls to the generator is found out at once', async () => {
    const { child, config, text } = tune(...TINY, '--routes', hostPort(await freeAddress('127.0.0.1')));
    expect((await child.exited).code).toBe(1);
    expect(text()).toMatch(/viaduct: no call came through the proxy: the script .*routes\.ts has to send new calls to 127\.0\.0\.1:\d+, where the generator takes them\n$/);
    expect(readFileSync(config, 'utf8')).toBe(CONFIG);
  });
});
