/**
 * Starts `dist/cli/main.js run` with a configuration of its own in a temporary folder, waits until it answers on every
 * listener, reads its counters over its control socket, and stops it.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '../../src/control/client.js';
import type { StatsSnapshot } from '../../src/telemetry/snapshot.js';
import { startExternalProxy } from './external-proxy.js';
import { hostPort, type Address } from './free-port.js';
import { waitUntil, type ProcessGroup } from './process-group.js';
import type { Counters, ProxyOptions, ProxyProcess } from './proxy-process.js';
import { answersProbe } from './sip-socket.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const ROUTES = fileURLToPath(new URL('routes/', import.meta.url));

const START_MS = 30_000;

/** Viaduct, or the proxy that VIADUCT_E2E_PROXY names. */
export async function startProxy(group: ProcessGroup, options: ProxyOptions): Promise<ProxyProcess> {
  const command = process.env['VIADUCT_E2E_PROXY'];
  return command === undefined ? startViaduct(group, options) : startExternalProxy(group, command, options);
}

async function startViaduct(group: ProcessGroup, options: ProxyOptions): Promise<ProxyProcess> {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: run npm run build first`);
  const folder = group.newFolder(`viaduct-${options.io}-${String(options.shards)}`);
  const socket = join(folder, 'control.sock');
  const config = {
    listen: ['udp:127.0.0.1:0', ...(options.ipv6 === true ? ['udp:[::1]:0'] : [])],
    shards: options.shards,
    io: options.io,
    routes: join(ROUTES, `${options.routes ?? 'calls'}.ts`),
    timers: options.timers ?? {},
    proxy: options.earlyCancelMs === undefined ? {} : { earlyCancelMs: options.earlyCancelMs },
    log: { format: 'json' },
    control: { socket },
  };
  // YAML is a superset of JSON.
  const file = join(folder, 'viaduct.yaml');
  writeFileSync(file, JSON.stringify(config, null, 2));

  const child = group.start(process.execPath, [...(options.nodeArgs ?? []), MAIN, 'run', '--config', file], {
    cwd: folder,
    env: { ...process.env, ...options.env },
  });
  let ended = false;
  void child.exited.then(() => (ended = true));
  const failed = (what: string): Error => new Error(`viaduct ${ended ? 'ended instead of starting' : what}:\n${child.output()}`);
  let ports: number[] | undefined;
  await waitUntil(() => ended || (ports = boundPorts(child.output())) !== undefined, START_MS, () => failed('does not say where it listens').message);
  const [port4, port6] = ports ?? [];
  if (port4 === undefined) throw failed('does not say where it listens');
  const ipv4: Address = { host: '127.0.0.1', port: port4 };
  const ipv6: Address | undefined = port6 === undefined ? undefined : { host: '::1', port: port6 };
  for (const address of ipv6 === undefined ? [ipv4] : [ipv4, ipv6]) {
    const answers = await Promise.race([answersProbe(address, START_MS), child.exited.then(() => false)]);
    if (!answers) throw failed(`does not answer on ${hostPort(address)}`);
  }

  return {
    ipv4,
    ipv6,
    pid: child.process.pid ?? 0,
    output: () => child.output(),
    counters: () => readCounters(socket),
    printedCounters: () => printCounters(group, socket),
    stop: async () => {
      if (ended) throw new Error(`viaduct ended before it was stopped:\n${child.output()}`);
      child.process.kill('SIGTERM');
      const { code, signal } = await child.exited;
      if (code !== 0) throw new Error(`viaduct ended with ${String(code ?? signal)}:\n${child.output()}`);
    },
  };
}

/** The ports of the listeners in their order, from the line that says that all of them are open. */
function boundPorts(log: string): number[] | undefined {
  const line = log.split('\n').find((text) => text.includes('"listen":') && text.endsWith('}'));
  if (line === undefined) return undefined;
  const { listen } = JSON.parse(line) as { listen: { bound: string }[] };
  return listen.map(({ bound }) => Number(bound.slice(bound.lastIndexOf(':') + 1)));
}

async function readCounters(socket: string): Promise<Counters> {
  const client = await ControlClient.connect(socket);
  try {
    return ((await client.request('stats')) as StatsSnapshot).totals;
  } finally {
    client.close();
  }
}

async function printCounters(group: ProcessGroup, socket: string): Promise<Counters> {
  const child = group.start(process.execPath, [MAIN, 'stats', '--json', '--socket', socket], {});
  const { code } = await child.exited;
  if (code !== 0) throw new Error(`viaduct stats ended with ${String(code)}:\n${child.output()}`);
  // A warning of the runtime may stand before it.
  const text = child.output();
  return (JSON.parse(text.slice(text.indexOf('{'))) as StatsSnapshot).totals;
}
