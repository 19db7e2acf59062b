/** Which shard a message belongs to: what has to meet meets, whatever its form, and nothing falls through. */
import { describe, expect, it } from 'vitest';
import { ROUTE_NONE, ShardRouter, type ShardRouterOptions } from '../../../src/main/shard-router.js';
import {
  PACKET_REQUEST,
  PACKET_REQUEST_2543,
  PACKET_RESPONSE,
  PACKET_RESPONSE_FOREIGN,
  PACKET_UNKNOWN,
  type PacketMeta,
} from '../../../src/proxy/ports.js';
import { createPacketMeta } from '../../../src/ring/layout.js';
import { bytesOf, requestText, responseText } from '../../../src/sim/sent-message.js';
import { BOB, relayAll, SECRET, Stage } from '../proxy/stage.js';

interface Routed {
  readonly shard: number;
  readonly kind: number;
  readonly key: string;
}

function routerOf(options: Partial<ShardRouterOptions> = {}): (message: string | Uint8Array) => Routed {
  const router = new ShardRouter({ shards: 4, node: 0, secret: SECRET, key: 'transaction', ...options });
  return (message) => {
    const text = typeof message === 'string' ? bytesOf(message) : message;
    // Surroundings that would go on with the message, and leftovers in the meta.
    const bytes = new Uint8Array(text.length + 64).fill(0x41);
    bytes.set(text, 32);
    const meta: PacketMeta = { listener: 0, family: 4, port: 1, a0: 1, a1: 2, a2: 3, a3: 4, connection: 5, keyLo: 77, keyHi: 78, kind: 9, hops: 7, topVia: undefined };
    const shard = router.route(bytes, 32, 32 + text.length, meta);
    expect(meta.hops).toBe(0);
    expect([meta.listener, meta.port, meta.a0, meta.connection]).toEqual([0, 1, 1, 5]);
    return { shard, kind: meta.kind, key: `${meta.keyHi},${meta.keyLo}` };
  };
}

const SHARD_COUNTS = [1, 2, 3, 4, 7, 8, 16, 33, 64];

