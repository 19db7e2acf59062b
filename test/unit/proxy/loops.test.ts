/** Requests that come back: loops end with 482 (RFC 3261 §16.3 step 4, RFC 5393 §4), spirals pass. */
import { describe, expect, it } from 'vitest';
import type { RouteRequest, Routes } from '../../../src/script/api.js';
import { requestText, responseText, type SentMessage } from '../../../src/sim/sent-message.js';
import { C_ACKS_DROPPED, C_LOOPS_DETECTED, C_REPLY_4XX, C_SCRIPT_RUNS } from '../../../src/telemetry/counters.js';
import { ALICE, BOB, CAROL, PROXY, relayAll, Stage, V4, V6 } from './stage.js';

const SETTLED_MS = 40_000;
const SELF = `sip:bob@${PROXY}`;
const EVERYTHING_TO_SELF: Routes = { request: (req) => { req.relay({ nextHop: `sip:${PROXY}` }); } };

/**
 * The proxy gets back what it sent to itself, until nothing more goes there. Returns how many requests that were, ACKs to
 * failures left out.
 */
function circulate(stage: Stage, most = 200): number {
  let requests = 0;
  for (let rounds = 0; rounds < most; rounds++) {
    const messages = stage.take(PROXY);
    if (messages.length === 0) return requests;
    for (const message of messages) {
      if (message.status === 0 && !(message.method === 'ACK' && message.vias.length === 1)) requests++;
      stage.receive(message.text, PROXY);
    }
  }
  throw new Error('it goes on and on');
}

/** A peer sends a request on to the proxy, as a proxy of its own would: with its Via on top. */
function sentOn(message: SentMessage, host: string, changed: (text: string) => string = (text) => text): string {
  return changed(message.text.replace('\r\nVia: ', `\r\nVia: SIP/2.0/UDP ${host};branch=z9hG4bK-on-${message.branch}\r\nVia: `));
}

describe.each([1, 4])('a request in a loop, %i shards', (shards) => {
  it('relayed to our own address gets 482 on its second round', () => {
    const stage = new Stage(EVERYTHING_TO_SELF, { shards });
    stage.receive(requestText('INVITE', { maxForwards: 70 }));
    // Back for the first time, from where on it is watched; back unchanged.
    expect(circulate(stage)).toBe(2);
    expect(stage.count(C_SCRIPT_RUNS)).toBe(2);
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([100, 482]);
    expect(stage.count(C_LOOPS_DETECTED)).toBe(1);
    stage.receive(requestText('ACK'));
    stage.advanceBy(SETTLED_MS);
    expect(stage.leftovers()).toEqual({});
  });

  it('gets 482 when it is no INVITE, and when a peer sends it back', () => {
    const stage = new Stage(relayAll, { shards });
    stage.receive(requestText('OPTIONS'));
    let last = stage.takeOne(BOB);
    stage.receive(sentOn(last, BOB), BOB);
    last = stage.takeOne(BOB);
    expect(last.method).toBe('OPTIONS');
    stage.receive(sentOn(last, BOB), BOB);
    expect(stage.take().map(({ label, to }) => [label, to])).toEqual([['482', BOB]]);
    expect(stage.count(C_LOOPS_DETECTED)).toBe(1);
  });

  it('is none on a tour of servers that change nothing: each station is another source, and a second tour ends', () => {
    const stations = [BOB, CAROL, '10.2.0.3:5060'];
    const stage = new Stage({ request: (req) => { req.relay({ nextHop: `sip:${stations[stations.indexOf(`${req.source.address}:${req.source.port}`) + 1] ?? '10.2.0.9:5060'}` }); } }, { shards });
    stage.receive(requestText('MESSAGE'));
    for (const station of stations) stage.receive(sentOn(stage.takeOne(station), station), station);
    const last = stage.takeOne('10.2.0.9:5060');
    expect(last.method).toBe('MESSAGE');
    stage.receive(sentOn(last, BOB), BOB);
    expect(stage.takeOne(BOB).status).toBe(482);
  });

  it('that was forked gets 482 on its first round: a loop cannot multiply', () => {
    const routes: Routes = { request: (req) => { req.relay([SELF, `${SELF};copy=1`]); } };
    const stage = new Stage(routes, { shards });
    stage.receive(requestText('INVITE', { uri: SELF }));
    circulate(stage);
    // Bob's copy is the same request; the other one is another request once, and forks to nothing new.
    expect(stage.count(C_SCRIPT_RUNS)).toBe(2);
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([100, 482]);
    expect(stage.count(C_LOOPS_DETECTED)).toBe(3);
  });
});

