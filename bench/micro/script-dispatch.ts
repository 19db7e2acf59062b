/**
 * What it costs to run a handler of a routing script, beside what the handler does: an ACK that has been parsed is handed to a
 * handler that does nothing, which is the one kind of request that wants no answer. And what values cost that a handler reads.
 */
import { Answers } from '../../src/proxy/answers.js';
import { Core } from '../../src/proxy/core.js';
import { Forwarder } from '../../src/proxy/forwarder.js';
import { LoopDetection } from '../../src/proxy/loop-detection.js';
import { preprocess } from '../../src/proxy/route-set.js';
import type { EngineOptions, Outbox } from '../../src/proxy/ports.js';
import { ResponseContexts } from '../../src/proxy/response-context.js';
import { ScriptRunner } from '../../src/proxy/script-runner.js';
import { StatelessResponses } from '../../src/proxy/stateless-responses.js';
import { TargetCache } from '../../src/proxy/target-cache.js';
import { defineRoutes, type RouteRequest, type Routes } from '../../src/script/api.js';
import { COUNTER_COUNT } from '../../src/telemetry/counters.js';
import { TransactionLayer } from '../../src/transaction/layer.js';
import { callIds, inDialog } from '../workloads/call.js';
import { consume, groupOfTasks, type Task } from './benchmark.js';

const OPERATIONS = 256;
/** Promises that a handler returned are through with it after so many turns of the microtask queue. */
const MICROTASK_TURNS = 8;

const OPTIONS: EngineOptions = {
  shard: 0,
  shards: 1,
  node: 0,
  secret: Uint32Array.from([1, 2, 3, 4]),
  listeners: [{ family: 4, sentBy: '127.0.0.1:5060', ours: [{ host: '127.0.0.1', port: 5060 }] }],
  timers: { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 32_000 },
  limits: { transactions: 64, branches: 64, storeBytes: 4 << 20, datagramBytes: 65_507, headers: 256, targets: 32, heldCancels: 4 },
  serverHeader: 'Viaduct',
  maxForwards: 70,
  earlyCancelMs: 50,
  maxBreadth: 60,
  shardingKey: 'transaction',
};

/** Takes what it is given, and sends nothing. */
class NullOutbox implements Outbox {
  readonly bytes = new Uint8Array(0);
  reserve(): number {
    return -1;
  }
  commit(): void {}
  send(): boolean {
    return true;
  }
  offer(): boolean {
    return false;
  }
}

/** The script runner of an engine, put together as the engine does it, and an ACK for it. */
class Dispatch {
  readonly #core: Core;
  readonly #runner: ScriptRunner;
  readonly #ack = inDialog('ACK', callIds(1), 'sip:127.0.0.1:5060;lr;vd=0000');
  readonly #at: number;

  constructor(routes: Routes) {
    const log = { error: console.error, warn: console.error, info: () => {}, debug: () => {} };
    const core = new Core(OPTIONS, { outbox: new NullOutbox(), counters: new Float64Array(COUNTER_COUNT), log }, routes);
    const answers = new Answers(core);
    const stateless = new StatelessResponses(core);
    const contexts = new ResponseContexts(core, answers, stateless);
    core.layer = new TransactionLayer(core.arena, core.counters, OPTIONS.timers, OPTIONS.limits, contexts);
    this.#runner = new ScriptRunner(core, answers, new Forwarder(core, new TargetCache(), new LoopDetection(core)), contexts);
    contexts.attach(this.#runner);
    this.#core = core;
    this.#at = core.arena.take(this.#ack, 0, this.#ack.length);
  }

  /** Hands the ACK to the script `count` times. It is parsed once: the parts of contexts are used again, as they were left. */
  run(count: number): void {
    const core = this.#core;
    for (let n = 0; n < count; n++) {
      const context = this.#runner.requests.acquire();
      const { view } = context;
      if (view.bytes !== core.arena.bytes) {
        view.parse(core.arena.bytes, this.#at, this.#at + this.#ack.length);
        view.validateRequest();
        preprocess(view, core.listeners, context.routeSet);
      }
      this.#runner.depth++;
      this.#runner.runRequest(context);
      this.#runner.depth--;
    }
  }
}

function sync(name: string, handler: (req: RouteRequest) => void): Task {
  const dispatch = new Dispatch(defineRoutes({ request: handler }));
  return { name, operations: OPERATIONS, run: () => { dispatch.run(OPERATIONS); } };
}

function async(name: string, handler: (req: RouteRequest) => Promise<void>): Task {
  const dispatch = new Dispatch(defineRoutes({ request: handler }));
  return {
    name,
    operations: OPERATIONS,
    run: async () => {
      // A batch at a time, as a shard takes messages off its ring.
      for (let left = OPERATIONS; left > 0; left -= 16) {
        dispatch.run(16);
        for (let turn = 0; turn < MICROTASK_TURNS; turn++) await Promise.resolve();
      }
    },
  };
}

export const scriptDispatch = groupOfTasks('script-dispatch', 'one run of a request handler', () => [
  sync('sync handler that does nothing', () => {}),
  sync('sync handler that reads method, looseRouted and inDialog', (req) => {
    consume((req.method === 'ACK' ? 1 : 0) + (req.looseRouted ? 2 : 0) + (req.inDialog ? 4 : 0));
  }),
  sync('sync handler that reads Request-URI, From and Call-ID', (req) => {
    consume(req.uri.host.length + (req.from.param('tag')?.length ?? 0) + req.callId.length);
  }),
  async('async handler that awaits nothing', async () => {}),
  async('async handler that awaits a promise', async () => { await Promise.resolve(); }),
]);
