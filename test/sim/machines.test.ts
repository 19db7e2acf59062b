/** The four transaction state machines (RFC 3261 §17, RFC 6026) through the real engine, to the tick. */
import { describe, expect, it } from 'vitest';
import { requestText } from '../../src/sim/sent-message.js';
import {
  C_ACK_TIMEOUTS,
  C_CLIENT_TX_ALIVE,
  C_RETRANSMISSIONS_IN,
  C_SCRIPT_RUNS,
  C_SERVER_TX_ALIVE,
  C_STATELESS_RESPONSES,
} from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, expectTimes, invite, labels, makeWorld, sentTo } from './relay-world.js';

const TIMER_A = [500, 1500, 3500, 7500, 15_500, 31_500];
const CAPPED = [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500];

describe('INVITE client transaction', () => {
  it('retransmits by Timer A, doubling without a cap, and ends by Timer B with a 408 upstream', () => {
    const world = makeWorld();
    invite(world);
    world.advanceBy(40_000);
    expectTimes(sentTo(world, BOB).map(({ atMs }) => atMs), 1003, TIMER_A);
    const [timeout] = world.takeSent(ALICE);
    expect(timeout?.label).toBe('408');
    expectTimes([timeout!.atMs], 1003, [32_000]);
  });

  it('retransmits the same bytes', () => {
    const world = makeWorld();
    const first = invite(world);
    world.advanceBy(10_000);
    for (const again of world.takeSent(BOB)) expect(again.text).toBe(first.text);
  });

  it('stops retransmitting after a provisional response', () => {
    const world = makeWorld();
    const request = invite(world);
    world.advanceBy(1600);
    expect(labels(world.takeSent(BOB))).toEqual(['INVITE', 'INVITE']);
    answer(world, request, 180);
    world.advanceBy(100_000);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it.each([300, 302, 404, 486, 500, 603])('acknowledges a %i by itself, and again when it comes again', (status) => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, status);
    const ack = world.takeOne(BOB);
    expect(ack.label).toBe('ACK');
    expect(ack.branch).toBe(request.branch);
    expect(ack.uri).toBe(request.uri);
    expect(ack.vias).toHaveLength(1);
    expect(ack.header('to')).toBe('<sip:bob@10.2.0.1>;tag=b1');
    expect(ack.header('from')).toBe(request.header('from'));
    expect(ack.header('call-id')).toBe(request.header('call-id'));
    expect(ack.header('cseq')).toBe('1 ACK');
    expect(labels(world.takeSent(ALICE))).toEqual([String(status)]);
    answer(world, request, status);
    expect(world.takeOne(BOB).text).toBe(ack.text);
    expect(world.takeSent(ALICE)).toEqual([]);
  });

  it('absorbs a final response for Timer D, then is gone', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 486);
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    world.takeSent();
    world.advanceBy(31_990);
    expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(1);
    answer(world, request, 486);
    expect(labels(world.takeSent())).toEqual(['ACK']);
    world.advanceBy(30);
    expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(0);
  });

  it('forwards every 2xx while Accepted, for Timer M, and statelessly after it', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    world.advanceBy(31_900);
    answer(world, request, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(1);
    world.advanceBy(200);
    expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(0);
    answer(world, request, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    expect(world.viaduct.counter(C_STATELESS_RESPONSES)).toBe(1);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it('forwards each of several 2xx with different tags', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 200, BOB, 'b1');
    answer(world, request, 200, BOB, 'b2');
    expect(world.takeSent(ALICE).map((message) => message.header('to'))).toEqual([
      '<sip:bob@10.2.0.1>;tag=b1',
      '<sip:bob@10.2.0.1>;tag=b2',
    ]);
  });

  it('drops a provisional response that comes after the final one', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 200);
    world.takeSent(ALICE);
    answer(world, request, 180);
    expect(world.takeSent(ALICE)).toEqual([]);
  });

  it('cancels a branch that rings longer than Timer C, which 180 resets and 100 does not', () => {
    const world = makeWorld({ timers: { timerCMs: 185_000 } });
    const request = invite(world);
    answer(world, request, 180);
    world.advanceBy(100_000);
    answer(world, request, 180);
    world.advanceBy(50_000);
    answer(world, request, 100);
    world.takeSent();
    world.advanceBy(134_990);
    expect(world.takeSent(BOB)).toEqual([]);
    world.advanceBy(30);
    const cancel = world.takeOne(BOB);
    expect(cancel.label).toBe('CANCEL');
    expect(cancel.branch).toBe(request.branch);
    expectTimes([cancel.atMs], 1003 + 100_000, [185_000]);
  });
});