describe('the loop part', () => {
  const markOf = (message: SentMessage): string | undefined => /;vdl=([0-9a-f]{8})$/.exec(message.vias[0]!)?.[1];
  const forkAll: Routes = { request: (req: RouteRequest) => { req.relay([`sip:bob@${BOB}`, `sip:carol@${CAROL}`]); } };

  it('stands in the Via of every branch of a fork, and not in that of a single target', () => {
    const stage = new Stage(forkAll);
    stage.receive(requestText('INVITE'));
    const [bob, carol] = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    expect(markOf(bob)).toMatch(/^[0-9a-f]{8}$/);
    expect(markOf(carol)).toBe(markOf(bob));
    const single = new Stage(relayAll);
    single.receive(requestText('INVITE'));
    expect(single.takeOne(BOB).vias[0]).toMatch(/;branch=z9hG4bKvd[0-9a-f]{22}$/);
  });

  it('stands in the Via of a target that is added while another one is pending', () => {
    const stage = new Stage({ request: (req) => { req.relay(`sip:bob@${BOB}`); req.relay(`sip:carol@${CAROL}`); } });
    stage.receive(requestText('INVITE'));
    expect(markOf(stage.takeOne(BOB))).toBeUndefined();
    expect(markOf(stage.takeOne(CAROL))).toBeDefined();
  });

  it('goes along in CANCEL and ACK of the branch, and comes out again with the response', () => {
    const stage = new Stage(forkAll);
    stage.receive(requestText('INVITE'));
    const [bob, carol] = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    stage.receive(responseText(bob, 180), BOB);
    stage.receive(responseText(carol, 180), CAROL);
    stage.take();
    stage.receive(requestText('CANCEL', { headers: [] }));
    const cancel = stage.takeOne(BOB);
    expect(cancel.method).toBe('CANCEL');
    expect(cancel.vias).toEqual([bob.vias[0]]);
    stage.receive(responseText(bob, 487), BOB);
    const ack = stage.takeOne(BOB);
    expect([ack.method, ack.vias]).toEqual(['ACK', [bob.vias[0]]]);
    stage.receive(responseText(carol, 487), CAROL);
    const answer = stage.take(ALICE).at(-1)!;
    expect([answer.status, answer.vias.length]).toEqual([487, 1]);
  });

  it('changes nothing of the branch: after a crash INVITE and CANCEL go out with the branch that the callee knows', () => {
    const stage = new Stage(forkAll);
    stage.receive(requestText('INVITE'));
    const before = stage.takeOne(BOB);
    stage.restart(0, forkAll);
    stage.receive(requestText('CANCEL', { headers: [] }));
    expect(stage.takeOne(BOB).branch).toBe(before.branch);
    stage.receive(requestText('INVITE'));
    const again = stage.takeOne(BOB);
    expect(again.vias[0]).toBe(before.vias[0]);
  });

  it('does not keep a late response from proving itself', () => {
    const stage = new Stage(forkAll);
    stage.receive(requestText('INVITE'));
    const bob = stage.takeOne(BOB);
    stage.restart(0, forkAll);
    stage.take();
    stage.receive(responseText(bob, 200), BOB);
    expect(stage.takeOne(ALICE).status).toBe(200);
  });

  it.each<readonly [string, (text: string) => string]>([
    ['Request-URI', (text) => text.replace('sip:bob@10.2.0.1:5060 SIP', 'sip:bob2@10.2.0.1:5060 SIP')],
    ['Route set', (text) => text.replace('From:', 'Route: <sip:10.2.0.1:5060;lr>\r\nFrom:')],
    ['From tag', (text) => text.replace('tag=a1', 'tag=a2')],
    ['To tag', (text) => text.replace('To: <sip:bob@10.2.0.1>', 'To: <sip:bob@10.2.0.1>;tag=b')],
    ['Call-ID', (text) => text.replace('Call-ID: call-1', 'Call-ID: call-2')],
    ['CSeq number', (text) => text.replace('CSeq: 1 ', 'CSeq: 2 ')],
  ])('is another with another %s: the request passes', (_, changed) => {
    const stage = new Stage(forkAll);
    stage.receive(requestText('INVITE'));
    const first = stage.takeOne(BOB);
    stage.take();
    stage.receive(sentOn(first, BOB, (text) => changed(text.replace(/^INVITE \S+/, `INVITE sip:bob@${BOB}`))), BOB);
    expect(stage.take().filter(({ method }) => method === 'INVITE').length).toBeGreaterThan(0);
    // The same way round it is found.
    stage.receive(sentOn(first, CAROL, (text) => text.replace(/^INVITE \S+/, `INVITE sip:bob@${BOB}`)), CAROL);
    expect(stage.take(CAROL).map(({ status }) => status)).toEqual([482]);
    expect(stage.count(C_LOOPS_DETECTED)).toBe(1);
  });
});

