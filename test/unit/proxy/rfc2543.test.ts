/**
 * Callers of RFC 2543 times, without the magic cookie in their Via: what the proxy sends for them proves itself without a
 * transaction as well (RFC 3261 §16.11, §17.2.3).
 */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { type RequestParts, requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_DROP_FORGED_RESPONSE, C_OFFERS_MATCHED, C_RETRANSMISSIONS_IN, C_SCRIPT_RUNS, C_STATELESS_RESPONSES } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, relayAll, Stage } from './stage.js';

const SETTLED_MS = 40_000;

/** Vias that tell no transaction, with and without From tag. */
const CALLERS: readonly (readonly [string, RequestParts])[] = [
  ['no branch', { vias: ['SIP/2.0/UDP 10.1.0.1:5060'] }],
  ['a branch without the cookie', { vias: ['SIP/2.0/UDP 10.1.0.1:5060;branch=1'] }],
  ['the bare cookie', { vias: ['SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK'] }],
  ['no From tag', { vias: ['SIP/2.0/UDP 10.1.0.1:5060'], from: 'sip:alice@10.1.0.1' }],
  ['no port and a name', { vias: ['SIP/2.0/UDP Phone.Example'] }],
];

const crash = (stage: Stage, routes: Routes = relayAll): void => {
  for (let shard = 0; shard < stage.engines.length; shard++) stage.restart(shard, routes);
};

describe.each(CALLERS)('a caller with %s', (_, parts) => {
  it.each([1, 4])('has the hash of its Request-URI behind the branch, which its ACK and CANCEL share, %i shards', (shards) => {
    const stage = new Stage(relayAll, { shards });
    stage.receive(requestText('INVITE', parts));
    const invite = stage.takeOne(BOB);
    expect(invite.branch).toMatch(/^z9hG4bKvd[0-9a-f]{22}~[0-9a-f]{8}$/);
    stage.receive(requestText('INVITE', parts));
    expect(stage.count(C_RETRANSMISSIONS_IN)).toBe(1);
    stage.receive(responseText(invite, 180), BOB);
    stage.take();
    stage.receive(requestText('CANCEL', { ...parts, headers: [] }));
    const cancel = stage.takeOne(BOB);
    expect([cancel.method, cancel.branch]).toEqual(['CANCEL', invite.branch]);
    stage.receive(responseText(cancel, 200), BOB);
    stage.receive(responseText(invite, 487), BOB);
    const ack = stage.takeOne(BOB);
    expect([ack.method, ack.branch]).toEqual(['ACK', invite.branch]);
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([200, 487]);
    stage.receive(requestText('ACK', { ...parts, to: '<sip:bob@10.2.0.1>;tag=b1' }));
    stage.advanceBy(SETTLED_MS);
    expect(stage.take()).toEqual([]);
    expect(stage.leftovers()).toEqual({});
  });

  it.each([1, 4])('gets a response to its request after a crash, %i shards', (shards) => {
    const stage = new Stage(relayAll, { shards });
    stage.receive(requestText('INVITE', parts));
    const invite = stage.takeOne(BOB);
    stage.take();
    crash(stage);
    for (const status of [180, 200]) {
      stage.receive(responseText(invite, status), BOB);
      const answer = stage.takeOne(ALICE);
      expect([answer.status, answer.vias.length]).toEqual([status, 1]);
    }
    expect([stage.count(C_STATELESS_RESPONSES), stage.count(C_DROP_FORGED_RESPONSE)]).toEqual([2, 0]);
  });

  it('gets a 2xx that comes again when its transaction is long over', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE', parts));
    const invite = stage.takeOne(BOB);
    stage.receive(responseText(invite, 200), BOB);
    stage.advanceBy(SETTLED_MS);
    stage.take();
    expect(stage.leftovers()).toEqual({});
    stage.receive(responseText(invite, 200), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
  });

  it('rings the same phone once: INVITE and CANCEL go out after a crash with the branch of before', () => {
    const stage = new Stage(relayAll, { shards: 3 });
    stage.receive(requestText('INVITE', parts));
    const { branch } = stage.takeOne(BOB);
    stage.take();
    crash(stage);
    stage.receive(requestText('CANCEL', { ...parts, headers: [] }));
    const cancel = stage.takeOne(BOB);
    expect([cancel.method, cancel.branch]).toEqual(['CANCEL', branch]);
    stage.receive(responseText(cancel, 200), BOB);
    expect(stage.takeOne(ALICE).header('cseq')).toBe('1 CANCEL');
    stage.receive(requestText('INVITE', parts));
    expect(stage.takeOne(BOB).branch).toBe(branch);
  });

  it('finds its INVITE with a CANCEL in another shard', () => {
    const stage = new Stage({ request: (req) => { req.recordRoute(); req.relay(); } }, { shards: 4 });
    for (let call = 0; call < 8; call++) {
      // The INVITE follows a Route with our mark, the CANCEL has lost it.
      const one = { ...parts, callId: `misled-${call}` };
      stage.receive(requestText('INVITE', { ...one, routes: [`<sip:10.0.0.1:5060;lr;vd=000${call % 4}>`] }));
      const invite = stage.takeOne(BOB);
      stage.receive(responseText(invite, 180), BOB);
      stage.take();
      stage.receive(requestText('CANCEL', { ...one, headers: [] }));
      expect(stage.takeOne(BOB).branch).toBe(invite.branch);
      expect(stage.takeOne(ALICE).status).toBe(200);
    }
    expect(stage.count(C_OFFERS_MATCHED)).toBeGreaterThan(0);
    expect(stage.count(C_SCRIPT_RUNS)).toBe(8);
  });
});

