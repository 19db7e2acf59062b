/** What a routing script sees of a request, and what becomes of what it does. */
import { describe, expect, it } from 'vitest';
import { ScriptError, type RouteRequest, type Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_SCRIPT_ERRORS, C_SCRIPT_LATE, C_SCRIPT_NO_ACTION, C_SCRIPT_SUSPENDED } from '../../../src/telemetry/counters.js';
import { ALICE, ALICE_V6, BOB, CAROL, relayAll, settled, Stage, V4, V6 } from '../proxy/stage.js';

/** Runs a script on one request. */
function seen<T>(text: string, read: (req: RouteRequest) => T, from = ALICE): T {
  let result: T | undefined;
  let error: Error | undefined;
  const routes: Routes = {
    request(req) {
      try {
        result = read(req);
      } catch (caught) {
        error = caught as Error;
      }
      req.reply(404);
    },
  };
  const stage = new Stage(routes, { listeners: [V4, V6] });
  stage.receive(text, from);
  if (error !== undefined) throw error;
  return result!;
}

describe('a request', () => {
  it('is seen in parts', () => {
    const text = requestText('INVITE', { from: '"A" <sip:a@b>;tag=1', cseq: 7, body: 'gr\xc3\xbc\xc3\x9f', maxForwards: 9 });
    expect(
      seen(text, (req) => [req.method, req.uri.user, req.from.displayName, req.to.uri.host, req.callId, req.cseq, req.maxForwards, req.body, req.source]),
    ).toEqual(['INVITE', 'bob', 'A', '10.2.0.1', 'call-1', 7, 9, 'grüß', { protocol: 'udp', address: '10.1.0.1', port: 5060 }]);
  });

  it('has a method as written, and undefined where there is no Max-Forwards', () => {
    expect(seen(requestText('Foo', { maxForwards: -1 }), (req) => [req.method, req.maxForwards])).toEqual(['Foo', undefined]);
  });

  it('has an IPv6 source without brackets', () => {
    expect(seen(requestText('INVITE'), (req) => req.source.address, ALICE_V6)).toBe('2001:db8::a');
  });

  it('is in a dialog when it has a To tag', () => {
    expect(seen(requestText('INVITE'), (req) => req.inDialog)).toBe(false);
    expect(seen(requestText('INVITE', { to: '<sip:b@c>;tag=1' }), (req) => req.inDialog)).toBe(true);
  });

  it('has the Request-URI that a script set, and refuses one that is none', () => {
    expect(seen(requestText('INVITE'), (req) => { req.uri = 'sip:x@y;p'; return [req.uri.user, req.uri.param('p')]; })).toEqual(['x', '']);
    expect(() => seen(requestText('INVITE'), (req) => { req.uri = 'not a uri'; })).toThrow(ScriptError);
  });

  it('is no transaction that exists already', () => {
    expect(seen(requestText('INVITE'), (req) => req.checkTransaction())).toBe(false);
  });

  it('has a log that names shard and Call-ID', () => {
    const stage = new Stage({ request(req) { req.log.warn('hello', { more: 1 }); req.reply(404); } });
    stage.receive(requestText('INVITE'));
    expect(stage.logged).toHaveLength(1);
    expect(stage.logged[0]).toMatchObject({ level: 'warn', text: 'hello', fields: { shard: 0, callId: 'call-1', more: 1 } });
  });

  it('leaves nothing to the next request', () => {
    const states: unknown[] = [];
    const stage = new Stage({
      request(req) {
        states.push([{ ...req.state }, req.uri.toString(), req.headers.get('X-New'), req.signal.aborted]);
        req.state['a'] = 1;
        req.uri = 'sip:changed@h';
        req.headers.add('X-New', '1');
        req.recordRoute();
        req.relay({ nextHop: `sip:${BOB}` });
      },
    });
    for (let i = 0; i < 3; i++) stage.receive(requestText('MESSAGE', { branch: `z9hG4bK-${i}` }));
    expect(states).toEqual(Array(3).fill([{}, 'sip:bob@10.2.0.1:5060', undefined, false]));
    for (const out of stage.take(BOB)) expect([out.headers('x-new'), out.headers('record-route')]).toEqual([['1'], ['<sip:10.0.0.1:5060;lr;vd=0000>']]);
  });
});

