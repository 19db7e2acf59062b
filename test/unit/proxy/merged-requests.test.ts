/** The same request by two ways (RFC 3261 §8.2.2.2), where all requests of a Call-ID come to one shard. */
import { describe, expect, it } from 'vitest';
import { type RequestParts, requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_LOOPS_DETECTED, C_MERGED_REQUESTS, C_SCRIPT_RUNS } from '../../../src/telemetry/counters.js';
import { BOB, CAROL, PROXY, relayAll, Stage, type StageOptions } from './stage.js';

const SETTLED_MS = 40_000;
/** A fork upstream sends what it got along two ways. */
const by = (host: string, call = 0): RequestParts => ({
  callId: `merged-${call}`,
  vias: [`SIP/2.0/UDP ${host};branch=z9hG4bK-${call}`, `SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-${call}`],
});
const ONE_PROXY = '10.1.0.8:5060';
const ONE_WAY = by(ONE_PROXY);
const OTHER_PROXY = '10.1.0.9:5060';
const OTHER_WAY = by(OTHER_PROXY);

function stageOf(options: StageOptions = {}): Stage {
  return new Stage(relayAll, { key: 'call-id', ...options });
}

describe.each([1, 2, 5])('a merged request, %i shards', (shards) => {
  it.each(['INVITE', 'OPTIONS', 'SUBSCRIBE', 'X-OWN'])('%s gets 482, and what came first goes on', (method) => {
    const stage = stageOf({ shards });
    for (let call = 0; call < 10; call++) {
      const other = by(OTHER_PROXY, call);
      stage.receive(requestText(method, by(ONE_PROXY, call)), ONE_PROXY);
      const first = stage.takeOne(BOB);
      stage.take();
      stage.receive(requestText(method, other), OTHER_PROXY);
      expect(stage.takeOne(OTHER_PROXY).startLine).toBe('SIP/2.0 482 Merged Request');
      expect(stage.take()).toEqual([]);
      // Again: the answer of its transaction.
      stage.receive(requestText(method, other), OTHER_PROXY);
      expect(stage.takeOne(OTHER_PROXY).status).toBe(482);
      if (method === 'INVITE') stage.receive(requestText('ACK', other), OTHER_PROXY);
      stage.receive(responseText(first, 200), BOB);
      expect(stage.takeOne(ONE_PROXY).status).toBe(200);
    }
    expect(stage.count(C_MERGED_REQUESTS)).toBe(10);
    expect(stage.count(C_SCRIPT_RUNS)).toBe(10);
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });
});

