/**
 * One shard without I/O: the real engine and the real router on virtual time, fed with calls in batches as a shard's loop takes
 * them off its ring. What is timed is the engine alone (`advance` and `receive`), not the making of the messages.
 *
 * Invariant: the number of server transactions alive follows from the rate of calls in virtual time, since finished ones stay as
 * long as their timers say; `fill` brings it to its size, and from then on as many end as begin.
 */
import { ShardRouter } from '../../src/main/shard-router.js';
import { ARENA_OVERHEAD_BYTES } from '../../src/proxy/arena.js';
import { hashBranch } from '../../src/proxy/branch.js';
import { Engine } from '../../src/proxy/engine.js';
import type { Endpoint, EngineOptions, Outbox, PacketMeta } from '../../src/proxy/ports.js';
import { createPacketMeta } from '../../src/ring/layout.js';
import { defineRoutes, type Routes } from '../../src/script/api.js';
import { COUNTER_COUNT, C_CLIENT_TX_ALIVE, C_REPLY_5XX, C_SERVER_TX_ALIVE } from '../../src/telemetry/counters.js';
import { branchHasher } from '../../src/transaction/key.js';
import { ANSWERED, CANCELLED, type CallKind, FIRST_CALL, LONGEST_MESSAGE, REFUSED, type Template, fill } from './templates.js';

/** Calls whose same message is handed over in one batch: as many records as the loop of a shard takes between two flushes. */
const BATCH_CALLS = 64;
/** T1 and T4 of RFC 3261, milliseconds. */
const T1_MS = 500;
const T4_MS = 5000;
const SEND_BYTES = 1 << 18;
const SLOT_BYTES = (LONGEST_MESSAGE + 63) & ~63;

/** Which calls, per hundred. */
export interface Mix {
  readonly answered: number;
  readonly refused: number;
  readonly cancelled: number;
}

export interface StageOptions {
  /** Server transactions to be alive in steady state. */
  readonly alive: number;
  readonly mix: Mix;
  /** How long a call rings, milliseconds of virtual time. */
  readonly ringMs: number;
  /** Whether the script has a failure handler, for which the contexts of requests are kept. */
  readonly failureHandler: boolean;
  /** Bounds of the tables. */
  readonly transactions: number;
  readonly storeBytes: number;
}

/** What a stretch of calls took of the engine. */
export interface Spent {
  readonly calls: number;
  /** On-CPU time of the process while the engine ran, ns. */
  readonly cpuNs: number;
  /** Longest time that the engine had the thread for one `advance`, and for one batch, milliseconds. */
  readonly longestAdvanceMs: number;
  readonly longestBatchMs: number;
}

/** Drops what is sent, after it was composed where a real send queue has it. */
class NoNetwork implements Outbox {
  readonly bytes: Uint8Array;
  sent = 0;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  reserve(maxBytes: number): number {
    if (this.#at + maxBytes > SEND_BYTES) this.#at = 0;
    return this.#at;
  }

  commit(_start: number, end: number, _to: Endpoint): void {
    this.sent++;
    this.#at = (end + 63) & ~63;
  }

  send(_bytes: Uint8Array, start: number, end: number): boolean {
    const at = this.reserve(end - start);
    this.bytes.copyWithin(at, start, end);
    this.sent++;
    this.#at = (at + end - start + 63) & ~63;
    return true;
  }

  offer(): boolean {
    return false;
  }
}

const RELAY: Routes = {
  request(req) {
    if (req.looseRouted) return void req.relay();
    if (!req.inDialog) req.recordRoute();
    req.relay({ nextHop: 'sip:127.0.0.1:5070' });
  },
};

export class ShardStage {
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly engine: Engine;
  readonly outbox: NoNetwork;
  readonly #router: ShardRouter;
  readonly #branches = branchHasher(SECRET);
  readonly #memory: Uint8Array;
  readonly #metas: PacketMeta[] = [];
  readonly #ends = new Int32Array(BATCH_CALLS);
  readonly #kinds: readonly CallKind[];
  /** Hashes of the branches of the calls in hand, by their place in the batch. */
  readonly #lo = new Int32Array(BATCH_CALLS);
  readonly #hi = new Int32Array(BATCH_CALLS);
  readonly #batchMs: number;
  readonly #batchesRinging: number;
  #begun = 0;
  #ended = 0;
  #virtualMs = 1000;
  // What has been spent since the last `take`.
  #cpuNs = 0;
  #longestAdvanceMs = 0;
  #longestBatchMs = 0;

