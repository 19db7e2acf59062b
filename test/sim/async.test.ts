/** Scripts that await: the transaction is suspended, the shard is not. */
import { expect, it } from 'vitest';
import type { Routes } from '../../src/script/api.js';
import { requestText, responseText } from '../../src/sim/sent-message.js';
import type { World } from '../../src/sim/world.js';
import {
  C_CLIENT_TX,
  C_RETRANSMISSIONS_IN,
  C_SCRIPT_ERRORS,
  C_SCRIPT_LATE,
  C_SCRIPT_RUNS,
  C_SCRIPT_SUSPENDED,
  C_SERVER_TX_ALIVE,
} from '../../src/telemetry/counters.js';
import { ALICE, BOB, labels, makeWorld } from './relay-world.js';

const INVITE = requestText('INVITE');
const CANCEL = requestText('CANCEL', { headers: [] });

/** A world whose script awaits `ms`, then relays. `relayed` collects what `relay()` said. */
function waitingWorld(ms: number): { readonly world: World; readonly relayed: boolean[]; readonly aborted: boolean[] } {
  const relayed: boolean[] = [];
  const aborted: boolean[] = [];
  const routes: Routes = {
    async request(req) {
      await world.sleep(ms);
      aborted.push(req.signal.aborted);
      relayed.push(req.relay());
    },
  };
  const world = makeWorld({ routes, shards: 2 });
  return { world, relayed, aborted };
}

it('relays when the script goes on', async () => {
  const { world, relayed } = waitingWorld(300);
  await world.injectAsync(ALICE, INVITE);
  expect(labels(world.takeSent())).toEqual(['100']);
  expect(world.viaduct.counter(C_SCRIPT_SUSPENDED)).toBe(1);
  expect(world.viaduct.suspended()).toBe(1);
  await world.advanceByAsync(299);
  expect(world.takeSent()).toEqual([]);
  await world.advanceByAsync(1);
  const request = world.takeOne(BOB);
  expect(request.label).toBe('INVITE');
  expect(relayed).toEqual([true]);
  expect(world.viaduct.suspended()).toBe(0);
  world.inject(BOB, responseText(request, 180));
  expect(labels(world.takeSent(ALICE))).toEqual(['180']);
});

it('times retransmissions from when the request went out, not from when it came in', async () => {
  const { world } = waitingWorld(304);
  await world.injectAsync(ALICE, INVITE);
  await world.advanceByAsync(5000);
  const times = world.takeSent(BOB).map(({ atMs }) => atMs - 1003 - 304);
  expect(times).toHaveLength(4);
  [0, 500, 1500, 3500].forEach((due, i) => {
    expect(times[i]).toBeGreaterThanOrEqual(due);
    expect(times[i]).toBeLessThanOrEqual(due + 10);
  });
});

it('absorbs retransmissions while the script is suspended, and runs it once', async () => {
  const { world } = waitingWorld(2000);
  await world.injectAsync(ALICE, INVITE);
  await world.advanceByAsync(500);
  await world.injectAsync(ALICE, INVITE);
  await world.advanceByAsync(1000);
  await world.injectAsync(ALICE, INVITE);
  expect(labels(world.takeSent())).toEqual(['100', '100', '100']);
  expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(1);
  expect(world.viaduct.counter(C_RETRANSMISSIONS_IN)).toBe(2);
  await world.advanceByAsync(600);
  expect(labels(world.takeSent(BOB))).toEqual(['INVITE']);
});

it('answers a CANCEL with 200 and the INVITE with 487 at once, and refuses the late relay', async () => {
  const { world, relayed, aborted } = waitingWorld(1000);
  await world.injectAsync(ALICE, INVITE);
  world.takeSent();
  await world.advanceByAsync(200);
  await world.injectAsync(ALICE, CANCEL);
  const sent = world.takeSent();
  expect(labels(sent)).toEqual(['200', '487']);
  expect(sent.map((message) => message.header('cseq'))).toEqual(['1 CANCEL', '1 INVITE']);
  await world.injectAsync(ALICE, requestText('ACK', { to: sent[1]!.header('to') }));
  await world.advanceByAsync(1000);
  expect(relayed).toEqual([false]);
  expect(aborted).toEqual([true]);
  expect(world.viaduct.counter(C_SCRIPT_LATE)).toBe(1);
  expect(world.viaduct.counter(C_CLIENT_TX)).toBe(0);
  await world.finishAsync();
  expect(world.takeSent()).toEqual([]);
  expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  expect(world.viaduct.nextDeadlineMs()).toBe(Infinity);
});

it('refuses the late relay also when the transaction is long gone', async () => {
  const { world, relayed } = waitingWorld(90_000);
  await world.injectAsync(ALICE, INVITE);
  await world.injectAsync(ALICE, CANCEL);
  await world.finishAsync();
  expect(relayed).toEqual([false]);
  expect(world.takeSent(BOB)).toEqual([]);
  expect(world.viaduct.suspended()).toBe(0);
  expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
});

it('answers 500 when an async script throws', async () => {
  const routes: Routes = {
    async request() {
      await world.sleep(50);
      throw new Error('planned by the test');
    },
  };
  const world = makeWorld({ routes });
  await world.injectAsync(ALICE, INVITE);
  await world.advanceByAsync(60);
  expect(labels(world.takeSent(ALICE))).toEqual(['100', '500']);
  expect(world.viaduct.counter(C_SCRIPT_ERRORS)).toBe(1);
});

it('lets a script act first and await afterwards', async () => {
  const routes: Routes = {
    async request(req) {
      req.relay();
      await world.sleep(50);
    },
  };
  const world = makeWorld({ routes });
  await world.injectAsync(ALICE, INVITE);
  const request = world.takeOne(BOB);
  world.inject(BOB, responseText(request, 486));
  expect(labels(world.takeSent(ALICE))).toEqual(['100', '486']);
  await world.finishAsync();
  expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
});

it('lets a 2xx through that crosses a later refusal by the script', async () => {
  const replied: boolean[] = [];
  const routes: Routes = {
    async request(req) {
      req.relay();
      await world.sleep(100);
      replied.push(req.reply(480));
    },
  };
  const world = makeWorld({ routes });
  await world.injectAsync(ALICE, INVITE);
  const request = world.takeOne(BOB);
  await world.injectAsync(BOB, responseText(request, 180));
  await world.advanceByAsync(100);
  expect(replied).toEqual([true]);
  expect(labels(world.takeSent(ALICE))).toEqual(['100', '180', '480']);
  expect(labels(world.takeSent(BOB))).toEqual(['CANCEL']);
  await world.injectAsync(BOB, responseText(request, 200));
  expect(labels(world.takeSent(ALICE))).toEqual(['200']);
});

it('resends nothing for a suspended request other than INVITE', async () => {
  const { world } = waitingWorld(1000);
  await world.injectAsync(ALICE, requestText('OPTIONS'));
  await world.injectAsync(ALICE, requestText('OPTIONS'));
  expect(world.takeSent()).toEqual([]);
  await world.advanceByAsync(1000);
  expect(labels(world.takeSent(BOB))).toEqual(['OPTIONS']);
});
