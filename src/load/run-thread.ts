/**
 * One load thread from its start to its end: scenarios, memory, sockets, user agents, loop. Called by thread.ts in a worker,
 * and by tests in their own thread.
 *
 * **Which socket talks to which.** Every thread has caller sockets (ports of the system) and callee sockets (ports counted
 * from `listen.port` on, see LoadOptions). Callers send to the target; a proxy sends on to where it is told to, and since
 * a callee names its own socket in Contact, all later requests of a dialog come back to the thread that answered. With one
 * fixed next hop behind the proxy, as in the default configuration, that is the first socket of thread 0, whichever thread
 * calls. To spread the callee side too, let the proxy route by Request-URI and give `{callee}` as the domain: it stands for
 * the callee socket of the calling thread. Where the target is one of the generator's own callee sockets, or has port 0,
 * there is no proxy: each caller socket then calls the callee socket of its own thread.
 */
import { createSocket } from 'node:dgram';
import { parseAddress } from '../net/endpoint.js';
import { ListenError, type BoundListener, type ListenAddress } from '../net/udp-driver.js';
import { Arrivals } from './arrivals.js';
import { nowUs } from './clock.js';
import type { LoadThreadInit, LoadThreadMessage } from './control.js';
import { Gathering } from './gathering.js';
import { FaultyIo, hasFaults } from './io/faulty-io.js';
import type { LoadIo } from './io/load-io.js';
import { openLoadIo } from './io/open.js';
import { LoadLoop } from './load-loop.js';
import type { LoadOptions } from './options.js';
import { Random } from './random.js';
import { loadScenarios } from './scenario/load.js';
import { buildAgent, createMemory } from './ua/build.js';
import { Endpoints } from './ua/endpoints.js';
import type { UaSocket } from './ua/templates.js';
import { warmUp } from './warm-up.js';

export { setupBytes } from './ua/build.js';

/** Runs a load thread until it is told to stop. Resolves in every case: what goes wrong is said in an `error`. */
export async function runLoadThread(init: LoadThreadInit, post: (message: LoadThreadMessage) => void): Promise<void> {
  let io: LoadIo | undefined;
  try {
    if (init.warmUp === true) await warmUp(init.options, runLoadThread);
    const thread = await prepare(init, (opened) => (io = opened), post);
    const { callers } = thread.agent.ua;
    post({ type: 'ready', uac: thread.addresses.slice(0, callers), uas: thread.addresses.slice(callers) });
    await thread.loop.run();
  } catch (error) {
    post({ type: 'error', line: lineOf(error) });
  } finally {
    await io?.close();
  }
}

/** An operator's mistake says itself what is wrong; anything else is a fault of ours and keeps its place. */
function lineOf(error: unknown): string {
  if (error instanceof ListenError) return error.code === 'ERR_LISTEN_FAILED' ? error.message : `${error.message} (--listen)`;
  if (error instanceof Error && 'code' in error) return error.message;
  return error instanceof Error ? `the load thread failed: ${error.stack ?? error.message}` : String(error);
}

async function prepare(init: LoadThreadInit, opened: (io: LoadIo) => void, post: (message: LoadThreadMessage) => void) {
  const { thread, threads, options } = init;
  const metrics = new Float64Array(init.metrics);
  const scenarios = await loadScenarios(options.scenarios);
  const own = addresses(init);
  const memory = createMemory(options, scenarios, own.length);
  const bare = await openLoadIo(options.driver, own, memory, !isStraight(options));
  opened(bare);
  const callers = options.role === 'uas' ? 0 : options.socketsPerThread;
  const sockets = await uaSockets(bare.sockets, callers, options);
  const endpoints = new Endpoints();
  const random = (purpose: string) => new Random(new Random(options.seed).stream(`${purpose} of thread ${thread}`).bits());
  const io = hasFaults(options.faults) ? new FaultyIo(bare, memory, options.faults, random('faults'), metrics, nowUs) : bare;
  const agent = buildAgent({
    thread, threads, options, scenarios, io, memory, sockets, callers, endpoints, metrics,
    targets: targets(bare, callers, options, endpoints),
    run: init.run ?? runOf(options),
    random: random('calls'),
    setup: init.setup,
    nowUs: nowUs(),
  });
  const loop = new LoadLoop({
    agent, io, metrics,
    // Where nothing is in between, all messages of a turn are there at once.
    gathering: new Gathering(io.kind === 'batch' && !isStraight(options) ? options.coalesceUs : 0),
    arrivals: new Arrivals(random('arrivals'), options.arrivals, thread, threads),
    control: new Float64Array(init.control),
    concurrency: Math.max(1, Math.ceil(options.concurrency / threads)),
    calls: callers > 0,
    onIdle: () => { post({ type: 'idle' }); },
  });
  return { agent, loop, addresses: sockets.map((socket) => socket.hostPort) };
}

