/**
 * No transaction outlives its timers: whatever a peer or a script does, a request gets its final response or is given up,
 * and tables and store are empty when the last timer has fired.
 */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText, type SentMessage } from '../../../src/sim/sent-message.js';
import { C_DROP_LAST_VIA, C_DROP_TOO_LONG, C_SCRIPT_ERRORS, C_SERVER_TX } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, relayAll, settled, Stage, type StageOptions } from './stage.js';

const ALL_TIMERS_MS = 400_000;

function expectNothingLeft(stage: Stage): void {
  stage.advanceBy(ALL_TIMERS_MS);
  expect(stage.leftovers()).toEqual({});
}

/** A response with our Via and none below it. */
function withoutCallersVia(request: SentMessage, status: number): string {
  return responseText(request, status).replace(/Via: SIP\/2\.0\/UDP 10\.1\.0\.1.*\r\n/, '');
}

const LONG = 'x'.repeat(1200);

describe.each([false, true])('with the outbox in the engine’s memory: %s', (sharedMemory) => {
  const stageOf = (routes: Routes, options: StageOptions = {}): Stage => new Stage(routes, { sharedMemory, ...options });

  it.each([200, 486, 503])('a %i that has no Via below ours is dropped, and its branch ends by its timers', (status) => {
    const stage = stageOf(relayAll);
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(withoutCallersVia(stage.takeOne(BOB), status), BOB);
    expect(stage.count(C_DROP_LAST_VIA)).toBe(1);
    expect(stage.take()).toEqual([]);
    stage.advanceBy(33_000);
    expect(stage.take(ALICE)[0]?.status).toBe(408);
    expectNothingLeft(stage);
  });

  it('a 200 to a BYE that has no Via below ours is dropped, and its branch ends by its timers', () => {
    const stage = stageOf(relayAll);
    stage.receive(requestText('BYE'));
    stage.receive(withoutCallersVia(stage.takeOne(BOB), 200), BOB);
    expect(stage.take(ALICE)).toEqual([]);
    expectNothingLeft(stage);
  });

  it('a 180 that has no Via below ours is dropped, and the call goes on', () => {
    const stage = stageOf(relayAll);
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.receive(withoutCallersVia(invite, 180), BOB);
    stage.take(ALICE);
    stage.receive(responseText(invite, 200), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
    expectNothingLeft(stage);
  });

  it.each(['INVITE', 'MESSAGE'])('a %s whose answer would not fit a datagram ends without one', (method) => {
    const stage = stageOf({ request: (req) => void req.reply(404) }, { limits: { datagramBytes: 1300 } });
    stage.receive(requestText(method, { from: `<sip:${LONG}@10.1.0.1>;tag=a1` }));
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_TOO_LONG)).toBeGreaterThan(0);
    expectNothingLeft(stage);
  });

  it.each(['INVITE', 'MESSAGE'])('a %s that cannot be relayed nor answered in one datagram ends without an answer', (method) => {
    const stage = stageOf(relayAll, { limits: { datagramBytes: 1300 } });
    stage.receive(requestText(method, { from: `<sip:${LONG}@10.1.0.1>;tag=a1` }));
    expect(stage.take()).toEqual([]);
    expectNothingLeft(stage);
  });

  it.each([
    ['throws', { request: () => { throw new Error('on purpose'); } }],
    ['does nothing', { request: () => {} }],
    ['rejects', { request: () => Promise.reject(new Error('on purpose')) }],
  ] satisfies [string, Routes][])('a request that cannot be answered ends when its script %s', async (_, routes) => {
    const stage = stageOf(routes, { limits: { datagramBytes: 1300 } });
    stage.receive(requestText('INVITE', { from: `<sip:${LONG}@10.1.0.1>;tag=a1` }));
    await settled();
    expectNothingLeft(stage);
  });

  it.each(['Max-Forwards: 0', 'Proxy-Require: foo'])('a request with %s that cannot be answered ends', (line) => {
    const stage = stageOf(relayAll, { limits: { datagramBytes: 1300 } });
    stage.receive(requestText('INVITE', { maxForwards: -1, from: `<sip:${LONG}@10.1.0.1>;tag=a1`, headers: [line] }));
    expect(stage.count(C_SERVER_TX)).toBe(1);
    expectNothingLeft(stage);
  });

  it('a CANCEL whose answer would not fit a datagram is obeyed, and ends', () => {
    const stage = stageOf(relayAll, { limits: { datagramBytes: 1300 } });
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.receive(responseText(invite, 180), BOB);
    stage.take();
    stage.receive(requestText('CANCEL', { from: `<sip:${LONG}@10.1.0.1>;tag=a1`, headers: [] }));
    expect(stage.take().map(({ label }) => label)).toEqual(['CANCEL']);
    expectNothingLeft(stage);
  });

  it('a final response that grows beyond a datagram by the reply handler is answered for by the proxy', () => {
    const stage = stageOf(
      { request: relayAll.request, reply: (res) => { res.headers.add('X-Long', LONG); } },
      { limits: { datagramBytes: 1300 } },
    );
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    expect(stage.takeOne(ALICE).status).toBe(502);
    expectNothingLeft(stage);
  });

  it('a failure handler that relays to nobody sends the best response', () => {
    const stage = stageOf({ request: relayAll.request, failure: (failure) => void failure.relay([]) });
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    expect(stage.takeOne(ALICE).status).toBe(486);
    expectNothingLeft(stage);
  });

  it('a failure handler whose targets are all unusable sends the best response', () => {
    const stage = stageOf({ request: relayAll.request, failure: (failure) => void failure.relay(['sip:nobody@name.example']) });
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    expect(stage.takeOne(ALICE).status).toBe(486);
    expectNothingLeft(stage);
  });

  it('a request that its script relays to nobody is answered 480 (RFC 3261 §16.5)', () => {
    const stage = stageOf({ request: (req) => void req.relay([]) });
    stage.receive(requestText('INVITE'));
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([480]);
    expectNothingLeft(stage);
  });

  it('an async reply or cancel handler that rejects is counted, and takes nobody down', async () => {
    const reject = (): unknown => Promise.reject(new Error('on purpose'));
    // The types let a script return a promise where nothing is wanted.
    const fail: () => void = reject;
    const stage = stageOf({ request: relayAll.request, reply: fail, cancel: fail });
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.receive(responseText(invite, 180), BOB);
    stage.receive(requestText('CANCEL', { headers: [] }));
    await settled();
    expect(stage.count(C_SCRIPT_ERRORS)).toBe(2);
    stage.receive(responseText(invite, 487), BOB);
    expectNothingLeft(stage);
    await settled();
  });

  it('a full send queue loses messages like a network, and the timers make up for it', () => {
    const stage = stageOf(relayAll);
    stage.queueFull = true;
    stage.receive(requestText('INVITE'));
    expect(stage.take()).toEqual([]);
    stage.advanceBy(400);
    stage.queueFull = false;
    stage.advanceBy(200);
    expect(stage.takeOne(BOB).method).toBe('INVITE');
    expectNothingLeft(stage);
  });

  it('a queue that is full when the final response comes loses no call', () => {
    const stage = stageOf(relayAll);
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.take();
    stage.queueFull = true;
    stage.receive(responseText(invite, 486), BOB);
    stage.queueFull = false;
    stage.advanceBy(600);
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([486]);
    expectNothingLeft(stage);
  });

  it.each(['INVITE', 'OPTIONS'])('%s requests that find a full table leave nothing behind', (method) => {
    for (const limits of [{ transactions: 3 }, { branches: 3 }]) {
      const stage = stageOf(relayAll, { limits });
      for (let i = 0; i < 8; i++) stage.receive(requestText(method, { branch: `z9hG4bK-${i}`, callId: `c${i}` }));
      const statuses = stage.take(ALICE).map(({ status }) => status);
      expect(statuses).toContain(503);
      expectNothingLeft(stage);
    }
  });

  it('transactions end when nobody answers, forks and failure handlers included', () => {
    const fork: Routes = {
      request: (req) => void req.relay([`sip:bob@${BOB}`, `sip:carol@${CAROL}`]),
      failure: (failure) => void failure.relay(`sip:third@${CAROL}`),
    };
    const stage = stageOf(fork);
    for (let i = 0; i < 20; i++) {
      const method = ['INVITE', 'MESSAGE', 'BYE', 'FOO'][i % 4]!;
      stage.receive(requestText(method, { branch: `z9hG4bK-${i}`, callId: `c${i}` }));
    }
    expectNothingLeft(stage);
  });
});
