/**
 * The process around the engine, with real threads and sockets and a stand-in engine that does what a datagram says (see
 * `stand-in-shard.mjs`): start, stop, crash, replacement, full rings, offers, both drivers, no shard to four.
 */
import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ControlClient } from '../../dist/control/client.js';
import { startServer, type Config, type RunningServer, type ServerHooks } from '../../dist/index.js';

const SHARD_MODULE = new URL('./stand-in-shard.mjs', import.meta.url);
const DRIVERS = process.platform === 'linux' ? (['batch', 'dgram'] as const) : (['dgram'] as const);
const { createStandIn } = (await import(SHARD_MODULE.href)) as { createStandIn: NonNullable<ServerHooks['createEngine']> };
const STAND_IN: ServerHooks = { shardModule: SHARD_MODULE, createEngine: createStandIn, allowCrash: true };
/** Generous: only a hang is a failure. */
const LIMIT_MS = 20_000;

let folder = '';
let scriptFile = '';
const running: { stop: () => Promise<void> }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'viaduct-process-'));
  scriptFile = join(folder, 'routes.ts');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
});

afterAll(() => rm(folder, { recursive: true }));

type Overrides = { shards?: number; io?: Partial<Config['io']>; listen?: Config['listen']; routes?: string; socket?: string };

async function start(driver: 'batch' | 'dgram', overrides: Overrides = {}, hooks: ServerHooks = STAND_IN): Promise<RunningServer> {
  await writeScript('');
  const config: Config = {
    file: undefined,
    listen: overrides.listen ?? [{ host: '127.0.0.1', family: 4, port: 0, advertise: undefined }],
    shards: overrides.shards ?? 1,
    routes: overrides.routes ?? scriptFile,
    io: { driver, coalesceUs: 100, receiver: 'auto', receiveBufferBytes: 0, sendBufferBytes: 0, ringBytes: 1 << 20, ...overrides.io },
    sharding: { key: 'transaction', node: 0, secret: undefined },
    timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 },
    limits: { transactions: 1000, branches: 1000, storeBytes: 1 << 20, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 256 },
    proxy: { serverHeader: '', maxForwards: 70, maxBreadth: 60, earlyCancelMs: 50 },
    log: { level: 'silent', format: 'json' },
    control: { socket: overrides.socket },
    shutdown: { drainMs: 0 },
  };
  const server = await startServer(config, hooks);
  running.push(server);
  return server;
}

/** A script that gives the stand-in engine a word for its answers. */
function writeScript(name: string, extra = ''): Promise<void> {
  return writeFile(scriptFile, `${extra}\nexport default { request(req: { word?: string }) { req.word = ${JSON.stringify(name)}; } };\n`);
}

