/**
 * What counts as the same transaction (RFC 3261 §17.2.3, §7.3.1): a retransmission, a CANCEL and an ACK find their INVITE
 * in whatever form their Via comes, with and without the magic cookie of RFC 3261.
 */
import { describe, expect, it } from 'vitest';
import { requestText } from '../../src/sim/sent-message.js';
import type { World } from '../../src/sim/world.js';
import { C_ACKS_UNMATCHED, C_CANCELS_MATCHED, C_RETRANSMISSIONS_IN, C_SCRIPT_RUNS, C_SERVER_TX_ALIVE } from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, labels, makeWorld, SMALL } from './relay-world.js';

const VIA = 'Via: SIP/2.0/UDP phone.example:5060;branch=z9hG4bK-7;x=1';
const BELOW = 'Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bK-below';
const WITHOUT_PORT = 'Via: SIP/2.0/UDP phone.example;branch=z9hG4bK-7;x=1';

/** Header lines of the INVITE's Via, and of the same Via in what comes later. */
const FORMS: readonly (readonly [name: string, first: string, later: string])[] = [
  ['the same bytes', VIA, VIA],
  ['a compact name', VIA, VIA.replace('Via', 'v')],
  ['a compact name first', VIA.replace('Via', 'V'), VIA],
  ['a name in any case and space before the colon', VIA, VIA.replace('Via:', 'vIA \t:')],
  ['a folded line', VIA, VIA.replace(' phone', '\r\n phone').replace(';branch', '\r\n\t;branch')],
  ['a folded line first', VIA.replace(': ', ':\r\n  '), VIA],
  ['white space around its separators', VIA, 'Via: SIP / 2.0 / UDP phone.example : 5060 ; branch = z9hG4bK-7 ; x=1'],
  ['several values in one line', `${VIA}\r\n${BELOW}`, `${VIA}, ${BELOW.slice(5)}`],
  ['several values in one line first', `${VIA} ,${BELOW.slice(5)}`, `${VIA}\r\nSubject: one\r\n${BELOW}`],
  ['several values in one compact and folded line', `${VIA}\r\n${BELOW}`, `v:${VIA.slice(4)}\r\n ,\r\n ${BELOW.slice(5)}`],
  ['sent-by in other case', VIA, VIA.replace('phone.example', 'PHONE.Example')],
  ['the default port left out', VIA, WITHOUT_PORT],
  ['the default port added', WITHOUT_PORT, VIA],
  ['the default port left out, in capitals', VIA, WITHOUT_PORT.replace('phone', 'PHONE')],
  ['protocol and parameter names in other case', VIA, VIA.replace('SIP/2.0/UDP', 'sip/2.0/udp').replace('branch', 'BRANCH')],
  ['its parameters in another order', VIA, 'Via: SIP/2.0/UDP phone.example:5060;x=1;branch=z9hG4bK-7'],
];

/** Vias of RFC 2543 times: the branch, if any, says nothing. */
const OLD = FORMS.flatMap(([name, first, later]) =>
  [['no branch', ''], ['a branch without the cookie', ';branch=7']].map(([what, branch]) => {
    const old = (via: string): string => via.replace(/;\s*branch\s*=\s*z9hG4bK-7/i, branch!);
    return [`${name}, ${what}`, old(first), old(later)] as const;
  }),
);

/** A request with these Via lines. */
function text(method: string, via: string, to = '<sip:bob@10.2.0.1>'): string {
  return requestText(method, { vias: ['@'], to, headers: [] }).replace('Via: @', via);
}

function ringing(via: string, shards: number): { readonly world: World; readonly branch: string; readonly request: ReturnType<World['takeOne']> } {
  const world = makeWorld({ shards, limits: SMALL });
  world.inject(ALICE, text('INVITE', via));
  const request = world.takeOne(BOB);
  answer(world, request, 180);
  world.takeSent();
  return { world, branch: request.branch, request };
}

describe.each([1, 4])('a later message with %i shards and', (shards) => {
  it.each([...FORMS, ...OLD])('%s: the INVITE again is a retransmission', (_, first, later) => {
    const { world } = ringing(first, shards);
    world.inject(ALICE, text('INVITE', later));
    expect(labels(world.takeSent())).toEqual(['180']);
    expect(world.viaduct.counter(C_RETRANSMISSIONS_IN)).toBe(1);
    expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(1);
  });

  it.each([...FORMS, ...OLD])('%s: the CANCEL finds its INVITE, and its retransmission the CANCEL', (_, first, later) => {
    const { world, branch } = ringing(first, shards);
    world.inject(ALICE, text('CANCEL', later));
    const cancel = world.takeOne(BOB);
    expect([cancel.label, cancel.branch]).toEqual(['CANCEL', branch]);
    expect(labels(world.takeSent())).toEqual(['200']);
    world.inject(ALICE, text('CANCEL', first));
    expect(labels(world.takeSent())).toEqual(['200']);
    expect(world.viaduct.counter(C_CANCELS_MATCHED)).toBe(1);
    expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(1);
  });

  it.each([...FORMS, ...OLD])('%s: the ACK to a failure ends the failure', (_, first, later) => {
    const { world, request } = ringing(first, shards);
    answer(world, request, 486);
    world.takeSent();
    world.inject(ALICE, text('ACK', later, '<sip:bob@10.2.0.1>;tag=b1'));
    world.inject(ALICE, text('ACK', first, '<sip:bob@10.2.0.1>;tag=b1'));
    world.advanceBy(5100);
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_ACKS_UNMATCHED)).toBe(0);
    expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  });
});

/** What makes it another transaction, however alike the rest is. */
const OTHERS: readonly (readonly [what: string, via: string])[] = [
  ['another branch', VIA.replace('bK-7', 'bK-8')],
  ['a branch that goes on', VIA.replace('bK-7', 'bK-77')],
  ['another port', VIA.replace('5060', '5070')],
  ['another host', VIA.replace('phone', 'fax')],
];

describe.each([1, 4])('another transaction, %i shards', (shards) => {
  it.each(OTHERS)('with %s runs the script again', (_, via) => {
    const { world } = ringing(VIA, shards);
    world.inject(ALICE, text('INVITE', via));
    expect(labels(world.takeSent(BOB))).toEqual(['INVITE']);
    expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(2);
  });

  it.each(OTHERS)('with %s is not ended by the CANCEL', (_, via) => {
    const { world } = ringing(VIA, shards);
    world.inject(ALICE, text('CANCEL', via));
    expect(world.viaduct.counter(C_CANCELS_MATCHED)).toBe(0);
    // It matched nothing: the script sends it on, under a branch that is not the ringing one.
    expect(labels(world.takeSent())).toEqual(['CANCEL']);
  });

  it.each([
    ['Request-URI', (message: string) => message.replace('sip:bob@10.2.0.1:5060 SIP', 'sip:ben@10.2.0.1:5060 SIP')],
    ['From tag', (message: string) => message.replace('tag=a1', 'tag=a2')],
    ['Call-ID', (message: string) => message.replace('call-1', 'call-2')],
    ['CSeq number', (message: string) => message.replace('CSeq: 1 ', 'CSeq: 2 ')],
  ])('of an RFC 2543 caller is one with another %s', (_, change) => {
    const via = 'Via: SIP/2.0/UDP phone.example:5060';
    const { world } = ringing(via, shards);
    world.inject(ALICE, change(text('INVITE', via)));
    expect(labels(world.takeSent(BOB))).toEqual(['INVITE']);
    world.inject(ALICE, change(change(text('CANCEL', via))));
    expect(world.viaduct.counter(C_SCRIPT_RUNS)).toBe(2);
  });
});
