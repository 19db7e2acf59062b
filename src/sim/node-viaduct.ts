/**
 * A whole Viaduct as one host of the simulated network: the shard router, the shards' real engines, their queues, and a
 * scheduler that decides, out of the seed, which shard runs next and how many messages it takes at once.
 *
 * It stands where the main thread and the shard loops stand in the product, and keeps their promises: a shard sees its
 * messages in the order in which the router queued them, `advance` comes before `receive`, bytes handed to an engine are
 * gone after the call, an offer goes to the back of the other shard's queue. With `lagMs` above 0 shards and timers run
 * late, each by its own draw, and messages of different shards overtake each other.
 */
import { ShardRouter } from '../main/shard-router.js';
import { Engine } from '../proxy/engine.js';
import type { ArenaMemory } from '../proxy/arena.js';
import type { EngineApi } from '../proxy/engine-api.js';
import type { Endpoint, EngineLog, EngineOptions, Outbox, PacketMeta } from '../proxy/ports.js';
import type { Routes } from '../script/api.js';
import { COUNTER_COUNT, COUNTERS, C_DROP_RING_FULL } from '../telemetry/counters.js';
import type { Network, Packet, Port, SimHost } from './network.js';
import type { Random } from './random.js';
import { ARENA_AT, giveBackMemory, INBOUND_AT, Queued, SimOutbox } from './shard-memory.js';
import type { Slab } from './slab.js';
import { ClockEvent, type VirtualClock } from './virtual-clock.js';

const LONGEST_QUEUE = 100_000;
/** Turns of an engine that runs timers of one time, some at a time: far more than there are timers. */
const TURNS_MAX = 100_000;

/** What an engine is built from; the mutation check builds engines with a fault. */
export interface EnginePorts {
  readonly outbox: Outbox;
  readonly counters: Float64Array;
  readonly log: EngineLog;
  /** One array with the outbox, as in the product: messages are composed where they are sent from. */
  readonly memory: ArenaMemory;
}
export type EngineFactory = (options: EngineOptions, ports: EnginePorts, routes: Routes) => EngineApi;

/** The engine of the product. */
export const REAL_ENGINE: EngineFactory = (options, ports, routes) => new Engine(options, ports, routes);

/** Sees every message at the border of the engines, as they see it. Bytes are borrowed. */
export interface ViaductObserver {
  /** A message from the network that a shard is about to process; `from` is who sent it. */
  processing(bytes: Uint8Array, start: number, end: number, from: Port): void;
  /** It has processed it; what it sends from here on is not for this message. */
  processed?(): void;
  /** A message that a shard sends. */
  sending(bytes: Uint8Array, start: number, end: number, to: Port): void;
  /** The transport has refused the message that `sending` was told of, and the engine will hear of it. */
  refused?(): void;
  /** A message to an address where nobody is. */
  astray(bytes: Uint8Array, start: number, end: number, to: Endpoint): void;
}

export interface NodeSettings {
  readonly options: Omit<EngineOptions, 'shard'>;
  readonly key: 'transaction' | 'call-id';
  readonly routes: Routes;
  readonly log: EngineLog;
  readonly engine: EngineFactory;
  /** Longest time by which a shard or a timer runs late, ms; 0: never. */
  readonly lagMs: number;
  /** Most messages that a shard takes at once. */
  readonly batchMax: number;
  /** Of the messages sent: those that the transport refuses. */
  readonly sendFailPercent: number;
  /** Addresses of the listeners, in the order of `options.listeners`. */
  readonly addresses: readonly Endpoint[];
}

export interface NodePorts {
  readonly clock: VirtualClock;
  readonly network: Network;
  readonly random: Random;
  readonly slab: Slab;
  /** Makes a port for an address where nobody is, or reports it: undefined drops the message. */
  readonly stranger: (to: Endpoint) => Port | undefined;
}

