/**
 * A simulated world: clock, network, one Viaduct. Tests put messages in at exact virtual times and take out what the proxy sent.
 *
 * ```
 * const world = new World({ routes });
 * world.inject('10.1.0.1:5060', requestText('INVITE'));
 * const [invite] = world.takeSent('10.2.0.1:5060');
 * world.advanceTo(500);
 * ```
 * With scripts that await something use the async forms: promises go on between two events, never inside of one, in an
 * order that depends on the seed alone.
 */
import type { EngineLimits, EngineLog, ListenerInfo, TimerSettings } from '../proxy/ports.js';
import type { Routes } from '../script/api.js';
import { formatEndpoint, parseEndpoint } from './address.js';
import { Network, type NetworkSettings, type Packet, PERFECT_NETWORK, type Port, type SimHost } from './network.js';
import { type EngineFactory, NodeViaduct, REAL_ENGINE } from './node-viaduct.js';
import { Random } from './random.js';
import { bytesOf, SentMessage } from './sent-message.js';
import { Slab } from './slab.js';
import { CallbackEvent, VirtualClock } from './virtual-clock.js';

export interface WorldOptions {
  readonly routes: Routes;
  readonly seed?: number;
  readonly shards?: number;
  readonly node?: number;
  readonly network?: Partial<NetworkSettings>;
  readonly timers?: Partial<TimerSettings>;
  readonly limits?: Partial<EngineLimits>;
  readonly key?: 'transaction' | 'call-id';
  readonly maxForwards?: number;
  /** Default 0 here: nothing is held, so that a test sees what a CANCEL does at once. */
  readonly earlyCancelMs?: number;
  /** Default 0 here: no Max-Breadth is added. */
  readonly maxBreadth?: number;
  /** Of the datagrams that the proxy sends: those that its transport refuses. */
  readonly sendFailPercent?: number;
  readonly lagMs?: number;
  readonly batchMax?: number;
  /** Addresses that the proxy listens on; default `10.0.0.1:5060`. */
  readonly listen?: readonly string[];
  readonly engine?: EngineFactory;
  readonly log?: EngineLog;
  /** True (the default): whoever is sent something and has no host of its own is recorded for `takeSent`. */
  readonly records?: boolean;
}

export const DEFAULT_TIMERS: TimerSettings = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 };

export const DEFAULT_LIMITS: EngineLimits = {
  transactions: 4096,
  branches: 4096,
  storeBytes: 16 * 1024 * 1024,
  datagramBytes: 65_507,
  headers: 128,
  targets: 16,
  heldCancels: 256,
};

/** Keeps what the engine logs, so that a test can look. */
export class RecordedLog implements EngineLog {
  readonly lines: { readonly level: string; readonly text: string; readonly fields: Readonly<Record<string, unknown>> }[] = [];
  error(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.add('error', fields, text);
  }
  warn(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.add('warn', fields, text);
  }
  info(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.add('info', fields, text);
  }
  debug(fields: Readonly<Record<string, unknown>>, text: string): void {
    this.add('debug', fields, text);
  }
  private add(level: string, fields: Readonly<Record<string, unknown>>, text: string): void {
    if (this.lines.length < 1000) this.lines.push({ level, fields, text });
  }
}

/** A host that only records what it gets. */
class Recorder implements SimHost {
  private readonly world: World;
  constructor(world: World) {
    this.world = world;
  }
  receive(packet: Packet): void {
    this.world.record(packet);
  }
}

/** Turns that promises get after an event: more than any chain of awaits that one event sets off in a sane script. */
const MICROTASK_TURNS = 24;

export class World {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly network: Network;
  readonly slab = new Slab();
  /** The proxy; `nodes` has it and those that were added. */
  readonly viaduct: NodeViaduct;
  readonly nodes: NodeViaduct[] = [];
  readonly log: EngineLog;
  private readonly options: WorldOptions;
  private readonly recorder = new Recorder(this);
  private sent: SentMessage[] = [];
  private hasWoken = false;

  constructor(options: WorldOptions) {
    this.random = new Random(options.seed ?? 1);
    this.network = new Network(this.clock, this.random.stream('network'), { ...PERFECT_NETWORK, ...options.network });
    this.log = options.log ?? new RecordedLog();
    this.options = options;
    this.viaduct = this.addNode(options.node ?? 0, options.listen ?? ['10.0.0.1:5060'], options.routes);
  }

