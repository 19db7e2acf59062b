/** The CANCEL (RFC 3261 §9.1) and the ACK to a failure (§17.1.1.3) that a branch sends. */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText, type SentMessage } from '../../../src/sim/sent-message.js';
import { C_CANCELS_UNMATCHED } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, relayAll, settled, Stage } from './stage.js';

const ROUTES = ['<sip:10.2.0.1:5060;lr>', '<sip:next.example;lr>'];
const HEADERS = ['Contact: <sip:a@b>', 'Require: 100rel', 'Proxy-Authorization: x', 'Reason: SIP;cause=1', 'Content-Type: a/b'];

/** An INVITE with a Route set and much else, on its branch; `from` and `to` in odd forms. */
function branchOf(stage: Stage, more: readonly string[] = []): SentMessage {
  const text = requestText('INVITE', { uri: 'sip:bob@far.example;x=y', routes: ROUTES, headers: [...HEADERS, ...more], cseq: 4711, body: 'v=0' });
  stage.receive(text.replace('From:', 'f :').replace('CSeq: 4711 INVITE', 'CSEQ : 4711\r\n INVITE'));
  stage.take(ALICE);
  return stage.takeOne(BOB);
}

function expectLike(message: SentMessage, invite: SentMessage, method: string): void {
  expect(message.startLine).toBe(`${method} sip:bob@far.example;x=y SIP/2.0`);
  expect(message.headers('via')).toEqual([invite.headers('via')[0]]);
  expect(message.headers('route')).toEqual(ROUTES);
  expect(message.headers('max-forwards')).toEqual(['70']);
  expect(message.headers('from')).toEqual(invite.headers('from'));
  expect(message.headers('call-id')).toEqual(['call-1']);
  expect(message.headers('cseq')).toEqual([`4711 ${method}`]);
  expect(message.headers('content-length')).toEqual(['0']);
  expect(message.body).toBe('');
  for (const name of ['contact', 'require', 'proxy-authorization', 'content-type']) expect(message.headers(name)).toEqual([]);
}

describe('the ACK to a failure', () => {
  it('is like its INVITE, with the To of the response', () => {
    const stage = new Stage(relayAll);
    const invite = branchOf(stage);
    stage.receive(responseText(invite, 486, { toTag: 'x;y=z' }).replace('To:', 't :\r\n '), BOB);
    const ack = stage.takeOne(BOB);
    expectLike(ack, invite, 'ACK');
    expect(ack.header('to')).toBe('<sip:bob@10.2.0.1>;tag=x;y=z');
    expect(ack.headers('reason')).toEqual([]);
    expect(stage.takeOne(ALICE).status).toBe(486);
  });

  it.each([false, true])('is sent again to a failure that comes again, while nothing else is kept of the INVITE (shared memory: %s)', (sharedMemory) => {
    const stage = new Stage(relayAll, { sharedMemory });
    const invite = branchOf(stage, [`X-Long: ${'x'.repeat(2000)}`]);
    const failure = responseText(invite, 486, { toTag: 'x;y=z' });
    stage.receive(failure, BOB);
    const ack = stage.takeOne(BOB);
    expect(stage.takeOne(ALICE).status).toBe(486);
    stage.receive(requestText('ACK', { cseq: 4711, to: '<sip:bob@10.2.0.1>;tag=x;y=z', headers: [] }));
    expect(stage.engines[0]!.storedBytes).toBeGreaterThan(0);
    expect(stage.engines[0]!.storedBytes).toBeLessThan(1000);
    for (let again = 0; again < 3; again++) {
      stage.receive(failure, BOB);
      expect(stage.takeOne(BOB).text).toBe(ack.text);
    }
    // Of another phone behind a fork that forwards all failures.
    stage.receive(responseText(invite, 480, { toTag: 'other' }), BOB);
    expect(stage.takeOne(BOB).text).toBe(ack.text.replace('tag=x;y=z', 'tag=other'));
  });

  it('is sent though the response has no To', () => {
    const stage = new Stage(relayAll);
    const invite = branchOf(stage);
    stage.receive(responseText(invite, 486).replace(/To: .*\r\n/, ''), BOB);
    expect(stage.takeOne(BOB).header('to')).toBe('<sip:bob@10.2.0.1>');
  });
});

