/** What scripts do wrong, or late, and must not get away with: each of these was a bug once. */
import { describe, expect, it } from 'vitest';
import type { RouteReply, RouteRequest, Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_SCRIPT_ERRORS, C_SCRIPT_LATE, C_SCRIPT_NO_ACTION, C_SCRIPT_SUSPENDED } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, Stage, relayAll } from './stage.js';

/** Lets everything go on that is waiting for a settled promise. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

describe('a script that holds on to a request', () => {
  it('does nothing to another call with it', () => {
    const held: RouteRequest[] = [];
    const stage = new Stage({ request: (req) => void held.push(req) });
    stage.receive(requestText('INVITE', { callId: 'one', branch: 'z9hG4bK-one' }));
    stage.receive(requestText('INVITE', { callId: 'two', branch: 'z9hG4bK-two' }));
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([500, 500]);
    expect(held[0]!.relay(`sip:x@${CAROL}`)).toBe(false);
    expect(held[1]!.reply(200)).toBe(false);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_SCRIPT_LATE)).toBe(2);
    expect(stage.count(C_SCRIPT_NO_ACTION)).toBe(2);
    expect(() => held[0]!.callId).toThrow(/over/);
    expect(() => held[0]!.headers.get('To')).toThrow(/over/);
  });

  it('cannot send bytes of a stateless request that are gone', () => {
    const held: RouteRequest[] = [];
    const stage = new Stage({ request: (req) => void (held.push(req), req.relay()) });
    stage.receive(requestText('ACK'));
    stage.take();
    expect(held[0]!.relay()).toBe(false);
    expect(stage.take()).toEqual([]);
  });

  it('cannot read a response once its handler has ended', () => {
    const held: RouteReply[] = [];
    const stage = new Stage({ ...relayAll, reply: (res) => void held.push(res) });
    stage.receive(requestText('INVITE'));
    stage.receive(responseText(stage.takeOne(BOB), 180), BOB);
    expect(() => held[0]!.status).toThrow(/over/);
    expect(held[0]!.drop()).toBe(false);
  });
});

describe('a handler that is pending', () => {
  it('sets the clock when it goes on, so that timers count from then', async () => {
    const gate = deferred();
    const stage = new Stage({
      request: async (req) => {
        await gate.promise;
        req.relay();
      },
    });
    stage.receive(requestText('INVITE'));
    // The driver has slept meanwhile: nobody advanced the clock.
    const wokenMs = stage.nowMs + 800;
    stage.engines[0]!.onWake = () => {
      stage.engines[0]!.advance(wokenMs);
    };
    gate.resolve();
    await settle();
    stage.nowMs = wokenMs;
    expect(stage.take(BOB)).toHaveLength(1);
    stage.advanceBy(490);
    expect(stage.take(BOB)).toEqual([]);
    stage.advanceBy(20);
    expect(stage.take(BOB)).toHaveLength(1);
  });

  it('is followed by the failure handler when its branches have failed', async () => {
    const audit = deferred();
    const seen: number[] = [];
    const routes: Routes = {
      request: async (req) => {
        await Promise.resolve();
        req.relay(`sip:b@${BOB}`);
        await audit.promise;
      },
      failure(failure) {
        seen.push(failure.status);
        if (seen.length === 1) failure.relay(`sip:c@${CAROL}`);
      },
    };
    const stage = new Stage(routes);
    stage.receive(requestText('INVITE'));
    await settle();
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    stage.take(BOB);
    expect(stage.take(ALICE).filter(({ status }) => status > 100)).toEqual([]);
    audit.resolve();
    await settle();
    stage.receive(responseText(stage.takeOne(CAROL), 480), CAROL);
    // Of two that are as good the first stays the best.
    expect(seen).toEqual([486, 486]);
    expect(stage.takeOne(ALICE).status).toBe(486);
  });

  it('is bounded in time: 500 to an INVITE after Timer C, silence to anything else', async () => {
    const stage = new Stage({ request: () => new Promise<void>(() => {}) });
    stage.receive(requestText('INVITE'));
    stage.receive(requestText('OPTIONS', { branch: 'z9hG4bK-options' }));
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([100]);
    stage.advanceBy(184_000);
    expect(stage.take(ALICE)).toEqual([]);
    stage.advanceBy(1200);
    expect(stage.takeOne(ALICE).startLine).toBe('SIP/2.0 500 Server Internal Error');
    stage.advanceBy(60_000);
    await settle();
    expect(stage.engines[0]!.pending()).toBe(0);
    expect(stage.count(C_SCRIPT_ERRORS)).toBe(1);
  });

  it('may settle as oddly as it likes', async () => {
    const twice = { then: (done: () => void) => { done(); done(); } };
    const throwing = { then: () => { throw new Error('on purpose'); } };
    for (const odd of [twice, throwing]) {
      const stage = new Stage({ request: () => odd as unknown as Promise<void> });
      stage.receive(requestText('OPTIONS'));
      await settle();
      expect(stage.takeOne(ALICE).status).toBe(500);
      expect(stage.engines[0]!.suspended()).toBe(0);
      expect(stage.count(C_SCRIPT_SUSPENDED)).toBe(0);
    }
  });
});

describe('the proxy', () => {
  it('cancels and acknowledges a request that has as many header fields as are allowed', () => {
    const stage = new Stage({ request: (req) => { req.recordRoute(); req.headers.add('X-One', '1'); req.relay(); } });
    const headers = Array.from({ length: 247 }, (_, n) => `X-${n}: ${n}`);
    stage.receive(requestText('INVITE', { headers }));
    const invite = stage.takeOne(BOB);
    stage.receive(responseText(invite, 180), BOB);
    stage.receive(requestText('CANCEL'));
    expect(stage.takeOne(BOB).method).toBe('CANCEL');
    stage.receive(responseText(invite, 487), BOB);
    expect(stage.takeOne(BOB).method).toBe('ACK');
  });

  it('takes a Route that names it without its mark off, but proves nothing by it', () => {
    const seen: boolean[] = [];
    const stage = new Stage({ request: (req) => { seen.push(req.looseRouted); req.relay(); } });
    stage.receive(requestText('INVITE', { headers: ['Route: <sip:10.0.0.1:5060;lr>'] }));
    expect(stage.takeOne(BOB).header('route')).toBe('');
    expect(seen).toEqual([false]);
  });

  it('brings a 2xx up behind the script’s own refusal: the call exists', () => {
    const stage = new Stage({ request: (req) => { req.relay(); req.reply(486); } });
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.take(ALICE);
    stage.receive(responseText(invite, 200), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
  });

  it('says in the log which target cannot be reached, and why', () => {
    const stage = new Stage({ request: (req) => void req.relay({ nextHop: '10.2.0.1:5060' }) });
    stage.receive(requestText('INVITE'));
    expect(stage.takeOne(ALICE).status).toBe(500);
    expect(stage.logged).toMatchObject([{ level: 'warn', fields: { target: { nextHop: '10.2.0.1:5060' } }, text: expect.stringContaining('no usable SIP URI') as string }]);
  });
});
