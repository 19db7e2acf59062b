/** Requests other than INVITE (RFC 3261 §17.1.2, §17.2.2; RFC 4320): what is never sent, and what a CANCEL does to them. */
import { describe, expect, it } from 'vitest';
import { requestText, responseText, type SentMessage } from '../../src/sim/sent-message.js';
import type { World } from '../../src/sim/world.js';
import {
  C_CANCELS_MATCHED,
  C_CANCELS_UNMATCHED,
  C_CLIENT_TX_ALIVE,
  C_DROP_LATE_RESPONSE,
  C_RETRANSMISSIONS_IN,
  C_SCRIPT_RUNS,
  C_SERVER_TX_ALIVE,
  C_STATELESS_RESPONSES,
} from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, CAROL, labels, makeWorld, SMALL } from './relay-world.js';

const METHODS = ['OPTIONS', 'BYE', 'MESSAGE', 'X-OWN'];

/** Alice sends a request; what Bob gets. */
function request(world: World, method: string): SentMessage {
  world.inject(ALICE, requestText(method));
  return world.takeOne(BOB);
}

const worldOf = (shards = 1): World => makeWorld({ shards, limits: SMALL });

function expectNothingLeft(world: World): void {
  world.finish();
  expect([world.viaduct.counter(C_SERVER_TX_ALIVE), world.viaduct.counter(C_CLIENT_TX_ALIVE), world.viaduct.storedBytes()]).toEqual([0, 0, 0]);
}

describe.each(METHODS)('a %s', (method) => {
  it.each([200, 404])('that is answered %i when its time is over: the answer goes nowhere', (status) => {
    const world = worldOf();
    const sent = request(world, method);
    world.advanceBy(32_500);
    world.takeSent();
    answer(world, sent, status);
    answer(world, sent, 100);
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_DROP_LATE_RESPONSE)).toBe(2);
    expect(world.viaduct.counter(C_STATELESS_RESPONSES)).toBe(0);
    expectNothingLeft(world);
  });

  it('that nobody has answered by the time that Timer E reaches T2 gets a 100, and no sooner', () => {
    const world = worldOf();
    const sent = request(world, method);
    world.advanceBy(3_490);
    expect(labels(world.takeSent(ALICE))).toEqual([]);
    world.advanceBy(20);
    expect(labels(world.takeSent(ALICE))).toEqual(['100']);
    world.advanceBy(20_000);
    expect(labels(world.takeSent(ALICE))).toEqual([]);
    world.inject(ALICE, requestText(method));
    expect(labels(world.takeSent(ALICE))).toEqual(['100']);
    answer(world, sent, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    world.takeSent();
    expectNothingLeft(world);
  });

  it.each([100, 180, 183])('whose callee says %i early gets its 100 when it is time', (status) => {
    const world = worldOf();
    const sent = request(world, method);
    answer(world, sent, status);
    world.advanceBy(4_490);
    expect(labels(world.takeSent(ALICE))).toEqual([]);
    world.advanceBy(20);
    expect(labels(world.takeSent(ALICE))).toEqual(['100']);
    answer(world, sent, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    world.takeSent();
    expectNothingLeft(world);
  });

  it('that is answered 408 by the callee: that goes nowhere, and the request that comes again is absorbed', () => {
    const world = worldOf();
    const sent = request(world, method);
    world.advanceBy(3000);
    world.takeSent();
    answer(world, sent, 408);
    world.inject(ALICE, requestText(method));
    world.advanceBy(20_000);
    world.inject(ALICE, requestText(method));
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(1);
    expect(world.viaduct.counter(C_RETRANSMISSIONS_IN)).toBe(2);
    expectNothingLeft(world);
  });

  it('has one final response: another that comes later is absorbed', () => {
    const world = worldOf();
    const sent = request(world, method);
    answer(world, sent, 200);
    expect(labels(world.takeSent())).toEqual(['200']);
    for (const ms of [10, 6000, 25_000, 40_000]) {
      world.advanceBy(ms);
      answer(world, sent, 404);
      answer(world, sent, 200);
    }
    expect(world.takeSent()).toEqual([]);
  });

  it('that a crash has made the proxy forget is answered: the branch proves the response', () => {
    const world = worldOf(2);
    world.advanceBy(100_000);
    const sent = request(world, method);
    world.viaduct.crash(0);
    world.viaduct.crash(1);
    world.advanceBy(20_000);
    answer(world, sent, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
  });

  it.each([1, 4])('is not cancelled by a CANCEL, which gets 200 in any state, and nothing else happens, %i shards', (shards) => {
    const world = worldOf(shards);
    const cancel = requestText('CANCEL', { headers: [] });
    const sent = request(world, method);
    world.inject(ALICE, cancel);
    expect(labels(world.takeSent())).toEqual(['200']);
    world.inject(ALICE, cancel);
    expect(labels(world.takeSent())).toEqual(['200']);
    answer(world, sent, 200);
    expect(world.takeSent().map((message) => message.header('cseq'))).toEqual([`1 ${method}`]);
    world.inject(ALICE, cancel);
    expect(labels(world.takeSent())).toEqual(['200']);
    expect([world.viaduct.counter(C_CANCELS_MATCHED), world.viaduct.counter(C_CANCELS_UNMATCHED)]).toEqual([1, 0]);
    expectNothingLeft(world);
  });

  it('that is over already: a CANCEL that comes first then gets 200, and has no effect', () => {
    const world = worldOf(4);
    answer(world, request(world, method), 200);
    world.takeSent();
    world.inject(ALICE, requestText('CANCEL', { headers: [] }));
    expect(labels(world.takeSent())).toEqual(['200']);
    expect(world.viaduct.counter(C_CANCELS_MATCHED)).toBe(1);
  });
});

it('a forked request is answered by the better of two failures, and 408 is worse than any', () => {
  const routes = { request: (req: { relay(targets: readonly string[]): boolean }) => void req.relay([`sip:bob@${BOB}`, `sip:carol@${CAROL}`]) };
  const world = makeWorld({ routes, limits: SMALL });
  world.inject(ALICE, requestText('OPTIONS'));
  const [bob, carol] = [world.takeOne(BOB), world.takeOne(CAROL)];
  world.inject(BOB, responseText(bob, 408));
  world.inject(CAROL, responseText(carol, 404));
  expect(labels(world.takeSent(ALICE))).toEqual(['404']);
  // Nobody cancels the branches of a request other than INVITE (§9.1).
  expect(world.takeSent()).toEqual([]);
});
