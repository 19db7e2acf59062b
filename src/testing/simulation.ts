/**
 * A simulation as a test sees it: the real engine with the script under test, phones, a network, and a clock that goes on when
 * the test waits. One thread; the same seed gives the same run.
 */
import { formatEndpoint } from '../sim/address.js';
import type { Routes } from '../script/api.js';
import { type EnginePorts, REAL_ENGINE } from '../sim/node-viaduct.js';
import { World } from '../sim/world.js';
import type { EngineOptions } from '../proxy/ports.js';
import { COUNTERS } from '../telemetry/counters.js';
import { nearest } from '../config/suggest.js';
import { refuseUnknown, type SimulationError } from './failure.js';
import { matches, type MessageFilter } from './filter.js';
import { addressOf, Kernel, type LogLine } from './kernel.js';
import { type LadderOptions, normalStep, shown, stepText } from './ladder.js';
import type { Message } from './message.js';
import type { NetworkConditions, SimulatedNetwork } from './network.js';
import { Phone, type PhoneOptions } from './phone.js';
import { brokenRules, brokenText, type Rule } from './rules.js';
import { type Script, scriptInstances, ScriptWatch } from './scripts.js';
import { type Time, toMs } from './time.js';
import { installVirtualTimers } from './virtual-timers.js';

/** What a simulation is made of. Only the script is required; everything else is as the product has it by default. */
export interface SimulationOptions {
  /**
   * The routing script: the path or `file:` URL of a script file, `defineRoutes({ … })`, or a function that gets the simulation
   * and returns such handlers. A file and a function are run once for each shard, as in production; handlers are shared by all.
   */
  readonly script: Script<Simulation>;
  /** What all chance comes from: loss, order of the shards, ids. The same seed gives the same run. Default 1. */
  readonly seed?: number;
  /** Shards of the proxy, 1 to 64; default 1. */
  readonly shards?: number;
  /** Conditions of the network; by default it is perfect and without delay. */
  readonly network?: NetworkConditions;
  /** Addresses that the proxy listens on, `address:port`; default `10.0.0.1:5060`. */
  readonly listen?: readonly string[];
  /** The timers of RFC 3261, for the proxy; phones take T1 and T2 from here too. */
  readonly timers?: { readonly t1?: Time; readonly t2?: Time; readonly t4?: Time; readonly timerC?: Time; readonly timerD?: Time };
  /** Bounds of one shard. */
  readonly limits?: { readonly transactions?: number; readonly branches?: number; readonly targets?: number; readonly heldCancels?: number };
  /** `sharding.key` of the configuration. */
  readonly shardingKey?: 'transaction' | 'call-id';
  /** `proxy.maxForwards` of the configuration. */
  readonly maxForwards?: number;
  /** `proxy.maxBreadth` of the configuration: branches that a request may have at a time. Default 60, as there; 0: no bound of the proxy's own. */
  readonly maxBreadth?: number;
  /** `proxy.earlyCancelMs` of the configuration: how long a CANCEL waits for its INVITE. Default 50 ms, as there. */
  readonly earlyCancel?: Time;
  /** The longest time by which a shard runs late; each time by its own draw. Default 0. */
  readonly lag?: Time;
  /** How long `expect…` waits when it is not told, in virtual time. Default 5 s. */
  readonly patience?: Time;
  /**
   * True: until `finish`, the global `setTimeout`, `setInterval`, `AbortSignal.timeout` and `Date.now` run on virtual time, for
   * scripts that use them. Default false.
   */
  readonly virtualTimers?: boolean;
}

const OPTION_NAMES: readonly (keyof SimulationOptions)[] = [
  'script', 'seed', 'shards', 'network', 'listen', 'timers', 'limits', 'shardingKey', 'maxForwards', 'maxBreadth', 'earlyCancel', 'lag', 'patience', 'virtualTimers',
];

