/** `viaduct run` from its start to its stop, and `viaduct stats` on it. */
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startText } from '../../../src/cli/start-summary.js';
import type { StatsSnapshot } from '../../../src/telemetry/snapshot.js';
import { start, viaduct, type Running } from './cli-process.js';

const TIMEOUT_MS = 60_000;

/** A script that forgets a promise, throws from a timer, and keeps another one for ever. */
const CARELESS = `
import { defineRoutes } from 'viaduct';
setTimeout(() => void Promise.reject(new Error('forgotten')), 1);
setTimeout(() => { throw new Error('thrown'); }, 1);
setInterval(() => {}, 5);
export default defineRoutes({ request(req) { req.reply(486); } });
`;

let folder: string;
let socket: string;
const undo: (() => void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'viaduct-run-'));
  socket = join(folder, 'control.sock');
});
afterEach(() => {
  for (const step of undo.splice(0)) step();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a proxy on a port of the system's choice that relays to `nextHop`. */
function run(nextHop: string, ...args: string[]): Running {
  writeFileSync(join(folder, 'routes.ts'), `import { defineRoutes } from 'viaduct';\nexport default defineRoutes({ request(req) { req.relay({ nextHop: '${nextHop}' }); } });\n`);
  writeFileSync(join(folder, 'careless.ts'), CARELESS);
  writeFileSync(join(folder, 'broken.ts'), "setInterval(() => {}, 5);\nthrow new Error('no luck');\nexport default { request() {} };\n");
  const file = join(folder, 'site.yaml');
  writeFileSync(file, `listen: [udp:127.0.0.1:0]\nshards: 2\nroutes: ./routes.ts\ncontrol: { socket: ./control.sock }\n`);
  const running = start(['run', '--config', file, ...args], { cwd: folder });
  undo.push(() => running.process.kill('SIGKILL'));
  return running;
}

async function udp(): Promise<{ readonly socket: Socket; readonly address: string }> {
  const bound = createSocket('udp4');
  undo.push(() => bound.close());
  await new Promise<void>((resolve) => bound.bind(0, '127.0.0.1', resolve));
  return { socket: bound, address: `127.0.0.1:${bound.address().port}` };
}

async function stats(): Promise<StatsSnapshot> {
  const { code, stdout, stderr } = await viaduct('stats', '--socket', socket, '--json');
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as StatsSnapshot;
}

describe('viaduct run', () => {
  it('says what it runs with, in one line of JSON for machines, and ends with 0 at a signal', { timeout: TIMEOUT_MS }, async () => {
    const running = run('sip:127.0.0.1:9');
    const line = JSON.parse(await running.line(/viaduct is running/)) as Record<string, unknown>;
    const bound = expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string;
    expect(line).toMatchObject({
      level: 'info', thread: 'main', shards: 2, listen: [{ bound, advertised: bound }], script: join(folder, 'routes.ts'), control: socket, config: join(folder, 'site.yaml'), pid: running.process.pid,
    });
    expect(existsSync(socket)).toBe(true);
    expect(await stats()).toMatchObject({ pid: running.process.pid, node: 0, threads: [{ thread: 'main' }, { thread: 'shard 0' }, { thread: 'shard 1' }], totals: { requestsIn: 0 } });

    running.process.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(existsSync(socket)).toBe(false);
  });

  it('says it in a few lines for people, with a first call', { timeout: TIMEOUT_MS }, async () => {
    const running = run('sip:127.0.0.1:9', '--set', 'log.format=pretty', '--set', 'io=dgram', '--set', 'listen.0.advertise=sip.example.com:5060');
    await running.line(/Ctrl\+C/);
    running.process.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/Viaduct [\d.]+ is running \(process \d+, site\.yaml\)\n {2}listens on +udp 127\.0\.0\.1:\d+, known as sip\.example\.com:5060\n {2}shards +2\n {2}driver +dgram\n {2}script +routes\.ts\n {2}control +.*control\.sock\n/);
    expect(stdout).toMatch(/\nA first call, from another terminal \(ADDRESS:PORT is the next hop of your script\):\n {2}viaduct load --target 127\.0\.0\.1:\d+ --listen ADDRESS:PORT --calls 1\nCtrl\+C stops\.\n/);
    expect(stdout).toMatch(/stopping/);
  });

  it('says how to send a first call with the load generator, as it was started itself', () => {
    const script = fileURLToPath(new URL('../../../config/relay.ts', import.meta.url));
    const said = (bound: string, command: string): string | undefined =>
      / {2}(.*) --calls 1\n/.exec(startText({ version: '1.2.3', pid: 1, config: undefined, listen: [{ bound, advertised: bound }], shards: 1, driver: 'dgram', driverReason: undefined, script, control: undefined }, command))?.[1];
    expect(said('127.0.0.1:5060', 'npm run load --')).toBe('npm run load --');
    expect(said('0.0.0.0:5060', 'viaduct load')).toBe('viaduct load');
    expect(said('127.0.0.1:5080', 'npm run load --')).toBe('npm run load -- --target 127.0.0.1:5080');
    expect(said('192.0.2.1:5060', 'viaduct load')).toBe('viaduct load --target 192.0.2.1:5060 --listen 127.0.0.1:5070');
  });

  it('shows its counters as a table and watches them', { timeout: TIMEOUT_MS }, async () => {
    const running = run('sip:127.0.0.1:9');
    await running.line(/viaduct is running/);
    const { code, stdout } = await viaduct('stats', '--config', join(folder, 'site.yaml'));
    expect(code).toBe(0);
    expect(stdout).toMatch(/main +shard 0 +shard 1 +total\nTraffic\n {2}requestsIn +· +· +· +·\n/);

    const watch = start(['stats', '--socket', socket, '--watch', '0.1']);
    undo.push(() => watch.process.kill('SIGKILL'));
    await watch.line(/per second/);
    running.process.kill('SIGTERM');
    const ended = await watch.ended;
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/^viaduct: no Viaduct answers on the control socket .*\n$/);
    expect((await running.ended).code).toBe(0);
  });

  it('ends at the second signal although transactions are in flight', { timeout: TIMEOUT_MS }, async () => {
    const silent = await udp();
    const caller = await udp();
    const running = run(`sip:${silent.address}`, '--set', 'shutdown.drainMs=600000');
    const { listen } = JSON.parse(await running.line(/viaduct is running/)) as { listen: { bound: string }[] };
    const [host, port] = listen[0]!.bound.split(':');
    const relayed = new Promise((resolve) => silent.socket.once('message', resolve));
    caller.socket.send(invite(caller.address, listen[0]!.bound), Number(port), host);
    await relayed;

    running.process.kill('SIGTERM');
    await running.line(/"msg":"stopping/);
    running.process.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/second signal: stopping at once/);
    expect(existsSync(socket)).toBe(false);
  });

  it('with shards: 0 outlives what its script leaves uncaught, and is not held by what it leaves running', { timeout: TIMEOUT_MS }, async () => {
    const running = run('sip:127.0.0.1:9', '--set', 'shards=0', '--set', 'routes=./careless.ts');
    const { listen, shards } = JSON.parse(await running.line(/viaduct is running/)) as { listen: { bound: string }[]; shards: number };
    expect(shards).toBe(0);
    await running.line(/"err":\{[^}]*"message":"forgotten".*"msg":"unhandled rejection in the routing script"/);
    await running.line(/"err":\{[^}]*"message":"thrown".*"msg":"uncaught exception in the routing script"/);
    const caller = await udp();
    const [host, port] = listen[0]!.bound.split(':');
    const answered = new Promise((resolve) => caller.socket.once('message', resolve));
    caller.socket.send(invite(caller.address, listen[0]!.bound), Number(port), host);
    expect(String(await answered)).toMatch(/^SIP\/2\.0 486 /);
    expect(await stats()).toMatchObject({ shards: 0, threads: [{ thread: 'main' }], totals: { scriptErrors: 2, scriptRuns: 1, shardRestarts: 0 } });
    const { stdout } = await viaduct('stats', '--socket', socket);
    expect(stdout).toMatch(/^Viaduct .* node 0, inline \(no shards\), up .*\n +total\nTraffic\n {2}requestsIn +1\n/);

    running.process.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, '']);
  });

  it('with shards: 0 says what keeps the script from loading, and ends though the script has begun something', { timeout: TIMEOUT_MS }, async () => {
    const running = run('sip:127.0.0.1:9', '--set', 'shards=0', '--set', 'routes=./broken.ts');
    const { code, stderr } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.ts:2:\d+: .*no luck\n$/);
  });

  it('says which address is in use', { timeout: TIMEOUT_MS }, async () => {
    const { address } = await udp();
    const { code, stderr } = await run('sip:127.0.0.1:9', '--set', `listen.0=udp:${address}`).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`^viaduct: .*${address}.* in use.*\\n$`));
  });

  it('says what keeps the script from loading', { timeout: TIMEOUT_MS }, async () => {
    const { code, stderr } = await run("'); nonsense('").ended;
    expect(code).toBe(1);
    expect(stderr).toContain(`${join(folder, 'routes.ts')}`);
    expect(stderr).not.toMatch(/\n +at /);
  });
});

function invite(from: string, to: string): string {
  return [
    `INVITE sip:callee@${to} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from};branch=z9hG4bK-run-test`,
    'Max-Forwards: 70',
    `From: <sip:caller@${from}>;tag=1`,
    `To: <sip:callee@${to}>`,
    `Call-ID: run-test@${from}`,
    'CSeq: 1 INVITE',
    `Contact: <sip:caller@${from}>`,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