describe('the CANCEL of a branch', () => {
  it('is like its INVITE, with the Reason of the CANCEL that came', () => {
    const stage = new Stage(relayAll);
    const invite = branchOf(stage);
    stage.receive(responseText(invite, 180), BOB);
    stage.take();
    stage.receive(requestText('CANCEL', { cseq: 4711, headers: ['Reason: SIP;cause=487', 'X-Other: 1'] }));
    const cancel = stage.takeOne(BOB);
    expectLike(cancel, invite, 'CANCEL');
    expect(cancel.header('to')).toBe('<sip:bob@10.2.0.1>');
    expect(cancel.headers('reason')).toEqual(['SIP;cause=487']);
    expect(cancel.headers('x-other')).toEqual([]);
  });

  it('waits for a provisional response, which may be a 100', () => {
    const stage = new Stage(relayAll);
    const invite = branchOf(stage);
    stage.receive(requestText('CANCEL', { cseq: 4711, headers: [] }));
    expect(stage.take(BOB)).toEqual([]);
    stage.receive(responseText(invite, 100), BOB);
    expectLike(stage.takeOne(BOB), invite, 'CANCEL');
  });

  it('keeps to its INVITE when the script has replaced From and To', () => {
    const stage = new Stage({
      request(req) {
        req.headers.replace('f', '<sip:hidden@h>;tag=a1');
        req.headers.replace('To', '<sip:other@h>');
        req.relay(`sip:x@${BOB}`);
      },
    });
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    expect(invite.headers('from')).toEqual(['<sip:hidden@h>;tag=a1']);
    stage.receive(responseText(invite, 180), BOB);
    stage.take();
    stage.receive(requestText('CANCEL', { headers: [] }));
    const cancel = stage.takeOne(BOB);
    expect([cancel.headers('from'), cancel.headers('to')]).toEqual([['<sip:hidden@h>;tag=a1'], ['<sip:other@h>']]);
  });
});

describe('a CANCEL whose INVITE is not known any more', () => {
  it.each([1, 2, 3, 4])('goes on statelessly with the branch that its INVITE had, from whichever of %i shards', (shards) => {
    for (let i = 0; i < 8; i++) {
      const stage = new Stage(relayAll, { shards });
      const branch = `z9hG4bK-${i}`;
      const home = stage.receive(requestText('INVITE', { branch }));
      const invite = stage.takeOne(BOB);
      stage.take();
      stage.restart(home, relayAll);
      stage.receive(requestText('CANCEL', { branch, headers: [] }));
      const cancel = stage.takeOne(BOB);
      expect(cancel.branch).toBe(invite.branch);
      expect(stage.count(C_CANCELS_UNMATCHED)).toBe(1);
      stage.receive(responseText(cancel, 200), BOB);
      expect(stage.takeOne(ALICE).header('cseq')).toBe('1 CANCEL');
      stage.advanceBy(300_000);
      // The shard that crashed took its counters along; the others are empty.
      expect(stage.engines.every((engine) => engine.storedBytes === 0 && engine.pending() === 0)).toBe(true);
    }
  });
});

describe('the signal of a pending handler', () => {
  const pending = (): { routes: Routes; seen: boolean[]; go: () => void } => {
    const seen: boolean[] = [];
    let go = (): void => {};
    const gate = new Promise<void>((resolve) => { go = resolve; });
    const routes: Routes = {
      async request(req) {
        if (req.method !== 'INVITE') return;
        req.relay([`sip:b@${BOB}`, `sip:c@${CAROL}`]);
        await gate;
        seen.push(req.signal.aborted);
      },
    };
    return { routes, seen, go };
  };

  it.each([
    ['a CANCEL that came before it was asked for', true],
    ['nothing', false],
  ])('is aborted by %s: %s', async (_, cancelled) => {
    const { routes, seen, go } = pending();
    const stage = new Stage(routes);
    stage.receive(requestText('INVITE'));
    if (cancelled) stage.receive(requestText('CANCEL', { headers: [] }));
    go();
    await settled();
    expect(seen).toEqual([cancelled]);
  });
});
