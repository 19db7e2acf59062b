import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  SOCKADDR_IN6_BYTES, SOCKADDR_IN_BYTES, formatAddress, formatEndpoint, formatListenAddress, parseAddress,
  parseListenAddress, readSockaddr, writeSockaddr,
} from '../../../src/net/endpoint.js';
import { createPacketMeta } from '../../../src/ring/layout.js';

describe('parseListenAddress', () => {
  it.each([
    ['udp:127.0.0.1:5060', { host: '127.0.0.1', family: 4, port: 5060 }],
    ['UDP:127.0.0.1:5060', { host: '127.0.0.1', family: 4, port: 5060 }],
    ['0.0.0.0:0', { host: '0.0.0.0', family: 4, port: 0 }],
    ['udp:[::1]:65535', { host: '::1', family: 6, port: 65_535 }],
    ['[2001:db8::7]:1', { host: '2001:db8::7', family: 6, port: 1 }],
  ])('reads %s', (text, expected) => {
    expect(parseListenAddress(text)).toEqual(expected);
  });

  it.each([
    '', 'udp:', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', '127.0.0.1:-1', '127.0.0.1:5060 ', '[::1]', '::1:5060',
    '[127.0.0.1]:5060', '127.1:5060', '256.0.0.1:5060', '127.00.0.1:5060', 'localhost:5060', 'tcp:127.0.0.1:5060',
    '[fe80::1%eth0]:5060', '[::1]x:5060', '127.0.0.1:5060/udp',
  ])('refuses "%s"', (text) => {
    expect(parseListenAddress(text)).toBeUndefined();
  });

  it('gives back what formatListenAddress writes', () => {
    for (const text of ['udp:127.0.0.1:5060', 'udp:[::1]:0', 'udp:[2001:db8::1]:5060']) {
      expect(formatListenAddress(parseListenAddress(text)!)).toBe(text);
    }
  });
});

describe('parseAddress and formatAddress', () => {
  it.each([
    ['0.0.0.0', 4, [0, 0, 0, 0]],
    ['127.0.0.1', 4, [0x7f000001, 0, 0, 0]],
    ['255.255.255.255', 4, [-1, 0, 0, 0]],
    ['::', 6, [0, 0, 0, 0]],
    ['::1', 6, [0, 0, 0, 1]],
    ['2001:db8::1', 6, [0x20010db8, 0, 0, 1]],
    ['2001:db8:0:1:1:1:1:1', 6, [0x20010db8, 1, 0x00010001, 0x00010001]],
    ['2001:0:0:1::1', 6, [0x20010000, 1, 0, 1]],
    ['fe80::', 6, [0xfe800000 | 0, 0, 0, 0]],
    ['::ffff:192.0.2.1', 6, [0, 0, 0xffff, 0xc0000201 | 0]],
  ])('agree on %s', (text, family, [a0, a1, a2, a3]) => {
    expect(parseAddress(text)).toEqual({ family, a0, a1, a2, a3 });
    expect(formatAddress(parseAddress(text)!)).toBe(text);
  });

  it.each([
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('read %s, which is also written %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  it.each([
    '1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1..2.3', ':', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3',
    '1:2:3:4:5:6:7:8::', '12345::', 'g::', '1.2.3.4::', '::1.2.3', ' ::1', '[::1]', '::1%lo', ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
  ])('refuse "%s"', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('give back any address, in text and as the kernel has it', () => {
    const word = fc.oneof(fc.constant(0), fc.integer({ min: -0x80000000, max: 0x7fffffff }));
    const names = new Int32Array(24);
    fc.assert(fc.property(fc.constantFrom(4, 6), word, word, word, word, fc.nat(65_535), (family, a0, b1, b2, b3, port) => {
      const [a1, a2, a3] = family === 4 ? [0, 0, 0] : [b1, b2, b3];
      const words = { family, a0, a1, a2, a3 };
      expect(parseAddress(formatAddress(words))).toEqual(words);
      const endpoint = { ...createPacketMeta(), ...words, port };
      const bytes = writeSockaddr(names, 8, endpoint);
      expect(bytes).toBe(family === 4 ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
      const back = createPacketMeta();
      readSockaddr(names, 8, back);
      expect(back).toEqual(endpoint);
    }));
  });
});

describe('formatEndpoint', () => {
  it('puts IPv6 into brackets', () => {
    expect(formatEndpoint({ ...createPacketMeta(), a0: 0x7f000001, port: 5060 })).toBe('127.0.0.1:5060');
    expect(formatEndpoint({ ...createPacketMeta(), family: 6, a3: 1, port: 5062 })).toBe('[::1]:5062');
  });
});
