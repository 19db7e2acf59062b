/** Starts a build of Viaduct for the macro benchmarks: one shard, batch driver, the script of bench/workloads/relay.ts. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { ControlClient } from '../../src/control/client.js';
import type { StatsSnapshot } from '../../src/telemetry/snapshot.js';
import { waitUntil, type ProcessGroup } from '../../test/e2e/process-group.js';
import { answersProbe } from '../../test/e2e/sip-socket.js';
import { ROOT } from '../results.js';
import { freePort, type ProxyCounters, type ProxyHolds, type ProxyUnderTest } from './proxy.js';

/** Which build, with which settings. */
export interface ViaductBuild {
  readonly label: string;
  /** Folder of the build, with cli/main.js in it. */
  readonly dist: string;
  /** Flags of Node: `--max-semi-space-size=16`. */
  readonly nodeFlags: readonly string[];
  /** Settings, `io.coalesceUs=50`. */
  readonly settings: readonly string[];
}

/**
 * Reads `DIR[,key=value …][,--node-flag …][,label=NAME]`: `../other/dist,io.coalesceUs=50`. Throws an Error when the folder is no
 * build of Viaduct.
 */
export function parseBuild(text: string): ViaductBuild {
  const [folder = '', ...items] = text.split(',');
  const dist = resolve(folder);
  if (!existsSync(join(dist, 'cli/main.js'))) throw new Error(`--viaduct: ${folder} is no build of Viaduct (there is no cli/main.js in it); allowed: a dist folder, as npm run build makes it`);
  const label = items.find((item) => item.startsWith('label='))?.slice('label='.length);
  const settings = items.filter((item) => !item.startsWith('label=') && !item.startsWith('--'));
  const wrong = settings.find((item) => !/^[\w.]+=/.test(item));
  if (wrong !== undefined) throw new Error(`--viaduct: found ${JSON.stringify(wrong)} after the folder; allowed: key=value, --flag of Node, label=NAME`);
  const nodeFlags = items.filter((item) => item.startsWith('--'));
  const place = basename(dist) === 'dist' ? basename(dirname(dist)) : basename(dist);
  return { label: label ?? [place, ...settings, ...nodeFlags].join(' '), dist, nodeFlags, settings };
}

/** The build of this working tree. */
export function ownBuild(): ViaductBuild {
  return { label: 'viaduct', dist: join(ROOT, 'dist'), nodeFlags: [], settings: [] };
}

const START_MS = 30_000;
/** For the highest rates: a finished transaction stays 32 s, and a call has two. */
const TRANSACTIONS = 2_000_000;

export async function startViaduct(group: ProcessGroup, build: ViaductBuild): Promise<ProxyUnderTest> {
  const main = join(build.dist, 'cli/main.js');
  if (!existsSync(main)) throw new Error('dist/ is missing: run npm run setup');
  const folder = group.newFolder('viaduct');
  const [port, calleePort] = [await freePort(), await freePort()];
  const routes = join(folder, 'relay.ts');
  const script = readFileSync(join(ROOT, 'bench/workloads/relay.ts'), 'utf8');
  writeFileSync(routes, script.replace("'sip:127.0.0.1:5070'", `'sip:127.0.0.1:${calleePort}'`));
  const socket = join(folder, 'control.sock');
  const config = {
    listen: [`udp:127.0.0.1:${port}`],
    shards: 1,
    io: { driver: 'batch' },
    routes,
    limits: { transactions: TRANSACTIONS, branches: TRANSACTIONS, storeBytes: 1536 * 1024 * 1024 },
    log: { level: 'info', format: 'json' },
    control: { socket },
    shutdown: { drainMs: 0 },
  };
  const file = join(folder, 'viaduct.yaml');
  writeFileSync(file, JSON.stringify(config, null, 2)); // YAML is a superset of JSON
  const settings = build.settings.flatMap((setting) => ['--set', setting]);
  const child = group.start(process.execPath, [...build.nodeFlags, main, 'run', '--config', file, ...settings], { cwd: folder });
  let ended = false;
  void child.exited.then(() => (ended = true));
  await waitUntil(() => ended || child.output().includes('viaduct is running'), START_MS, () => `viaduct does not start:\n${child.output()}`);
  if (ended || !(await answersProbe({ host: '127.0.0.1', port }, START_MS))) throw new Error(`viaduct does not answer:\n${child.output()}`);
  const pid = child.process.pid!;
  const shards = shardCount(await stats(socket));
  return {
    label: build.label,
    description: `Viaduct ${version(build)}, ${shards === 1 ? '1 shard' : `${shards} shards`}, batch driver${[...build.settings, ...build.nodeFlags].map((item) => `, ${item}`).join('')}`,
    pid,
    port,
    calleePort,
    // Node 20 names all threads alike. The busiest that are not the main thread are the shards; the rest are V8's helpers and libuv's pool.
    roleOf: ({ tid, rank }) => (tid === pid ? 'main' : rank <= shards ? 'shard' : 'other'),
    counters: async () => countersOf(await stats(socket)),
    holds: async () => holdsOf(await stats(socket)),
    output: () => child.output(),
    ended: () => ended,
    stop: async () => {
      child.process.kill('SIGTERM');
      await child.exited;
    },
  };
}

async function stats(socket: string): Promise<StatsSnapshot> {
  const client = await ControlClient.connect(socket);
  try {
    return (await client.request('stats')) as StatsSnapshot;
  } finally {
    client.close();
  }
}

function shardCount({ threads }: StatsSnapshot): number {
  return threads.filter(({ thread }) => thread.startsWith('shard')).length;
}

function countersOf({ threads, totals }: StatsSnapshot): ProxyCounters {
  const sum = (ofMain: boolean, name: string): number => threads.filter(({ thread }) => (thread === 'main') === ofMain).reduce((all, { counters }) => all + (counters[name] ?? 0), 0);
  return {
    // An INVITE and a BYE.
    calls: (totals['serverTransactions'] ?? 0) / 2,
    datagramsIn: totals['datagramsIn'] ?? 0,
    mainBatches: sum(true, 'batches'),
    shardBatches: sum(false, 'batches'),
    mainWakeups: sum(true, 'wakeups'),
    shardWakeups: sum(false, 'wakeups'),
  };
}

function holdsOf({ totals }: StatsSnapshot): ProxyHolds {
  return { servers: totals['serverTransactionsAlive'] ?? 0, clients: totals['clientTransactionsAlive'] ?? 0, longestPauseMs: totals['longestPauseMs'] ?? NaN };
}

function version({ dist }: ViaductBuild): string {
  const stamp = join(dist, '.source-hash');
  const own = relative(join(ROOT, 'dist'), dist) === '';
  const { version: number } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const hash = existsSync(stamp) ? ` (sources ${readFileSync(stamp, 'utf8').slice(0, 12)})` : '';
  return own ? `${number}${hash}` : `of another folder${hash}`;
}
