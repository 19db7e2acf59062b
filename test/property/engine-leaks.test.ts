/**
 * Whole engines under messages of every kind, valid and broken, with scripts of every kind: nothing throws, nothing is sent
 * that is no message, and when the last timer has fired tables, store and gauges are empty.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BranchView, readBranch } from '../../src/proxy/branch.js';
import type { PacketMeta } from '../../src/proxy/ports.js';
import type { Routes } from '../../src/script/api.js';
import { bytesOf, requestText, responseText, type SentMessage } from '../../src/sim/sent-message.js';
import { MessageView } from '../../src/sip/message.js';
import { C_SCRIPT_SUSPENDED } from '../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, endpointOf, settled, Stage } from '../unit/proxy/stage.js';
import { mutate, mutation, request, response } from './message-text.js';

/** Longer than Timer C, and all that can follow it. */
const ALL_TIMERS_MS = 1_000_000;

const METHODS = ['INVITE', 'INVITE', 'INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'MESSAGE', 'FOO'];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('request' as const), method: fc.constantFrom(...METHODS), call: fc.nat(7), script: fc.nat(11), mutations: fc.array(mutation, { maxLength: 1 }), broken: fc.nat(3) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('response' as const), pick: fc.nat(), status: fc.constantFrom(100, 180, 183, 200, 202, 302, 401, 407, 486, 487, 500, 503, 603), mutations: fc.array(mutation, { maxLength: 1 }), broken: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('any' as const), text: fc.oneof(request, response), mutations: fc.array(mutation, { maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.oneof(fc.nat(50), fc.nat(5000), fc.nat(70_000)) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('send failed' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('queue' as const), full: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('go on' as const) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A script that does what the X-Script header of a request says; `gate` holds the pending ones. */
function scriptOf(gate: () => Promise<void>, withHandlers: boolean): Routes {
  const routes: Routes = {
    request(req) {
      switch (Number(req.headers.get('X-Script') ?? '0') % 12) {
        case 1:
          return void req.relay([`sip:b@${BOB}`, `sip:c@${CAROL}`, 'sip:x@name.example']);
        case 2:
          return void req.reply(486);
        case 3:
          throw new Error('on purpose');
        case 4:
          return undefined;
        case 5:
          return gate().then(() => void req.relay());
        case 6:
          req.relay(`sip:b@${BOB}`);
          return gate().then(() => void req.relay(`sip:c@${CAROL}`));
        case 7:
          return gate().then(() => { throw new Error('on purpose'); });
        case 8:
          req.reply(183);
          return void req.relay([]);
        case 9:
          req.recordRoute();
          req.headers.add('X-More', 'y'.repeat(300));
          req.headers.remove('X-Script');
          req.relay();
          return void req.reply(480);
        case 10:
          return gate().then(() => void req.reply(200));
        default:
          req.recordRoute();
          return void req.relay();
      }
    },
  };
  if (!withHandlers) return routes;
  return {
    ...routes,
    reply(res) {
      if (res.headers.get('X-Drop') !== undefined) res.drop();
      res.headers.add('X-Reply', '1');
    },
    failure(failure) {
      const script = Number(failure.request.headers.get('X-Script') ?? '0');
      if (script % 3 === 1) return gate().then(() => void failure.relay([`sip:late@${BOB}`]));
      if (script % 3 === 0) failure.relay(`sip:again@${CAROL}`);
      return undefined;
    },
    cancel(req) {
      req.headers.get('Subject');
    },
  };
}

class Run {
  readonly stage: Stage;
  /** Requests that the proxy sent, for answers to them. */
  readonly requests: SentMessage[] = [];
  private readonly view = new MessageView(512);
  private readonly branch = new BranchView();
  private openGates: (() => void)[] = [];

  constructor(shards: number, withHandlers: boolean, sharedMemory: boolean, datagramBytes: number) {
    const gate = (): Promise<void> => new Promise((resolve) => { this.openGates.push(resolve); });
    this.stage = new Stage(scriptOf(gate, withHandlers), { shards, sharedMemory, limits: { transactions: 40, branches: 60, storeBytes: 1 << 20, datagramBytes } });
  }

  async do(one: Step): Promise<void> {
    const { stage } = this;
    switch (one.do) {
      case 'request': {
        const text = requestText(one.method, { branch: `z9hG4bK-${one.call}`, callId: `c${one.call}`, headers: [`X-Script: ${one.script}`, 'Subject: s'] });
        stage.receive(mutate(text, one.broken === 0 ? one.mutations : []));
        break;
      }
      case 'response': {
        const to = this.requests[one.pick % Math.max(1, this.requests.length)];
        if (to !== undefined) stage.receive(mutate(responseText(to, one.status), one.broken === 0 ? one.mutations : []), to.to);
        break;
      }
      case 'any':
        stage.receive(mutate(one.text, one.mutations));
        break;
      case 'wait':
        stage.advanceBy(one.ms);
        break;
      case 'send failed': {
        const owner = stage.owners[one.pick % Math.max(1, stage.owners.length)];
        if (owner !== undefined) for (const engine of stage.engines) engine.sendFailed(owner);
        break;
      }
      case 'queue':
        stage.queueFull = one.full;
        break;
      case 'go on':
        await this.goOn();
        break;
    }
    this.check();
  }

  /** Lets all pending handlers go on. */
  async goOn(): Promise<void> {
    while (this.openGates.length > 0) {
      for (const open of this.openGates.splice(0)) open();
      await settled();
    }
  }

  async end(): Promise<void> {
    this.stage.queueFull = false;
    for (let i = 0; i < 12; i++) {
      await this.goOn();
      this.stage.advanceBy(ALL_TIMERS_MS / 4);
    }
    this.check();
    expect(this.stage.count(C_SCRIPT_SUSPENDED)).toBe(0);
    expect(this.stage.leftovers()).toEqual({});
    for (const engine of this.stage.engines) expect(engine.nextDeadlineMs()).toBe(Infinity);
  }

  /** What was sent: requests are valid ones with our Via on top. */
  private check(): void {
    const { view } = this;
    for (const message of this.stage.take()) {
      if (message.status > 0) continue;
      const bytes = bytesOf(message.text);
      // The To of an ACK is that of the response, however broken.
      const fault = view.parse(bytes, 0, bytes.length) || (message.method === 'ACK' ? view.parseTopVia() : view.validateRequest());
      const isOurs = fault === 0 && readBranch(bytes, view.topVia.branchStart, view.topVia.branchEnd, this.branch);
      if (!isOurs || view.end !== bytes.length) expect.fail(`sent (fault ${fault}):\n${message.text}`);
      // The answers of these tests are written with CRLF throughout.
      if (/[^\r]\n/.test(message.text)) continue;
      this.requests.push(message);
      if (this.requests.length > 50) this.requests.shift();
    }
  }
}

describe('an engine', () => {
  it('is empty after the last timer, whatever came', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ shards: fc.constantFrom(1, 2, 3), withHandlers: fc.boolean(), sharedMemory: fc.boolean(), datagramBytes: fc.constantFrom(65_507, 1300) }),
        fc.array(step, { minLength: 20, maxLength: 100 }),
        async ({ shards, withHandlers, sharedMemory, datagramBytes }, steps) => {
          const run = new Run(shards, withHandlers, sharedMemory, datagramBytes);
          for (const one of steps) await run.do(one);
          await run.end();
        },
      ),
      { numRuns: 50, seed: 20260920, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: true },
    );
  });

  it('throws for no bytes, whatever it is told that they are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ text: fc.oneof(request, response, fc.string({ unit: 'binary-ascii', maxLength: 80 })), mutations: fc.array(mutation, { maxLength: 2 }), kind: fc.nat(4), hops: fc.nat(3), key: fc.nat(3) }), { maxLength: 30 }),
        (messages) => {
          const stage = new Stage({ request: (req) => void req.relay(), failure: () => {} }, { shards: 2 });
          for (const { text, mutations, kind, hops, key } of messages) {
            const bytes = mutate(text, mutations);
            const meta: PacketMeta = { ...endpointOf(ALICE), keyLo: key, keyHi: key, kind, hops, topVia: undefined };
            stage.engines[0]!.receive(bytes, 0, bytes.length, meta);
          }
          stage.advanceBy(ALL_TIMERS_MS);
          expect(stage.leftovers()).toEqual({});
        },
      ),
      { numRuns: 40, seed: 20260921 },
    );
  });
});
