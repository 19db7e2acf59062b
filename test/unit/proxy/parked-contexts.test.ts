/**
 * Contexts that wait for later handlers do without their parts: whoever reads one, whenever, sees the request as it was, and
 * what the script has left with it is still there.
 */
import { describe, expect, it } from 'vitest';
import type { RouteRequest, Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { ALICE, BOB, CAROL, settled, Stage } from './stage.js';

const ALICE_OTHER_PORT = '10.1.0.1:7777';

function facts(req: RouteRequest): unknown {
  return [req.method, req.uri.toString(), req.from.toString(), req.to.toString(), req.callId, req.cseq, req.maxForwards, req.source, req.body, req.headers.getAll('Subject'), req.inDialog, req.looseRouted, req.hasRoute, req.state];
}

const INVITE = requestText('INVITE', { headers: ['Subject: one', 'X-Out: 1', 'Subject: two'], body: 'v=0', maxForwards: 9, cseq: 7 });

describe.each([false, true])('a context that is kept (shared memory: %s)', (sharedMemory) => {
  it('is the same to a failure handler, its source, headers and changes too, though other calls came in between', () => {
    const seen: unknown[] = [];
    const requests: RouteRequest[] = [];
    const routes: Routes = {
      request(req) {
        if (req.callId !== 'call-1') return void req.relay(`sip:x@${CAROL}`);
        req.state['who'] = 'alice';
        req.headers.remove('X-Out');
        req.headers.add('X-In', '2');
        req.recordRoute();
        seen.push(facts(req));
        requests.push(req);
        return void req.relay(`sip:b@${BOB}`);
      },
      failure(failure) {
        requests.push(failure.request);
        seen.push(facts(failure.request));
        failure.relay(`sip:c@${CAROL}`);
      },
    };
    const stage = new Stage(routes, { sharedMemory });
    stage.receive(INVITE, ALICE_OTHER_PORT);
    const toBob = stage.takeOne(BOB);
    for (let other = 0; other < 20; other++) stage.receive(requestText('INVITE', { callId: `other-${other}`, branch: `z9hG4bK-other-${other}`, headers: ['Subject: other'] }), BOB);
    stage.take();
    stage.receive(responseText(toBob, 486), BOB);
    expect(requests[1]).toBe(requests[0]);
    expect(seen[1]).toEqual(seen[0]);
    expect(seen[1]).toContainEqual({ protocol: 'udp', address: '10.1.0.1', port: 7777 });
    const toCarol = stage.takeOne(CAROL);
    expect(toCarol.headers('x-in')).toEqual(['2']);
    expect(toCarol.headers('x-out')).toEqual([]);
    expect(toCarol.headers('record-route')).toEqual(toBob.headers('record-route'));
    expect(toCarol.body).toBe(toBob.body);
    // The second failure, behind a context that was read and put away again.
    stage.receive(responseText(toCarol, 480), CAROL);
    expect(seen).toHaveLength(3);
    expect(seen[2]).toEqual(seen[0]);
  });

  it('can be read and acted on by a script that has held on to it, until its transaction is over', async () => {
    let later: (() => void) | undefined;
    let held: RouteRequest | undefined;
    const seen: unknown[] = [];
    const routes: Routes = {
      request(req) {
        held = req;
        // Nothing waits for this: the handler has ended when it goes on.
        void new Promise<void>((resolve) => (later = resolve)).then(() => seen.push(facts(req), req.relay(`sip:c@${CAROL}`)));
        req.relay(`sip:b@${BOB}`);
      },
      reply() {},
    };
    const stage = new Stage(routes, { sharedMemory });
    stage.receive(INVITE);
    const toBob = stage.takeOne(BOB);
    const headers = held!.headers;
    later!();
    await settled();
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe(true);
    expect(stage.takeOne(CAROL).body).toBe('v=0');
    expect(headers.get('X-Out')).toBe('1');
    stage.receive(responseText(toBob, 200), BOB);
    expect(() => held!.callId).toThrow('is over');
    expect(() => held!.headers).toThrow('is over');
    expect(() => headers.get('X-Out')).toThrow('is over');
    expect(held!.relay(`sip:d@${CAROL}`)).toBe(false);
  });

  it('is read by a cancel handler, and answered from when it was never read again', () => {
    const seen: unknown[] = [];
    const routes: Routes = { request: (req) => void req.relay(`sip:b@${BOB}`), cancel: (req) => void seen.push([req.method, req.callId, req.source.port, req.headers.getAll('Subject')]) };
    const stage = new Stage(routes, { sharedMemory });
    stage.receive(INVITE);
    stage.receive(responseText(stage.takeOne(BOB), 180), BOB);
    stage.take();
    stage.receive(requestText('CANCEL', { cseq: 7, headers: [] }));
    expect(seen).toEqual([['INVITE', 'call-1', 5060, ['one', 'two']]]);
    expect(stage.take(BOB).map(({ method }) => method)).toEqual(['CANCEL']);
    // Bob says nothing more: 487 is made from the stored request.
    stage.advanceBy(40_000);
    const final = stage.take(ALICE).find(({ status }) => status >= 300)!;
    expect([final.status, final.header('call-id'), final.header('cseq')]).toEqual([487, 'call-1', '7 INVITE']);
    stage.advanceBy(400_000);
    expect(stage.leftovers()).toEqual({});
  });
});
