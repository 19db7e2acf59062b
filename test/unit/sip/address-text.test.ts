import { describe, expect, it } from 'vitest';
import {
  ADDRESS_BROADCAST,
  ADDRESS_LOOPBACK,
  ADDRESS_MULTICAST,
  ADDRESS_OTHER,
  ADDRESS_UNSPECIFIED,
  AddressWords,
  IPV4_TEXT_BYTES,
  IPV6_TEXT_BYTES,
  classify,
  parseIpv4,
  parseIpv6,
  writeHost,
  writeIpv4,
  writeIpv6,
} from '../../../src/sip/address-text.js';
import { embed, textAt } from './embedded-text.js';

function read(text: string): AddressWords | undefined {
  const { bytes, start, end } = embed(text);
  const out = new AddressWords();
  const known = text.includes(':') ? parseIpv6(bytes, start, end, out) : parseIpv4(bytes, start, end, out);
  return known ? out : undefined;
}

function write(text: string): string | undefined {
  const words = read(text);
  if (words === undefined) return undefined;
  const bytes = new Uint8Array(64);
  return textAt(bytes, 3, words.family === 6 ? writeIpv6(bytes, 3, words) : writeIpv4(bytes, 3, words));
}

function words(address: AddressWords | undefined): number[] | undefined {
  return address && [address.a0, address.a1, address.a2, address.a3].map((word) => word >>> 0);
}

describe('IPv4 text', () => {
  it.each([
    ['0.0.0.0', 0],
    ['192.0.2.1', 0xc0000201],
    ['255.255.255.255', 0xffffffff],
    ['10.200.99.100', 0x0ac86364],
  ])('%s is read and written', (text, word) => {
    expect(words(read(text))).toEqual([word, 0, 0, 0]);
    expect(write(text)).toBe(text);
  });

  it.each(['', '1', '1.2.3', '1.2.3.', '.1.2.3', '1..2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.1000', '01.2.3.4', '1.2.3.00', '1.2.3.4 ', 'a.b.c.d'])(
    '%j is refused',
    (text) => {
      const { bytes, start, end } = embed(text);
      expect(parseIpv4(bytes, start, end, new AddressWords())).toBe(false);
    },
  );
});

describe('IPv6 text', () => {
  it.each([
    ['::', [0, 0, 0, 0], '::'],
    ['::1', [0, 0, 0, 1], '::1'],
    ['1::', [0x10000, 0, 0, 0], '1::'],
    ['2001:db8::9:1', [0x20010db8, 0, 0, 0x00090001], '2001:db8::9:1'],
    ['2001:DB8:0:0:0:0:0:10', [0x20010db8, 0, 0, 0x10], '2001:db8::10'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', [0x20010db8, 0, 0, 1], '2001:db8::1'],
    ['2001:db8::10:5070', [0x20010db8, 0, 0, 0x00105070], '2001:db8::10:5070'],
    ['1:2:3:4:5:6:7:8', [0x10002, 0x30004, 0x50006, 0x70008], '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', [0x10002, 0x30004, 0x50006, 0x70000], '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', [0x2, 0x30004, 0x50006, 0x70008], '0:2:3:4:5:6:7:8'],
    ['1:0:0:2:0:0:0:3', [0x10000, 0x2, 0, 3], '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', [0x10000, 0x2, 0x30000, 4], '1::2:3:0:0:4'],
    ['::ffff:192.0.2.1', [0, 0, 0xffff, 0xc0000201], '::ffff:192.0.2.1'],
    ['::ffff:c000:201', [0, 0, 0xffff, 0xc0000201], '::ffff:192.0.2.1'],
    ['2001:db8::192.0.2.1', [0x20010db8, 0, 0, 0xc0000201], '2001:db8::c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', [0x10002, 0x30004, 0x50006, 0xc0000201], '1:2:3:4:5:6:c000:201'],
    ['::192.0.2.1', [0, 0, 0, 0xc0000201], '::c000:201'],
  ])('%s is read and written as RFC 5952 has it', (text, expected, canonical) => {
    expect(words(read(text))).toEqual(expected);
    expect(write(text)).toBe(canonical);
  });

  it.each([
    '',
    ':',
    ':::',
    '1',
    '1:',
    ':1',
    '1::2::3',
    '2001:db8:::1',
    '2001:db8:::192.0.2.1',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '12345::',
    '::g',
    '::1%eth0',
    '[::1]',
    '::1 ',
    '192.0.2.1',
    '1:2:3:4:5:6:7:192.0.2.1',
    '::192.0.2.1:1',
    '::192.0.2',
    '::192.0.2.256',
    '::1.2.3.4.5',
    '::.1.2.3',
  ])('%j is refused', (text) => {
    const { bytes, start, end } = embed(text);
    expect(parseIpv6(bytes, start, end, new AddressWords())).toBe(false);
  });
});

describe('writing hosts', () => {
  it('puts IPv6 and nothing else in brackets', () => {
    const bytes = new Uint8Array(64);
    expect(textAt(bytes, 1, writeHost(bytes, 1, read('2001:db8::1')!))).toBe('[2001:db8::1]');
    expect(textAt(bytes, 1, writeHost(bytes, 1, read('192.0.2.1')!))).toBe('192.0.2.1');
  });

  it('stays within its stated bounds', () => {
    expect(write('255.255.255.255')).toHaveLength(IPV4_TEXT_BYTES);
    expect(write('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toHaveLength(IPV6_TEXT_BYTES);
  });
});

describe('the kind of an address', () => {
  it.each([
    ['0.0.0.0', ADDRESS_UNSPECIFIED],
    ['255.255.255.255', ADDRESS_BROADCAST],
    ['224.0.0.1', ADDRESS_MULTICAST],
    ['239.255.255.250', ADDRESS_MULTICAST],
    ['127.0.0.1', ADDRESS_LOOPBACK],
    ['127.255.0.9', ADDRESS_LOOPBACK],
    ['192.0.2.1', ADDRESS_OTHER],
    ['223.255.255.255', ADDRESS_OTHER],
    ['240.0.0.1', ADDRESS_OTHER],
    ['::', ADDRESS_UNSPECIFIED],
    ['::1', ADDRESS_LOOPBACK],
    ['::2', ADDRESS_OTHER],
    ['ff02::1', ADDRESS_MULTICAST],
    ['fe80::1', ADDRESS_OTHER],
    ['2001:db8::1', ADDRESS_OTHER],
    ['::ffff:255.255.255.255', ADDRESS_BROADCAST],
    ['::ffff:0.0.0.0', ADDRESS_UNSPECIFIED],
    ['::ffff:224.0.0.1', ADDRESS_MULTICAST],
    ['::ffff:127.0.0.1', ADDRESS_LOOPBACK],
    ['::ffff:192.0.2.1', ADDRESS_OTHER],
  ])('of %s', (text, kind) => {
    expect(classify(read(text)!)).toBe(kind);
  });
});