describe.each(SHARD_COUNTS)('with %i shards', (shards) => {
  const route = routerOf({ shards });

  it('a request, its repetition, its CANCEL and the ACK to its failure get the same shard and key', () => {
    for (let i = 0; i < 40; i++) {
      const parts = { branch: `z9hG4bK-${i}`, callId: `c${i}` };
      const invite = route(requestText('INVITE', parts));
      expect(invite.kind).toBe(PACKET_REQUEST);
      expect(invite.shard).toBeGreaterThanOrEqual(0);
      expect(invite.shard).toBeLessThan(shards);
      expect(route(requestText('INVITE', parts))).toEqual(invite);
      expect(route(requestText('CANCEL', { ...parts, headers: [] }))).toEqual(invite);
      expect(route(requestText('ACK', { ...parts, to: '<sip:bob@10.2.0.1>;tag=x', headers: ['Route: <sip:else.example;lr>'] }))).toEqual(invite);
    }
  });

  it('every shard gets its part of the requests', () => {
    const counts = new Array<number>(shards).fill(0);
    for (let i = 0; i < 50 * shards; i++) counts[route(requestText('INVITE', { branch: `z9hG4bK${i}` })).shard]!++;
    for (const count of counts) {
      expect(count).toBeGreaterThan(20);
      expect(count).toBeLessThan(90);
    }
  });

  it('the form of Via does not matter', () => {
    const invite = route(requestText('INVITE', { vias: ['SIP/2.0/UDP Host.Example;branch=z9hG4bKabc'] }));
    const text = requestText('INVITE', { vias: ['TOP'] });
    for (const [name, value] of [
      ['Via: ', 'SIP/2.0/UDP host.example:5060;branch=z9hG4bKabc'],
      ['v:', 'SIP/2.0/UDP HOST.EXAMPLE;rport;branch=z9hG4bKabc;received=1.2.3.4'],
      ['V \t:  ', 'SIP / 2.0 / UDP host.example : 5060 ; branch = z9hG4bKabc ; x="a,b"'],
      ['vIA:', '\r\n SIP/2.0/UDP\r\n host.example;\r\n\tbranch=z9hG4bKabc'],
      ['Via: ', 'SIP/2.0/UDP host.example;branch=z9hG4bKabc, SIP/2.0/UDP other;branch=z9hG4bKother'],
      ['Via: ', 'SIP/2.0/UDP host.example;branch=z9hG4bKabc\r\nVia: SIP/2.0/UDP other;branch=z9hG4bKother'],
      ['X-Via: x\r\nvia: ', 'SIP/2.0/UDP host.example;branch=z9hG4bKabc'],
      ['Via-X: x\r\nVictim: v\r\nRoute-X: y\r\nvia: ', 'SIP/2.0/UDP host.example;branch=z9hG4bKabc'],
      ['Subject: x\r\n Via: SIP/2.0/UDP decoy;branch=z9hG4bKdecoy\r\nvia: ', 'SIP/2.0/UDP host.example;branch=z9hG4bKabc'],
    ] as const) {
      expect(route(text.replace('Via: TOP', name + value)), name + value).toEqual(invite);
      expect(route(text.replace('Via: TOP', name + value).replaceAll('\r\n', '\n')), `${name}${value} with LF`).toEqual(invite);
    }
  });

  it('a request of a dialog gets the shard that our Route names, whatever its key', () => {
    for (let shard = 0; shard < shards; shard++) {
      const mark = `;vd=00${shard.toString(16).padStart(2, '0')}`;
      for (const line of [
        `Route: <sip:10.0.0.1:5060;lr${mark}>`,
        `route:<sip:10.0.0.1:5060;lr${mark}>,<sip:next.example;lr;vd=00ff>`,
        `ROUTE :\r\n "us" <sip:10.0.0.1;lr${mark};x> , <sip:next>`,
        `Route: <sip:10.0.0.1:5060;lr${mark}>\r\nRoute: <sip:10.0.0.1;lr;vd=00ff>`,
      ]) {
        const plain = route(requestText('BYE', { branch: `z9hG4bK-${shard}` }));
        const marked = route(requestText('BYE', { branch: `z9hG4bK-${shard}`, headers: [line] }));
        expect(marked).toEqual({ ...plain, shard });
      }
    }
  });

  it.each([
    ['of another node', ';vd=0100'],
    ['of a shard that there is not', ';vd=00ff'],
    ['that is broken', ';vd=00'],
    ['in upper case', ';VD=0000'],
  ])('a Route with a mark %s does not count', (_, mark) => {
    const parts = { branch: 'z9hG4bK-7' };
    expect(route(requestText('BYE', { ...parts, routes: [`<sip:10.0.0.1;lr${mark}>`] }))).toEqual(route(requestText('BYE', parts)));
  });

  it('a mark in the second Route does not count', () => {
    const parts = { branch: 'z9hG4bK-7' };
    expect(route(requestText('BYE', { ...parts, routes: ['<sip:a;lr>, <sip:10.0.0.1;lr;vd=0000>'] }))).toEqual(route(requestText('BYE', parts)));
  });

  it('a response gets the shard that our branch names', () => {
    for (let shard = 0; shard < shards; shard++) {
      const hex = shard.toString(16).padStart(2, '0');
      for (const via of [`Via: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKvd00${hex}000123456789abcdef`, `v:SIP/2.0/UDP 10.0.0.1:5060;x;\r\n branch=z9hG4bKvd00${hex}000123456789abcdef, SIP/2.0/UDP other`]) {
        expect(route(`SIP/2.0 200 OK\r\n${via}\r\n\r\n`)).toEqual({ shard, kind: PACKET_RESPONSE, key: `${0x01234567},${0x89abcdef | 0}` });
      }
    }
  });

  it('a response of another node or shard falls back to some shard, always the same', () => {
    for (const place of ['0100', '00ff', 'ffff']) {
      const text = `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKvd${place}00fedcba9876543210\r\n\r\n`;
      const first = route(text);
      expect(first.kind).toBe(PACKET_RESPONSE);
      expect(first.shard).toBeGreaterThanOrEqual(0);
      expect(first.shard).toBeLessThan(shards);
      expect(route(text)).toEqual(first);
    }
  });

  it('an RFC 2543 request meets its CANCEL and the ACK to its failure', () => {
    for (const via of ['SIP/2.0/UDP 10.1.0.1:5060', 'SIP/2.0/UDP host.example;branch=1', 'SIP/2.0/UDP host.example;branch=z9hG4bK', 'SIP/2.0/UDP h;branch=a.z9hG4bK']) {
      for (const from of ['<sip:a@b>;tag=1', 'sip:a@b']) {
        const parts = { vias: [via], from };
        const invite = route(requestText('INVITE', parts));
        expect(invite.kind).toBe(PACKET_REQUEST_2543);
        expect(route(requestText('CANCEL', { ...parts, headers: [] }))).toEqual(invite);
        expect(route(requestText('ACK', { ...parts, to: '<sip:bob@10.2.0.1>;tag=z' }))).toEqual(invite);
        const variant = requestText('INVITE', parts).replace('Via: ', 'v :').replace('From:', 'F:').replace('Call-ID:', 'i:\r\n').replace('HOST', 'host');
        expect(route(variant)).toEqual(invite);
      }
    }
  });
});

