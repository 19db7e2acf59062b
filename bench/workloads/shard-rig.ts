/**
 * One shard without threads and without a network: the same router, ring, engine and send queue that a proxy runs, in one thread,
 * with a C library that swallows what is sent. For benchmarks of the core; time is virtual.
 */
import { Dispatcher } from '../../src/main/dispatcher.js';
import { ShardRouter } from '../../src/main/shard-router.js';
import type { Libc } from '../../src/net/libc.js';
import { SEND_ARENA_BYTES } from '../../src/net/udp-batch-sender.js';
import { Engine } from '../../src/proxy/engine.js';
import { ARENA_OVERHEAD_BYTES } from '../../src/proxy/arena.js';
import type { EngineOptions, PacketMeta } from '../../src/proxy/ports.js';
import { Doorbell, createBell } from '../../src/ring/doorbell.js';
import { CONTROL_BYTES, createPacketMeta } from '../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../src/ring/spsc-ring.js';
import { defineRoutes, type Routes } from '../../src/script/api.js';
import { Clock, sharedNowMs } from '../../src/shard/clock.js';
import { OfferWriter } from '../../src/shard/offer-writer.js';
import { BatchOutbox } from '../../src/shard/outbox-batch.js';
import { COUNTERS, COUNTER_COUNT } from '../../src/telemetry/counters.js';
import { CALLEE_PORT, CALLER_PORT, CallMessages, MESSAGES_A_CALL } from './call-messages.js';

const RING_BYTES = 1 << 20;
/** Room for the messages of calls, where the main thread receives. */
const RECEIVE_BYTES = 96 << 20;

/** Bounds of the shard, if not told otherwise. */
const DEFAULT_LIMITS: EngineOptions['limits'] = {
  transactions: 150_000, branches: 150_000, storeBytes: 256 << 20, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 256,
};

const CALLEE_URI = `sip:127.0.0.1:${CALLEE_PORT}`;

/** What most proxies do: Record-Route for new calls, Route for the rest. */
export const RELAY_ROUTES: Routes = defineRoutes({
  request(req) {
    if (req.looseRouted) return void req.relay();
    if (!req.inDialog) req.recordRoute();
    req.relay({ nextHop: CALLEE_URI });
  },
});

/** The same, from a handler that is async and has nothing to wait for. */
export const ASYNC_RELAY_ROUTES: Routes = defineRoutes({
  async request(req) {
    if (req.looseRouted) return void req.relay();
    if (!req.inDialog) req.recordRoute();
    req.relay({ nextHop: CALLEE_URI });
  },
});

export class ShardRig {
  readonly engine: Engine;
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly #dispatcher: Dispatcher;
  readonly #writer: RingWriter;
  readonly #reader: RingReader;
  readonly #outbox: BatchOutbox;
  readonly #meta: PacketMeta = createPacketMeta();
  /** Where the message begins that was composed first since the last flush. */
  readonly #sendStart: number;
  #nowMs = 1000;

