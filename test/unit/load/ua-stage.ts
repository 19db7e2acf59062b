/**
 * Load generator agents over a network in memory, on virtual time: every message passes Viaduct's own parser in strict
 * mode before it arrives, and can be looked at, lost or answered by the test.
 */
import { expect } from 'vitest';
import type { Endpoint } from '../../../src/proxy/ports.js';
import type { BoundListener } from '../../../src/net/udp-driver.js';
import type { LoadIo, LoadMemory, LoadReceiver } from '../../../src/load/io/load-io.js';
import { LOAD_COUNTERS, LOAD_TIMES, METRICS_SLOTS, timeAt } from '../../../src/load/metrics.js';
import { Histogram } from '../../../src/load/histogram.js';
import type { LoadOptions } from '../../../src/load/options.js';
import { Random } from '../../../src/load/random.js';
import { BUILT_IN_SCENARIOS } from '../../../src/load/scenario/built-in.js';
import type { Scenario } from '../../../src/load/scenario/scenario.js';
import { scenarioProblem } from '../../../src/load/scenario/validate.js';
import type { LoadAgent } from '../../../src/load/ua/agent.js';
import { buildAgent, createMemory } from '../../../src/load/ua/build.js';
import { Endpoints } from '../../../src/load/ua/endpoints.js';
import { MessageView } from '../../../src/sip/message.js';

const LOCALHOST = 0x7f000001;
export const CALLER_PORT = 1111;
export const CALLEE_PORT = 2222;
export const PROXY_PORT = 5060;

/** A message on its way. */
export interface Flight {
  readonly text: string;
  readonly fromPort: number;
  readonly toPort: number;
}

/** Told of every message before it arrives; `false` loses it. */
export type Tap = (flight: Flight) => boolean;

export interface StageOptions extends Partial<LoadOptions> {
  /** `call` when absent. */
  readonly scenario?: string | Scenario;
  /** Where the caller sends: CALLEE_PORT when absent. */
  readonly targetPort?: number;
}

class MemoryIo implements LoadIo {
  readonly kind = 'dgram';
  readonly sockets: readonly BoundListener[] = [];
  readonly queue: { readonly bytes: Uint8Array; readonly fromPort: number; readonly toPort: number; readonly sentUs: number }[] = [];
  nowUs = (): number => 0;
  private count = 0;

  constructor(private readonly memory: LoadMemory, private readonly ports: readonly number[]) {}

  reserve(): number {
    return this.memory.sendStart;
  }

  commit(start: number, end: number, to: Endpoint): void {
    this.count++;
    this.queue.push({ bytes: this.memory.bytes.slice(start, end), fromPort: this.ports[to.listener]!, toPort: to.port, sentUs: this.nowUs() });
  }

  flush(): void {}
  arrives(): void {}

  idle(): boolean {
    return this.queue.length === 0;
  }

  receive(_receiver: LoadReceiver): number {
    return 0;
  }

  wait(): undefined {}
  pause(): undefined {}

  dueUs(): number {
    return Infinity;
  }

  sent(): number {
    return this.count;
  }