/** Handlers of a shard until its script is loaded: a script that is a function gets the simulation, which needs its shards first. */
const ROUTES_BEFORE_SCRIPT: Routes = { request: (req) => void req.reply(503) };
/** Memory of a shard: small, because every test pays for zeroing it. */
const STORE_BYTES_LEAST = 4 * 1024 * 1024;
const STORE_BYTES_EACH = 4096;
const LOG_LINES_MAX = 10_000;
/** Real time that `finish` gives real work of scripts before it says that a handler never settles. */
const SETTLE_MS = 1000;

/** A simulation. Made by `simulation()`. */
export class Simulation {
  /** Conditions of the network, and what it does to particular messages. */
  readonly network: SimulatedNetwork;
  /** What the script and the engine logged, in order. */
  readonly log: readonly LogLine[];
  readonly seed: number;
  readonly shards: number;
  readonly #kernel: Kernel;
  readonly #watch: ScriptWatch;
  readonly #phones = new Map<string, Phone>();
  #makeRoutes: (sim: Simulation) => Promise<Routes>;
  readonly #restoreTimers: (() => void) | undefined;
  /** By shard, as far as they are loaded. */
  readonly #routes: Routes[] = [];

  private constructor(options: SimulationOptions, makeRoutes: (sim: Simulation) => Promise<Routes>) {
    this.seed = options.seed ?? 1;
    this.shards = options.shards ?? 1;
    const log: LogLine[] = [];
    this.log = log;
    const add = (level: LogLine['level']) => (fields: Readonly<Record<string, unknown>>, text: string): void => {
      if (log.length < LOG_LINES_MAX) log.push({ atMs: this.nowMs, level, text, fields });
    };
    const time = (name: string, value: Time | undefined, standard: number): number => (value === undefined ? standard : toMs(value, name));
    const { t1, t2, t4, timerC, timerD } = options.timers ?? {};
    const t1Ms = time('timers.t1', t1, 500);
    const t2Ms = time('timers.t2', t2, 4000);
    this.#watch = new ScriptWatch(() => this.nowMs);
    const world = new World({
      routes: ROUTES_BEFORE_SCRIPT,
      seed: this.seed,
      shards: this.shards,
      listen: (options.listen ?? ['10.0.0.1:5060']).map((address) => addressOf(address, 'simulation(): listen')),
      timers: { t1Ms, t2Ms, t4Ms: time('timers.t4', t4, 5000), timerCMs: time('timers.timerC', timerC, 185_000), timerDMs: time('timers.timerD', timerD, 32_000) },
      limits: { storeBytes: Math.max(STORE_BYTES_LEAST, (options.limits?.transactions ?? 0) * STORE_BYTES_EACH), ...options.limits },
      key: options.shardingKey ?? 'transaction',
      maxForwards: options.maxForwards ?? 70,
      maxBreadth: options.maxBreadth ?? 60,
      earlyCancelMs: time('earlyCancel', options.earlyCancel, 50),
      lagMs: time('lag', options.lag, 0),
      log: { error: add('error'), warn: add('warn'), info: add('info'), debug: add('debug') },
      engine: (settings: EngineOptions, ports: EnginePorts, before: Routes) => REAL_ENGINE(settings, ports, this.#routes[settings.shard] ?? before),
      records: false,
    });
    this.#kernel = new Kernel(world, { seed: this.seed, t1Ms, t2Ms, patienceMs: time('patience', options.patience, 5000), network: options.network ?? {}, log });
    this.network = this.#kernel.network;
    this.#makeRoutes = makeRoutes;
    this.#restoreTimers = (options.virtualTimers ?? false) ? installVirtualTimers({
      get nowMs() { return world.nowMs; },
      after: (ms, what) => this.#kernel.after(ms, () => {
        this.#kernel.driver.woken = true;
        what();
      }),
      cancel: (event) => { this.#kernel.cancel(event); },
    }) : undefined;
  }

  /** @internal */
  static async start(options: SimulationOptions): Promise<Simulation> {
    refuseUnknown('simulation()', options, OPTION_NAMES);
    const { shards = 1 } = options;
    if (!Number.isInteger(shards) || shards < 1 || shards > 64) throw new RangeError(`simulation(): shards must be from 1 to 64, not ${shards}`);
    const sim = new Simulation(options, await scriptInstances<Simulation>(options.script));
    try {
      for (let shard = 0; shard < shards; shard++) await sim.#load(shard);
    } catch (error) {
      sim.#restoreTimers?.();
      throw error;
    }
    return sim;
  }

  // Phones

  /**
   * Adds a phone. Without options the test drives it by hand; see `Behaviour` for what it can do by itself. Its address is made up
   * unless given: give one when the script has it written down.
   */
  phone(name: string, options: PhoneOptions = {}): Phone {
    if (this.#phones.has(name)) throw new Error(`there is a phone "${name}" already`);
    const address = addressOf(options.address ?? this.#madeUpAddress(), `phone "${name}": address`);
    const phone = new Phone(this.#kernel, name, address, options);
    this.#phones.set(name, phone);
    return phone;
  }

  /** Address of the proxy: `address:port` of its first listener. */
  get proxyAddress(): string {
    return formatEndpoint(this.#kernel.world.viaduct.ports[0]!.endpoint);
  }

  // Time

  /** Virtual time, ms since the start. */
  get nowMs(): number {
    return this.#kernel.nowMs;
  }

  /** Lets time go on by `time`, and everything happen that happens in it. `advance(0)` delivers what is on its way now. */
  async advance(time: Time): Promise<void> {
    const ms = toMs(time, 'advance()');
    await this.#kernel.driver.until('sim.advance()', () => false, this.nowMs + ms);
  }

  /** Lets time go on until nothing is scheduled any more: every call has ended, every timer run out. */
  async runUntilIdle(): Promise<void> {
    await this.#kernel.driver.until('sim.runUntilIdle()', () => false, Infinity);
  }

  /** Lets time go on until `condition()` holds. Throws when that is not so `within` a time; default: `patience`. */
  async until(condition: () => boolean, within?: Time): Promise<void> {
    await this.#kernel.waitFor('sim.until(): expected the condition to hold', () => (condition() ? true : undefined), within === undefined ? {} : { within }, () => 'it does not');
  }

  /** For scripts and stubs: a promise that resolves after `time` of virtual time. Do not await it in the test: `advance` is for that. */
  delay(time: Time): Promise<void> {
    const ms = toMs(time, 'delay()');
    return new Promise((resolve) => {
      this.#kernel.after(ms, () => {
        this.#kernel.driver.woken = true;
        resolve();
      });
    });
  }

  /**
   * Waits in real time, up to `timeoutMs`, until no handler of the script is pending; virtual time stands still. For scripts that
   * await something real, such as a file. Throws when one is still pending then.
   */
  async settle(timeoutMs = 2000): Promise<void> {
    if (!(await this.#kernel.driver.settle(timeoutMs))) {
      const [pending] = this.#watch.pending;
      throw this.#kernel.failure(`sim.settle(): ${pending === undefined ? 'a handler' : `the ${pending.handler} handler for ${pending.method}`} is still pending after ${timeoutMs} ms of real time.`);
    }
  }

  // What happened

  /** The messages so far that a filter means, in the order in which they were sent; all without one. */
  messages(filter?: MessageFilter): Message[] {
    return this.network.messages.filter((message) => matches(message, filter));
  }

  /** The ladder so far as text, for inline snapshots and for looking at. */
  ladder(options: LadderOptions = {}): string {
    return this.#kernel.ladder(options);
  }

  /** The ladder so far as a list of steps, `alice -> viaduct INVITE`. */
  steps(options: LadderOptions = {}): string[] {
    return shown(this.network.messages, options).map(stepText);
  }

  /**
   * Throws unless the ladder so far has exactly these steps, `alice -> viaduct INVITE` and so on. Options leave messages out of the
   * comparison: `{ trying: false, retransmissions: false }` is what tests of a lossy network want.
   */
  expectLadder(steps: readonly string[], options: LadderOptions = {}): void {
    const expected = steps.map(normalStep);
    const actual = this.steps(options);
    const at = actual.findIndex((step, i) => step !== expected[i]);
    const wrongAt = at >= 0 ? at : expected.length > actual.length ? actual.length : -1;
    if (wrongAt < 0) return;
    const problem = `expectLadder(): step ${wrongAt + 1} should be ${expected[wrongAt] ?? 'the end'}, but is ${actual[wrongAt] ?? 'missing'}.`;
    throw this.#kernel.failure(problem, { expected: expected.join('\n'), actual: actual.join('\n') });
  }

  /** Value of a counter of docs/counters.md, summed over the shards: `sim.counter('scriptRuns')`. */
  counter(name: string): number {
    const index = COUNTERS.findIndex((counter) => counter.name === name);
    if (index >= 0) return this.#kernel.world.viaduct.counter(index);
    const near = nearest(name, COUNTERS.map((counter) => counter.name));
    throw new TypeError(`there is no counter "${name}"${near === undefined ? ': docs/counters.md lists them' : `: did you mean "${near}"?`}`);
  }

  // What goes wrong

  /** Crashes a shard: its transactions are gone, and a fresh one with a fresh script takes over, as the supervisor sees to. */
  async crashShard(shard: number): Promise<void> {
    if (!Number.isInteger(shard) || shard < 0 || shard >= this.shards) throw new RangeError(`crashShard(): there is no shard ${shard}: they are 0 to ${this.shards - 1}`);
    const routes = await this.#makeRoutes(this);
    this.#kernel.hasCrashed = true;
    this.#watch.forget(shard);
    this.#routes[shard] = this.#watch.watched(routes, shard);
    this.#kernel.world.viaduct.crash(shard);
  }

  /** Crashes every shard, one after the other. */
  async crashShards(): Promise<void> {
    for (let shard = 0; shard < this.shards; shard++) await this.crashShard(shard);
  }

  /** Replaces the script in every shard while calls go on: later requests meet the new one. */
  async reload(script: Script<Simulation>): Promise<void> {
    this.#makeRoutes = await scriptInstances<Simulation>(script);
    for (let shard = 0; shard < this.shards; shard++) await this.#load(shard);
  }

  // The end

  /**
   * The end of a test: lets everything come to its end, then checks what must hold of every simulation: nothing is left in the tables, every INVITE
   * got one final response (or several 2xx), no provisional response after it, one CANCEL a branch and none before a
   * provisional response, no script error, nothing sent to where nobody is. Throws a `SimulationError` that lists what is wrong.
   * `allow` names rules that this test breaks on purpose. Puts global timers back.
   */
  async finish(options: { readonly allow?: readonly Rule[] } = {}): Promise<void> {
    try {
      await this.runUntilIdle();
      if (this.#watch.pending.size > 0 && (await this.#kernel.driver.settle(SETTLE_MS))) await this.runUntilIdle();
    } finally {
      this.close();
    }
    const broken = brokenRules(this.#kernel, this.#watch, options.allow ?? []);
    if (broken.length > 0) throw this.fail(brokenText(broken));
  }

  /**
   * Puts global timers back, if `virtualTimers` replaced them, and checks nothing: for a hook that runs also when the test has
   * failed before its `finish`.
   */
  close(): void {
    this.#restoreTimers?.();
  }

  /** An error with a text of your own and the ladder so far: `throw sim.fail('…')`. */
  fail(problem: string): SimulationError {
    return this.#kernel.failure(problem);
  }

  #madeUpAddress(): string {
    const number = this.#phones.size + 1;
    return this.proxyAddress.startsWith('[') ? `[2001:db8::${number.toString(16)}]:5060` : `10.1.${number >> 8}.${number & 255}:5060`;
  }

  async #load(shard: number): Promise<void> {
    const routes = this.#watch.watched(await this.#makeRoutes(this), shard);
    this.#routes[shard] = routes;
    this.#kernel.world.viaduct.engine(shard).setRoutes(routes);
  }
}