/** One shard: its queue, its engine and, as a clock event, its next timer. */
class SimShard extends ClockEvent {
  readonly index: number;
  engine: EngineApi;
  counters: Float64Array;
  outbox: SimOutbox;
  queue: Queued[] = [];
  /** First message in `queue` that has not been taken. */
  head = 0;
  /** When it may run next. */
  readyMs = 0;
  private readonly node: NodeViaduct;

  constructor(node: NodeViaduct, index: number) {
    super();
    this.node = node;
    this.index = index;
    this.outbox = node.outboxOf();
    this.counters = new Float64Array(COUNTER_COUNT);
    this.engine = node.build(this);
  }

  get isIdle(): boolean {
    return this.head === this.queue.length;
  }

  take(): Queued {
    const message = this.queue[this.head++]!;
    if (this.isIdle) {
      this.queue.length = 0;
      this.head = 0;
    }
    return message;
  }

  override fire(): void {
    this.node.timer(this);
  }
}

/** Picks the next shard and lets it run. */
class Pump extends ClockEvent {
  private readonly node: NodeViaduct;
  constructor(node: NodeViaduct) {
    super();
    this.node = node;
  }
  override fire(): void {
    this.node.pump();
  }
}

export class NodeViaduct implements SimHost {
  /** Where it listens, in the order of the listeners. */
  readonly ports: readonly Port[];
  observer: ViaductObserver | undefined;
  /** Set when an engine ran while a handler was suspended, or a handler went on: promises may be waiting for their turn. */
  isRestless = false;
  private readonly settings: NodeSettings;
  private readonly world: NodePorts;
  private readonly router: ShardRouter;
  private readonly shards: SimShard[] = [];
  private readonly pumpEvent: Pump;
  /** Counters of main and of engines that crashed. */
  private readonly past = new Float64Array(COUNTER_COUNT);
  /** Messages that have been processed. */
  private readonly spare: Queued[] = [];

  constructor(settings: NodeSettings, world: NodePorts) {
    this.settings = settings;
    this.world = world;
    const { shards, node, secret } = settings.options;
    this.router = new ShardRouter({ shards, node, secret, key: settings.key });
    this.pumpEvent = new Pump(this);
    this.ports = settings.addresses.map((address) => world.network.attach(address, this, -1, true));
    for (let index = 0; index < shards; index++) this.shards.push(new SimShard(this, index));
  }

  /** A datagram from the network. */
  receive(packet: Packet): void {
    const { bytes, start, end, from } = packet;
    const message = this.spare.pop() ?? new Queued();
    message.set(bytes, start, end, from, this.ports.indexOf(packet.to), from.endpoint);
    const shard = this.router.route(bytes, start, end, message);
    // The router looks at others before the shard comes to this one.
    message.topVia = undefined;
    if (shard < 0 || !this.enqueue(shard, message)) this.spare.push(message);
  }

  /** Replaces the engine of a shard by a fresh one on the same queue, as the supervisor does after a crash. */
  crash(index: number): void {
    const shard = this.shards[index]!;
    shard.outbox.isDead = true;
    shard.engine.onWork = undefined;
    for (let i = 0; i < COUNTER_COUNT; i++) if (COUNTERS[i]!.kind === 'count') this.past[i]! += shard.counters[i]!;
    shard.outbox = this.outboxOf();
    shard.counters = new Float64Array(COUNTER_COUNT);
    shard.engine = this.build(shard);
    this.armTimer(shard);
  }

  /** Gives the memory of the shards to proxies that come after this one, which may not be used any more. Optional. */
  release(): void {
    for (const { outbox } of this.shards) {
      outbox.isDead = true;
      giveBackMemory(outbox.bytes);
    }
  }

  /** Counter `C_*`, summed over the shards and over engines that crashed. */
  counter(index: number): number {
    let sum = this.past[index]!;
    for (const shard of this.shards) sum += shard.counters[index]!;
    return sum;
  }

