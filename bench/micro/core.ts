/**
 * The shard's core alone: whole calls (7 messages in, 7 out) through router and engine in one thread, without I/O. Prints
 * the time a call for the router and for each message in the engine.
 *
 * Run: npx esbuild bench/micro/core.ts --bundle --platform=node --format=esm --packages=external --outfile=dist/bench/core.mjs && node dist/bench/core.mjs [calls] [rounds]
 */
import { createPacketMeta } from '../../src/ring/layout.js';
import { ShardRouter } from '../../src/main/shard-router.js';
import { Engine } from '../../src/proxy/engine.js';
import { ARENA_OVERHEAD_BYTES } from '../../src/proxy/arena.js';
import type { Endpoint, EngineOptions, Outbox } from '../../src/proxy/ports.js';
import { defineRoutes } from '../../src/script/api.js';
import { COUNTER_COUNT } from '../../src/telemetry/counters.js';
import { callIds, inDialog, invite, response } from '../workloads/call.js';

const CALLS = Number(process.argv[2] ?? 20_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const OUTBOX_BYTES = 1 << 18;
const INBOUND_AT = OUTBOX_BYTES;
const INBOUND_BYTES = 1 << 16;
const STORE_BYTES = 256 * 1024 * 1024;

const memory = new Uint8Array(new SharedArrayBuffer(OUTBOX_BYTES + INBOUND_BYTES + ARENA_OVERHEAD_BYTES + STORE_BYTES));

/** Keeps the last message that was composed. */
class LastMessage implements Outbox {
  readonly bytes = memory;
  count = 0;
  first = '';
  reserve(): number {
    return 0;
  }
  commit(start: number, end: number, _to: Endpoint): void {
    this.count++;
    if (this.first === 'wanted') this.first = Buffer.from(memory.slice(start, end)).toString('latin1');
  }
  send(): boolean {
    return true;
  }
  offer(): boolean {
    return false;
  }
}

const secret = Uint32Array.from([1, 2, 3, 4]);
const options: EngineOptions = {
  shard: 0,
  shards: 1,
  node: 0,
  secret,
  listeners: [{ family: 4, sentBy: '127.0.0.1:5060', ours: [{ host: '127.0.0.1', port: 5060 }] }],
  timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 },
  limits: { transactions: 200_000, branches: 200_000, storeBytes: STORE_BYTES, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 256 },
  serverHeader: 'Viaduct',
  maxForwards: 70,
  earlyCancelMs: 50,
  maxBreadth: 60,
  shardingKey: 'transaction',
};
const outbox = new LastMessage();
const counters = new Float64Array(COUNTER_COUNT);
const quiet = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} };
const engine = new Engine(
  options,
  { outbox, counters, log: quiet, memory: { bytes: memory, start: OUTBOX_BYTES + INBOUND_BYTES, end: memory.length } },
  defineRoutes({
    request(req) {
      if (req.looseRouted) return void req.relay();
      if (!req.inDialog) req.recordRoute();
      req.relay({ nextHop: 'sip:127.0.0.1:5070' });
    },
  }),
);
const router = new ShardRouter({ shards: 1, node: 0, secret, key: 'transaction' });
const meta = { ...createPacketMeta(), a0: 0x7f000001, family: 4 };
let nowMs = 1000;
engine.advance(nowMs);

interface Prepared {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly port: number;
}

function viasOf(text: string): string[] {
  return text.split('\r\n').filter((line) => line.startsWith('Via:'));
}

function deliver(bytes: Uint8Array, port: number): void {
  meta.port = port;
  memory.set(bytes, INBOUND_AT);
  router.route(memory, INBOUND_AT, INBOUND_AT + bytes.length, meta);
  engine.receive(memory, INBOUND_AT, INBOUND_AT + bytes.length, meta);
}

/** Sends a request through a twin of the engine to learn the branch: branches are deterministic, so one pass prepares. */
function prepare(from: number): Prepared[][] {
  const calls: Prepared[][] = [];
  for (let n = from; n < from + CALLS; n++) {
    const ids = callIds(n);
    const recordRoute = 'sip:127.0.0.1:5060;lr;vd=0000';
    const request = invite(ids);
    outbox.first = 'wanted';
    deliver(request, 5061);
    const inviteVias = viasOf(outbox.first);
    const bye = inDialog('BYE', ids, recordRoute);
    outbox.first = 'wanted';
    deliver(bye, 5061);
    const byeVias = viasOf(outbox.first);
    calls.push([
      { name: 'INVITE', bytes: request, port: 5061 },
      { name: '100', bytes: response('100 Trying', 'INVITE', ids, inviteVias, recordRoute), port: 5070 },
      { name: '180', bytes: response('180 Ringing', 'INVITE', ids, inviteVias, recordRoute), port: 5070 },
      { name: '200', bytes: response('200 OK', 'INVITE', ids, inviteVias, recordRoute), port: 5070 },
      { name: 'ACK', bytes: inDialog('ACK', ids, recordRoute), port: 5061 },
      { name: 'BYE', bytes: bye, port: 5061 },
      { name: '200 BYE', bytes: response('200 OK', 'BYE', ids, byeVias, recordRoute), port: 5070 },
    ]);
  }
  nowMs += 400_000;
  engine.advance(nowMs);
  return calls;
}

/** On-CPU time of this process: what other load on the machine disturbs least. */
function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

const steps = 7;
const ring = memory; // messages are copied into one place before each is received, as the ring does
for (let round = 0; round < ROUNDS; round++) {
  const calls = prepare(round * CALLS);
  const spent = new Array<number>(steps).fill(0);
  let routing = 0;
  let copying = 0;
  const outBefore = outbox.count;
  const allBefore = cpuNs();
  for (let step = 0; step < steps; step++) {
    const started = cpuNs();
    for (const call of calls) {
      const { bytes, port } = call[step]!;
      meta.port = port;
      ring.set(bytes, INBOUND_AT);
    }
    const copied = cpuNs();
    for (const call of calls) {
      const { bytes, port } = call[step]!;
      meta.port = port;
      ring.set(bytes, INBOUND_AT);
      router.route(ring, INBOUND_AT, INBOUND_AT + bytes.length, meta);
    }
    const routed = cpuNs();
    for (const call of calls) {
      const { bytes, port } = call[step]!;
      meta.port = port;
      ring.set(bytes, INBOUND_AT);
      router.route(ring, INBOUND_AT, INBOUND_AT + bytes.length, meta);
      engine.receive(ring, INBOUND_AT, INBOUND_AT + bytes.length, meta);
    }
    const ended = cpuNs();
    const copyNs = copied - started;
    const routeNs = routed - copied - copyNs;
    copying += copyNs;
    routing += routeNs;
    spent[step] = ended - routed - copyNs - routeNs;
  }
  const all = cpuNs() - allBefore;
  const perCall = (ns: number): string => (ns / CALLS / 1000).toFixed(2);
  const engineNs = spent.reduce((sum, ns) => sum + ns, 0);
  console.log(
    `round ${round}: engine ${perCall(engineNs)} µs a call (${calls[0]!.map((m, i) => `${m.name} ${perCall(spent[i]!)}`).join(', ')}), router ${perCall(routing)}, copy in ${perCall(copying)}, out ${(outbox.count - outBefore) / CALLS} a call, all ${perCall(all)}`,
  );
  nowMs += 400_000;
  engine.advance(nowMs);
}
