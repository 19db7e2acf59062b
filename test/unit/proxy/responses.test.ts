/** Responses on their way up (RFC 3261 §16.7, §16.11), and which of several goes. */
import { describe, expect, it } from 'vitest';
import { isBetter, responseRank } from '../../../src/proxy/best-response.js';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_CANCELS_OUT, C_DROP_BAD_ADDRESS, C_DROP_FORGED_RESPONSE, C_DROP_LAST_VIA, C_STATELESS_RESPONSES } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, relayAll, Stage } from './stage.js';

const fork: Routes = { request: (req) => void req.relay([`sip:b@${BOB}`, `sip:c@${CAROL}`]) };

/** Status that goes up when the branches of a fork answer these, in this order. */
function bestOf(method: string, first: number, second: number): number {
  const stage = new Stage(fork);
  stage.receive(requestText(method));
  const bob = stage.takeOne(BOB);
  const carol = stage.takeOne(CAROL);
  stage.receive(responseText(bob, first), BOB);
  stage.receive(responseText(carol, second), CAROL);
  return stage.take(ALICE).filter(({ status }) => status >= 200)[0]!.status;
}

describe('a response on its way up', () => {
  it('loses our Via and keeps every other byte', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    const invite = stage.takeOne(BOB);
    const text = responseText(invite, 183, { reason: 'S\xc3\xb6 it goes', headers: ['X-Odd : \t a\r\n  fold ', 's:'], body: '\0\xff\r\n' });
    stage.receive(text, BOB);
    expect(stage.takeOne(ALICE).text).toBe(text.replace(/Via: SIP\/2\.0\/UDP 10\.0\.0\.1.*\r\n/, ''));
  });

  it.each([
    ['on one line', 'Via: OURS, THEIRS', 'Via: THEIRS'],
    ['on one line, in odd forms', 'v:OURS ,\tTHEIRS', 'v:THEIRS'],
    ['folded', 'VIA : OURS,\r\n THEIRS', 'VIA : THEIRS'],
    ['with three on one line', 'Via: OURS, THEIRS, SIP/2.0/UDP third', 'Via: THEIRS, SIP/2.0/UDP third'],
    ['apart from each other', 'Via: OURS\r\nX-Between: 1\r\nv: THEIRS', 'X-Between: 1\r\nv: THEIRS'],
  ])('loses our Via from the others: %s', (_, before, after) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('OPTIONS'));
    const request = stage.takeOne(BOB);
    const fill = (text: string): string => text.replace('OURS', request.vias[0]!).replace('THEIRS', request.vias[1]!);
    const lines = `Via: ${request.vias[0]!}\r\nVia: ${request.vias[1]!}`;
    const text = responseText(request, 200);
    expect(text).toContain(lines);
    stage.receive(text.replace(lines, fill(before)), BOB);
    expect(stage.takeOne(ALICE).text).toBe(text.replace(lines, fill(after)));
  });

  it('goes up as 500 when it is a 503', () => {
    for (const routes of [relayAll, { ...relayAll, failure: () => {} } satisfies Routes]) {
      const stage = new Stage(routes);
      stage.receive(requestText('INVITE'));
      stage.take(ALICE);
      stage.receive(responseText(stage.takeOne(BOB), 503, { headers: ['Retry-After: 9', 'X-Kept: 1'] }), BOB);
      const up = stage.takeOne(ALICE);
      expect(up.startLine).toBe('SIP/2.0 500 Server Internal Error');
      expect(up.header('x-kept')).toBe('1');
    }
  });

  it('does not go up when it is a 100', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    stage.receive(responseText(stage.takeOne(BOB), 100), BOB);
    expect(stage.take(ALICE)).toEqual([]);
  });

  it('goes up without a transaction of ours in between when the branch proves itself', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE', { vias: ['SIP/2.0/UDP host.example:5070;branch=z9hG4bK-1;rport'] }), '10.1.0.1:40000');
    const invite = stage.takeOne(BOB);
    stage.take();
    stage.restart(0, relayAll);
    stage.receive(responseText(invite, 200), BOB);
    const up = stage.takeOne('10.1.0.1:40000');
    expect(up.vias).toEqual(['SIP/2.0/UDP host.example:5070;branch=z9hG4bK-1;rport=40000;received=10.1.0.1']);
    expect(stage.count(C_STATELESS_RESPONSES)).toBe(1);
  });

  it('of the last Via, without a transaction, is dropped', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.take();
    stage.restart(0, relayAll);
    stage.receive(responseText(invite, 200).replace(`Via: ${invite.vias[1]!}\r\n`, ''), BOB);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_LAST_VIA)).toBe(1);
  });

  it.each<[string, (text: string, branch: string) => string]>([
    ['another hash', (text, branch) => text.replace(branch, branch.slice(0, -1) + (branch.endsWith('0') ? '1' : '0'))],
    ['another target', (text, branch) => text.replace(branch, `${branch.slice(0, 13)}05${branch.slice(15)}`)],
    ['another next branch', (text) => text.replace('z9hG4bK-1', 'z9hG4bK-2')],
    ['another next host', (text) => text.replace('UDP 10.1.0.1:5060', 'UDP 10.1.0.2:5060')],
    ['another next port', (text) => text.replace('UDP 10.1.0.1:5060', 'UDP 10.1.0.1:5061')],
    ['a next Via that does not parse', (text) => text.replace('UDP 10.1.0.1:5060', 'UDP')],
    ['a branch that is not of our form', (text, branch) => text.replace(branch, 'z9hG4bKvd-foreign')],
  ])('with %s is forged, and dropped', (_, forge) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.take();
    stage.restart(0, relayAll);
    stage.receive(forge(responseText(invite, 200), invite.branch), BOB);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_FORGED_RESPONSE)).toBe(1);
  });

  it.each(['224.0.0.1', '255.255.255.255', '0.0.0.0', 'name'])('is not sent statelessly to %s', (received) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.take();
    stage.restart(0, relayAll);
    stage.receive(responseText(invite, 200).replace('z9hG4bK-1', `z9hG4bK-1;received=${received}`), BOB);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_BAD_ADDRESS)).toBe(1);
  });
});

