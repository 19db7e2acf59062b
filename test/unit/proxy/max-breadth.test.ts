/** Max-Breadth (RFC 5393 §5): how many branches a request may have, over all proxies on its way. */
import { describe, expect, it } from 'vitest';
import { BreadthShares, EXHAUSTED, UNBOUNDED } from '../../../src/proxy/max-breadth.js';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText, type SentMessage } from '../../../src/sim/sent-message.js';
import { C_BAD_REQUESTS, C_BREADTH_EXCEEDED } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, relayAll, Stage } from './stage.js';

const SETTLED_MS = 40_000;
const phone = (n: number): string => `10.2.1.${n}:5060`;
const uris = (count: number): string[] => Array.from({ length: count }, (_, n) => `sip:bob@${phone(n)}`);
const forkTo = (count: number): Routes => ({ request: (req) => { req.relay(uris(count)); } });

function inviteWith(breadth: string | undefined, method = 'INVITE'): string {
  return requestText(method, { headers: [...(breadth === undefined ? [] : [`Max-Breadth: ${breadth}`]), 'Contact: <sip:alice@10.1.0.1:5060>'] });
}

const breadthOf = (message: SentMessage): string[] => message.headers('max-breadth');

/** Requests out to the phones, each with its Max-Breadth. */
function branches(stage: Stage, method = 'INVITE'): (readonly [to: string, breadth: string])[] {
  return stage.take().filter((message) => message.method === method).map((message) => [message.to, breadthOf(message).join()] as const);
}

describe('a request without Max-Breadth', () => {
  it('is given the one of the configuration', () => {
    const stage = new Stage(relayAll, { maxBreadth: 60 });
    for (const method of ['INVITE', 'OPTIONS']) {
      stage.receive(inviteWith(undefined, method));
      const sent = stage.takeOne(BOB);
      expect(breadthOf(sent)).toEqual(['60']);
      expect(sent.headers('max-forwards')).toEqual(['69']);
    }
  });

  it('is given none when that is 0', () => {
    const stage = new Stage(forkTo(3), { maxBreadth: 0 });
    stage.receive(inviteWith(undefined));
    expect(branches(stage)).toEqual([[phone(0), ''], [phone(1), ''], [phone(2), '']]);
  });

  it('is given none when it is an ACK or a CANCEL, and what such a one carries stays', () => {
    const stage = new Stage(relayAll, { maxBreadth: 60 });
    for (const method of ['ACK', 'CANCEL']) {
      stage.receive(inviteWith(undefined, method));
      expect(breadthOf(stage.takeOne(BOB))).toEqual([]);
      for (const value of ['3', '99', 'x']) {
        stage.receive(inviteWith(value, method));
        expect(breadthOf(stage.takeOne(BOB))).toEqual([value]);
      }
    }
  });
});

describe('a request with Max-Breadth', () => {
  it.each([
    ['7', 60, '7'],
    ['60', 60, '60'],
    ['61', 60, '60'],
    ['4294967296', 60, '60'],
    ['7', 0, '7'],
    ['4294967296', 0, '4294967296'],
    ['007', 60, '007'],
    ['1', 60, '1'],
  ])('of %s goes on under a bound of %i with %s', (received, maxBreadth, sent) => {
    const stage = new Stage(relayAll, { maxBreadth });
    stage.receive(inviteWith(received));
    expect(breadthOf(stage.takeOne(BOB))).toEqual([sent]);
  });

  it.each(['', 'x', '-1', '1.5', '1 2', '1, 2', '0x10', '99999999999999999999'])('of %j is answered 400', (value) => {
    const stage = new Stage(relayAll, { maxBreadth: 60 });
    stage.receive(inviteWith(value));
    const answer = stage.takeOne(ALICE);
    expect(answer.startLine).toBe('SIP/2.0 400 Bad Max-Breadth: must be a number');
    expect(stage.count(C_BAD_REQUESTS)).toBe(1);
  });

  it('twice is answered 400', () => {
    const stage = new Stage(relayAll);
    stage.receive(inviteWith('5\r\nMax-Breadth: 5'));
    expect(stage.takeOne(ALICE).startLine).toBe('SIP/2.0 400 More than one Max-Breadth');
  });

  it('keeps every other byte of its header', () => {
    const stage = new Stage(forkTo(2), { maxBreadth: 60 });
    const text = inviteWith('9').replace('Max-Breadth: 9', 'MAX-breadth :\r\n  9');
    stage.receive(text);
    expect(stage.takeOne(phone(1)).text).toContain('MAX-breadth :\r\n  4\r\nContact: <sip:alice@10.1.0.1:5060>\r\n');
  });
});

