/**
 * One proxy on a stage: the real router and engines of one or more shards on virtual time, with an outbox that notes what
 * is sent. Smaller than the simulator: no network, no phones, every byte under the test's control.
 */
import { ShardRouter } from '../../../src/main/shard-router.js';
import { Engine } from '../../../src/proxy/engine.js';
import type { Endpoint, EngineLimits, EngineOptions, ListenerInfo, Outbox, PacketMeta, TimerSettings } from '../../../src/proxy/ports.js';
import type { Routes } from '../../../src/script/api.js';
import { formatEndpoint, parseEndpoint } from '../../../src/sim/address.js';
import { bytesOf, SentMessage } from '../../../src/sim/sent-message.js';
import { COUNTER_COUNT, COUNTERS } from '../../../src/telemetry/counters.js';

export const PROXY = '10.0.0.1:5060';
export const ALICE = '10.1.0.1:5060';
export const BOB = '10.2.0.1:5060';
export const CAROL = '10.2.0.2:5060';
export const ALICE_V6 = '[2001:db8::a]:5060';

/** An IPv4 listener at 10.0.0.1:5060. */
export const V4: ListenerInfo = { family: 4, sentBy: '10.0.0.1:5060', ours: [{ host: '10.0.0.1', port: 5060 }] };
/** An IPv6 listener at [2001:db8::1]:5060, also known as proxy.example. */
export const V6: ListenerInfo = {
  family: 6,
  sentBy: '[2001:db8::1]:5060',
  ours: [
    { host: '[2001:db8::1]', port: 5060 },
    { host: 'proxy.example', port: 5060 },
  ],
};

export const SECRET = Uint32Array.of(0x01234567, 0x89abcdef, 0xdeadbeef, 0x0badcafe);

const TIMERS: TimerSettings = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 };
const LIMITS: EngineLimits = { transactions: 2000, branches: 4000, storeBytes: 16 << 20, datagramBytes: 65_507, headers: 256, targets: 8, heldCancels: 4 };

export interface StageOptions {
  readonly shards?: number;
  readonly node?: number;
  readonly listeners?: readonly ListenerInfo[];
  readonly limits?: Partial<EngineLimits>;
  readonly serverHeader?: string;
  /** Default 0: no CANCEL is held. */
  readonly earlyCancelMs?: number;
  /** Default 0: no Max-Breadth is added. */
  readonly maxBreadth?: number;
  readonly key?: 'transaction' | 'call-id';
  /** The outbox shares the arena of the engine, as a driver may choose. */
  readonly sharedMemory?: boolean;
}

/** Words as the drivers have them: signed. */
export function endpointOf(text: string): Endpoint {
  const endpoint = parseEndpoint(text);
  endpoint.a0 |= 0;
  endpoint.a1 |= 0;
  endpoint.a2 |= 0;
  endpoint.a3 |= 0;
  return endpoint;
}

class StageOutbox implements Outbox {
  readonly bytes: Uint8Array;
  private readonly stage: Stage;
  private readonly room: number;

  constructor(stage: Stage, bytes: Uint8Array, room: number) {
    this.stage = stage;
    this.bytes = bytes;
    this.room = room;
  }
  reserve(): number {
    return this.stage.queueFull ? -1 : this.room;
  }
  commit(start: number, end: number, to: Endpoint, owner: number): void {
    this.stage.note(this.bytes, start, end, to, owner);
  }
  send(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    if (this.stage.queueFull) return false;
    this.stage.note(bytes, start, end, to, owner);
    return true;
  }
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    if (this.stage.offersRefused) return false;
    this.stage.offered(shard, bytes.slice(start, end), { ...meta, hops: meta.hops + 1 });
    return true;
  }
}

const SHARED_BYTES = 8 << 20;
const OUT_BYTES = 1 << 18;

export class Stage {
  readonly counters: Float64Array[] = [];
  readonly engines: Engine[] = [];
  readonly router: ShardRouter;
  readonly logged: { readonly level: string; readonly fields: Readonly<Record<string, unknown>>; readonly text: string }[] = [];
  /** Owners of what was sent, in order: for `sendFailed`. */
  readonly owners: number[] = [];
  /** While true nothing more can be sent. */
  queueFull = false;
  /** While true nothing can be offered to another shard. */
  offersRefused = false;
  nowMs = 1003;
  private readonly options: EngineOptions;
  private readonly sharedMemory: boolean;
  private readonly addresses: readonly { readonly family: number }[];
  private readonly memory: Uint8Array[] = [];
  private sent: SentMessage[] = [];
  private offers: { readonly shard: number; readonly bytes: Uint8Array; readonly meta: PacketMeta }[] = [];

  constructor(routes: Routes, options: StageOptions = {}) {
    const listeners = options.listeners ?? [V4];
    this.addresses = listeners;
    this.sharedMemory = options.sharedMemory ?? false;
    this.options = {
      shard: 0,
      shards: options.shards ?? 1,
      node: options.node ?? 0,
      secret: SECRET,
      listeners,
      timers: TIMERS,
      limits: { ...LIMITS, ...options.limits },
      serverHeader: options.serverHeader ?? '',
      maxForwards: 70,
      earlyCancelMs: options.earlyCancelMs ?? 0,
      maxBreadth: options.maxBreadth ?? 0,
      shardingKey: options.key ?? 'transaction',
    };
    this.router = new ShardRouter({ shards: this.options.shards, node: this.options.node, secret: SECRET, key: this.options.shardingKey });
    for (let shard = 0; shard < this.options.shards; shard++) {
      this.counters.push(new Float64Array(COUNTER_COUNT));
      this.engines.push(this.build(shard, routes));
    }
  }