describe('the answer of a script', () => {
  it.each([99, 700, 200.5, NaN])('is refused with status %d', (status) => {
    expect(() => seen(requestText('INVITE'), (req) => req.reply(status))).toThrow(/status from 100 to 699/);
  });

  it('is refused when a final one went out, and counted', () => {
    const results: boolean[] = [];
    const stage = new Stage({ request(req) { results.push(req.reply(183), req.reply(486), req.reply(200), req.reply(180), req.relay()); } });
    stage.receive(requestText('INVITE'));
    expect(results).toEqual([true, true, false, false, false]);
    expect(stage.take().map(({ label }) => label)).toEqual(['183', '486']);
    expect(stage.count(C_SCRIPT_LATE)).toBe(3);
  });

  it('is 500 when it does nothing, throws or rejects', async () => {
    for (const [routes, counter] of [
      [{ request: () => {} }, C_SCRIPT_NO_ACTION],
      [{ request: (req) => void req.reply(183) }, C_SCRIPT_NO_ACTION],
      [{ request: async () => {} }, C_SCRIPT_NO_ACTION],
      [{ request: () => { throw new Error('on purpose'); } }, C_SCRIPT_ERRORS],
      [{ request: async () => { throw new Error('on purpose'); } }, C_SCRIPT_ERRORS],
    ] satisfies [Routes, number][]) {
      const stage = new Stage(routes);
      stage.receive(requestText('INVITE'));
      await settled();
      expect(stage.take(ALICE).at(-1)?.status).toBe(500);
      expect(stage.count(counter)).toBe(1);
    }
  });

  it('stands when the script throws behind it', () => {
    const stage = new Stage({ request(req) { req.reply(404); throw new Error('on purpose'); } });
    stage.receive(requestText('INVITE'));
    expect(stage.takeOne(ALICE).status).toBe(404);
    expect(stage.count(C_SCRIPT_ERRORS)).toBe(1);
    expect(stage.logged[0]).toMatchObject({ level: 'error', fields: { handler: 'request', callId: 'call-1' } });
  });
});

describe('a pending handler', () => {
  it('holds its transaction: repetitions are absorbed, and its late relay works', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => { go = resolve; });
    let runs = 0;
    const stage = new Stage({ async request(req) { runs++; await gate; req.relay(); } });
    stage.receive(requestText('INVITE'));
    stage.receive(requestText('INVITE'));
    expect(stage.take(ALICE).map(({ label }) => label)).toEqual(['100', '100']);
    expect([runs, stage.count(C_SCRIPT_SUSPENDED), stage.engines[0]!.suspended()]).toEqual([1, 1, 1]);
    let woken = 0;
    stage.engines[0]!.onWork = () => { woken++; };
    go();
    await settled();
    expect(woken).toBeGreaterThan(0);
    expect(stage.takeOne(BOB).method).toBe('INVITE');
    expect(stage.engines[0]!.suspended()).toBe(0);
  });

  it('may act on its request until the very end, whatever came in between', async () => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => { go = resolve; });
    const stage = new Stage({
      async request(req) {
        if (req.method !== 'INVITE') return void req.reply(200);
        await gate;
        req.headers.add('X-Late', req.headers.get('Subject') ?? '');
        req.relay();
      },
    });
    stage.receive(requestText('INVITE', { headers: ['Subject: mine'] }));
    for (let i = 0; i < 50; i++) stage.receive(requestText('OPTIONS', { branch: `z9hG4bK-o${i}`, headers: ['Subject: other'] }));
    stage.take();
    go();
    await settled();
    expect(stage.takeOne(BOB).header('x-late')).toBe('mine');
  });

  it.each(['cancelled', 'answered by its branch'])('of a call that was %s does nothing any more', async (how) => {
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => { go = resolve; });
    const results: unknown[] = [];
    const stage = new Stage({
      async request(req) {
        if (req.method !== 'INVITE') return;
        if (how !== 'cancelled') req.relay();
        const { signal } = req;
        await gate;
        results.push(req.relay(`sip:${CAROL}`), req.reply(486), signal.aborted, req.headers.get('Call-ID'));
      },
    });
    stage.receive(requestText('INVITE'));
    if (how === 'cancelled') stage.receive(requestText('CANCEL', { headers: [] }));
    else stage.receive(responseText(stage.takeOne(BOB), 200), BOB);
    expect(stage.take(ALICE).map(({ label }) => label).at(-1)).toBe(how === 'cancelled' ? '487' : '200');
    go();
    await settled();
    expect(results).toEqual([false, false, true, 'call-1']);
    expect(stage.take()).toEqual([]);
    stage.advanceBy(300_000);
    expect(stage.leftovers()).toEqual({});
  });
});