describe('a spiral', () => {
  it('through here three times with other Request-URIs passes', () => {
    const stage = new Stage({
      request(req) {
        const hop = Number(/sip:hop(\d)/.exec(req.uri.toString())?.[1] ?? 3);
        req.relay(hop === 3 ? `sip:bob@${BOB}` : `sip:hop${hop + 1}@${PROXY}`);
      },
    });
    stage.receive(requestText('INVITE', { uri: `sip:hop0@${PROXY}` }));
    expect(circulate(stage)).toBe(3);
    const arrived = stage.takeOne(BOB);
    expect(arrived.vias).toHaveLength(5);
    stage.receive(responseText(arrived, 200), BOB);
    circulate(stage);
    expect(stage.take(ALICE).map(({ status }) => status)).toEqual([100, 200]);
    expect(stage.count(C_LOOPS_DETECTED)).toBe(0);
  });

  it('that an application server sends back unchanged passes once, and by another Route as often as it likes', () => {
    const stage = new Stage({ request: (req) => { req.relay(req.hasRoute || req.looseRouted ? undefined : { nextHop: `sip:${BOB}` }); } });
    stage.receive(requestText('INVITE', { uri: `sip:carol@${CAROL}` }));
    let message = stage.takeOne(BOB);
    for (let round = 0; round < 4; round++) {
      stage.receive(sentOn(message, BOB, (text) => text.replace('From:', `Route: <sip:${PROXY};lr>, <sip:${BOB};lr;round=${round}>\r\nFrom:`).replace(/\r\nRoute: <sip:10\.2\.0\.1:5060;lr;round=\d>(?=\r\nFrom)/, '')), BOB);
      message = stage.take(BOB).find(({ method }) => method === 'INVITE')!;
      expect(message, `round ${round}`).toBeDefined();
    }
    expect(stage.count(C_LOOPS_DETECTED)).toBe(0);
  });
});

describe('a Via of ours', () => {
  const looped = (via: (text: string) => string, stage: Stage): boolean => {
    stage.receive(requestText('OPTIONS'));
    stage.receive(sentOn(stage.takeOne(BOB), BOB), BOB);
    const second = stage.takeOne(BOB);
    stage.receive(via(sentOn(second, BOB)), BOB);
    return stage.take().some(({ status }) => status === 482);
  };

  it('is one with our node and the sent-by of a listener', () => {
    expect(looped((text) => text, new Stage(relayAll))).toBe(true);
    expect(looped((text) => text.replaceAll('UDP 10.0.0.1:5060;', 'UDP 10.0.0.9:5060;'), new Stage(relayAll))).toBe(false);
    expect(looped((text) => text.replaceAll('10.0.0.1:5060;', '10.0.0.1;'), new Stage(relayAll))).toBe(false);
    expect(looped((text) => text.replaceAll('z9hG4bKvd00', 'z9hG4bKvd01'), new Stage(relayAll))).toBe(false);
    expect(looped((text) => text.replaceAll('z9hG4bKvd00', 'z9hG4bKvx00'), new Stage(relayAll))).toBe(false);
  });

  it('is found in any form of the list: compact, folded, several values in a line, other Vias in between', () => {
    const joined = (text: string): string => {
      const vias = [...text.matchAll(/^Via: (.*)\r\n/gm)].map((match) => match[1]!);
      return text.replace(/^(Via: .*\r\n)+/m, `v:\r\n ${vias.join(' ,\r\n\t')}\r\n`);
    };
    expect(looped(joined, new Stage(relayAll))).toBe(true);
    expect(looped((text) => text.replaceAll('Via: SIP/2.0/UDP 10.0.0.1', 'Via: SIP/2.0/TLS other.example;x=",";branch=z9hG4bK3\r\nv: SIP/2.0/UDP 10.0.0.1'), new Stage(relayAll))).toBe(true);
    expect(looped((text) => text, new Stage(relayAll, { listeners: [V6, V4] }))).toBe(true);
  });

  it('is found behind a Via that does not parse', () => {
    expect(looped((text) => text.replace(/(\r\nVia: SIP\/2.0\/UDP 10\.0\.0\.1)/, '\r\nVia: nonsense$1'), new Stage(relayAll))).toBe(true);
  });

  it('with a loop part that was tampered with is none that fits: Max-Forwards ends that', () => {
    expect(looped((text) => text.replaceAll(/;vdl=[0-9a-f]{8}/g, ';vdl=00000000'), new Stage(relayAll))).toBe(false);
    expect(looped((text) => text.replaceAll(/;vdl=[0-9a-f]{8}/g, ';vdl=XYZ'), new Stage(relayAll))).toBe(false);
  });
});

describe('without a transaction', () => {
  it('an ACK in a loop is dropped and counted', () => {
    const stage = new Stage(EVERYTHING_TO_SELF);
    stage.receive(requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b' }));
    expect(circulate(stage)).toBe(2);
    expect([stage.count(C_ACKS_DROPPED), stage.count(C_LOOPS_DETECTED)]).toEqual([1, 1]);
    expect(stage.take()).toEqual([]);
  });

  it('a CANCEL in a loop gets 482', () => {
    const stage = new Stage(EVERYTHING_TO_SELF);
    stage.receive(requestText('CANCEL', { headers: [] }));
    circulate(stage);
    expect(stage.takeOne(ALICE).status).toBe(482);
    expect(stage.count(C_LOOPS_DETECTED)).toBe(1);
  });
});

it('Max-Forwards 0 is told before a loop is looked for', () => {
  const stage = new Stage(EVERYTHING_TO_SELF);
  stage.receive(requestText('OPTIONS', { maxForwards: 2 }));
  circulate(stage);
  expect(stage.take(ALICE).map(({ status }) => status)).toEqual([483]);
  expect(stage.count(C_REPLY_4XX)).toBe(1);
});
