/** Forwarding (RFC 3261 §16.4, §16.6, §16.7, §18.2; RFC 3581) through the real engine. */
import { describe, expect, it } from 'vitest';
import { requestText, responseText } from '../../src/sim/sent-message.js';
import { C_CLIENT_TX_ALIVE, C_DROP_FORGED_RESPONSE, C_DROP_LAST_VIA } from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, invite, labels, makeWorld } from './relay-world.js';

describe('a forwarded request', () => {
  it('carries our Via on top of the others and one hop less', () => {
    const world = makeWorld();
    const request = invite(world);
    expect(request.vias).toHaveLength(2);
    expect(request.vias[0]).toMatch(/^SIP\/2\.0\/UDP 10\.0\.0\.1:5060;/);
    expect(request.branch).toMatch(/^z9hG4bK/);
    expect(request.vias[1]).toContain('branch=z9hG4bK-1');
    expect(request.header('max-forwards')).toBe('69');
    expect(request.uri).toBe('sip:bob@10.2.0.1:5060');
    expect(request.header('contact')).toBe('<sip:alice@10.1.0.1:5060>');
  });

  it('gets a Max-Forwards when it had none', () => {
    const world = makeWorld();
    expect(invite(world, { maxForwards: -1 }).header('max-forwards')).toBe('70');
  });

  it('keeps its body and unknown headers byte for byte', () => {
    const world = makeWorld();
    const headers = ['X-Odd:  "a,b" ; c', 'Content-Type: text/plain'];
    const request = invite(world, { headers, body: 'one\r\n\r\ntwo' });
    expect(request.text).toContain('X-Odd:  "a,b" ; c\r\n');
    expect(request.body).toBe('one\r\n\r\ntwo');
  });

  it('with Max-Forwards 0 is answered 483 and not forwarded', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('INVITE', { maxForwards: 0 }));
    expect(world.takeSent(BOB)).toEqual([]);
    expect(labels(world.takeSent(ALICE)).at(-1)).toBe('483');
  });

  it('notes the address it came from when the Via says another (§18.2.1)', () => {
    const world = makeWorld();
    expect(invite(world, { sentBy: 'alice.example.com' }).vias[1]).toContain(';received=10.1.0.1');
  });

  it('notes address and port for rport (RFC 3581), and answers go there', () => {
    const world = makeWorld();
    const vias = ['SIP/2.0/UDP 192.0.2.9:5099;rport;branch=z9hG4bK-1'];
    world.inject('10.1.0.1:40001', requestText('INVITE', { vias }));
    expect(labels(world.takeSent('10.1.0.1:40001'))).toEqual(['100']);
    const request = world.takeOne(BOB);
    expect(request.vias[1]).toContain(';rport=40001');
    expect(request.vias[1]).toContain(';received=10.1.0.1');
    answer(world, request, 180);
    expect(labels(world.takeSent('10.1.0.1:40001'))).toEqual(['180']);
  });

  it('without rport is answered at the port of its Via', () => {
    const world = makeWorld();
    world.inject('10.1.0.1:40001', requestText('INVITE', { sentBy: '10.1.0.1:5080' }));
    expect(labels(world.takeSent('10.1.0.1:5080'))).toEqual(['100']);
  });
});