describe('the best response', () => {
  it.each([
    [486, 404, 486],
    [404, 401, 401],
    [404, 407, 407],
    [486, 484, 484],
    [500, 404, 404],
    [302, 404, 302],
    [404, 302, 302],
    [408, 486, 486],
    [487, 480, 480],
    [503, 500, 500],
    [603, 302, 603],
    [404, 603, 603],
    [503, 502, 502],
  ])('of %i and %i is %i, for INVITE and others', (first, second, best) => {
    expect(bestOf('MESSAGE', first, second)).toBe(best);
    if (first < 600) expect(bestOf('INVITE', first, second)).toBe(best);
  });

  it('is the 2xx that comes at last', () => {
    expect(bestOf('INVITE', 486, 200)).toBe(200);
    expect(bestOf('MESSAGE', 603, 200)).toBe(200);
  });

  it('is in order for every pair of statuses: one of two wins, or the first stays', () => {
    for (let a = 300; a < 700; a++) {
      expect(isBetter(a, 0, false)).toBe(true);
      expect(isBetter(a, a, false)).toBe(false);
      for (let b = 300; b < 700; b += 7) expect(isBetter(a, b, false) && isBetter(b, a, false)).toBe(false);
    }
    expect(responseRank(600)).toBeLessThan(responseRank(300));
  });

  it.each([1, 2])('of a cancelled fork is 487, though branch %i was busy', (busy) => {
    const stage = new Stage(fork);
    stage.receive(requestText('INVITE'));
    stage.take(ALICE);
    const [bob, carol] = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    const [first, second, firstAt, secondAt] = busy === 1 ? [bob, carol, BOB, CAROL] : [carol, bob, CAROL, BOB];
    stage.receive(responseText(first, 486, { toTag: 'x' }), firstAt);
    stage.receive(responseText(second, 180, { toTag: 'y' }), secondAt);
    stage.receive(requestText('CANCEL'));
    stage.take();
    stage.receive(responseText(second, 487, { toTag: 'y' }), secondAt);
    expect(stage.takeOne(ALICE).status).toBe(487);
  });

  it('of a cancelled fork is a 6xx all the same', () => {
    const stage = new Stage(fork);
    stage.receive(requestText('INVITE'));
    const [bob, carol] = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    stage.receive(responseText(carol, 180, { toTag: 'y' }), CAROL);
    stage.receive(requestText('CANCEL'));
    stage.take();
    stage.receive(responseText(bob, 603, { toTag: 'x' }), BOB);
    stage.receive(responseText(carol, 487, { toTag: 'y' }), CAROL);
    expect(stage.takeOne(ALICE).status).toBe(603);
  });

  it('of a 6xx cancels the other branches of an INVITE at once, and goes up when they have ended', () => {
    const stage = new Stage(fork);
    stage.receive(requestText('INVITE'));
    const bob = stage.takeOne(BOB);
    const carol = stage.takeOne(CAROL);
    stage.receive(responseText(carol, 180), CAROL);
    stage.take();
    stage.receive(responseText(bob, 603), BOB);
    expect(stage.take(ALICE)).toEqual([]);
    expect(stage.takeOne(CAROL).method).toBe('CANCEL');
    stage.receive(responseText(carol, 487), CAROL);
    expect(stage.takeOne(ALICE).status).toBe(603);
    expect(stage.count(C_CANCELS_OUT)).toBe(1);
  });
});

