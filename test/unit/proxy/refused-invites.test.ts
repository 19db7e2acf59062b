/**
 * The ACK to a failure of our own that no transaction remembers: refused without one (RFC 3261 §8.2.7, §16.11), forgotten in
 * a crash, or over by its timers. The callee has never heard of the failure, so the ACK ends here, known by our To tag.
 */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { type RequestParts, requestText, responseText, type SentMessage } from '../../../src/sim/sent-message.js';
import { C_ACKS_DROPPED, C_ACKS_UNMATCHED, C_DROP_TABLE_FULL, C_OFFERS_MATCHED, C_OFFERS_OUT } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, relayAll, Stage } from './stage.js';

const SETTLED_MS = 70_000;

/** With a branch that tells the transaction, and of RFC 2543 times. */
const CALLERS: readonly (readonly [string, RequestParts])[] = [
  ['RFC 3261', { branch: 'z9hG4bK-refused' }],
  ['RFC 2543', { vias: ['SIP/2.0/UDP 10.1.0.1:5060'] }],
];

const refuse: Routes = {
  request(req) {
    if (req.method === 'INVITE') req.reply(486);
    else req.relay();
  },
};

function ackTo(answer: SentMessage, parts: RequestParts): string {
  return requestText('ACK', { ...parts, to: answer.header('to'), headers: [] });
}

/** The ACK to `answer` ends here, however often it comes. */
function expectConsumed(stage: Stage, answer: SentMessage, parts: RequestParts): void {
  const dropped = stage.count(C_ACKS_DROPPED);
  for (let copy = 0; copy < 2; copy++) stage.receive(ackTo(answer, parts));
  expect(stage.take(BOB)).toEqual([]);
  expect(stage.count(C_ACKS_DROPPED)).toBe(dropped + 2);
  expect(stage.count(C_ACKS_UNMATCHED)).toBe(0);
}

describe.each(CALLERS)('a caller of %s', (_, parts) => {
  describe.each([1, 2, 4, 8])('%i shards', (shards) => {
    it('the ACK to a 503 that a full table was answered with is consumed', () => {
      const stage = new Stage(relayAll, { shards, limits: { transactions: 1 } });
      // One request that waits in each shard.
      for (let i = 0; i < 200; i++) stage.receive(requestText('OPTIONS', { branch: `z9hG4bK-fill-${i}` }));
      stage.take();
      const full = stage.count(C_DROP_TABLE_FULL);
      stage.receive(requestText('INVITE', parts));
      expect(stage.count(C_DROP_TABLE_FULL)).toBe(full + 1);
      const answer = stage.takeOne(ALICE);
      expect(answer.status).toBe(503);
      expectConsumed(stage, answer, parts);
      stage.advanceBy(SETTLED_MS);
      expect(stage.leftovers()).toEqual({});
    });

    it.each([
      ['Content-Length', (text: string) => text.replace('Content-Length: 0', 'Content-Length: none')],
      ['CSeq', (text: string) => text.replace('CSeq: 1 INVITE', 'CSeq: x INVITE')],
    ] as const)('the ACK to the 400 that a bad %s was answered with is consumed', (_name, spoil) => {
      const stage = new Stage(relayAll, { shards });
      stage.receive(spoil(requestText('INVITE', parts)));
      const answer = stage.takeOne(ALICE);
      expect(answer.status).toBe(400);
      expectConsumed(stage, answer, parts);
    });

    it('the ACK to a failure whose shard was replaced is consumed', () => {
      const stage = new Stage(refuse, { shards });
      stage.receive(requestText('INVITE', parts));
      const answer = stage.takeOne(ALICE);
      for (let shard = 0; shard < shards; shard++) stage.restart(shard, refuse);
      expectConsumed(stage, answer, parts);
    });

    it('an ACK that comes after Timer H, or again after Timer I, is consumed', () => {
      for (const acknowledged of [false, true]) {
        const stage = new Stage(refuse, { shards });
        stage.receive(requestText('INVITE', parts));
        const answer = stage.takeOne(ALICE);
        if (acknowledged) stage.receive(ackTo(answer, parts));
        stage.advanceBy(SETTLED_MS);
        expect(stage.leftovers()).toEqual({});
        expectConsumed(stage, answer, parts);
      }
    });

    it('an ACK for a transaction in another shard still finds it there, and ends it', () => {
      const stage = new Stage(refuse, { shards });
      for (let call = 0; call < shards; call++) {
        const one = { ...parts, callId: `call-${call}`, ...(parts.branch === undefined ? {} : { branch: `z9hG4bK-${call}` }) };
        stage.receive(requestText('INVITE', { ...one, routes: [`<sip:10.0.0.1:5060;lr;vd=000${call}>`] }));
        stage.receive(ackTo(stage.takeOne(ALICE), one));
      }
      // Past Timer G: a failure whose ACK was not found would come again.
      stage.advanceBy(SETTLED_MS);
      expect(stage.take()).toEqual([]);
      expect([stage.count(C_ACKS_DROPPED), stage.count(C_ACKS_UNMATCHED)]).toEqual([0, 0]);
      if (shards === 8) expect(stage.count(C_OFFERS_MATCHED)).toBeGreaterThan(0);
      expect(stage.count(C_OFFERS_OUT)).toBeLessThanOrEqual(shards * (shards - 1));
      expect(stage.leftovers()).toEqual({});
    });

    it('the ACK to a 2xx of the script goes to the script: with a branch of its own always, with that of its INVITE while Accepted', () => {
      const seen: string[] = [];
      const stage = new Stage({
        request(req) {
          if (req.method === 'INVITE') req.reply(200);
          else seen.push(req.method);
        },
      }, { shards });
      stage.receive(requestText('INVITE', { ...parts, routes: ['<sip:10.0.0.1:5060;lr;vd=0000>'] }));
      const answer = stage.takeOne(ALICE);
      stage.receive(ackTo(answer, { ...parts, branch: 'z9hG4bK-ack' }));
      stage.receive(ackTo(answer, parts));
      expect(seen).toEqual(['ACK', 'ACK']);
      stage.advanceBy(SETTLED_MS);
      stage.receive(ackTo(answer, { branch: 'z9hG4bK-ack' }));
      expect(seen).toEqual(['ACK', 'ACK', 'ACK']);
    });
  });
});

it.each([
  ['another tag of that length', 'to', '<sip:bob@10.2.0.1>;tag=0123456789abcdef'],
  ['no tag', 'to', '<sip:bob@10.2.0.1>'],
  ['the tag of another transaction', 'branch', 'z9hG4bK-other'],
] as const)('an ACK with %s is the script’s', (_, part, value) => {
  const stage = new Stage(refuse);
  stage.receive(requestText('INVITE'));
  const answer = stage.takeOne(ALICE);
  stage.advanceBy(SETTLED_MS);
  stage.take();
  stage.receive(requestText('ACK', { to: answer.header('to'), headers: [], [part]: value }));
  expect(stage.takeOne(BOB).method).toBe('ACK');
});

it('an ACK to a 2xx of the callee is relayed, also with the branch of its INVITE and after everything is over', () => {
  const stage = new Stage(relayAll);
  stage.receive(requestText('INVITE'));
  stage.receive(responseText(stage.takeOne(BOB), 200), BOB);
  const ok = stage.take(ALICE).at(-1)!;
  stage.advanceBy(SETTLED_MS);
  stage.receive(ackTo(ok, {}));
  expect(stage.takeOne(BOB).method).toBe('ACK');
});