describe('a failure handler', () => {
  it('sees the best status and the request, and its further target competes', () => {
    const seenByHandler: unknown[] = [];
    const stage = new Stage({
      request(req) {
        req.state['tries'] = 1;
        req.headers.add('X-Script', '1');
        req.relay();
      },
      failure(failure) {
        seenByHandler.push([failure.status, failure.reason, failure.local, failure.request.callId, failure.state['tries'], failure.request.checkTransaction()]);
        if (seenByHandler.length === 1) failure.relay(`sip:x@${CAROL}`);
      },
    });
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 486, { reason: 'Busy Bob' }), BOB);
    const second = stage.takeOne(CAROL);
    expect(second.headers('x-script')).toEqual(['1']);
    stage.receive(responseText(second, 404, { reason: 'Nope' }), CAROL);
    expect(seenByHandler).toEqual([
      [486, 'Busy Bob', false, 'call-1', 1, true],
      [486, 'Busy Bob', false, 'call-1', 1, true],
    ]);
    expect(stage.takeOne(ALICE).startLine).toBe('SIP/2.0 486 Busy Bob');
  });

  it('tells a timeout and an unreachable target as local', () => {
    const locals: unknown[] = [];
    const stage = new Stage({ request: (req) => void req.relay(req.callId === 'name' ? 'sip:x@name.example' : undefined), failure: (failure) => void locals.push([failure.status, failure.local]) });
    stage.receive(requestText('INVITE', { callId: 'name' }));
    stage.receive(requestText('INVITE', { branch: 'z9hG4bK-2' }));
    stage.advanceBy(33_000);
    expect(locals).toEqual([[404, true], [408, true]]);
  });

  it('ends with the best response when it throws, rejects or does nothing', async () => {
    for (const failure of [() => { throw new Error('on purpose'); }, () => Promise.reject(new Error('on purpose')), () => {}, async () => {}]) {
      const stage = new Stage({ request: relayAll.request, failure });
      stage.receive(requestText('INVITE'));
      stage.take(ALICE);
      stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
      await settled();
      expect(stage.takeOne(ALICE).status).toBe(486);
      stage.advanceBy(300_000);
      expect(stage.leftovers()).toEqual({});
    }
  });

  it('that always tries again comes to an end', () => {
    let runs = 0;
    const stage = new Stage({ request: relayAll.request, failure(failure) { runs++; failure.relay('sip:x@name.example'); } });
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 486), BOB);
    expect(runs).toBe(7);
    // What tells the caller most: the failure of a branch ties with an unknown name, and the first stays.
    expect(stage.takeOne(ALICE).status).toBe(486);
  });

  it('of a script that came while the call was on sees the request with its Route set', () => {
    const stage = new Stage(relayAll);
    const route = `<sip:${CAROL};lr>`;
    // Another request before it, with a Route set of another shape, in the context that will be used again.
    stage.receive(requestText('BYE', { branch: 'z9hG4bK-0', uri: 'sip:10.0.0.1:5060;lr;vd=0000', routes: ['<sip:10.0.0.1;lr>', `<sip:${BOB}>`] }));
    stage.receive(requestText('INVITE', { routes: ['<sip:10.0.0.1;lr>', route] }));
    const first = stage.take(CAROL)[0]!;
    stage.receive(requestText('BYE', { branch: 'z9hG4bK-3', uri: 'sip:10.0.0.1:5060;lr;vd=0000', routes: ['<sip:10.0.0.1;lr>', `<sip:${BOB}>`] }));
    stage.engines[0]!.setRoutes({ request: relayAll.request, failure: (failure) => void failure.relay('sip:again@h.example') });
    stage.take();
    stage.receive(responseText(first, 486), CAROL);
    const again = stage.take(CAROL).find(({ method }) => method === 'INVITE')!;
    expect(again.uri).toBe('sip:again@h.example');
    expect(again.headers('route')).toEqual([route]);
  });
});

describe('a reply handler', () => {
  it('sees responses on their way, changes and drops them', () => {
    const seenByHandler: unknown[] = [];
    const stage = new Stage({
      request(req) { req.state['a'] = 1; req.relay(); },
      reply(res) {
        seenByHandler.push([res.status, res.reason, res.method, res.callId, res.state['a'], res.source.address, res.drop()]);
        res.headers.add('X-Seen', String(seenByHandler.length));
      },
    });
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    const invite = stage.takeOne(BOB);
    stage.receive(responseText(invite, 180, { reason: 'R' }), BOB);
    stage.receive(responseText(invite, 200, { reason: 'OK' }), BOB);
    expect(seenByHandler).toEqual([
      [180, 'R', 'INVITE', 'call-1', 1, '10.2.0.1', true],
      [200, 'OK', 'INVITE', 'call-1', 1, '10.2.0.1', false],
    ]);
    const up = stage.takeOne(ALICE);
    expect([up.status, up.headers('x-seen')]).toEqual([200, ['2']]);
  });

  it('that throws lets the response go', () => {
    const stage = new Stage({ request: relayAll.request, reply: () => { throw new Error('on purpose'); } });
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 200), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
    expect(stage.count(C_SCRIPT_ERRORS)).toBe(1);
  });
});