describe('the challenges of several branches', () => {
  const WWW = ['WWW-Authenticate: Digest realm="b"'];
  const PROXY = ['Proxy-Authenticate: Digest realm="c"', 'Proxy-Authenticate: Digest realm="d"'];

  it.each([
    [401, WWW, 407, PROXY],
    [407, PROXY, 401, WWW],
    [401, WWW, 401, PROXY],
  ])('%i with %j and %i with %j go up in one response, each once', (first, firstLines, second, secondLines) => {
    const stage = new Stage(fork);
    stage.receive(requestText('INVITE'));
    const bob = stage.takeOne(BOB);
    const carol = stage.takeOne(CAROL);
    stage.take();
    stage.receive(responseText(bob, first, { headers: firstLines }), BOB);
    stage.receive(responseText(carol, second, { headers: secondLines }), CAROL);
    const up = stage.takeOne(ALICE);
    expect(up.status).toBe(first);
    expect(up.headers('www-authenticate')).toEqual(['Digest realm="b"']);
    expect(up.headers('proxy-authenticate')).toEqual(['Digest realm="c"', 'Digest realm="d"']);
  });

  it('do not go up with another response', () => {
    const stage = new Stage(fork);
    stage.receive(requestText('MESSAGE'));
    const bob = stage.takeOne(BOB);
    const carol = stage.takeOne(CAROL);
    stage.receive(responseText(bob, 401, { headers: WWW }), BOB);
    stage.receive(responseText(carol, 302), CAROL);
    const up = stage.takeOne(ALICE);
    expect(up.status).toBe(302);
    expect(up.headers('www-authenticate')).toEqual([]);
  });
});

describe('a late provisional response', () => {
  it('is cancelled even when the call has long been answered and forgotten', () => {
    const stage = new Stage({ request(req) { req.relay(); req.reply(480); } });
    stage.receive(requestText('INVITE'));
    const invite = stage.takeOne(BOB);
    stage.receive(requestText('ACK', { to: stage.take(ALICE).at(-1)!.header('to') }));
    stage.advanceBy(10_000);
    stage.take();
    stage.receive(responseText(invite, 180), BOB);
    expect(stage.takeOne(BOB).method).toBe('CANCEL');
  });
});

describe('a 2xx behind a failure of the same branch', () => {
  it('goes up and ends the call set-up while other branches ring', () => {
    const stage = new Stage(fork);
    stage.receive(requestText('INVITE'));
    const [bob, carol] = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    stage.receive(responseText(carol, 180, { toTag: 'y' }), CAROL);
    stage.receive(responseText(bob, 486, { toTag: 'x' }), BOB);
    stage.take();
    stage.receive(responseText(bob, 200, { toTag: 'z' }), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
    expect(stage.takeOne(CAROL).method).toBe('CANCEL');
  });

  it('goes up behind the failure too: the call exists, and its caller has to know', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE'));
    const bob = stage.takeOne(BOB);
    stage.receive(responseText(bob, 487, { toTag: 'x' }), BOB);
    stage.take();
    stage.receive(responseText(bob, 200, { toTag: 'z' }), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
    stage.advanceBy(40_000);
    expect(stage.leftovers()['storedBytes']).toBeUndefined();
  });
});