async function until(what: string, check: () => boolean): Promise<void> {
  const endMs = performance.now() + LIMIT_MS;
  while (!check()) {
    if (performance.now() > endMs) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A peer on loopback that remembers what it got. */
class Peer {
  readonly got: string[] = [];
  private constructor(private readonly socket: Socket, private readonly port: number, private readonly host: string) {
    socket.on('message', (bytes) => this.got.push(bytes.toString()));
    running.push({ stop: async () => void (await new Promise<void>((resolve) => socket.close(resolve))) });
  }
  static async of(server: RunningServer, listener = 0): Promise<Peer> {
    const { bound } = server.addresses[listener]!;
    const v6 = bound.startsWith('[');
    const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', recvBufferSize: 8 << 20 });
    socket.bind(0, v6 ? '::1' : '127.0.0.1');
    await once(socket, 'listening');
    return new Peer(socket, Number(bound.slice(bound.lastIndexOf(':') + 1)), v6 ? '::1' : '127.0.0.1');
  }
  send(text: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(text, this.port, this.host, (error) => (error === null ? resolve() : reject(error)));
    });
  }
  /** Sends until an answer ends in `text`: a shard that is being replaced may lose a message, as the network may. */
  async ask(command: string, text: string): Promise<string> {
    const found = (): string | undefined => this.got.find((line) => line.endsWith(text));
    const endMs = performance.now() + LIMIT_MS;
    while (found() === undefined) {
      if (performance.now() > endMs) throw new Error(`no answer to: ${command} ${text}`);
      await this.send(`${command} ${text}`);
      for (let i = 0; i < 50 && found() === undefined; i++) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return found()!;
  }
}

const total = (server: RunningServer, name: string): number => server.snapshot().totals[name] ?? NaN;

for (const driver of DRIVERS) {
  for (const shards of [0, 1, 2, 4]) {
    describe(`process: ${driver} driver, ${shards} shards`, () => {
      it('starts, says where it is, answers through every shard, and stops', async () => {
        const server = await start(driver, { shards });
        expect(server).toMatchObject({ driver, shards, scriptFile });
        expect(server.addresses[0]!.bound).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
        expect(server.addresses[0]!.advertised).toBe(server.addresses[0]!.bound);
        const peer = await Peer.of(server);
        for (let i = 0; i < 40; i++) await peer.ask('echo', `<${i}>`);
        const answering = new Set(peer.got.map((line) => line.split(' ')[1]));
        expect(answering.size).toBe(Math.max(1, shards));
        await server.stop();
        await server.done;
      });

      it('replaces a shard that dies, counts it, and goes on', async () => {
        const server = await start(driver, { shards });
        const peer = await Peer.of(server);
        await peer.ask('echo', 'before');
        server.crashShard(Math.max(0, shards - 1));
        await until('the restart to be counted', () => total(server, 'shardRestarts') === 1);
        for (let i = 0; i < 20; i++) await peer.ask('echo', `after ${i}.`);
        expect(total(server, 'shardRestarts')).toBe(1);
      });

      it('survives a message that kills its shard: it kills one life only', async () => {
        const server = await start(driver, { shards });
        const peer = await Peer.of(server);
        await peer.ask('echo', 'before');
        await peer.send('die');
        await until('the restart to be counted', () => total(server, 'shardRestarts') === 1);
        for (let i = 0; i < 20; i++) await peer.ask('echo', `after ${i}.`);
        expect(total(server, 'shardRestarts')).toBe(1);
        expect(total(server, 'loopErrors')).toBe(1);
      });
    });
  }

  /** Where the engines are, and who reads the sockets: main for shards, the only shard itself, main with the engine in it. */
  const places = driver === 'batch' ? ['shards', 'one shard with the sockets', 'inline'] as const : ['shards', 'inline'] as const;
  for (const where of places) describe(`process: ${driver} driver, ${where}`, () => {
    const inline = where === 'inline';
    /** One engine, and no ring before it. */
    const alone = where !== 'shards';
    const begin = (overrides: Overrides = {}, hooks?: ServerHooks): Promise<RunningServer> => {
      if (where === 'shards') return start(driver, { ...overrides, io: { receiver: 'main', ...overrides.io } }, hooks);
      return start(driver, { ...overrides, shards: inline ? 0 : 1 }, hooks);
    };

    it('passes thousands of datagrams, and accounts for every one', async () => {
      const server = await begin({ shards: 2, io: { receiveBufferBytes: 4 << 20 } });
      const peer = await Peer.of(server);
      const count = where === 'shards' ? 20_000 : 5_000;
      for (let i = 0; i < count; i++) {
        const sent = peer.send(`echo ${i}.`);
        // A window that fits into the smallest receive buffer of a system: what the kernel drops, nobody can count.
        if (i % 50 === 49) {
          await sent;
          await until('room in the window', () => i - peer.got.length < 100);
        }
      }
      await until('all taken', () => total(server, 'datagramsIn') === count);
      await until('all answered', () => peer.got.length === count);
      expect(total(server, 'dropRingFull')).toBe(0);
      expect(total(server, 'datagramsOut')).toBe(count);
      expect(new Set(peer.got.map((line) => line.split(' ').at(-1))).size).toBe(count);
    });

    it.skipIf(!inline)('is shard 0 of 1 to its engine: its marks are those of one shard', async () => {
      const told: unknown[] = [];
      await begin({}, {
        createEngine: (options, ports, routes) => {
          told.push(options);
          return createStandIn(options, ports, routes);
        },
      });
      expect(told).toEqual([expect.objectContaining({ shard: 0, shards: 1 })]);
    });

    it('ignores a crash that the hook does not allow', async () => {
      const server = await begin({}, { ...STAND_IN, allowCrash: false });
      server.crashShard(0);
      const peer = await Peer.of(server);
      await peer.ask('echo', 'alive');
      expect(total(server, 'shardRestarts')).toBe(0);
    });

    it.skipIf(alone)('drops and counts what the ring of a busy shard does not take, and takes the rest', async () => {
      const server = await begin({ io: { ringBytes: 1 << 18, receiveBufferBytes: 4 << 20 } });
      const peer = await Peer.of(server);
      await peer.ask('echo', 'before');
      await peer.send('spin 1500');
      const count = 200;
      const body = 'x'.repeat(4000);
      for (let i = 0; i < count; i++) await peer.send(`echo ${body} ${i}.`);
      const before = peer.got.length;
      await until('everything to be received', () => total(server, 'datagramsIn') >= count);
      await until('the rest to be answered', () => peer.got.length - before + total(server, 'dropRingFull') === count);
      expect(total(server, 'dropRingFull')).toBeGreaterThan(0);
      expect(peer.got.length - before).toBeGreaterThan(0);
      await peer.ask('echo', 'afterwards');
    });

    it('relays with the real engine, also after its shard was replaced', async () => {
      const callee = createSocket('udp4');
      running.push({ stop: async () => void (await new Promise<void>((resolve) => callee.close(resolve))) });
      callee.on('message', (bytes, from) => {
        const [, ...headers] = bytes.toString().split('\r\n');
        callee.send(['SIP/2.0 200 OK', ...headers.filter((line) => !line.startsWith('Max-Forwards'))].join('\r\n'), from.port, from.address);
      });
      callee.bind(0, '127.0.0.1');
      await once(callee, 'listening');
      const routes = join(folder, `relay-${driver}-${where.length}.ts`);
      const target = `sip:127.0.0.1:${callee.address().port}`;
      await writeFile(routes, `export default { request(req: { relay(to: string): void }) { req.relay('${target}'); } };\n`);
      const server = await begin({ routes }, { allowCrash: true });
      const peer = await Peer.of(server);
      const options = (id: string): string =>
        [
          'OPTIONS sip:someone@127.0.0.1 SIP/2.0',
          `Via: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK-${id}`,
          'From: <sip:a@127.0.0.1>;tag=a',
          'To: <sip:b@127.0.0.1>',
          `Call-ID: ${id}`,
          'CSeq: 1 OPTIONS',
          'Max-Forwards: 70',
          'Content-Length: 0\r\n\r\n',
        ].join('\r\n');
      const answered = (id: string): boolean => peer.got.some((text) => text.startsWith('SIP/2.0 200') && text.includes(`Call-ID: ${id}\r`));
      await peer.send(options('one'));
      await until('the relayed answer', () => answered('one'));
      server.crashShard(0);
      await until('the restart to be counted', () => total(server, 'shardRestarts') === 1);
      await peer.send(options('two'));
      await until('the relayed answer of the replacement', () => answered('two'));
    });

    it.skipIf(alone)('passes offers on from shard to shard', async () => {
      const server = await begin({ shards: 2 });
      const peer = await Peer.of(server);
      expect(await peer.ask('offer', '0 a')).toBe('shard 0 hops 1 0 a');
      expect(await peer.ask('offer', '1 b')).toBe('shard 1 hops 1 1 b');
    });

    it('lets scripts wait, and runs timers, with nothing else going on', async () => {
      const server = await begin();
      const peer = await Peer.of(server);
      await peer.send('later one');
      await until('the late answer', () => peer.got.includes('shard 0 one'));
      await peer.send('twice two');
      await until('the timer', () => peer.got.includes('shard 0 second two'));
    });

    it('tells the engine what the kernel refused to send', async () => {
      const server = await begin();
      const peer = await Peer.of(server);
      await peer.send('nowhere');
      await until('the failure', () => total(server, 'dropSendError') === 1);
      await peer.ask('echo', 'failures 1').catch(() => undefined);
      expect(peer.got.at(-1)).toMatch(/failures 1$/);
    });

    it('listens on several addresses and answers from the one that was asked', async () => {
      const server = await begin({
        listen: [
          { host: '127.0.0.1', family: 4, port: 0, advertise: { host: 'sip.example.com', port: undefined } },
          { host: '::1', family: 6, port: 0, advertise: undefined },
        ],
      });
      const [first, second] = server.addresses;
      expect(first!.advertised).toBe(`sip.example.com:${first!.bound.split(':')[1]}`);
      expect(second!.bound).toMatch(/^\[::1\]:\d+$/);
      await (await Peer.of(server, 0)).ask('echo', 'v4');
      await (await Peer.of(server, 1)).ask('echo', 'v6');
    });

    it('swaps the script of every shard, and keeps the old one when the new one does not load', async () => {
      const server = await begin({ shards: 2 });
      const peer = await Peer.of(server);
      await writeScript('new ');
      await server.reload();
      for (let i = 0; i < 10; i++) expect(await peer.ask('echo', `<${i}>`)).toMatch(/^shard \d new </);
      await writeScript('', 'throw new Error("no");');
      await expect(server.reload()).rejects.toMatchObject({ code: 'VD_SCRIPT_LOAD' });
      await writeScript('', 'this is no script');
      await expect(server.reload()).rejects.toMatchObject({ code: 'VD_SCRIPT_LOAD' });
      for (let i = 10; i < 20; i++) expect(await peer.ask('echo', `<${i}>`)).toMatch(/^shard \d new </);
      // A replacement gets the script that is in use, not the first one.
      server.crashShard(0);
      if (!alone) server.crashShard(1);
      await until('the restarts to be counted', () => total(server, 'shardRestarts') === (alone ? 1 : 2));
      for (let i = 20; i < 30; i++) expect(await peer.ask('echo', `<${i}>`)).toMatch(/^shard \d new </);
    });

    // Inline this would be a promise of this process: see cli/run.test.ts.
    it.skipIf(inline)('counts a promise that a script forgot about, and goes on', async () => {
      const server = await begin();
      const peer = await Peer.of(server);
      await peer.send('reject');
      await until('the error to be counted', () => total(server, 'scriptErrors') === 1);
      await peer.ask('echo', 'alive');
      expect(total(server, 'shardRestarts')).toBe(0);
    });

    it('answers on its control socket, and removes it', async () => {
      const socket = join(folder, `${driver}-${where.length}.sock`);
      const server = await begin({ shards: 2, socket });
      const client = await ControlClient.connect(socket);
      expect(await client.request('stats')).toMatchObject({
        pid: process.pid,
        shards: inline ? 0 : alone ? 1 : 2,
        threads: ['main', 'shard 0', 'shard 1'].slice(0, inline ? 1 : alone ? 2 : 3).map((thread) => ({ thread })),
      });
      await writeScript('reloaded ');
      await client.request('reload');
      const peer = await Peer.of(server);
      expect(await peer.ask('echo', 'x')).toMatch(/^shard \d reloaded x$/);
      await client.request('log-level', 'silent');
      await expect(client.request('log-level', 'loud')).rejects.toThrow(/found "loud"; allowed: trace/);
      await expect(begin({ socket })).rejects.toMatchObject({ code: 'VD_CONTROL_IN_USE' });
      client.close();
      await server.stop();
      expect(existsSync(socket)).toBe(false);
    });

    it.skipIf(inline)('takes a shard down that is stuck', async () => {
      const server = await begin();
      const peer = await Peer.of(server);
      await peer.send('spin 600000');
      await until('the message to be taken', () => total(server, 'datagramsIn') === 1);
      await server.stop();
    });

    it('waits for what is pending, and not longer than it is told', async () => {
      const server = await begin();
      const peer = await Peer.of(server);
      await peer.send('twice x');
      await until('the first answer', () => peer.got.includes('shard 0 first x'));
      await server.stop({ drainMs: LIMIT_MS });
      await until('the second answer', () => peer.got.includes('shard 0 second x'));
    });

    it('fails to start with the code of what is wrong, and leaves the address free', async () => {
      const server = await begin();
      const port = Number(server.addresses[0]!.bound.split(':')[1]);
      const listen: Config['listen'] = [{ host: '127.0.0.1', family: 4, port, advertise: undefined }];
      await expect(begin({ listen })).rejects.toMatchObject({ code: 'VD_LISTEN_IN_USE' });
      await server.stop();
      const routes = join(folder, 'thrower.ts');
      await writeFile(routes, 'throw new Error("no luck");\nexport default { request() {} };\n');
      await expect(begin({ listen, routes })).rejects.toMatchObject({
        code: 'VD_SCRIPT_LOAD', message: expect.stringContaining('no luck') as string,
      });
      const again = await begin({ listen });
      await (await Peer.of(again)).ask('echo', 'free');
    });

    it('leaves nothing behind: the process that ran it twice ends by itself', async () => {
      await writeScript('');
      const child = spawn(process.execPath, [fileURLToPath(new URL('./start-and-stop.mjs', import.meta.url)), driver, scriptFile, inline ? '0' : '2'], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: LIMIT_MS,
        killSignal: 'SIGKILL',
      });
      let output = '';
      child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
      const [code] = (await once(child, 'close')) as [number | null];
      expect({ code, output }).toEqual({ code: 0, output: 'started\nstopped\nstarted\nstopped\n' });
    });
  });
}

describe('process', () => {
  it('runs several servers side by side', async () => {
    const servers = await Promise.all(DRIVERS.flatMap((driver) => [start(driver), start(driver)]));
    for (const server of servers) await (await Peer.of(server)).ask('echo', 'here');
    await Promise.all(servers.map((server) => server.stop()));
  });
});