  /** The engine of a shard, for tests of `drain`, `setRoutes` and the like. */
  engine(index: number): EngineApi {
    return this.shards[index]!.engine;
  }

  /** Earliest timer of all shards, Infinity when none is armed. */
  nextDeadlineMs(): number {
    let next = Infinity;
    for (const shard of this.shards) next = Math.min(next, shard.engine.nextDeadlineMs());
    return next;
  }

  /** Bytes that the message stores of all shards hold; 0 of engines that do not say. */
  storedBytes(): number {
    let sum = 0;
    for (const { engine } of this.shards) if ('storedBytes' in engine && typeof engine.storedBytes === 'number') sum += engine.storedBytes;
    return sum;
  }

  /** Handlers that are awaiting something, in all shards. */
  suspended(): number {
    let sum = 0;
    for (const shard of this.shards) sum += shard.engine.suspended();
    return sum;
  }

  /** Transactions not yet final, in all shards. */
  pending(): number {
    let sum = 0;
    for (const shard of this.shards) sum += shard.engine.pending();
    return sum;
  }

  /** Brings the clocks of engines with suspended handlers to the present: called before their promises go on. */
  catchUp(): void {
    for (const shard of this.shards) if (shard.engine.suspended() > 0) shard.engine.advance(this.world.clock.nowMs);
  }

  /** Takes up timers that handlers armed outside of `receive` and `advance`. */
  rearm(): void {
    for (const shard of this.shards) {
      this.tellRefused(shard);
      this.armTimer(shard);
    }
  }

  /** @internal Sends for an engine; false when the transport refused it and the owner is to be told. */
  transmit(bytes: Uint8Array, start: number, end: number, to: Endpoint, owner: number): boolean {
    const { network, slab, stranger, random } = this.world;
    const { observer } = this;
    const { sendFailPercent } = this.settings;
    let port = network.portAt(to);
    if (port === undefined) {
      observer?.astray(bytes, start, end, to);
      port = stranger(to);
      if (port === undefined) return true;
    }
    const at = slab.copy(bytes, start, end);
    const copyEnd = at + end - start;
    observer?.sending(slab.bytes, at, copyEnd, port);
    const from = this.ports[to.listener];
    if (from === undefined) throw new Error(`message sent through listener ${to.listener}, which does not exist`);
    if (sendFailPercent > 0 && random.percent(sendFailPercent)) {
      // What has no owner is lost, as if by the network.
      if (owner < 0) return true;
      observer?.refused?.();
      return false;
    }
    network.send(slab.bytes, at, copyEnd, from, port);
    return true;
  }

  /** @internal Queues an offer of one engine for another. */
  offer(shard: number, bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    if (shard < 0 || shard >= this.shards.length) throw new Error(`offer to shard ${shard}, which does not exist`);
    const { slab } = this.world;
    const at = slab.copy(bytes, start, end);
    const copy = new Queued();
    copy.set(slab.bytes, at, at + end - start, undefined, meta.listener, meta);
    copy.keyLo = meta.keyLo;
    copy.keyHi = meta.keyHi;
    copy.kind = meta.kind;
    copy.hops = meta.hops + 1;
    // Two rounds at most: the second is that of a CANCEL whose time of being held is over.
    if (copy.hops > 2 * this.shards.length) throw new Error(`offer number ${copy.hops} of one message`);
    return this.enqueue(shard, copy);
  }

  /** @internal A fresh engine for a shard. */
  build(shard: SimShard): EngineApi {
    const { options, routes, log, engine } = this.settings;
    const built = engine(
      { ...options, shard: shard.index },
      { outbox: shard.outbox, counters: shard.counters, log, memory: { bytes: shard.outbox.bytes, start: ARENA_AT, end: shard.outbox.bytes.length } },
      routes,
    );
    built.onWork = () => {
      this.isRestless = true;
    };
    built.advance(this.world.clock.nowMs);
    return built;
  }

