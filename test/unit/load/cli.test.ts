/** The flags of `viaduct load`, and what its exit code says. No call is placed. */
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, describe, expect, it } from 'vitest';
import { commandLine, exitCodeOf } from '../../../src/cli/load-action.js';
import { addLoadFlags, type LoadFlags } from '../../../src/cli/load-flags.js';
import { resolveFlags, type LoadRequest } from '../../../src/cli/load-options.js';
import { parseUsers } from '../../../src/load/run/users-file.js';
import { MAIN, viaduct } from '../cli/cli-process.js';
import { sampleResult } from './sample-result.js';

const folder = mkdtempSync(join(tmpdir(), 'viaduct-load-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

async function resolved(...args: string[]): Promise<LoadRequest> {
  const command = addLoadFlags(new Command('load')).exitOverride().configureOutput({ writeErr: () => undefined });
  return resolveFlags(command.parse(args, { from: 'user' }).opts<LoadFlags>());
}

describe('without flags', () => {
  it('caller and callee call each other through a proxy on this machine', async () => {
    const { options, plan, findMax } = await resolved();
    expect(options).toMatchObject({
      role: 'both', target: { host: '127.0.0.1', family: 4, port: 5060 }, listen: { host: '127.0.0.1', family: 4, port: 5070 }, callerHost: '127.0.0.1', domain: '127.0.0.1',
      scenarios: [{ scenario: 'call', weight: 1 }], arrivals: 'poisson', users: { kind: 'generated', count: 1000, password: 'secret' }, driver: 'auto', coalesceUs: 1000, t1Ms: 500,
    });
    expect(plan).toEqual({ ratePerS: 100, durationMs: 20_000, calls: undefined, rampMs: 0, warmUpMs: 0 });
    expect(findMax).toBeUndefined();
  });
});

describe('flags', () => {
  it('come to options and a plan', async () => {
    const { options, plan } = await resolved(
      '--rate', '2000', '--duration', '1m', '--calls', '100_000', '--ramp', '10s', '--warm-up', '5s', '--concurrency', '5000', '--threads', '2', '--sockets', '3', '--mix', 'call=8,cancel=2', '--ring', '1s-3s',
      '--hold', 'exp:2s', '--cancel-after', '1s', '--users', '100000', '--password', 'x', '--domain', 'example.com', '--arrivals', 'even', '--seed', '42', '--t1', '250ms', '--driver', 'dgram', '--coalesce', '250us', '--retransmit', '20%',
      '--loss', '1', '--delay', '50ms', '--reorder', '5', '--target', '[::1]:5080',
    );
    expect(options).toEqual({
      role: 'both', target: { host: '::1', family: 6, port: 5080 }, listen: { host: '::1', family: 6, port: 5070 }, callerHost: '::1', socketsPerThread: 3, threads: 2,
      scenarios: [{ scenario: 'call', weight: 8 }, { scenario: 'cancel', weight: 2 }], arrivals: 'even', concurrency: 5000, ring: { kind: 'uniform', minMs: 1000, maxMs: 3000 }, hold: { kind: 'exponential', meanMs: 2000 },
      cancelAfter: { kind: 'fixed', ms: 1000 }, domain: 'example.com', users: { kind: 'generated', count: 100_000, password: 'x' }, faults: { retransmitPercent: 20, lossPercent: 1, delayMs: 50, reorderPercent: 5 },
      t1Ms: 250, seed: 42, driver: 'dgram', coalesceUs: 250,
    });
    expect(plan).toEqual({ ratePerS: 2000, durationMs: 60_000, calls: 100_000, rampMs: 10_000, warmUpMs: 5000 });
  });

  it('have defaults of their own for a callee, for a number of calls and for a search', async () => {
    expect(await resolved('--role', 'uas')).toMatchObject({ options: { target: undefined, domain: 'localhost' }, plan: { ratePerS: undefined, durationMs: undefined } });
    expect((await resolved('--calls', '5')).plan).toMatchObject({ calls: 5, durationMs: undefined });
    expect(await resolved('--find-max')).toMatchObject({ plan: { ratePerS: 500, durationMs: 5000, warmUpMs: 2000 }, findMax: { maxFailurePercent: 0.01, maxP99Us: 20_000 } });
    expect((await resolved('--find-max', '--max-failures', '1%', '--max-p99', '5ms')).findMax).toEqual({ maxFailurePercent: 1, maxP99Us: 5000 });
  });

  it('name scenarios with weights, and files of scenarios', async () => {
    const file = write('mine.ts', 'export default 1;');
    expect((await resolved('-s', 'call,8', '-s', `${file},0.5`, '-s', 'mix')).options.scenarios).toEqual([{ scenario: 'call', weight: 8 }, { scenario: file, weight: 0.5 }, { scenario: 'mix', weight: 1 }]);
  });

  it.each([
    [['--role', 'uas', '--target', '127.0.0.1'], /--target is for callers/],
    [['--role', 'uas', '--rate', '5'], /--rate is for callers/],
    [['--role', 'uac', '--listen', '127.0.0.1:5070'], /--listen is for callees/],
    [['--scenario', 'call', '--mix', 'call=1'], /use one of them/],
    [['--scenario', 'cal'], /found "cal".*did you mean call\?.*allowed: call, cancel, busy/],
    [['--find-max', '--calls', '5'], /--calls and --find-max do not go together/],
    [['--max-p99', '5ms'], /--max-p99 is a bound of --find-max, which is missing/],
    [['--fail-if', 'cpu > 5us'], /needs --watch-pid/],
    [['--users', '0'], /a number from 1 to 10,000,000, or the path of a CSV file/],
    [['--listen', '127.0.0.1:65535', '--threads', '4'], /leaves no room for 4 sockets; allowed: up to 65532/],
    [['--listen', '[::1]:5070'], /different IP versions/],
    [['--warm-up', '10s', '--rate', '100', '--calls', '500'], /--warm-up takes all of the calls/],
    [['--json', 'x', '--html', 'x'], /name the same file/],
    [['--mix', 'call=8,cal=2'], /--mix: found "cal"/],
    [['--ramp', '30s'], /--ramp is longer than the whole run.*30s of 20s/],
    [['--ramp', '11s', '--warm-up', '5s', '--duration', '5s'], /11s of 10s/],
  ])('%j do not go together', async (args, message) => {
    await expect(resolved(...args)).rejects.toMatchObject({ code: 'VD_LOAD_USAGE', message: expect.stringMatching(message) as string });
  });

  it.each([
    [['--rate', 'fast'], /calls per second, from 0\.01 to 1,000,000/], [['--rate', '0'], /calls per second/], [['--duration', '30'], /a time with its unit/], [['--loss', '101'], /from 0 to 100/], [['--threads', '0'], /from 1 to 64/],
    [['--target', 'a b'], /HOST or HOST:PORT/], [['--target', '127.0.0.1:99999'], /HOST or HOST:PORT/], [['--listen', 'localhost:5070'], /ADDRESS:PORT/], [['--ring', '3s-1s'], /a range \(1s-3s\)/],
    [['--mix', 'call'], /Found "call"; allowed: NAME=WEIGHT/], [['--fail-if', 'p98 > 1ms'], /did you mean/], [['--coalesce', '1s'], /at most 10ms/], [['--role', 'caller'], /both, uac, uas/], [['--watch-pid', 'node'], /a whole number/],
    [['--domain', 'a b'], /a name or an address/], [['--domain', '{caller}'], /or \{callee\}/], [['--domain', ''], /a name or an address/], [['--domain', 'a:99999'], /a name or an address/],
    [['--json', ''], /the path of a file/], [['--html', '-'], /not written to standard output/],
  ])('%j is no value that is allowed', async (args, message) => {
    await expect(resolved(...args)).rejects.toMatchObject({ message: expect.stringMatching(message) as string });
  });
});

describe('a ramp', () => {
  it('may fill the run, and take as long as it likes where calls are counted', async () => {
    expect((await resolved('--ramp', '15s', '--warm-up', '5s', '--duration', '10s')).plan.rampMs).toBe(15_000);
    expect((await resolved('--ramp', '1m', '--calls', '500')).plan.rampMs).toBe(60_000);
  });
});

describe('a domain', () => {
  it.each(['example.com', 'example.com:5080', '192.0.2.1', '[2001:db8::1]:5080', '{callee}'])('may be %s', async (domain) => {
    expect((await resolved('--domain', domain)).options.domain).toBe(domain);
  });
});

describe('a target', () => {
  it('to which this machine has no way is refused in one line', async () => {
    // No socket may be connected to the broadcast address.
    await expect(resolved('--target', '255.255.255.255')).rejects.toMatchObject({ code: 'VD_LOAD_UNREACHABLE', message: '--target: there is no way from this machine to 255.255.255.255' });
  });
});

describe('users of a file', () => {
  it('are read with commas or semicolons, quotes, comments and a heading', () => {
    expect(parseUsers('# phones\nname,password\nalice,"se,""cret"\n\n bob ; geheim ; more\r\ncarol\n', 'u.csv')).toEqual([
      { name: 'alice', password: 'se,"cret' }, { name: 'bob', password: 'geheim' }, { name: 'carol', password: '' },
    ]);
  });

  it.each([['a,b\n,c\n', /^u\.csv:2: --users: found no name/], ['# none\n', /names no user/], ['a,b\n"c,d\n', /^u\.csv:2: --users: found a quote that does not end/], ['a,"b"c\n', /^u\.csv:1:.*a quote/], ['name,password\nbob,1\nann,2\n"bob",1\n', /^u\.csv:4: --users: found "bob" in lines 2 and 4; allowed: each name once$/]])('%j is refused with its place', (text, message) => {
    expect(() => parseUsers(text, 'u.csv')).toThrow(message);
  });
});

describe('the exit code', () => {
  const code = (changes: Parameters<typeof sampleResult>[0]): [number, string[]] => {
    const said: string[] = [];
    return [exitCodeOf(sampleResult(changes), (line) => said.push(line)), said];
  };

  it('is 0 when all went well, and says nothing', () => {
    expect(code({})).toEqual([0, []]);
    expect(code({ interrupted: true, totals: {} })).toEqual([0, []]);
  });

  it('is 1, with the reason, when a condition came true, the result is invalid, or no call succeeded', () => {
    expect(code({ thresholds: [{ text: 'p99 > 1ms', value: 3200, measured: '3.20 ms', held: false }] })).toEqual([1, ['failed: p99 > 1ms (3.20 ms)']]);
    expect(code({ valid: false, reasons: ['it was too slow'] })).toEqual([1, ['the result is INVALID: it was too slow']]);
    expect(code({ totals: { started: 5, succeeded: 0 } })).toEqual([1, ['no call succeeded']]);
  });
});

describe('the command line in a result', () => {
  it('can be typed again, but for passwords', () => {
    expect(commandLine(['load', '--fail-if', 'p99 > 20ms', '--password', 'geheim', '--domain', "it's"])).toBe(String.raw`viaduct load --fail-if 'p99 > 20ms' --password *** --domain 'it'\''s'`);
    expect(commandLine(['load', '--password=geheim'])).toBe('viaduct load --password=***');
  });
});

describe('viaduct load', () => {
  it('has help in groups, with scenarios, conditions and examples', async () => {
    const { code, stdout } = await viaduct('load', '--help');
    expect(code).toBe(0);
    for (const part of ['Usage: viaduct load', 'Who and where:', 'How much:', '--watch-pid <pid>', 'Scenarios:\n  call ', 'Conditions of --fail-if', 'Examples:\n  viaduct load ', 'Exit code:']) expect(stdout).toContain(part);
  });

  it('compares two results', async () => {
    const [a, b] = [write('a.json', JSON.stringify(sampleResult())), write('b.json', JSON.stringify(sampleResult({ reachedPerS: 995 })))];
    const { code, stdout, stderr } = await viaduct('load', '--compare', a, b);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/rate reached +1,990\/s +995\/s +0\.500×/);
    expect(await viaduct('load', '--compare', a)).toMatchObject({ code: 2, stderr: 'viaduct: --compare: found 1 file; wanted are two results of --json\n' });
    expect(await viaduct('load', '--compare', a, b, '--html', 'c.html')).toEqual({ code: 2, stdout: '', stderr: 'viaduct: --compare makes no run and prints to standard output: found --html beside it; allowed: no other flag\n' });
  });

  it('ends with 2 and one line when a port is in use, nobody listens, or a flag is wrong', async () => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    const { port } = socket.address();
    const inUse = await viaduct('load', '--role', 'uas', '--listen', `127.0.0.1:${port}`);
    expect(inUse).toMatchObject({ code: 2, stdout: '' });
    expect(inUse.stderr).toMatch(/^viaduct: cannot listen on udp:127\.0\.0\.1:\d+: the address is in use.* choose another port \(--listen\)\n$/);
    socket.close();
    expect(await viaduct('load', '--target', '127.0.0.1:1')).toEqual({ code: 2, stdout: '', stderr: 'viaduct: nobody listens at 127.0.0.1:1: is the proxy running?\n' });
    expect(await viaduct('load', '--rate', 'fast')).toEqual({ code: 2, stdout: '', stderr: `viaduct: option '-r, --rate <calls/s>' argument 'fast' is invalid. Allowed: calls per second, from 0.01 to 1,000,000; see viaduct load --help\n` });
    expect(await viaduct('load', '--raet', '5')).toEqual({ code: 2, stdout: '', stderr: `viaduct: unknown option '--raet' (Did you mean --rate?); see viaduct load --help\n` });
  });

  it.skipIf(process.platform === 'win32')('says what to do when it may open no more sockets', () => {
    const { status, stderr } = spawnSync('sh', ['-c', 'ulimit -n 300 && exec "$0" "$@"', process.execPath, MAIN, 'load', '--role', 'uas', '--listen', '127.0.0.1:0', '--sockets', '1000'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([2, expect.stringMatching(/^viaduct: cannot listen on udp:127\.0\.0\.1:0: .*raise its limit \(ulimit -n\) or open fewer sockets\n$/)]);
  });

  it('refuses a file that it could not write before it begins', async () => {
    const { code, stderr } = await viaduct('load', '--json', join(folder, 'none/x.json'));
    expect([code, stderr]).toEqual([2, `viaduct: cannot write ${join(folder, 'none/x.json')}: there is no such file or folder\n`]);
  });
});