  constructor(routes: Routes = RELAY_ROUTES, limits: Partial<EngineOptions['limits']> = {}) {
    const options: EngineOptions = {
      shard: 0,
      shards: 1,
      node: 0,
      secret: Uint32Array.from([1, 2, 3, 4]),
      listeners: [{ family: 4, sentBy: '127.0.0.1:5060', ours: [{ host: '127.0.0.1', port: 5060 }] }],
      timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 },
      limits: { ...DEFAULT_LIMITS, ...limits },
      serverHeader: 'Viaduct',
      maxForwards: 70,
      earlyCancelMs: 50,
      maxBreadth: 60,
      shardingKey: 'transaction',
    };
    const log = { error: console.error, warn: console.error, info: () => {}, debug: () => {} };
    const engineBytes = ARENA_OVERHEAD_BYTES + options.limits.storeBytes;
    const memory = createRing(RING_BYTES, SEND_ARENA_BYTES + engineBytes + RECEIVE_BYTES);
    this.#reader = new RingReader(memory, RING_BYTES);
    this.#sendStart = CONTROL_BYTES + RING_BYTES;
    const { bytes } = this.#reader;
    const libc = swallowingLibc();
    const out = new RingWriter(createRing(1 << 18));
    this.#outbox = new BatchOutbox(libc, [{ fd: 3 }], new OfferWriter(out, new Doorbell(createBell())), this.counters, { bytes, start: this.#sendStart });
    this.engine = new Engine(
      options,
      { outbox: this.#outbox, counters: this.counters, log, memory: { bytes, start: this.#sendStart + SEND_ARENA_BYTES, end: bytes.length - RECEIVE_BYTES } },
      routes,
    );
    const router = new ShardRouter({ shards: 1, node: 0, secret: options.secret, key: 'transaction' });
    this.#writer = new RingWriter(memory, RING_BYTES);
    this.#dispatcher = new Dispatcher(router, [{ ring: this.#writer, bell: new Doorbell(createBell()) }], new Float64Array(COUNTER_COUNT), new Clock(sharedNowMs()));
    this.#meta.a0 = 0x7f000001;
    this.engine.advance(this.#nowMs);
  }

  /** Virtual time of the engine. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Main thread's part: a datagram from `port` on the loopback address is routed and put into the ring. */
  push(bytes: Uint8Array, start: number, end: number, port: number): void {
    this.#meta.port = port;
    this.#dispatcher.datagram(bytes, start, end, this.#meta);
  }

  /** Shard's part: `byMs` later it takes everything off the ring and sends what comes of it. */
  run(byMs: number): void {
    this.#dispatcher.flush();
    const { engine } = this;
    this.#nowMs += byMs;
    engine.advance(this.#nowMs);
    const reader = this.#reader;
    while (reader.next()) engine.receive(reader.bytes, reader.start, reader.end, reader.meta);
    this.#outbox.flush();
    reader.release();
  }

  /** Sends a request through and returns the first message that comes of it, as text. */
  forward(request: Uint8Array): string {
    this.push(request, 0, request.length, CALLER_PORT);
    this.#dispatcher.flush();
    const reader = this.#reader;
    while (reader.next()) this.engine.receive(reader.bytes, reader.start, reader.end, reader.meta);
    reader.release();
    const { bytes } = this.#outbox;
    let end = this.#sendStart;
    while (end < this.#sendStart + SEND_ARENA_BYTES && !(bytes[end] === 0x0a && bytes[end - 2] === 0x0a)) end++;
    const text = Buffer.from(bytes.slice(this.#sendStart, end)).toString('latin1');
    this.#outbox.flush();
    return text;
  }

  /** Prepares whole calls for this shard; it remembers nothing of that. */
  prepareCalls(calls: number): CallMessages {
    const { memory } = this.#writer;
    const messages = new CallMessages(calls, (request) => this.forward(request), memory, memory.length - RECEIVE_BYTES);
    this.settle();
    return messages;
  }

  /** Lets the longest timers run out. */
  settle(): void {
    for (let i = 0; i < 100; i++) this.run(4000);
  }

  /**
   * Places all calls, `everyMs` apart and overlapping: message 0 of one call comes with message 1 of the one before, and so on.
   * `everyMs` times their number has to be more than 33 s, or a second round finds transactions of the first.
   */
  placeCalls(messages: CallMessages, everyMs: number): void {
    for (let turn = 0; turn < messages.calls + MESSAGES_A_CALL - 1; turn++) this.#turn(messages, turn, everyMs);
  }

  /** The same for handlers that are async and settle within a few turns of the microtask queue. */
  async placeCallsAsync(messages: CallMessages, everyMs: number): Promise<void> {
    for (let turn = 0; turn < messages.calls + MESSAGES_A_CALL - 1; turn++) {
      this.#turn(messages, turn, everyMs);
      while (this.engine.suspended() > 0) await Promise.resolve();
      this.#outbox.flush();
    }
  }

  /** One message of each of the calls that are on their way. */
  #turn(messages: CallMessages, turn: number, everyMs: number): void {
    const { calls, bytes } = messages;
    for (let step = Math.min(MESSAGES_A_CALL - 1, turn); step >= 0; step--) {
      const call = turn - step;
      if (call < calls) this.push(bytes, messages.start(call, step), messages.end(call, step), messages.port(step));
    }
    this.run(everyMs);
  }

  /** A counter by its name, for a benchmark that makes sure of what it has measured. */
  count(name: string): number {
    return this.counters[COUNTERS.findIndex((counter) => counter.name === name)]!;
  }
}

/** Takes every datagram and does nothing with it. Addresses are as large as real ones. */
function swallowingLibc(): Libc {
  let next = 0x7f00_0000_0000;
  const ok = (): number => 0;
  return {
    socket: ok, bind: ok, getsockname: ok, setsockopt: ok, getsockopt: ok, poll: ok, ppoll: ok, recvmmsg: ok,
    sendmmsg: (_fd, _messages, count) => count,
    nanosleep: ok, prctl: ok, clockGettime: ok, read: ok, write: ok, close: ok, eventfd: ok, errno: ok,
    addressOf: (memory) => {
      const address = next;
      next += Math.ceil(memory.byteLength / 4096) * 4096;
      return address;
    },
  };
}