describe('non-INVITE client transaction', () => {
  it('retransmits by Timer E, doubling up to T2, until Timer F, and sends no 408 (RFC 4320)', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('OPTIONS'));
    world.takeOne(BOB);
    world.advanceBy(60_000);
    expectTimes(sentTo(world, BOB).map(({ atMs }) => atMs), 1003, CAPPED);
    expect(labels(world.takeSent(ALICE)).filter((label) => label !== '100')).toEqual([]);
  });

  it('retransmits every T2 while Proceeding', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('OPTIONS'));
    const request = world.takeOne(BOB);
    world.advanceBy(600);
    answer(world, request, 183);
    world.advanceBy(60_000);
    const times = sentTo(world, BOB).map(({ atMs }) => atMs);
    expectTimes(times, 1003, [500, 1500, 5500, 9500, 13_500, 17_500, 21_500, 25_500, 29_500]);
  });

  it('absorbs a final response that comes again during Timer K, then is gone', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('OPTIONS'));
    const request = world.takeOne(BOB);
    answer(world, request, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    world.advanceBy(4_990);
    answer(world, request, 200);
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(1);
    world.advanceBy(30);
    expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(0);
  });
});

describe('INVITE server transaction', () => {
  it('answers 100 at once, before the callee said anything', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('INVITE'));
    const trying = world.takeOne(ALICE);
    expect(trying.label).toBe('100');
    expect(trying.atMs).toBe(1003);
    expect(trying.header('to')).not.toContain('tag=');
  });

  it('sends the last provisional response again for a retransmission, and runs the script once', () => {
    const world = makeWorld();
    const request = invite(world);
    world.inject(ALICE, requestText('INVITE'));
    expect(labels(world.takeSent())).toEqual(['100']);
    answer(world, request, 183);
    const progress = world.takeOne(ALICE);
    world.inject(ALICE, requestText('INVITE'));
    expect(world.takeOne(ALICE).text).toBe(progress.text);
    expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(1);
    expect(world.viaduct.counter(C_RETRANSMISSIONS_IN)).toBe(2);
  });

  it('does not forward 100', () => {
    const world = makeWorld();
    answer(world, invite(world), 100);
    expect(world.takeSent(ALICE)).toEqual([]);
  });

  it('repeats a non-2xx final by Timer G, doubling up to T2, until Timer H', () => {
    const world = makeWorld();
    const request = invite(world);
    world.advanceBy(204);
    answer(world, request, 486);
    world.takeSent(ALICE);
    world.advanceBy(60_000);
    expectTimes(sentTo(world, ALICE).map(({ atMs }) => atMs), 1207, CAPPED);
    expect(world.viaduct.counter(C_ACK_TIMEOUTS)).toBe(1);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  });

  it('sends the final again for a retransmitted INVITE, and nothing after the ACK', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 486);
    world.takeSent();
    world.advanceBy(100);
    world.inject(ALICE, requestText('INVITE'));
    expect(labels(world.takeSent())).toEqual(['486']);
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    world.inject(ALICE, requestText('INVITE'));
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    world.advanceBy(4000);
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(1);
    world.advanceBy(1100);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  });

  it('absorbs a retransmitted INVITE while Accepted, for Timer L', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 200);
    world.takeSent();
    world.advanceBy(31_900);
    world.inject(ALICE, requestText('INVITE'));
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(1);
    world.advanceBy(200);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  });

  it('never repeats a 2xx by itself', () => {
    const world = makeWorld();
    answer(world, invite(world), 200);
    world.takeSent();
    world.advanceBy(60_000);
    expect(world.takeSent()).toEqual([]);
  });
});

describe('non-INVITE server transaction', () => {
  it('absorbs retransmissions silently while Trying', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('OPTIONS'));
    world.takeSent();
    world.inject(ALICE, requestText('OPTIONS'));
    expect(world.takeSent()).toEqual([]);
  });

  it('sends the last provisional response again while Proceeding', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('OPTIONS'));
    world.advanceBy(3_510);
    const progress = world.takeOne(ALICE);
    expect(progress.status).toBe(100);
    world.inject(ALICE, requestText('OPTIONS'));
    expect(world.takeOne(ALICE).text).toBe(progress.text);
  });

  it('sends the final again for Timer J, then is gone', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('OPTIONS'));
    answer(world, world.takeOne(BOB), 200);
    const final = world.takeOne(ALICE);
    world.advanceBy(31_990);
    world.inject(ALICE, requestText('OPTIONS'));
    expect(world.takeOne(ALICE).text).toBe(final.text);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(1);
    world.advanceBy(30);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  });
});

it('leaves nothing behind when a call is over', () => {
  const world = makeWorld();
  answer(world, invite(world), 200);
  const [ok] = world.takeSent(ALICE);
  const routes = ok!.headers('record-route');
  const dialog = { routes, to: ok!.header('to'), uri: 'sip:bob@10.2.0.1:5060' };
  world.inject(ALICE, requestText('ACK', { ...dialog, branch: 'z9hG4bK-2' }));
  world.inject(ALICE, requestText('BYE', { ...dialog, branch: 'z9hG4bK-3', cseq: 2 }));
  const [ack, bye] = world.takeSent(BOB);
  expect([ack?.label, bye?.label]).toEqual(['ACK', 'BYE']);
  answer(world, bye!, 200);
  expect(labels(world.takeSent(ALICE))).toEqual(['200']);
  world.finish();
  expect(world.takeSent()).toEqual([]);
  expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(0);
  expect(world.viaduct.nextDeadlineMs()).toBe(Infinity);
  expect(world.viaduct.pending()).toBe(0);
});