describe('an RFC 2543 request', () => {
  const route = routerOf({ shards: 64 });
  const parts = { vias: ['SIP/2.0/UDP 10.1.0.1:5060'] };
  const invite = route(requestText('INVITE', parts));

  it.each([
    ['Request-URI', { uri: 'sip:other@10.2.0.1' }],
    ['From tag', { from: '<sip:alice@10.1.0.1>;tag=a2' }],
    ['Call-ID', { callId: 'call-2' }],
    ['CSeq', { cseq: 2 }],
    ['Via host', { vias: ['SIP/2.0/UDP 10.1.0.2:5060'] }],
    ['Via port', { vias: ['SIP/2.0/UDP 10.1.0.1:5061'] }],
  ])('is another one with another %s', (_, other) => {
    expect(route(requestText('INVITE', { ...parts, ...other })).key).not.toBe(invite.key);
  });

  it('may have as many header fields as a shard may be told to take', () => {
    const headers = Array.from({ length: 1000 }, (_, i) => `X-${i}: y`);
    expect(route(requestText('INVITE', { ...parts, headers }))).toEqual(invite);
  });

  it('that is broken has no key', () => {
    expect(route(requestText('INVITE', parts).replace('Call-ID', 'X-Call-ID'))).toMatchObject({ kind: PACKET_UNKNOWN, key: '0,0' });
  });
});

describe('by Call-ID', () => {
  const route = routerOf({ shards: 64, key: 'call-id' });

  it('requests of a call get one shard, in any form, and keep their own keys', () => {
    const one = route(requestText('INVITE', { callId: 'a@b' }));
    const two = route(requestText('INVITE', { callId: 'a@b', branch: 'z9hG4bK-other' }));
    expect(two.shard).toBe(one.shard);
    expect(two.key).not.toBe(one.key);
    for (const name of ['i:', 'CALL-id :\r\n\t', 'I : ']) expect(route(requestText('INVITE', { callId: 'a@b' }).replace('Call-ID: ', name))).toEqual(one);
    expect(route(requestText('CANCEL', { callId: 'a@b', headers: [] }))).toEqual(one);
  });

  it('different calls spread', () => {
    const shards = new Set<number>();
    for (let i = 0; i < 400; i++) shards.add(route(requestText('INVITE', { callId: `c${i}` })).shard);
    expect(shards.size).toBeGreaterThan(50);
  });

  it('our Route still wins, and a request without Call-ID falls back to its key', () => {
    expect(route(requestText('BYE', { callId: 'a@b', routes: ['<sip:10.0.0.1;lr;vd=0005>'] })).shard).toBe(5);
    expect(route(requestText('BYE').replace(/Call-ID: .*\r\n/, ''))).toEqual(routerOf({ shards: 64 })(requestText('BYE')));
  });
});

