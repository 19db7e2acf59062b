/** CANCELs that come before their INVITE: held for a while, matched, or handed to the script. */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import {
  C_CANCELS_HELD,
  C_CANCELS_HELD_MATCHED,
  C_CANCELS_MATCHED,
  C_CANCELS_NOT_HELD,
  C_CANCELS_UNMATCHED,
  C_OFFERS_MATCHED,
  C_OFFERS_OUT,
  C_SCRIPT_RUNS,
} from '../../../src/telemetry/counters.js';
import { ALICE, BOB, relayAll, Stage } from './stage.js';

const HOLD_MS = 50;
const SETTLED_MS = 40_000;

function stageOf(shards = 1, routes: Routes = relayAll): Stage {
  return new Stage(routes, { shards, earlyCancelMs: HOLD_MS });
}

/** A CANCEL and INVITE pair of its own. */
function pair(branch: string): readonly [cancel: string, invite: string] {
  return [requestText('CANCEL', { branch }), requestText('INVITE', { branch })];
}

describe.each([1, 2, 3, 8])('a CANCEL before its INVITE, %i shards', (shards) => {
  it('is held without an answer, and its INVITE gets 487 and never rings', () => {
    const stage = stageOf(shards);
    // Branches enough that the key falls on every shard.
    for (let call = 0; call < 24; call++) {
      const [cancel, invite] = pair(`z9hG4bK-early-${call}`);
      stage.receive(cancel);
      expect(stage.take()).toEqual([]);
      stage.advanceBy(HOLD_MS - 2);
      stage.receive(invite);
      const answers = stage.take(ALICE);
      expect(answers.map(({ status }) => status)).toEqual([200, 487]);
      expect(answers.map((answer) => answer.header('cseq'))).toEqual(['1 CANCEL', '1 INVITE']);
      expect(answers[0]!.header('to')).toBe(answers[1]!.header('to'));
      expect(stage.take()).toEqual([]);
      // What comes again gets the same once more (§9.2, §17.2.1); the ACK ends it.
      stage.receive(cancel);
      expect(stage.takeOne(ALICE).status).toBe(200);
      stage.receive(invite);
      expect(stage.takeOne(ALICE).status).toBe(487);
      stage.receive(requestText('ACK', { branch: `z9hG4bK-early-${call}` }));
      expect(stage.take()).toEqual([]);
      stage.advanceBy(1000);
    }
    expect(stage.count(C_SCRIPT_RUNS)).toBe(0);
    expect(stage.count(C_CANCELS_HELD)).toBe(24);
    expect(stage.count(C_CANCELS_HELD_MATCHED)).toBe(24);
    expect(stage.count(C_CANCELS_MATCHED)).toBe(24);
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });

  it('goes to the script when no INVITE comes in time: by default it takes the branch that the INVITE will have', () => {
    const stage = stageOf(shards);
    const [cancel, invite] = pair('z9hG4bK-late');
    stage.receive(cancel);
    stage.advanceBy(HOLD_MS - 1);
    // Again while it is held: absorbed.
    stage.receive(cancel);
    expect(stage.take()).toEqual([]);
    stage.advanceBy(10);
    const forwarded = stage.takeOne(BOB);
    expect(forwarded.method).toBe('CANCEL');
    expect(stage.count(C_CANCELS_UNMATCHED)).toBe(1);
    stage.receive(invite);
    const branch = stage.take(BOB).find(({ method }) => method === 'INVITE');
    expect(branch?.headers('via')[0]).toBe(forwarded.headers('via')[0]);
    stage.receive(responseText(branch!, 487, { toTag: 'x' }), BOB);
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });

  it('goes to the script when no INVITE comes in time, which may answer 481', () => {
    const stage = stageOf(shards, { request: (req) => { req.reply(481); } });
    stage.receive(requestText('CANCEL'));
    stage.advanceBy(HOLD_MS + 10);
    expect(stage.takeOne(ALICE).status).toBe(481);
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });
});

describe('a held CANCEL', () => {
  it('with Max-Forwards 0 ends its INVITE, and gets 483 when none comes', () => {
    const stage = stageOf();
    stage.receive(requestText('CANCEL', { branch: 'z9hG4bK-0', maxForwards: 0 }));
    stage.receive(requestText('INVITE', { branch: 'z9hG4bK-0' }));
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([200, 487]);
    stage.receive(requestText('CANCEL', { branch: 'z9hG4bK-1', maxForwards: 0 }));
    expect(stage.take()).toEqual([]);
    stage.advanceBy(HOLD_MS + 10);
    expect(stage.takeOne(ALICE).status).toBe(483);
  });

  it('ends an INVITE of RFC 2543 too', () => {
    const stage = stageOf(4);
    for (const method of ['CANCEL', 'INVITE']) stage.receive(requestText(method).replace(/;branch=[^\r]*/, ''));
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([200, 487]);
  });

  it('is one of no more than the bound allows at a time and in a second; those beyond go to the script at once', () => {
    const stage = stageOf();
    for (let call = 0; call < 10; call++) stage.receive(requestText('CANCEL', { branch: `z9hG4bK-${call}` }));
    // The stage holds 4.
    expect(stage.take(BOB)).toHaveLength(6);
    stage.advanceBy(HOLD_MS + 10);
    expect(stage.take(BOB)).toHaveLength(4);
    for (let call = 10; call < 20; call++) stage.receive(requestText('CANCEL', { branch: `z9hG4bK-${call}` }));
    expect(stage.take(BOB)).toHaveLength(10);
    expect(stage.count(C_CANCELS_HELD)).toBe(4);
    expect(stage.count(C_CANCELS_NOT_HELD)).toBe(16);
    stage.advanceBy(1000);
    stage.receive(requestText('CANCEL', { branch: 'z9hG4bK-next-second' }));
    expect(stage.take(BOB)).toEqual([]);
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });
});