describe('a request is no merged one', () => {
  const passes = (parts: RequestParts, method = 'INVITE', options: StageOptions = {}): void => {
    const stage = stageOf(options);
    stage.receive(requestText('INVITE', ONE_WAY), ONE_PROXY);
    expect(stage.take(BOB)).toHaveLength(1);
    stage.receive(requestText(method, { ...OTHER_WAY, ...parts }), OTHER_PROXY);
    expect(stage.take(BOB).filter((message) => message.method === method)).toHaveLength(1);
    expect(stage.count(C_MERGED_REQUESTS)).toBe(0);
  };

  it.each<readonly [string, RequestParts]>([
    ['From tag', { from: '<sip:alice@10.1.0.1>;tag=a2' }],
    ['Call-ID', { callId: 'call-2' }],
    ['CSeq number', { cseq: 2 }],
    ['Request-URI, since a fork to two users of ours is legitimate', { uri: 'sip:carol@10.2.0.1:5060' }],
  ])('with another %s', (_, parts) => { passes(parts); });

  it('with another method', () => { passes({}, 'OPTIONS'); });

  it('in a dialog', () => { passes({ to: '<sip:bob@10.2.0.1>;tag=b' }); });

  it('where requests are sharded by transaction: the other may be in any shard', () => { passes({}, 'INVITE', { key: 'transaction' }); });

  it('when it comes again by the same way: that is a retransmission', () => {
    const stage = stageOf();
    stage.receive(requestText('INVITE', ONE_WAY));
    stage.take();
    stage.receive(requestText('INVITE', ONE_WAY));
    expect(stage.take(BOB)).toEqual([]);
    expect(stage.count(C_MERGED_REQUESTS)).toBe(0);
  });

  it('by another Route: a fork to two gateways behind us is legitimate', () => {
    const stage = stageOf();
    stage.receive(requestText('INVITE', { ...ONE_WAY, routes: ['<sip:10.2.0.1:5060;lr>'] }), ONE_PROXY);
    stage.receive(requestText('INVITE', { ...OTHER_WAY, routes: ['<sip:10.2.0.2:5060;lr>'] }), OTHER_PROXY);
    expect(stage.count(C_MERGED_REQUESTS)).toBe(0);
    expect(stage.take(CAROL)).toHaveLength(1);
  });

  it('when the first one has failed: its sender tries another way, one after the other', () => {
    const stage = stageOf();
    stage.receive(requestText('INVITE', ONE_WAY), ONE_PROXY);
    stage.receive(responseText(stage.takeOne(BOB), 503), BOB);
    stage.receive(requestText('INVITE', OTHER_WAY), OTHER_PROXY);
    expect(stage.count(C_MERGED_REQUESTS)).toBe(0);
    expect(stage.take(BOB).map(({ method }) => method)).toEqual(['ACK', 'INVITE']);
  });

  it('when the transaction of the first one is over', () => {
    const stage = stageOf();
    stage.receive(requestText('OPTIONS', ONE_WAY));
    stage.receive(responseText(stage.takeOne(BOB), 200), BOB);
    stage.advanceBy(SETTLED_MS);
    stage.take();
    stage.receive(requestText('OPTIONS', OTHER_WAY), OTHER_PROXY);
    expect(stage.take(BOB)).toHaveLength(1);
  });

  it('when it has been here before: a spiral passes', () => {
    const stage = stageOf();
    stage.receive(requestText('INVITE', { uri: `sip:bob@${BOB}`, routes: [`<sip:${PROXY};lr>`, `<sip:10.9.0.9:5060;lr>`] }));
    const out = stage.takeOne('10.9.0.9:5060');
    stage.receive(out.text.replace('\r\nVia: ', '\r\nVia: SIP/2.0/UDP 10.9.0.9:5060;branch=z9hG4bK-back\r\nVia: ').replace(/Route: .*\r\n/, ''), '10.9.0.9:5060');
    expect(stage.take(BOB)).toHaveLength(1);
    expect([stage.count(C_MERGED_REQUESTS), stage.count(C_LOOPS_DETECTED)]).toEqual([0, 0]);
  });
});

it('many at a time leave nothing behind, in whatever order they end', () => {
  const stage = stageOf({ shards: 2 });
  const calls = Array.from({ length: 300 }, (_, call) => call);
  const firsts = calls.map((call) => {
    stage.receive(requestText('INVITE', by(ONE_PROXY, call)), ONE_PROXY);
    return stage.takeOne(BOB);
  });
  for (const call of [...calls].sort((a, b) => ((a * 7919) % 300) - ((b * 7919) % 300))) {
    stage.receive(responseText(firsts[call]!, call % 2 === 0 ? 200 : 404), BOB);
    stage.receive(requestText('ACK', by(ONE_PROXY, call)), ONE_PROXY);
    stage.advanceBy(call % 50);
  }
  stage.advanceBy(SETTLED_MS);
  expect(stage.leftovers()).toEqual({});
  stage.take();
  for (const call of calls) stage.receive(requestText('INVITE', by(OTHER_PROXY, call)), OTHER_PROXY);
  expect(stage.take(BOB)).toHaveLength(300);
  expect(stage.count(C_MERGED_REQUESTS)).toBe(0);
});
