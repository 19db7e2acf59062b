/**
 * Handlers whose promise never settles: the caller gets its final response in bounded time all the same, and nothing of the
 * call is kept but the promise itself.
 */
import { describe, expect, it } from 'vitest';
import type { RouteFailure, RouteRequest, Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_SCRIPT_ERRORS, C_SCRIPT_LATE } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, relayAll, settled, Stage } from './stage.js';

const HOUR_MS = 3_600_000;
/** 64·T1, the bound for an INVITE, and half of it for anything else. */
const BOUND_MS = { INVITE: 32_000, MESSAGE: 16_000 };

/** A promise that waits until the test wants it to go on. */
class Gate {
  open!: () => void;
  readonly promise = new Promise<void>((resolve) => { this.open = resolve; });
}

/** What is left is the handler that hangs, and nothing else. */
function expectOnlyTheHandler(stage: Stage): void {
  stage.advanceBy(HOUR_MS);
  expect(stage.leftovers()).toEqual({ scriptSuspended: 1 });
}

const finals = (stage: Stage): number[] => stage.take(ALICE).map(({ status }) => status).filter((status) => status >= 200);

/** The routes of a script that relays and hangs, with what it holds in hand. */
function relayAndHang(): { readonly routes: Routes; readonly gate: Gate; readonly requests: RouteRequest[]; readonly late: unknown[] } {
  const gate = new Gate();
  const requests: RouteRequest[] = [];
  const late: unknown[] = [];
  const routes: Routes = {
    async request(req) {
      requests.push(req);
      req.relay();
      await gate.promise;
      late.push(req.relay(), req.reply(480), req.callId);
    },
    failure() {},
  };
  return { routes, gate, requests, late };
}