describe('Record-Route and Route', () => {
  it('names the proxy, loosely', () => {
    const world = makeWorld();
    const [route] = invite(world).headers('record-route');
    expect(route).toMatch(/^<sip:[^>]*10\.0\.0\.1:5060[^>]*;lr[^>]*>$/);
  });

  it.each([1, 2, 4])('brings ACK and BYE through the proxy in order, %i shards', (shards) => {
    const world = makeWorld({ shards });
    for (let call = 0; call < 20; call++) {
      const branch = (name: string): string => `z9hG4bK-${call}-${name}`;
      world.inject(ALICE, requestText('INVITE', { branch: branch('invite'), callId: `c${call}` }));
      answer(world, world.takeOne(BOB), 200);
      const ok = world.takeSent(ALICE).find((message) => message.status === 200)!;
      const dialog = { routes: ok.headers('record-route'), to: ok.header('to'), callId: `c${call}` };
      world.inject(ALICE, requestText('ACK', { ...dialog, branch: branch('ack') }));
      world.inject(ALICE, requestText('BYE', { ...dialog, branch: branch('bye'), cseq: 2 }));
      const [ack, bye] = world.takeSent(BOB);
      expect([ack?.label, bye?.label]).toEqual(['ACK', 'BYE']);
      expect(ack?.headers('route')).toEqual([]);
      expect(ack?.uri).toBe('sip:bob@10.2.0.1:5060');
      expect(bye?.headers('route')).toEqual([]);
      answer(world, bye!, 200);
      expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    }
  });

  it('brings a BYE of the callee back to the caller', () => {
    const world = makeWorld({ shards: 2 });
    const request = invite(world);
    answer(world, request, 200);
    world.takeSent();
    const bye = requestText('BYE', {
      uri: 'sip:alice@10.1.0.1:5060',
      sentBy: BOB,
      branch: 'z9hG4bK-bob',
      routes: request.headers('record-route'),
      from: '<sip:bob@10.2.0.1>;tag=b1',
      to: '<sip:alice@10.1.0.1>;tag=a1',
    });
    world.inject(BOB, bye);
    const got = world.takeOne(ALICE);
    expect(got.label).toBe('BYE');
    world.inject(ALICE, responseText(got, 200));
    expect(labels(world.takeSent(BOB))).toEqual(['200']);
  });

  it('follows a Route that is not ours, and leaves the Request-URI alone', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('INVITE', { routes: ['<sip:10.3.0.1;lr>', '<sip:10.4.0.1;lr>'] }));
    const request = world.takeOne('10.3.0.1:5060');
    expect(request.uri).toBe('sip:bob@10.2.0.1:5060');
    expect(request.headers('route').flatMap((value) => value.split(/\s*,\s*/))).toEqual(['<sip:10.3.0.1;lr>', '<sip:10.4.0.1;lr>']);
  });

  it('takes its own Route off first, also out of a list in one header field', () => {
    const world = makeWorld();
    const [ours] = invite(world).headers('record-route');
    world.inject(ALICE, requestText('BYE', { branch: 'z9hG4bK-2', cseq: 2, to: '<sip:bob@10.2.0.1>;tag=b1', routes: [`${ours!}, <sip:10.3.0.1;lr>`] }));
    const bye = world.takeOne('10.3.0.1:5060');
    expect(bye.headers('route')).toEqual(['<sip:10.3.0.1;lr>']);
  });

  it('rewrites the request for a next hop that is a strict router (§16.6 step 6)', () => {
    const world = makeWorld();
    world.inject(ALICE, requestText('INVITE', { routes: ['<sip:10.3.0.1:5060>', '<sip:10.4.0.1;lr>'] }));
    const request = world.takeOne('10.3.0.1:5060');
    expect(request.uri).toBe('sip:10.3.0.1:5060');
    expect(request.headers('route').flatMap((value) => value.split(/\s*,\s*/))).toEqual(['<sip:10.4.0.1;lr>', '<sip:bob@10.2.0.1:5060>']);
  });

  it('undoes what a strict router before it did (§16.4)', () => {
    const world = makeWorld();
    const [ours] = invite(world).headers('record-route');
    const uri = ours!.slice(1, ours!.indexOf('>'));
    world.inject(ALICE, requestText('BYE', { branch: 'z9hG4bK-2', cseq: 2, to: '<sip:bob@10.2.0.1>;tag=b1', uri, routes: ['<sip:bob@10.2.0.1:5060>'] }));
    const bye = world.takeOne(BOB);
    expect(bye.uri).toBe('sip:bob@10.2.0.1:5060');
    expect(bye.headers('route')).toEqual([]);
  });
});

describe('a forwarded response', () => {
  it('loses our Via and nothing else', () => {
    const world = makeWorld();
    const request = invite(world);
    const text = responseText(request, 200, { headers: ['X-Odd: yes', 'Contact: <sip:bob@10.2.0.1:5060>'], body: 'v=0\r\n' });
    world.inject(BOB, text);
    const ok = world.takeOne(ALICE);
    expect(ok.text).toBe(text.replace(`Via: ${request.vias[0]!}\r\n`, ''));
  });

  it('without another Via below ours is dropped', () => {
    const world = makeWorld();
    const request = invite(world);
    const text = responseText(request, 200).replace(`Via: ${request.vias[1]!}\r\n`, '');
    world.inject(BOB, text);
    expect(world.takeSent(ALICE)).toEqual([]);
    expect(world.viaduct.counter(C_DROP_LAST_VIA)).toBe(1);
  });

  it('with a forged branch is dropped and counted', () => {
    const world = makeWorld();
    const request = invite(world);
    const last = request.branch.at(-1) === '0' ? '1' : '0';
    world.inject(BOB, responseText(request, 200).replace(request.branch, request.branch.slice(0, -1) + last));
    expect(world.takeSent(ALICE)).toEqual([]);
    expect(world.viaduct.counter(C_DROP_FORGED_RESPONSE)).toBe(1);
  });
});

it('survives a crash of the shard: the late 2xx is forwarded, and the retransmitted INVITE keeps its branch', () => {
  const world = makeWorld({ shards: 1 });
  const request = invite(world);
  answer(world, request, 180);
  world.takeSent();
  world.viaduct.crash(0);
  world.inject(ALICE, requestText('INVITE'));
  expect(world.takeOne(BOB).branch).toBe(request.branch);
  world.viaduct.crash(0);
  world.takeSent();
  answer(world, request, 200);
  expect(labels(world.takeSent(ALICE))).toEqual(['200']);
  expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(0);
});

it('answers 500 when the script does nothing, and 500 when it throws', () => {
  const idle = makeWorld({ routes: { request: () => undefined } });
  idle.inject(ALICE, requestText('INVITE'));
  expect(labels(idle.takeSent(ALICE)).at(-1)).toBe('500');
  const broken = makeWorld({
    routes: {
      request() {
        throw new Error('planned by the test');
      },
    },
  });
  broken.inject(ALICE, requestText('OPTIONS'));
  expect(labels(broken.takeSent(ALICE))).toEqual(['500']);
});