it('a CANCEL whose INVITE is in another shard is not held: the round finds it', () => {
  const stage = new Stage({ request: (req) => { req.recordRoute(); req.relay(); } }, { shards: 4, earlyCancelMs: HOLD_MS });
  for (let call = 0; call < 8; call++) {
    // The INVITE follows a Route with our mark, the CANCEL has lost it.
    const branch = `z9hG4bK-misled-${call}`;
    stage.receive(requestText('INVITE', { branch, routes: [`<sip:10.0.0.1:5060;lr;vd=000${call % 4}>`] }));
    stage.receive(responseText(stage.takeOne(BOB), 180, { toTag: 'x' }), BOB);
    stage.take();
    stage.receive(requestText('CANCEL', { branch }));
    expect(stage.takeOne(BOB).method).toBe('CANCEL');
    expect(stage.takeOne(ALICE).status).toBe(200);
  }
  expect(stage.count(C_OFFERS_MATCHED)).toBeGreaterThan(0);
  expect(stage.count(C_CANCELS_HELD)).toBe(0);
});

describe.each([2, 4, 8])('a held CANCEL whose INVITE comes to another shard, %i shards', (shards) => {
  it.each([
    ['RFC 3261', false],
    ['RFC 2543', true],
  ])('finds it when its time is over, from each shard in each: a caller of %s', (_, old) => {
    const stage = stageOf(shards);
    const pairs = new Set<string>();
    for (let call = 0; pairs.size < shards * shards; call++) {
      expect(call).toBeLessThan(shards * shards * 40);
      const one = { callId: `crossed-${call}`, vias: [`SIP/2.0/UDP 10.1.0.1:5060;rport;branch=${old ? '' : 'z9hG4bK-crossed-'}${call}`] };
      const routes = [`<sip:10.0.0.1:5060;lr;vd=000${call % shards}>`];
      const offers = stage.count(C_OFFERS_OUT);
      const home = stage.receive(requestText('CANCEL', { ...one, headers: [] }), '10.1.0.1:7777');
      expect(stage.take()).toEqual([]);
      const shard = stage.receive(requestText('INVITE', { ...one, routes }), '10.1.0.1:7777');
      pairs.add(`${home} ${shard}`);
      if (home === shard) {
        expect(stage.take('10.1.0.1:7777').map(({ status }) => status)).toEqual([200, 487]);
        expect(stage.take()).toEqual([]);
      } else {
        const invite = stage.takeOne(BOB);
        stage.receive(responseText(invite, 180), BOB);
        stage.take();
        stage.advanceBy(HOLD_MS + 10);
        const cancel = stage.takeOne(BOB);
        expect([cancel.method, cancel.branch]).toEqual(['CANCEL', invite.branch]);
        stage.receive(responseText(cancel, 200), BOB);
        // The CANCEL that comes again finds its first copy there.
        stage.receive(requestText('CANCEL', { ...one, headers: [] }), '10.1.0.1:7777');
        stage.receive(responseText(invite, 487), BOB);
        expect(stage.take('10.1.0.1:7777').map((answer) => `${answer.status} ${answer.header('cseq')}`)).toEqual(['200 1 CANCEL', '200 1 CANCEL', '487 1 INVITE']);
        expect(stage.takeOne(BOB).method).toBe('ACK');
      }
      // Two rounds, and one for the copy.
      expect(stage.count(C_OFFERS_OUT) - offers).toBeLessThanOrEqual(3 * shards);
      stage.receive(requestText('ACK', { ...one, routes, to: '<sip:bob@10.2.0.1>;tag=b1', headers: [] }), '10.1.0.1:7777');
      stage.advanceBy(1000);
      expect(stage.take()).toEqual([]);
    }
    expect(stage.count(C_CANCELS_UNMATCHED)).toBe(0);
    stage.advanceBy(SETTLED_MS);
    expect(stage.take()).toEqual([]);
    expect(stage.leftovers()).toEqual({});
  });

  it('makes two rounds and no more when its INVITE comes nowhere, and takes the branch that it will have', () => {
    for (let call = 0; call < 16; call++) {
      const stage = stageOf(shards);
      const [cancel, invite] = pair(`z9hG4bK-nowhere-${call}`);
      stage.receive(cancel);
      expect(stage.count(C_OFFERS_OUT)).toBe(shards);
      stage.advanceBy(500);
      expect([stage.count(C_OFFERS_OUT), stage.count(C_CANCELS_HELD), stage.count(C_CANCELS_UNMATCHED)]).toEqual([2 * shards, 1, 1]);
      const forwarded = stage.takeOne(BOB);
      stage.receive(invite);
      expect(stage.takeOne(BOB).branch).toBe(forwarded.branch);
    }
  });

  it('goes to the script at once when it cannot be offered on', () => {
    const stage = stageOf(shards);
    stage.receive(pair('z9hG4bK-no-room')[0]);
    stage.offersRefused = true;
    stage.advanceBy(500);
    expect(stage.takeOne(BOB).method).toBe('CANCEL');
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });
});
