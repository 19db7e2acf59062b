/** Corners of CANCEL and of failures that only the mutation check missed: each test here is the one that catches a fault. */
import { expect, it } from 'vitest';
import type { Routes } from '../../src/script/api.js';
import { requestText } from '../../src/sim/sent-message.js';
import { C_SCRIPT_RUNS } from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, CAROL, invite, labels, makeWorld } from './relay-world.js';

const CANCEL = requestText('CANCEL');

it('a failure of a ringing branch is acknowledged at once, without being sent again', () => {
  const world = makeWorld();
  const request = invite(world);
  answer(world, request, 180);
  answer(world, request, 486);
  const ack = world.takeOne(BOB);
  expect(ack.label).toBe('ACK');
  expect(ack.branch).toBe(request.branch);
  expect(labels(world.takeSent(ALICE))).toEqual(['180', '486']);
});

it('a ringing branch that stays silent after its CANCEL is given up 64·T1 later, and the caller gets 487', () => {
  const world = makeWorld();
  const request = invite(world);
  answer(world, request, 180);
  world.inject(ALICE, CANCEL);
  answer(world, world.takeOne(BOB), 200);
  world.takeSent();
  world.advanceBy(31_990);
  expect(world.takeSent()).toEqual([]);
  world.advanceBy(30);
  expect(labels(world.takeSent())).toEqual(['487']);
});

it('a CANCEL behind the failure leaves its transaction alone: the INVITE that comes again gets the same failure', () => {
  const world = makeWorld();
  answer(world, invite(world), 486);
  const failure = world.takeOne(ALICE);
  world.takeSent();
  world.inject(ALICE, CANCEL);
  expect(labels(world.takeSent())).toEqual(['200']);
  world.inject(ALICE, requestText('INVITE'));
  expect(world.takeOne(ALICE).text).toBe(failure.text);
  expect(world.takeSent(BOB)).toEqual([]);
  expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(1);
});

it('a script that relayed, awaits and relays again is refused the second relay when the caller has cancelled meanwhile', async () => {
  const relayed: boolean[] = [];
  const routes: Routes = {
    async request(req) {
      relayed.push(req.relay(`sip:bob@${BOB}`));
      await world.sleep(1000);
      relayed.push(req.relay(`sip:carol@${CAROL}`));
    },
  };
  const world = makeWorld({ routes });
  await world.injectAsync(ALICE, requestText('INVITE'));
  const request = world.takeOne(BOB);
  answer(world, request, 180);
  await world.injectAsync(ALICE, CANCEL);
  await world.advanceByAsync(2000);
  expect(relayed).toEqual([true, false]);
  expect(world.takeSent(CAROL)).toEqual([]);
  world.takeSent();
  answer(world, request, 487);
  expect(labels(world.takeSent(ALICE))).toEqual(['487']);
});

it('a CANCEL that matches nothing and may take no further hop is answered 483, and goes nowhere', () => {
  const world = makeWorld();
  world.inject(ALICE, requestText('CANCEL', { maxForwards: 0 }));
  expect(labels(world.takeSent(ALICE))).toEqual(['483']);
  expect(world.takeSent()).toEqual([]);
});