/** The same in all threads of a process, another one in the next run. */
function runOf(options: LoadOptions): number {
  return new Random(options.seed ^ Math.imul(process.pid, 0x9e3779b1)).bits();
}

function addresses({ thread, options }: LoadThreadInit): ListenAddress[] {
  const { role, socketsPerThread, callerHost, listen } = options;
  const list: ListenAddress[] = [];
  const family = options.target?.family ?? listen.family;
  if (role !== 'uas') for (let i = 0; i < socketsPerThread; i++) list.push({ host: callerHost, family, port: 0 });
  if (role !== 'uac') {
    for (let i = 0; i < socketsPerThread; i++) {
      const port = listen.port === 0 ? 0 : listen.port + thread * socketsPerThread + i;
      list.push({ host: listen.host, family: listen.family, port });
    }
  }
  return list;
}

async function uaSockets(bound: readonly BoundListener[], callers: number, options: LoadOptions): Promise<UaSocket[]> {
  const hosts = await Promise.all(bound.map((socket) => reachableHost(socket, options)));
  const hostPorts = bound.map((socket, i) => (socket.family === 6 ? `[${hosts[i]!}]:${socket.port}` : `${hosts[i]!}:${socket.port}`));
  return bound.map((socket, i) => ({
    hostPort: hostPorts[i]!,
    sdpAddress: `IP${socket.family} ${hosts[i]!}`,
    domain: options.domain.replace('{callee}', hostPorts[callers + (i % Math.max(1, callers))] ?? hostPorts[i]!),
  }));
}

/** The address to be written into messages: a wildcard is none, so the one that the target is reached from stands in. */
async function reachableHost(socket: BoundListener, options: LoadOptions): Promise<string> {
  const words = parseAddress(socket.host);
  if (words === undefined || (words.a0 | words.a1 | words.a2 | words.a3) !== 0) return socket.host;
  const loopback = socket.family === 6 ? '::1' : '127.0.0.1';
  const { target } = options;
  if (target?.family !== socket.family) return loopback;
  const probe = createSocket(socket.family === 6 ? 'udp6' : 'udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.connect(target.port === 0 ? 5060 : target.port, target.host, resolve);
    });
    return probe.address().address;
  } catch {
    return loopback;
  } finally {
    probe.close();
  }
}

/** Whether callers call the callees of their own thread, with nothing in between. */
function isStraight({ target, listen, role, threads, socketsPerThread }: LoadOptions): boolean {
  if (role !== 'both' || target === undefined) return false;
  const ours = target.port >= listen.port && target.port < listen.port + threads * socketsPerThread && target.host === listen.host;
  return target.port === 0 || (listen.port !== 0 && ours);
}

/** Where each caller socket sends what belongs to no dialog. */
function targets(io: LoadIo, callers: number, options: LoadOptions, endpoints: Endpoints): Int32Array {
  const bound = io.sockets;
  const numbers = new Int32Array(bound.length).fill(-1);
  const { target } = options;
  if (target === undefined) return numbers;
  const straight = isStraight(options);
  for (let i = 0; i < callers; i++) {
    const callee = bound[callers + i];
    const port = straight && callee !== undefined ? callee.port : target.port;
    if (straight) {
      io.arrives(i, callers + i);
      io.arrives(callers + i, i);
    }
    const words = parseAddress(target.host);
    if (words !== undefined) numbers[i] = endpoints.numberOf({ ...words, listener: i, port, connection: 0 });
  }
  return numbers;
}