describe('a fork of an RFC 2543 request', () => {
  const forkAll: Routes = { request: (req) => { req.relay([`sip:bob@${BOB}`, `sip:carol@${CAROL}`]); } };

  it('carries both marks, and its responses prove themselves', () => {
    const stage = new Stage(forkAll);
    stage.receive(requestText('INVITE', { vias: ['SIP/2.0/UDP 10.1.0.1:5060'] }));
    const carol = stage.takeOne(CAROL);
    expect(carol.vias[0]).toMatch(/;branch=z9hG4bKvd[0-9a-f]{22}~[0-9a-f]{8};vdl=[0-9a-f]{8}$/);
    stage.take();
    crash(stage, forkAll);
    stage.receive(responseText(carol, 200), CAROL);
    expect(stage.takeOne(ALICE).status).toBe(200);
  });
});

describe('a forged response to an RFC 2543 request', () => {
  it.each<readonly [string, (text: string) => string]>([
    ['hash of the Request-URI', (text) => text.replace(/~[0-9a-f]{8}/, '~00000000')],
    ['branch hash', (text) => text.replace(/[0-9a-f]{8}~/, '00000000~')],
    ['target index', (text) => text.replace('z9hG4bKvd000000', 'z9hG4bKvd000001')],
    ['branch without that hash', (text) => text.replace(/~[0-9a-f]{8}/, '')],
    ['Via of the caller', (text) => text.replace('10.1.0.1:5060\r\n', '10.1.0.66:5060\r\n')],
    ['From tag', (text) => text.replace('tag=a1', 'tag=a2')],
    ['From that does not parse', (text) => text.replace('From: <sip:alice', 'From: "sip:alice')],
    ['Call-ID', (text) => text.replace('call-1', 'call-2')],
    ['CSeq number', (text) => text.replace('CSeq: 1 ', 'CSeq: 2 ')],
  ])('with another %s is dropped and counted', (_, forged) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE', { vias: ['SIP/2.0/UDP 10.1.0.1:5060'] }));
    const invite = stage.takeOne(BOB);
    stage.take();
    crash(stage);
    const text = responseText(invite, 200);
    expect(forged(text)).not.toBe(text);
    stage.receive(forged(text), BOB);
    expect(stage.take()).toEqual([]);
    expect(stage.count(C_DROP_FORGED_RESPONSE)).toBe(1);
    stage.receive(text, BOB);
    expect(stage.take(ALICE)).toHaveLength(1);
  });

  it('without From is dropped', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('INVITE', { vias: ['SIP/2.0/UDP 10.1.0.1:5060'] }));
    const invite = stage.takeOne(BOB);
    stage.take();
    crash(stage);
    stage.receive(responseText(invite, 200).replace(/From: .*\r\n/, ''), BOB);
    expect(stage.take()).toEqual([]);
  });
});