  /** @internal One shard, picked at random among those that may run, takes a batch of random size. */
  pump(): void {
    const { clock, random } = this.world;
    let ready = 0;
    for (const shard of this.shards) if (!shard.isIdle && shard.readyMs <= clock.nowMs) ready++;
    let pick = random.below(ready);
    for (const shard of this.shards) {
      if (shard.isIdle || shard.readyMs > clock.nowMs || pick-- > 0) continue;
      this.run(shard, 1 + random.below(this.settings.batchMax));
      break;
    }
    let nextMs = Infinity;
    for (const shard of this.shards) if (!shard.isIdle && shard.readyMs < nextMs) nextMs = shard.readyMs;
    if (nextMs < Infinity) clock.schedule(this.pumpEvent, nextMs);
  }

  /** @internal The timer of a shard is due. */
  timer(shard: SimShard): void {
    const nowMs = this.world.clock.nowMs;
    // Of very many timers an engine runs some at a time.
    for (let turn = 0; turn === 0 || shard.engine.nextDeadlineMs() <= nowMs; turn++) {
      if (turn > TURNS_MAX) throw new Error('nextDeadlineMs() stays before the time of advance()');
      shard.engine.advance(nowMs);
      this.tellRefused(shard);
    }
    if (shard.engine.suspended() > 0) this.isRestless = true;
    this.armTimer(shard);
  }

  /** @internal Memory for a fresh engine. */
  outboxOf(): SimOutbox {
    return new SimOutbox(this, this.settings.options.limits.storeBytes);
  }

  private run(shard: SimShard, batch: number): void {
    shard.engine.advance(this.world.clock.nowMs);
    const { engine, outbox } = shard;
    for (let i = 0; i < batch && !shard.isIdle; i++) {
      const message = shard.take();
      const { bytes, start, end, sender } = message;
      if (sender !== undefined) this.observer?.processing(bytes, start, end, sender);
      // The engine gets a copy that the next message overwrites, at an offset that is not 0, as a ring would hand it.
      const at = INBOUND_AT + (start & 15);
      outbox.bytes.set(bytes.subarray(start, end), at);
      engine.receive(outbox.bytes, at, at + end - start, message);
      if (sender !== undefined) this.observer?.processed?.();
      this.spare.push(message);
    }
    this.tellRefused(shard);
    // A shard that is behind goes on without another pause: lag is bounded, it does not add up to an overload.
    if (!shard.isIdle) shard.readyMs = this.world.clock.nowMs;
    if (shard.engine.suspended() > 0) this.isRestless = true;
    this.armTimer(shard);
  }

  /** Tells the engine of what could not be sent, as a driver does behind a batch; what it sends then may fail as well. */
  private tellRefused(shard: SimShard): void {
    const { refused } = shard.outbox;
    for (let owner = refused.pop(); owner !== undefined; owner = refused.pop()) shard.engine.sendFailed(owner);
  }

  private enqueue(index: number, message: Queued): boolean {
    const { clock, random } = this.world;
    const shard = this.shards[index]!;
    if (shard.queue.length - shard.head >= LONGEST_QUEUE) {
      this.past[C_DROP_RING_FULL]!++;
      return false;
    }
    if (shard.isIdle) shard.readyMs = clock.nowMs + random.below(this.settings.lagMs + 1);
    shard.queue.push(message);
    const pump = this.pumpEvent;
    if (pump.heapIndex < 0 || pump.timeMs > shard.readyMs) clock.schedule(pump, shard.readyMs);
    return true;
  }

  private armTimer(shard: SimShard): void {
    const { clock, random } = this.world;
    const deadlineMs = shard.engine.nextDeadlineMs();
    if (deadlineMs === Infinity) clock.cancel(shard);
    // An earlier wake-up that is scheduled already finds nothing to do and comes back here.
    else if (shard.heapIndex < 0 || shard.timeMs > deadlineMs) {
      clock.schedule(shard, deadlineMs + random.below(this.settings.lagMs + 1));
    }
  }
}