describe.each(['INVITE', 'MESSAGE'] as const)('a handler of %s that never settles', (method) => {
  const boundMs = BOUND_MS[method];

  it('behind its relay, with a failure handler: the best response goes up when its time is over', async () => {
    const { routes, gate, requests, late } = relayAndHang();
    const stage = new Stage(routes);
    stage.receive(requestText(method));
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    stage.advanceBy(boundMs - 100);
    expect(finals(stage)).toEqual([]);
    const { signal } = requests[0]!;
    expect(signal.aborted).toBe(false);
    stage.advanceBy(200);
    expect(finals(stage)[0]).toBe(486);
    expect(signal.aborted).toBe(true);
    expect(stage.count(C_SCRIPT_ERRORS)).toBe(1);
    expect(stage.logged.filter(({ level }) => level === 'error')).toHaveLength(1);
    expectOnlyTheHandler(stage);
    stage.take();
    gate.open();
    await settled();
    // It can still be read, and has no effect any more.
    expect(late).toEqual([false, false, requestText(method).match(/Call-ID: (.*)\r/)![1]]);
    expect(stage.count(C_SCRIPT_LATE)).toBe(2);
    expect(stage.take()).toEqual([]);
    expect(stage.leftovers()).toEqual({});
  });

  it('behind its relay, with a silent callee: 408 to an INVITE, silence to anything else', () => {
    const stage = new Stage(relayAndHang().routes);
    stage.receive(requestText(method));
    stage.advanceBy(32_000 + boundMs + 1000);
    expect(finals(stage)[0]).toBe(method === 'INVITE' ? 408 : undefined);
    expectOnlyTheHandler(stage);
  });

  it('in the failure handler, behind a second relay: the best response goes up', async () => {
    const gate = new Gate();
    const stage = new Stage({
      request: relayAll.request,
      async failure(failure) {
        failure.relay(`sip:carol@${CAROL}`);
        await gate.promise;
      },
    });
    stage.receive(requestText(method));
    stage.receive(responseText(stage.takeOne(BOB), 404), BOB);
    stage.advanceBy(boundMs - 1000);
    stage.take(BOB);
    // The time begins when the last branch has ended, not when the handler did.
    stage.receive(responseText(stage.take(CAROL)[0]!, 486), CAROL);
    stage.advanceBy(boundMs - 100);
    expect(finals(stage)).toEqual([]);
    stage.advanceBy(200);
    expect(finals(stage)[0]).toBe(404);
    expect(stage.count(C_SCRIPT_ERRORS)).toBe(1);
    expectOnlyTheHandler(stage);
    gate.open();
    await settled();
    expect(stage.leftovers()).toEqual({});
  });

  it('in the failure handler, which waited before its relay: the time begins anew', async () => {
    const gate = new Gate();
    const stage = new Stage({
      request: relayAll.request,
      async failure(failure) {
        await gate.promise;
        failure.relay(`sip:carol@${CAROL}`);
        await new Promise(() => {});
      },
    });
    stage.receive(requestText(method));
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    stage.advanceBy(boundMs - 2000);
    gate.open();
    await settled();
    stage.receive(responseText(stage.take(CAROL)[0]!, 486), CAROL);
    stage.advanceBy(boundMs - 100);
    expect(finals(stage)).toEqual([]);
    stage.advanceBy(200);
    expect(finals(stage)[0]).toBe(486);
    expectOnlyTheHandler(stage);
  });

  it('in the failure handler, before it does anything: the best response goes up', () => {
    const failures: RouteFailure[] = [];
    const stage = new Stage({
      request: relayAll.request,
      failure(failure) {
        failures.push(failure);
        return new Promise(() => {});
      },
    });
    stage.receive(requestText(method));
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    stage.advanceBy(boundMs + 100);
    expect(finals(stage)[0]).toBe(486);
    expect(failures[0]!.relay(`sip:carol@${CAROL}`)).toBe(false);
    expect(stage.count(C_SCRIPT_LATE)).toBe(1);
    expectOnlyTheHandler(stage);
  });

  it('behind targets that cannot be tried: the best response goes up', () => {
    const stage = new Stage({
      request(req) {
        req.relay([]);
        return new Promise(() => {});
      },
      failure() {},
    });
    stage.receive(requestText(method));
    stage.advanceBy(boundMs + 100);
    expect(finals(stage)[0]).toBe(480);
    expectOnlyTheHandler(stage);
  });

  it('gets no more time by trying again what cannot be tried', () => {
    const { routes, requests } = relayAndHang();
    const stage = new Stage(routes);
    stage.receive(requestText(method));
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    stage.advanceBy(boundMs - 1000);
    expect(requests[0]!.relay([])).toBe(false);
    stage.advanceBy(1100);
    expect(finals(stage)).toContain(486);
    expectOnlyTheHandler(stage);
  });

  it('behind its relay, and the callee accepts: the message is not kept for it', async () => {
    const { routes, gate, late } = relayAndHang();
    const stage = new Stage(routes);
    stage.receive(requestText(method));
    stage.receive(responseText(stage.takeOne(BOB), 200), BOB);
    expect(finals(stage)).toEqual([200]);
    expectOnlyTheHandler(stage);
    gate.open();
    await settled();
    expect(late.slice(0, 2)).toEqual([false, false]);
    expect(stage.leftovers()).toEqual({});
  });

  it('before it does anything', () => {
    const stage = new Stage({ request: () => new Promise(() => {}), failure() {} });
    stage.receive(requestText(method));
    stage.advanceBy(186_000);
    expect(finals(stage)[0]).toBe(method === 'INVITE' ? 500 : undefined);
    expectOnlyTheHandler(stage);
  });

  it('behind an answer of its own', () => {
    const stage = new Stage({
      request(req) {
        req.reply(404);
        return new Promise(() => {});
      },
    });
    stage.receive(requestText(method));
    expect(finals(stage)).toEqual([404]);
    expectOnlyTheHandler(stage);
  });
});

it('a handler that never settles keeps nothing of a call that its caller has cancelled', () => {
  const stage = new Stage({ request: () => new Promise(() => {}), failure() {} });
  stage.receive(requestText('INVITE'));
  stage.receive(requestText('CANCEL', { headers: [] }));
  expectOnlyTheHandler(stage);
});

it('a handler of an ACK that waits relays it whole, and keeps nothing if it never does', async () => {
  const gate = new Gate();
  const seen: string[] = [];
  const stage = new Stage({
    async request(req) {
      const { headers } = req;
      headers.add('X-Waited', 'yes');
      await gate.promise;
      seen.push(req.callId, headers.get('X-Waited') ?? '');
      req.relay();
      seen.push(req.callId);
    },
  });
  const ack = requestText('ACK', { branch: 'z9hG4bK-ack' });
  stage.receive(ack);
  expectOnlyTheHandler(stage);
  gate.open();
  await settled();
  const relayed = stage.takeOne(BOB);
  expect(relayed.method).toBe('ACK');
  expect(relayed.header('x-waited')).toBe('yes');
  expect(seen).toEqual([relayed.header('call-id'), 'yes', relayed.header('call-id')]);
  expect(stage.leftovers()).toEqual({});
});