describe('targets of one relay', () => {
  it.each([
    [60, 1, ['60']],
    [60, 2, ['30', '30']],
    [8, 3, ['3', '3', '2']],
    [3, 3, ['1', '1', '1']],
    [4, 3, ['2', '1', '1']],
  ])('share a breadth of %i among %i', (breadth, count, shares) => {
    const stage = new Stage(forkTo(count), { maxBreadth: 60 });
    stage.receive(inviteWith(String(breadth)));
    expect(branches(stage)).toEqual(shares.map((share, n) => [phone(n), share]));
  });

  it('share the default as well', () => {
    const stage = new Stage(forkTo(7), { maxBreadth: 60 });
    stage.receive(inviteWith(undefined));
    expect(branches(stage).map(([, share]) => share)).toEqual(['9', '9', '9', '9', '8', '8', '8']);
  });

  it('beyond the breadth are not tried, and count as 440 only if the others have nothing better to say', () => {
    const stage = new Stage(forkTo(4), { maxBreadth: 60 });
    stage.receive(inviteWith('2'));
    const sent = stage.take();
    expect(sent.filter(({ method }) => method === 'INVITE').map(({ to }) => to)).toEqual([phone(0), phone(1)]);
    expect(stage.count(C_BREADTH_EXCEEDED)).toBe(2);
    for (const message of sent.filter(({ method }) => method === 'INVITE')) stage.receive(responseText(message, 486), message.to);
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([486]);
    const silent = new Stage(forkTo(2), { maxBreadth: 60 });
    silent.receive(inviteWith('1'));
    silent.receive(responseText(silent.takeOne(phone(0)), 487), phone(0));
    expect(silent.take(ALICE).at(-1)!.startLine).toBe('SIP/2.0 440 Max-Breadth Exceeded');
  });

  it('beyond the breadth do not keep an answer of the others from going up', () => {
    const stage = new Stage(forkTo(4), { maxBreadth: 60 });
    stage.receive(inviteWith('1'));
    stage.receive(responseText(stage.takeOne(phone(0)), 200), phone(0));
    expect(stage.take(ALICE).at(-1)!.status).toBe(200);
  });

  it('get 440 at once when none fits', () => {
    const stage = new Stage(forkTo(2), { maxBreadth: 60 });
    stage.receive(inviteWith('0'));
    expect(stage.take().map(({ startLine }) => startLine)).toEqual(['SIP/2.0 440 Max-Breadth Exceeded']);
    stage.receive(requestText('ACK'));
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });

  it('leave their share to others when they cannot be reached', () => {
    const stage = new Stage({ request: (req) => { req.relay(['sip:bob@no-address.example', ...uris(3)]); } }, { maxBreadth: 60 });
    stage.receive(inviteWith('2'));
    expect(branches(stage)).toEqual([[phone(0), '1'], [phone(1), '1']]);
  });
});

describe('attempts one after the other', () => {
  it('get the whole breadth each', () => {
    let attempt = 0;
    const stage = new Stage(
      { request: (req) => { req.relay(uris(1)); }, failure: (failure) => { if (++attempt < 3) failure.relay(`sip:bob@${phone(attempt)}`); } },
      { maxBreadth: 60 },
    );
    stage.receive(inviteWith('5'));
    for (let n = 0; n < 3; n++) {
      const sent = stage.take(phone(n)).find(({ method }) => method === 'INVITE')!;
      expect(breadthOf(sent)).toEqual(['5']);
      stage.receive(responseText(sent, 486), phone(n));
    }
  });

  it('get a breadth of 1 while earlier ones are pending, as long as not more are pending than the breadth allows', () => {
    const stage = new Stage({ request: (req) => { for (const uri of uris(4)) req.relay(uri); } }, { maxBreadth: 60 });
    stage.receive(inviteWith('3'));
    expect(branches(stage)).toEqual([[phone(0), '3'], [phone(1), '1'], [phone(2), '1']]);
    expect(stage.count(C_BREADTH_EXCEEDED)).toBe(1);
  });
});

it('a script cannot change Max-Breadth', () => {
  const stage = new Stage({ request: (req) => { req.headers.replace('Max-Breadth', '1000'); } });
  stage.receive(inviteWith('3'));
  expect(stage.takeOne(ALICE).status).toBe(500);
});

it('shares never add up to more than came in, whatever fails in between', () => {
  for (let incoming = 0; incoming < 12; incoming++) {
    for (let targets = 1; targets < 12; targets++) {
      for (let failing = 0; failing < 1 << Math.min(targets, 5); failing++) {
        const shares = new BreadthShares();
        shares.divide(incoming, 0, targets);
        let sum = 0;
        for (let target = 0; target < targets; target++) {
          const { next } = shares;
          if (next === EXHAUSTED || (failing & (1 << target)) !== 0) continue;
          sum += next;
          shares.taken();
        }
        expect(sum, `${incoming} among ${targets}`).toBeLessThanOrEqual(incoming);
        if (failing === 0) expect(sum, `${incoming} among ${targets}`).toBe(incoming);
      }
    }
  }
  const shares = new BreadthShares();
  shares.divide(UNBOUNDED, 3, 2);
  expect(shares.next).toBe(UNBOUNDED);
});