  dropped(): number {
    return 0;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

export const DEFAULTS: LoadOptions = {
  role: 'both',
  target: { host: '127.0.0.1', family: 4, port: CALLEE_PORT },
  listen: { host: '127.0.0.1', family: 4, port: CALLEE_PORT },
  callerHost: '127.0.0.1',
  socketsPerThread: 1,
  threads: 1,
  scenarios: [],
  arrivals: 'even',
  concurrency: 100,
  ring: { kind: 'fixed', ms: 0 },
  hold: { kind: 'fixed', ms: 0 },
  cancelAfter: { kind: 'fixed', ms: 100 },
  domain: 'example.com',
  users: { kind: 'generated', count: 10, password: 'secret' },
  faults: { retransmitPercent: 0, lossPercent: 0, delayMs: 0, reorderPercent: 0 },
  t1Ms: 500,
  seed: 1,
  driver: 'auto',
  coalesceUs: 0,
};

export class UaStage {
  readonly metrics = new Float64Array(METRICS_SLOTS);
  readonly agent: LoadAgent;
  /** Everything sent, in order. */
  readonly sent: Flight[] = [];
  /** What arrived at a port that is none of the agent's. */
  readonly elsewhere: Flight[] = [];
  tap: Tap = () => true;
  /** Off where the test sends rubbish, which answers repeat. */
  strict = true;
  /** Every message came so long before it is read: time passes in between. */
  readLateUs = 0;
  private readonly io: MemoryIo;
  private readonly memory: LoadMemory;
  private nowUs = 1_000_000;

  constructor({ scenario = 'call', targetPort = CALLEE_PORT, ...changes }: StageOptions = {}) {
    const options: LoadOptions = { ...DEFAULTS, ...changes };
    const found = typeof scenario === 'string' ? BUILT_IN_SCENARIOS.find(({ name }) => name === scenario)! : scenario;
    expect(scenarioProblem(found)).toBeUndefined();
    const scenarios = [{ scenario: found, weight: 100 }];
    this.memory = createMemory(options, scenarios, 2);
    const hasCallers = options.role !== 'uas';
    const ports = [...(hasCallers ? [CALLER_PORT] : []), ...(options.role !== 'uac' ? [CALLEE_PORT] : [])];
    this.io = new MemoryIo(this.memory, ports);
    const endpoints = new Endpoints();
    const target = endpoints.numberOf({ listener: 0, family: 4, port: targetPort, a0: LOCALHOST, a1: 0, a2: 0, a3: 0, connection: 0 });
    this.agent = buildAgent({
      thread: 0,
      threads: 1,
      options,
      scenarios,
      io: this.io,
      memory: this.memory,
      sockets: ports.map((port) => ({ hostPort: `127.0.0.1:${port}`, sdpAddress: 'IP4 127.0.0.1', domain: options.domain })),
      callers: hasCallers ? 1 : 0,
      endpoints,
      targets: Int32Array.from(ports, (port) => (port === CALLER_PORT ? target : -1)),
      metrics: this.metrics,
      run: 0xabcd1234,
      random: new Random(1),
      setup: undefined,
      nowUs: this.nowUs,
    });
    this.ports = ports;
    this.io.nowUs = () => this.nowUs;
  }

  private readonly ports: readonly number[];

  /** Begins `count` calls that are due now, and lets all messages arrive that come of it at once. */
  start(count = 1): void {
    this.agent.ua.nowUs = this.nowUs;
    for (let i = 0; i < count; i++) this.agent.start(this.nowUs);
    this.deliver();
  }

  /** Lets `ms` milliseconds pass, in steps of one. */
  pass(ms: number): void {
    for (let i = 0; i < ms; i++) {
      this.nowUs += 1000;
      this.agent.ua.nowUs = this.nowUs;
      this.agent.advanceTime();
      this.deliver();
    }
  }

  /** Hands the agent a message from outside. */
  inject(text: string, fromPort: number, toPort: number): void {
    this.arrive(new TextEncoder().encode(text), fromPort, toPort, this.nowUs);
    this.deliver();
  }

  counter(name: string): number {
    const at = LOAD_COUNTERS.findIndex((info) => info.name === name);
    if (at < 0) throw new Error(`no counter ${name}`);
    return this.metrics[at]!;
  }

  time(name: string): Histogram {
    const histogram = new Histogram();
    histogram.add(this.metrics, timeAt(LOAD_TIMES.findIndex((info) => info.name === name)));
    return histogram;
  }

  /** First lines of what was sent, shortened: `INVITE`, `180`, … */
  get flow(): string[] {
    return this.sent.map(({ text }) => (text.startsWith('SIP/2.0 ') ? text.slice(8, 11) : text.slice(0, text.indexOf(' '))));
  }

  /** Nothing is left of any call. */
  expectClean(): void {
    expect(this.agent.inFlight).toBe(0);
    expect(this.agent.ua.wheel.armed).toBe(0);
    expect(this.agent.ua.store.usedBytes).toBe(0);
  }

  private deliver(): void {
    for (let flight = this.io.queue.shift(); flight !== undefined; flight = this.io.queue.shift()) {
      const { bytes, fromPort, toPort, sentUs } = flight;
      if (this.strict) checkStrictly(bytes);
      const seen = { text: new TextDecoder().decode(bytes), fromPort, toPort };
      this.sent.push(seen);
      if (this.tap(seen)) this.arrive(bytes, fromPort, toPort, sentUs);
    }
  }

  private arrive(bytes: Uint8Array, fromPort: number, toPort: number, cameUs: number): void {
    const listener = this.ports.indexOf(toPort);
    if (listener < 0) {
      this.elsewhere.push({ text: new TextDecoder().decode(bytes), fromPort, toPort });
      return;
    }
    const { memory } = this;
    this.nowUs += this.readLateUs;
    this.agent.ua.nowUs = this.nowUs;
    memory.bytes.set(bytes, memory.receiveStart);
    this.agent.onDatagram(memory.receiveStart, memory.receiveStart + bytes.length, { listener, family: 4, port: fromPort, a0: LOCALHOST, a1: 0, a2: 0, a3: 0, connection: 0 }, cameUs);
  }
}

const view = new MessageView(64);

/** Every message of the generator has to be one that Viaduct itself takes without a complaint. */
export function checkStrictly(bytes: Uint8Array): void {
  const text = new TextDecoder().decode(bytes);
  expect(view.parse(bytes, 0, bytes.length), text).toBe(0);
  expect(view.isRequest ? view.validateRequest() : view.validateResponse(), text).toBe(0);
  // Content-Length says where the message ends: exactly here.
  expect(view.end, text).toBe(bytes.length);
}

/** Value of the first header `name`. */
export function header(text: string, name: string): string {
  return new RegExp(`^${name}: *(.*)\r$`, 'im').exec(text)?.[1] ?? '';
}