  constructor(options: StageOptions) {
    this.#memory = new Uint8Array(new SharedArrayBuffer(SEND_BYTES + BATCH_CALLS * SLOT_BYTES + ARENA_OVERHEAD_BYTES + options.storeBytes));
    this.outbox = new NoNetwork(this.#memory);
    const routes = options.failureHandler ? { ...RELAY, failure: () => {} } : RELAY;
    const memory = { bytes: this.#memory, start: SEND_BYTES + BATCH_CALLS * SLOT_BYTES, end: this.#memory.length };
    this.engine = new Engine(engineOptions(options), { outbox: this.outbox, counters: this.counters, log: SILENT, memory }, defineRoutes(routes));
    this.#router = new ShardRouter({ shards: 1, node: 0, secret: SECRET, key: 'transaction' });
    for (let i = 0; i < BATCH_CALLS; i++) this.#metas.push({ ...createPacketMeta(), a0: 0x7f000001, family: 4 });
    this.#kinds = kindsOf(options.mix);
    // Little's law: alive = rate × time that the transactions of a call stay, while it rings and after it.
    const keptMs = this.#kinds.reduce((sum, { kept }) => sum + kept.by64T1 * 64 * T1_MS + kept.byT4 * T4_MS, 0) / this.#kinds.length + options.ringMs;
    const callsPerMs = options.alive / keptMs;
    this.#batchMs = BATCH_CALLS / callsPerMs;
    this.#batchesRinging = Math.round(options.ringMs / this.#batchMs);
    this.engine.advance(this.#virtualMs);
  }

  get serversAlive(): number {
    return this.counters[C_SERVER_TX_ALIVE]!;
  }

  get clientsAlive(): number {
    return this.counters[C_CLIENT_TX_ALIVE]!;
  }

  /** Calls that ring now. */
  get ringing(): number {
    return this.#begun - this.#ended;
  }

  /** Calls per second of virtual time. */
  get rate(): number {
    return (BATCH_CALLS / this.#batchMs) * 1000;
  }

  /** Runs at least `calls` more calls at the steady rate: as many begin as end. */
  run(calls: number): void {
    for (const until = this.#begun + calls; this.#begun < until; ) this.#step(this.#batchMs);
    if (this.counters[C_REPLY_5XX]! > 0) throw new Error('the engine refused calls: a table is too small, or a message wrong');
  }

  /** Begins `calls` calls and leaves them ringing; time goes on by `batchMs` a batch. */
  ring(calls: number, batchMs: number): void {
    for (const until = this.#begun + calls; this.#begun < until; ) {
      this.#passTime(batchMs);
      this.#begin();
    }
  }

  /** Begins and ends `calls` calls within `withinMs` of virtual time: what a burst leaves behind. */
  burst(calls: number, withinMs: number): void {
    const batchMs = (withinMs * BATCH_CALLS) / calls;
    for (const until = this.#begun + calls; this.#begun < until; ) {
      this.#passTime(batchMs);
      this.#begin();
      this.#end();
    }
  }

  /**
   * Lets virtual time pass without calls, in steps of `stepMs`, `totalMs` in all. Where the engine leaves timers for a next call
   * it is called again, as the loop of a shard does.
   */
  idle(totalMs: number, stepMs: number): void {
    for (const until = this.#virtualMs + totalMs; this.#virtualMs < until; ) this.#passTime(stepMs);
  }

  /** What was spent since the last call of this, over `calls` calls. */
  take(calls: number): Spent {
    const spent = { calls, cpuNs: this.#cpuNs, longestAdvanceMs: this.#longestAdvanceMs, longestBatchMs: this.#longestBatchMs };
    this.#cpuNs = 0;
    this.#longestAdvanceMs = 0;
    this.#longestBatchMs = 0;
    return spent;
  }

  #step(batchMs: number): void {
    this.#passTime(batchMs);
    this.#begin();
    if (this.ringing > this.#batchesRinging * BATCH_CALLS) this.#end();
  }

  #begin(): void {
    const first = FIRST_CALL + this.#begun;
    const kind = this.#kinds[(this.#begun / BATCH_CALLS) % this.#kinds.length]!;
    for (const template of kind.ringing) this.#deliver(template, first);
    this.#begun += BATCH_CALLS;
  }

  #end(): void {
    const first = FIRST_CALL + this.#ended;
    const kind = this.#kinds[(this.#ended / BATCH_CALLS) % this.#kinds.length]!;
    // The branches of calls that began long ago: the hash follows from the INVITE.
    this.#make(kind.ringing[0]!, first);
    for (const template of kind.ending) this.#deliver(template, first);
    this.#ended += BATCH_CALLS;
  }

  /** Makes one message of every call of a batch, and hands them to the engine. */
  #deliver(template: Template, first: number): void {
    this.#make(template, first);
    const { engine } = this;
    const bytes = this.#memory;
    const cpuBefore = cpuUs();
    const before = performance.now();
    for (let i = 0; i < BATCH_CALLS; i++) {
      engine.receive(bytes, SEND_BYTES + i * SLOT_BYTES, this.#ends[i]!, this.#metas[i]!);
    }
    const tookMs = performance.now() - before;
    this.#cpuNs += (cpuUs() - cpuBefore) * 1000;
    if (tookMs > this.#longestBatchMs) this.#longestBatchMs = tookMs;
  }

  #make(template: Template, first: number): void {
    for (let i = 0; i < BATCH_CALLS; i++) {
      const at = SEND_BYTES + i * SLOT_BYTES;
      const meta = this.#metas[i]!;
      const end = fill(template, first + i, this.#hi[i]!, this.#lo[i]!, this.#memory, at);
      this.#ends[i] = end;
      meta.port = template.port;
      this.#router.route(this.#memory, at, end, meta);
      if (!template.opens) continue;
      hashBranch(this.#branches, meta.keyLo, meta.keyHi, 0);
      this.#lo[i] = this.#branches.lo;
      this.#hi[i] = this.#branches.hi;
    }
  }

  /** Moves the clock by `ms`. */
  #passTime(ms: number): void {
    this.#virtualMs += ms;
    const nowMs = Math.floor(this.#virtualMs);
    const cpuBefore = cpuUs();
    do {
      const before = performance.now();
      this.engine.advance(nowMs);
      const tookMs = performance.now() - before;
      if (tookMs > this.#longestAdvanceMs) this.#longestAdvanceMs = tookMs;
    } while (this.engine.nextDeadlineMs() <= nowMs);
    this.#cpuNs += (cpuUs() - cpuBefore) * 1000;
  }
}

const SECRET = Uint32Array.from([1, 2, 3, 4]);

const SILENT = { error: console.error, warn: () => {}, info: () => {}, debug: () => {} };

function engineOptions({ transactions, storeBytes }: StageOptions): EngineOptions {
  return {
    shard: 0,
    shards: 1,
    node: 0,
    secret: SECRET,
    listeners: [{ family: 4, sentBy: '127.0.0.1:5060', ours: [{ host: '127.0.0.1', port: 5060 }] }],
    timers: { t1Ms: T1_MS, t2Ms: 4000, t4Ms: T4_MS, timerCMs: 185_000, timerDMs: 32_000 },
    limits: { transactions, branches: transactions, storeBytes, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 256 },
    serverHeader: 'Viaduct',
    maxForwards: 70,
    earlyCancelMs: 50,
    maxBreadth: 60,
    shardingKey: 'transaction',
  };
}

/** The kinds of a mix in turns, a batch each: 20 batches have every kind in its share, of 5 in a hundred at least. */
function kindsOf({ answered, refused, cancelled }: Mix): readonly CallKind[] {
  const total = answered + refused + cancelled;
  const kinds: CallKind[] = [];
  let refusedSoFar = 0;
  let cancelledSoFar = 0;
  for (let i = 1; i <= 20; i++) {
    if ((i * refused) / total - refusedSoFar >= 0.999) {
      refusedSoFar++;
      kinds.push(REFUSED);
    } else if ((i * cancelled) / total - cancelledSoFar >= 0.999) {
      cancelledSoFar++;
      kinds.push(CANCELLED);
    } else {
      kinds.push(ANSWERED);
    }
  }
  return kinds;
}

/** On-CPU time of all threads of this process, µs: what other load on the machine disturbs least. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
