/** What a forwarded request looks like (RFC 3261 §16.6), and what the server transport adds to it (§18.2.1, RFC 3581). */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText } from '../../../src/sim/sent-message.js';
import { C_BAD_REQUESTS } from '../../../src/telemetry/counters.js';
import { ALICE, ALICE_V6, BOB, CAROL, relayAll, Stage, V4, V6 } from './stage.js';

const recordRouted: Routes = {
  request(req) {
    req.recordRoute();
    req.relay();
  },
};

/** What Bob gets of a request. */
function forwarded(text: string, routes: Routes = relayAll, from = ALICE): string {
  const stage = new Stage(routes);
  stage.receive(text, from);
  stage.take(from);
  return stage.takeOne(BOB).text;
}

const OUR_VIA = /^Via: SIP\/2\.0\/UDP 10\.0\.0\.1:5060;branch=z9hG4bKvd[0-9a-f]{22}\r\n/;

describe('a forwarded request', () => {
  it('is the request with our Via on top and Max-Forwards one less, and every other byte as it came', () => {
    const text = requestText('INVITE', { headers: ['X-Odd :\t a\r\n  fold ', 'sUbJeCt:', 'c: application/sdp'], body: 'v=0\r\n\0\xff\r\n\r\n' });
    const out = forwarded(text);
    const [line = ''] = text.split('\r\n');
    expect(out.startsWith(`${line}\r\nVia: `)).toBe(true);
    const rest = out.slice(line.length + 2);
    expect(rest).toMatch(OUR_VIA);
    expect(rest.replace(OUR_VIA, '')).toBe(text.slice(line.length + 2).replace('Max-Forwards: 70', 'Max-Forwards: 69'));
  });

  it.each([
    ['70', '69'],
    ['1', '0'],
    ['255', '254'],
    ['256', '254'],
    ['99999', '254'],
    ['0010', '9'],
  ])('has Max-Forwards %s as %s', (before, after) => {
    const out = forwarded(requestText('OPTIONS', { maxForwards: -1, headers: [`Max-Forwards: ${before}`] }));
    expect(out).toContain(`\r\nMax-Forwards: ${after}\r\n`);
    expect(out.match(/Max-Forwards/g)).toHaveLength(1);
  });

  it('has Max-Forwards where there was none', () => {
    expect(forwarded(requestText('OPTIONS', { maxForwards: -1 }))).toMatch(/\r\nMax-Forwards: 70\r\n/);
  });

  it.each(['INVITE', 'OPTIONS', 'FOO'])('%s with Max-Forwards 0 is answered 483', (method) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText(method, { maxForwards: 0 }));
    expect(stage.take(BOB)).toEqual([]);
    expect(stage.takeOne(ALICE).status).toBe(483);
    expect(stage.count(C_BAD_REQUESTS)).toBe(1);
  });

  it('has our Record-Route above those of others, with the shard in it', () => {
    const out = forwarded(requestText('INVITE', { headers: ['Record-Route: <sip:10.9.9.9;lr>'] }), recordRouted);
    const records = out.split('\r\n').filter((line) => line.startsWith('Record-Route'));
    expect(records).toEqual(['Record-Route: <sip:10.0.0.1:5060;lr;vd=0000>', 'Record-Route: <sip:10.9.9.9;lr>']);
  });

  it('has no Record-Route when the script asks for none', () => {
    expect(forwarded(requestText('INVITE'))).not.toContain('Record-Route');
  });

  it('has one Record-Route when the script asks twice', () => {
    const out = forwarded(requestText('INVITE'), { request: (req) => { req.recordRoute(); req.recordRoute(); req.relay(); } });
    expect(out.match(/Record-Route/g)).toHaveLength(1);
  });

  it('has two Record-Routes from one listener to another, that of its own side on top (RFC 5658)', () => {
    const stage = new Stage(recordRouted, { listeners: [V4, V6] });
    stage.receive(requestText('INVITE', { uri: `sip:bob@${ALICE_V6}` }));
    const out = stage.takeOne('[2001:db8:0:0:0:0:0:a]:5060');
    expect(out.headers('record-route')).toEqual(['<sip:[2001:db8::1]:5060;lr;vd=0000>', '<sip:10.0.0.1:5060;lr;vd=0000>']);
    expect(out.vias[0]).toMatch(/^SIP\/2\.0\/UDP \[2001:db8::1\]:5060;branch=/);
  });

  it('takes both of our two Record-Routes out again, on the way back too', () => {
    const ours = ['<sip:[2001:db8::1]:5060;lr;vd=0000>', '<sip:10.0.0.1:5060;lr;vd=0000>'];
    for (const [routes, from, to] of [
      [ours, ALICE_V6, BOB],
      [[...ours].reverse(), ALICE, '[2001:db8:0:0:0:0:0:a]:5060'],
    ] as const) {
      const stage = new Stage(relayAll, { listeners: [V4, V6] });
      stage.receive(requestText('BYE', { routes, uri: `sip:x@${to === BOB ? BOB : ALICE_V6}` }), from);
      const out = stage.takeOne(to);
      expect(out.headers('route')).toEqual([]);
    }
  });

  it('leaves by the listener that it came in by, if the family fits', () => {
    const second = { family: 4, sentBy: '10.0.0.2:5060', ours: [{ host: '10.0.0.2', port: 5060 }] } as const;
    const stage = new Stage(recordRouted, { listeners: [V4, second] });
    stage.receive(requestText('INVITE'), ALICE, 1);
    const out = stage.takeOne(BOB);
    expect(out.vias[0]).toContain('10.0.0.2:5060');
    expect(out.headers('record-route')).toEqual(['<sip:10.0.0.2:5060;lr;vd=0000>']);
  });

  it('goes to each target with a Request-URI and branch of its own', () => {
    const stage = new Stage({ request: (req) => void req.relay([`sip:b@${BOB};x=1`, { uri: 'sip:c@name.example', nextHop: `sip:${CAROL}` }]) });
    stage.receive(requestText('INVITE'));
    const bob = stage.takeOne(BOB);
    const carol = stage.takeOne(CAROL);
    expect([bob.uri, carol.uri]).toEqual([`sip:b@${BOB};x=1`, 'sip:c@name.example']);
    expect(bob.branch).not.toBe(carol.branch);
    expect(bob.branch.slice(0, 13)).toBe('z9hG4bKvd0000');
  });

  it('has the Request-URI that the script set', () => {
    expect(forwarded(requestText('INVITE', { uri: 'sip:x@name.example' }), { request: (req) => { req.uri = `sip:new@${BOB};p`; req.relay(); } })).toMatch(
      /^INVITE sip:new@10\.2\.0\.1:5060;p SIP\/2\.0\r\n/,
    );
  });

  it('keeps the Request-URI that goes elsewhere by a next hop', () => {
    const out = forwarded(requestText('INVITE', { uri: 'sip:x@name.example' }), { request: (req) => void req.relay({ nextHop: `sip:${BOB}` }) });
    expect(out).toMatch(/^INVITE sip:x@name\.example SIP\/2\.0\r\n/);
  });

  it('carries the header changes of the script once, in every branch', () => {
    const stage = new Stage({
      request(req) {
        req.headers.remove('X-Old');
        req.headers.replace('Subject', 'new');
        req.headers.add('X-New', 'one');
        req.headers.add('X-New', 'two');
        req.relay([`sip:b@${BOB}`, `sip:c@${CAROL}`]);
      },
    });
    stage.receive(requestText('INVITE', { headers: ['X-Old: a', 's: old', 'x-old: b', 'X-Kept: k'] }));
    for (const to of [BOB, CAROL]) {
      const out = stage.takeOne(to);
      expect(out.headers('x-old')).toEqual([]);
      expect(out.headers('subject')).toEqual(['new']);
      expect(out.headers('x-new')).toEqual(['one', 'two']);
      expect(out.headers('x-kept')).toEqual(['k']);
    }
  });

  it.each<[uri: string, status: number]>([
    ['sip:x@name.example', 404],
    ['sips:x@10.2.0.1', 500],
    ['sip:x@10.2.0.1;transport=tcp', 500],
    ['tel:+4930', 416],
    ['sip:x@224.0.0.1', 404],
    ['sip:x@255.255.255.255', 404],
    ['sip:x@0.0.0.0', 404],
    ['sip:x@[2001:db8::9]', 500],
    ['sip:x@[ff02::1]', 404],
  ])('to %s, which cannot be reached, is answered %i', (uri, status) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('OPTIONS', { uri }));
    // A next hop that there is no way to counts as a 503, which goes up as 500 (§16.9).
    expect(stage.takeOne(ALICE).status).toBe(status);
  });

  it.each(['sip:x@10.2.0.1;maddr=10.2.0.2', 'sip:x@name.example;maddr=10.2.0.2'])('to %s goes to the maddr', (uri) => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('OPTIONS', { uri }));
    expect(stage.takeOne(CAROL).uri).toBe(uri);
  });
});

