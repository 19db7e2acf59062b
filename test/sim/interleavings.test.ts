/**
 * Retransmitted INVITEs in any interleaving with wake-ups of async scripts, responses, ACK and CANCEL, of several calls on
 * several shards (RFC 3261 §17.2.1, §9.2). A model of three lines says what each retransmission must get.
 */
import { describe, expect, it } from 'vitest';
import type { RouteRequest, Routes } from '../../src/script/api.js';
import { Random } from '../../src/sim/random.js';
import { requestText, responseText, type SentMessage } from '../../src/sim/sent-message.js';
import type { World } from '../../src/sim/world.js';
import { C_CLIENT_TX_ALIVE, C_SCRIPT_LATE, C_SCRIPT_RUNS, C_SERVER_TX_ALIVE } from '../../src/telemetry/counters.js';
import { ALICE, BOB, makeWorld, SMALL } from './relay-world.js';

type Step = 'invite' | 'again' | 'wake' | 'ring' | 'progress' | 'final' | 'ack' | 'cancel';

/** One call: its steps in their order, what the caller has been sent, and what it is sent for a retransmission. */
class Call {
  readonly id: string;
  readonly steps: Step[];
  readonly status: number;
  runs = 0;
  relays: boolean[] = [];
  request: SentMessage | undefined;
  isCancelled = false;
  /** The response that a retransmission gets now; undefined: it is absorbed. */
  current: string | undefined;
  private gates: (() => void)[] = [];

  constructor(id: string, steps: Step[], status: number) {
    this.id = id;
    this.steps = steps;
    this.status = status;
  }

  /** For the script: a promise for the next wake-up. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.gates.push(resolve));
  }

  wake(): void {
    this.gates.shift()?.();
  }
}

const WAKES = 2;

/** Where a request's script may be, between any two of these, a retransmission or a CANCEL may come. */
function planCall(random: Random, id: string, hasCancel: boolean): Call {
  const steps: Step[] = ['wake', 'wake', 'ring', 'progress', 'final', 'ack'];
  for (let i = 0; i < 4; i++) steps.splice(random.below(steps.length + 1), 0, 'again');
  if (hasCancel) steps.splice(random.below(steps.indexOf('final') + 1), 0, 'cancel');
  return new Call(id, ['invite', ...steps], random.below(2) === 0 ? 486 : 200);
}

function routesOf(calls: ReadonlyMap<string, Call>): Routes {
  return {
    async request(req: RouteRequest) {
      if (req.method !== 'INVITE') return void req.relay();
      const call = calls.get(req.callId)!;
      call.runs++;
      for (let i = 0; i < WAKES; i++) await call.wait();
      call.relays.push(req.relay());
    },
  };
}

const requestOf = (call: Call, method: string): string => requestText(method, { callId: call.id, branch: `z9hG4bK-${call.id}`, headers: [] });

/** Carries out one step; `expectation` names seed and step when something is wrong. */
async function take(world: World, call: Call, step: Step, what: string): Promise<void> {
  const sent = (): { alice: string[]; bob: SentMessage[] } => ({ alice: world.takeSent(ALICE).map(({ text }) => text), bob: world.takeSent(BOB) });
  const answer = async (status: number): Promise<void> => {
    await world.injectAsync(BOB, responseText(call.request!, status, { toTag: 'b1' }));
    const { alice } = sent();
    expect(alice.length, what).toBe(1);
    expect(alice[0], what).toContain(`SIP/2.0 ${status} `);
    call.current = status < 200 || status >= 300 ? alice[0] : undefined;
  };
  const { isCancelled } = call;
  if (step === 'invite') {
    await world.injectAsync(ALICE, requestOf(call, 'INVITE'));
    const { alice, bob } = sent();
    expect([alice.length, bob.length], what).toEqual([1, 0]);
    call.current = alice[0];
  } else if (step === 'again') {
    await world.injectAsync(ALICE, requestOf(call, 'INVITE'));
    expect(sent(), what).toEqual({ alice: call.current === undefined ? [] : [call.current], bob: [] });
  } else if (step === 'wake') {
    void world.sleep(0).then(() => { call.wake(); });
    await world.advanceByAsync(0);
    const { alice, bob } = sent();
    expect(alice, what).toEqual([]);
    expect(bob.length, what).toBe(call.relays[0] === true ? 1 : 0);
    call.request ??= bob[0];
  } else if (step === 'cancel') {
    call.isCancelled = true;
    await world.injectAsync(ALICE, requestOf(call, 'CANCEL'));
    const { alice, bob } = sent();
    // A branch that has said nothing yet is not cancelled yet (§9.1).
    expect(bob.every(({ method }) => method === 'CANCEL'), what).toBe(true);
    expect(alice[0], what).toContain('CSeq: 1 CANCEL');
    expect(alice.length, what).toBe(call.request === undefined ? 2 : 1);
    if (call.request === undefined) {
      expect(alice[1], what).toContain('SIP/2.0 487 ');
      call.current = alice[1];
    }
  } else if (step === 'ack') {
    if (isCancelled || call.status >= 300) {
      await world.injectAsync(ALICE, requestOf(call, 'ACK'));
      call.current = undefined;
      expect(sent(), what).toEqual({ alice: [], bob: [] });
    }
  } else if (call.request !== undefined) {
    if (step === 'final') await answer(isCancelled ? 487 : call.status);
    else await answer(step === 'ring' ? 180 : 183);
  }
}

async function play(seed: number, shards: number, hasCancels: boolean): Promise<void> {
  const random = new Random(seed);
  const calls = new Map<string, Call>();
  for (let i = 0; i < 5; i++) calls.set(`c${i}`, planCall(random, `c${i}`, hasCancels && i % 2 === 0));
  const world = makeWorld({ shards, limits: SMALL, seed, key: seed % 2 === 0 ? 'transaction' : 'call-id', routes: routesOf(calls) });
  const open = [...calls.values()];
  while (open.length > 0) {
    const at = random.below(open.length);
    const call = open[at]!;
    const step = call.steps.shift()!;
    await take(world, call, step, `seed ${seed}, ${shards} shards, call ${call.id}: ${step}, then ${call.steps.join(' ')}`);
    if (call.steps.length === 0) open.splice(at, 1);
    await world.advanceByAsync(1);
    expect(world.takeSent().filter(({ method }) => method !== 'ACK' && method !== 'CANCEL'), `seed ${seed}`).toEqual([]);
  }
  let refused = 0;
  for (const { id, runs, relays, request } of calls.values()) {
    expect([runs, relays], `seed ${seed}, call ${id}`).toEqual([1, [request !== undefined]]);
    if (request === undefined) refused++;
  }
  expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(calls.size);
  expect(world.viaduct.counter(C_SCRIPT_LATE)).toBe(refused);
  await world.finishAsync();
  expect([world.viaduct.counter(C_SERVER_TX_ALIVE), world.viaduct.counter(C_CLIENT_TX_ALIVE), world.viaduct.storedBytes()], `seed ${seed}`).toEqual([0, 0, 0]);
}

describe.each([1, 2, 4])('in any order, %i shards', (shards) => {
  it('a retransmitted INVITE gets the last response, and the script runs once', async () => {
    for (let seed = 1; seed <= 30; seed++) await play(seed, shards, false);
  });

  it('a CANCEL stops a script that has not relayed yet, and only such a one', async () => {
    for (let seed = 1001; seed <= 1030; seed++) await play(seed, shards, true);
  });
});