  /** Puts a fresh engine in the place of one that is gone, as after a crash. */
  restart(shard: number, routes: Routes): void {
    this.engines[shard] = this.build(shard, routes);
  }

  /** Tells an engine that it is gone, as its driver does before it puts a fresh one in its place. */
  abandon(shard: number): void {
    this.engines[shard]!.abandon();
  }

  /** A datagram from `from`; returns the shard that it was given to. */
  receive(message: string | Uint8Array, from = ALICE, listener = -1): number {
    const bytes = typeof message === 'string' ? bytesOf(message) : message;
    const meta: PacketMeta = { ...endpointOf(from), keyLo: 0, keyHi: 0, kind: 0, hops: 0, topVia: undefined };
    meta.listener = listener >= 0 ? listener : this.addresses.findIndex(({ family }) => family === meta.family);
    const shard = this.router.route(bytes, 0, bytes.length, meta);
    if (shard >= 0) {
      this.deliver(shard, bytes, meta);
      this.deliverOffers();
    }
    return shard;
  }

  /** Moves time on, timer by timer. */
  advanceBy(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (;;) {
      const nextMs = Math.min(...this.engines.map((engine) => engine.nextDeadlineMs()));
      if (nextMs > untilMs) break;
      this.nowMs = Math.max(this.nowMs, nextMs);
      this.advanceAll();
    }
    this.nowMs = untilMs;
    this.advanceAll();
  }

  /** What was sent since the last call, to one address or to all. The others stay. */
  take(to?: string): SentMessage[] {
    const taken = this.sent.filter((message) => to === undefined || message.to === to);
    this.sent = this.sent.filter((message) => to !== undefined && message.to !== to);
    return taken;
  }

  /** The one message that was sent to an address since the last call. */
  takeOne(to: string): SentMessage {
    const taken = this.take(to);
    const [message] = taken;
    if (message === undefined || taken.length > 1) {
      throw new Error(`expected one message to ${to}, found ${taken.length === 0 ? 'none' : taken.map(({ startLine }) => startLine).join(', ')}`);
    }
    return message;
  }

  /** Counter `C_*`, summed over the shards. */
  count(index: number): number {
    return this.counters.reduce((sum, block) => sum + block[index]!, 0);
  }

  /** What is left: gauges that are not 0 by name, and bytes in the message stores. Empty when nothing is. */
  leftovers(): Record<string, number> {
    const left: Record<string, number> = {};
    COUNTERS.forEach(({ kind, name }, index) => {
      if (kind === 'gauge' && this.count(index) !== 0) left[name] = this.count(index);
    });
    for (const engine of this.engines) {
      if (engine.storedBytes !== 0) left['storedBytes'] = (left['storedBytes'] ?? 0) + engine.storedBytes;
      if (engine.pending() !== 0) left['pending'] = (left['pending'] ?? 0) + engine.pending();
    }
    return left;
  }

  /** @internal */
  note(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): void {
    this.owners.push(owner);
    this.sent.push(new SentMessage(bytes, start, end, formatEndpoint(to), this.nowMs));
  }

  /** @internal */
  offered(shard: number, bytes: Uint8Array, meta: PacketMeta): void {
    this.offers.push({ shard, bytes, meta });
  }

  private advanceAll(): void {
    for (const engine of this.engines) engine.advance(this.nowMs);
    this.deliverOffers();
  }

  private deliverOffers(): void {
    for (let offer = this.offers.shift(); offer !== undefined; offer = this.offers.shift()) this.deliver(offer.shard, offer.bytes, offer.meta);
  }

  private deliver(shard: number, bytes: Uint8Array, meta: PacketMeta): void {
    // At an offset that is not 0, and gone after the call, as a ring hands it over.
    const copy = new Uint8Array(bytes.length + 29).fill(0x41);
    copy.set(bytes, 13);
    this.engines[shard]!.receive(copy, 13, 13 + bytes.length, meta);
    copy.fill(0x42);
  }

  private build(shard: number, routes: Routes): Engine {
    const log = (level: string) => (fields: Readonly<Record<string, unknown>>, text: string): void => {
      this.logged.push({ level, fields, text });
    };
    // A fresh engine gets the memory of the one before it, as it is.
    const all = (this.memory[shard] ??= new Uint8Array(this.sharedMemory ? SHARED_BYTES + OUT_BYTES : OUT_BYTES));
    const engine = new Engine(
      { ...this.options, shard },
      {
        outbox: new StageOutbox(this, all, this.sharedMemory ? SHARED_BYTES : 0),
        counters: this.counters[shard]!,
        log: { error: log('error'), warn: log('warn'), info: log('info'), debug: log('debug') },
        ...(this.sharedMemory ? { memory: { bytes: all, start: 0, end: SHARED_BYTES } } : {}),
      },
      routes,
    );
    engine.advance(this.nowMs);
    return engine;
  }
}

/** Relays everything by its Route set or Request-URI. */
export const relayAll: Routes = {
  request(req) {
    req.relay();
  },
};

/** Lets pending promises of handlers go on. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}