describe('what is no message', () => {
  const route = routerOf();
  const STUN = Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, ...new Array<number>(12).fill(7));

  it.each(['', '\r\n', '\r\n\r\n', '\0', '\0\0\0\0', ' ', '\n', '\r\n\0 \r\n'])('a keep-alive %j goes nowhere', (text) => {
    expect(route(text).shard).toBe(ROUTE_NONE);
  });

  it('STUN goes nowhere', () => {
    expect(route(STUN).shard).toBe(ROUTE_NONE);
    expect(route(STUN.map((octet, i) => (i === 0 ? 1 : octet))).shard).toBe(ROUTE_NONE);
  });

  it.each(['x', 'hello', '\r\n\r\nINVITE', '\0\0\0\0\0\0\0\0\0\0', 'SIP/2.0 200 OK\r\n\r\n', 'INVITE sip:a@b SIP/2.0\r\nVia\r\n\r\n', 'INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n', 'INVITE sip:a@b SIP/2.0'])(
    '%j goes to some shard, always the same, without a key',
    (text) => {
      const first = route(text);
      expect(first).toMatchObject({ kind: PACKET_UNKNOWN, key: '0,0' });
      expect(first.shard).toBeGreaterThanOrEqual(0);
      expect(first.shard).toBeLessThan(4);
      expect(route(text)).toEqual(first);
    },
  );

  it('a response that does not follow from a request of ours is foreign', () => {
    for (const branch of ['', ';branch=z9hG4bK-1', ';branch=z9hG4bKvd00000001234567', ';branch=z9hG4bKvd000000FEDCBA9876543210']) {
      expect(route(`SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h${branch}\r\n\r\n`).kind).toBe(PACKET_RESPONSE_FOREIGN);
    }
  });

  it('a Via in the body is none of the message', () => {
    expect(route('INVITE sip:a@b SIP/2.0\r\nTo: x\r\n\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK-1\r\n').kind).toBe(PACKET_UNKNOWN);
  });
});

describe('the router and the shards', () => {
  it('agree: the response to what a shard sent, and the requests along its Record-Route, come back to it', () => {
    const shards = 8;
    for (let i = 0; i < 24; i++) {
      const stage = new Stage({ request(req) { req.recordRoute(); req.relay(); } }, { shards });
      const home = stage.receive(requestText('INVITE', { branch: `z9hG4bK-${i}` }));
      const invite = stage.takeOne(BOB);
      const ok = responseText(invite, 200);
      expect(stage.receive(ok, BOB)).toBe(home);
      expect(stage.receive(requestText('BYE', { branch: 'z9hG4bK-bye', routes: invite.headers('record-route') }))).toBe(home);
    }
  });

  it('agree on keys: a repetition is absorbed wherever it goes', () => {
    const stage = new Stage(relayAll, { shards: 8 });
    for (const via of ['SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK-1', 'SIP/2.0/UDP 10.1.0.1']) {
      stage.receive(requestText('MESSAGE', { vias: [via] }));
      stage.receive(requestText('MESSAGE', { vias: [via] }));
    }
    expect(stage.take(BOB)).toHaveLength(2);
  });
});

describe('the top Via that goes along', () => {
  const router = new ShardRouter({ shards: 1, node: 0, secret: SECRET, key: 'transaction' });
  const meta: PacketMeta = { ...createPacketMeta() };
  const routed = (text: string): PacketMeta => {
    const bytes = bytesOf(text);
    router.route(bytes, 0, bytes.length, meta);
    return meta;
  };

  it('is that of the message, and none when that has none or a broken one', () => {
    for (const text of [requestText('INVITE', {}), 'SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx\r\n\r\n']) {
      const { topVia } = routed(text);
      const { bytes, valueStart, valueEnd } = topVia!;
      expect(text).toContain(`Via: ${String.fromCharCode(...bytes.subarray(valueStart, valueEnd))}\r\n`);
      expect(routed(requestText('INVITE', { vias: ['SIP/2.0/UDP a..b'] })).topVia).toBeUndefined();
    }
    for (const text of ['', '\r\n\r\n', 'OPTIONS sip:a@b SIP/2.0\r\nTo: <sip:a@b>\r\n\r\n']) {
      expect(routed(requestText('INVITE', {})).topVia).toBeDefined();
      expect(routed(text).topVia).toBeUndefined();
    }
  });
});