describe('the top Via of a request', () => {
  const viaOf = (via: string, from = ALICE): string => {
    const stage = new Stage(relayAll, { listeners: [V4, V6] });
    stage.receive(requestText('OPTIONS', { vias: [via] }), from);
    return stage.takeOne(BOB).headers('via')[1]!;
  };

  it.each([
    ['SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-1', 'SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK-1'],
    ['SIP/2.0/UDP 10.1.0.1:5060', 'SIP/2.0/UDP 10.1.0.1:5060'],
    ['SIP/2.0/UDP 10.1.0.9:5060;branch=z9hG4bK-1', 'SIP/2.0/UDP 10.1.0.9:5060;branch=z9hG4bK-1;received=10.1.0.1'],
    ['SIP/2.0/UDP host.example;branch=z9hG4bK-1;x', 'SIP/2.0/UDP host.example;branch=z9hG4bK-1;x;received=10.1.0.1'],
    ['SIP/2.0/UDP host.example', 'SIP/2.0/UDP host.example;received=10.1.0.1'],
    ['SIP/2.0/UDP host.example : 5070', 'SIP/2.0/UDP host.example : 5070;received=10.1.0.1'],
    ['SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1;rport', 'SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1;rport=5060;received=10.1.0.1'],
    ['SIP/2.0/UDP 10.1.0.1;rport;branch=z9hG4bK-1', 'SIP/2.0/UDP 10.1.0.1;rport=5060;branch=z9hG4bK-1;received=10.1.0.1'],
    ['SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1;rport=1', 'SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1;rport=5060;received=10.1.0.1'],
    ['SIP/2.0/UDP 10.1.0.1;RPORT = 1 ;branch=z9hG4bK-1', 'SIP/2.0/UDP 10.1.0.1;RPORT=5060 ;branch=z9hG4bK-1;received=10.1.0.1'],
    ['SIP/2.0/UDP h.example;received=9.9.9.9;branch=z9hG4bK-1', 'SIP/2.0/UDP h.example;received=10.1.0.1;branch=z9hG4bK-1'],
    ['SIP/2.0/UDP h.example;received=9.9.9.9;branch=z9hG4bK-1;rport', 'SIP/2.0/UDP h.example;received=10.1.0.1;branch=z9hG4bK-1;rport=5060'],
    ['SIP/2.0/UDP h.example;rport;received=10.1.0.1;branch=z9hG4bK-1', 'SIP/2.0/UDP h.example;rport=5060;received=10.1.0.1;branch=z9hG4bK-1'],
    ['SIP/2.0/UDP h.example;branch=z9hG4bK-1, SIP/2.0/UDP second;rport', 'SIP/2.0/UDP h.example;branch=z9hG4bK-1;received=10.1.0.1, SIP/2.0/UDP second;rport'],
  ])('%s becomes %s', (before, after) => {
    expect(viaOf(before)).toBe(after);
  });

  it('gets an IPv6 source without brackets', () => {
    expect(viaOf('SIP/2.0/UDP [2001:db8::b]:5060;branch=z9hG4bK-1;rport', ALICE_V6)).toBe(
      'SIP/2.0/UDP [2001:db8::b]:5060;branch=z9hG4bK-1;rport=5060;received=2001:db8::a',
    );
    expect(viaOf('SIP/2.0/UDP [2001:DB8:0::A];branch=z9hG4bK-1', ALICE_V6)).toBe('SIP/2.0/UDP [2001:DB8:0::A];branch=z9hG4bK-1');
  });

  it('knows addresses in the upper half of the space for the same', () => {
    const stage = new Stage(relayAll);
    stage.receive(requestText('OPTIONS', { sentBy: '203.0.113.9:5060' }), '203.0.113.9:5060');
    expect(stage.takeOne(BOB).vias[1]).toBe('SIP/2.0/UDP 203.0.113.9:5060;branch=z9hG4bK-1');
  });

  it.each([
    ['SIP/2.0/UDP 10.1.0.1:5070;branch=z9hG4bK-1', '10.1.0.1:5070'],
    ['SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1', '10.1.0.1:5060'],
    ['SIP/2.0/UDP 10.1.0.9:5070;branch=z9hG4bK-1', '10.1.0.1:5070'],
    ['SIP/2.0/UDP host.example:5070;branch=z9hG4bK-1;rport', '10.1.0.1:40000'],
    ['SIP/2.0/UDP 10.1.0.1:5070;branch=z9hG4bK-1;rport=5;received=9.9.9.9', '10.1.0.1:40000'],
    ['SIP/2.0/UDP 10.1.0.1:5070;branch=z9hG4bK-1;received=9.9.9.9', '10.1.0.1:5070'],
  ])('%s has its responses sent to %s', (via, to) => {
    const stage = new Stage({ request: (req) => void req.reply(404) });
    stage.receive(requestText('OPTIONS', { vias: [via] }), '10.1.0.1:40000');
    expect(stage.takeOne(to).status).toBe(404);
  });
});