  /** Another proxy with the same settings, that listens on `listen` and runs `routes`. `node`: 0 to 255, one for each. */
  addNode(node: number, listen: readonly string[], routes: Routes): NodeViaduct {
    const { options } = this;
    const addresses = listen.map(parseEndpoint);
    const listeners = listen.map((sentBy, index): ListenerInfo => {
      const address = addresses[index]!;
      address.listener = index;
      const host = sentBy.slice(0, sentBy.lastIndexOf(':'));
      return { family: address.family === 6 ? 6 : 4, sentBy, ours: [{ host, port: address.port }] };
    });
    const records = options.records ?? true;
    const viaduct = new NodeViaduct(
      {
        options: {
          shards: options.shards ?? 1,
          node,
          secret: Uint32Array.from([0x51ed270b, 0x0badcafe, 0x2f6e2b1d, 0x7a3c9e55]),
          listeners,
          timers: { ...DEFAULT_TIMERS, ...options.timers },
          limits: { ...DEFAULT_LIMITS, ...options.limits },
          serverHeader: '',
          maxForwards: options.maxForwards ?? 70,
          earlyCancelMs: options.earlyCancelMs ?? 0,
          maxBreadth: options.maxBreadth ?? 0,
          shardingKey: options.key ?? 'transaction',
        },
        key: options.key ?? 'transaction',
        routes,
        log: this.log,
        engine: options.engine ?? REAL_ENGINE,
        lagMs: options.lagMs ?? 0,
        batchMax: options.batchMax ?? 8,
        sendFailPercent: options.sendFailPercent ?? 0,
        addresses,
      },
      {
        clock: this.clock,
        network: this.network,
        random: this.random.stream(this.nodes.length === 0 ? 'scheduler' : `scheduler ${node}`),
        slab: this.slab,
        // The engine lends its endpoint: a port keeps a copy.
        stranger: (to) => (records ? this.network.attach({ ...to }, this.recorder) : undefined),
      },
    );
    this.nodes.push(viaduct);
    return viaduct;
  }

  get nowMs(): number {
    return this.clock.nowMs;
  }

  /** Delivers a datagram to the proxy now and lets everything happen that happens now. */
  inject(from: string, message: string | Uint8Array, listener = 0): void {
    this.put(from, message, listener);
    this.clock.runTo(this.clock.nowMs);
  }

  /** `inject` for scripts that await. */
  async injectAsync(from: string, message: string | Uint8Array, listener = 0): Promise<void> {
    this.put(from, message, listener);
    await this.advanceToAsync(this.clock.nowMs);
  }

  /** Lets the time go on to `ms`, and everything happen up to and at it. */
  advanceTo(ms: number): void {
    this.clock.runTo(ms);
  }

  /** Lets `ms` pass. */
  advanceBy(ms: number): void {
    this.clock.runTo(this.clock.nowMs + ms);
  }

  /** `advanceTo` for scripts that await. */
  async advanceToAsync(ms: number): Promise<void> {
    while (this.clock.nextMs() <= ms && this.clock.step()) {
      if (this.hasWoken || this.isRestless()) await this.settle();
    }
    if (ms < Infinity) this.clock.runTo(ms);
  }

  async advanceByAsync(ms: number): Promise<void> {
    await this.advanceToAsync(this.clock.nowMs + ms);
  }

  /** Runs until nothing is scheduled any more. */
  finish(): void {
    while (this.clock.step());
  }

  /** `finish` for scripts that await. */
  async finishAsync(): Promise<void> {
    await this.advanceToAsync(Infinity);
  }

  /** For scripts: a promise that resolves after `ms` of virtual time. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.clock.schedule(
        new CallbackEvent(() => {
          this.hasWoken = true;
          resolve();
        }),
        this.clock.nowMs + ms,
      );
    });
  }

  /** What was sent since the last take, to `to` or to anybody, in order. */
  takeSent(to?: string): SentMessage[] {
    const taken = to === undefined ? this.sent : this.sent.filter((message) => message.to === to);
    this.sent = to === undefined ? [] : this.sent.filter((message) => message.to !== to);
    return taken;
  }

  /** Takes the one message that was sent to `to`; throws when there is none or more. */
  takeOne(to: string): SentMessage {
    const taken = this.takeSent(to);
    if (taken.length !== 1) throw new Error(`expected one message to ${to}, got [${taken.map((m) => m.label).join(', ')}]`);
    return taken[0]!;
  }

  /** @internal A recorder got something. */
  record(packet: Packet): void {
    this.sent.push(new SentMessage(packet.bytes, packet.start, packet.end, formatEndpoint(packet.to.endpoint), this.nowMs));
  }

  /** Lets pending promises go on. */
  private async settle(): Promise<void> {
    this.hasWoken = false;
    for (const node of this.nodes) {
      node.isRestless = false;
      node.catchUp();
    }
    for (let turn = 0; turn < MICROTASK_TURNS; turn++) await Promise.resolve();
    for (const node of this.nodes) {
      node.isRestless = false;
      node.rearm();
    }
  }

  private isRestless(): boolean {
    for (const node of this.nodes) if (node.isRestless) return true;
    return false;
  }

  private put(from: string, message: string | Uint8Array, listener: number): void {
    const bytes = typeof message === 'string' ? bytesOf(message) : message;
    const endpoint = parseEndpoint(from);
    const port: Port = this.network.portAt(endpoint) ?? this.network.attach(endpoint, this.recorder);
    this.network.send(bytes, 0, bytes.length, port, this.viaduct.ports[listener]!);
  }
}
