/** Addresses and numbers: text and words are each other's inverse, and the readers agree with those of the platform. */
import fc from 'fast-check';
import { isIPv4 } from 'node:net';
import { describe, expect, it } from 'vitest';
import { AddressWords, parseIpv4, parseIpv6, writeIpv4, writeIpv6 } from '../../src/sip/address-text.js';
import { parseUint, readHex32, writeHex32, writeUint } from '../../src/sip/numbers.js';
import { embed, textAt } from '../unit/sip/embedded-text.js';
import { isPlainIPv6 } from './reference-grammar.js';

const RUNS = 5000;

/** Rows of what addresses are made of. */
const nearlyAddress = fc
  .array(fc.constantFrom('0', '1', '00', '9', '12', '255', '256', '1f', 'ffff', 'abcde', 'g', ':', ':', ':', '::', '.', '.', '1.2.3.4', '%'), { maxLength: 18 })
  .map((pieces) => pieces.join(''));

/** 16-bit groups, often zero so that there is something to shorten. */
const groups = fc.array(fc.oneof(fc.constant(0), fc.constant(0), fc.constant(0xffff), fc.nat(0xffff)), { minLength: 8, maxLength: 8 });

function wordsOf(parts: readonly number[]): AddressWords {
  const words = new AddressWords();
  words.family = 6;
  words.a0 = (parts[0]! << 16) | parts[1]!;
  words.a1 = (parts[2]! << 16) | parts[3]!;
  words.a2 = (parts[4]! << 16) | parts[5]!;
  words.a3 = (parts[6]! << 16) | parts[7]!;
  return words;
}

/** The form of RFC 5952 by another way: the WHATWG URL parser writes it, save for the dotted quad of mapped addresses. */
function canonical(parts: readonly number[]): string {
  const plain = parts.map((part) => part.toString(16)).join(':');
  const shortened = new URL(`http://[${plain}]/`).hostname.slice(1, -1);
  const isMapped = parts.slice(0, 5).every((part) => part === 0) && parts[5] === 0xffff;
  if (!isMapped) return shortened;
  return `::ffff:${[parts[6]! >> 8, parts[6]! & 255, parts[7]! >> 8, parts[7]! & 255].join('.')}`;
}

describe('addresses', () => {
  it('are read when the platform reads them, and only then', () => {
    fc.assert(
      fc.property(fc.oneof(nearlyAddress, fc.ipV6(), fc.ipV4()), (value) => {
        const { bytes, start, end } = embed(value);
        const out = new AddressWords();
        expect(parseIpv6(bytes, start, end, out)).toBe(isPlainIPv6(value));
        expect(parseIpv4(bytes, start, end, out)).toBe(isIPv4(value));
      }),
      { numRuns: RUNS },
    );
  });

  it('of IPv6 are written in their one canonical form and read back', () => {
    fc.assert(
      fc.property(groups, (parts) => {
        const words = wordsOf(parts);
        const bytes = new Uint8Array(64);
        const end = writeIpv6(bytes, 7, words);
        expect(textAt(bytes, 7, end)).toBe(canonical(parts));
        const again = new AddressWords();
        expect(parseIpv6(bytes, 7, end, again)).toBe(true);
        expect(again).toEqual(words);
      }),
      { numRuns: RUNS },
    );
  });

  it('of IPv4 are written and read back', () => {
    fc.assert(
      fc.property(fc.integer(), (word) => {
        const words = new AddressWords();
        words.family = 4;
        words.a0 = word;
        const bytes = new Uint8Array(32);
        const end = writeIpv4(bytes, 3, words);
        expect(textAt(bytes, 3, end)).toBe([word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.'));
        const again = new AddressWords();
        expect(parseIpv4(bytes, 3, end, again)).toBe(true);
        expect(again).toEqual(words);
      }),
      { numRuns: RUNS },
    );
  });
});

describe('numbers', () => {
  it('in decimal are written as JavaScript writes them and read back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.nat(), fc.nat(70000)), (value) => {
        const bytes = new Uint8Array(32);
        const end = writeUint(bytes, 4, value);
        expect(textAt(bytes, 4, end)).toBe(String(value));
        expect(parseUint(bytes, 4, end)).toBe(value);
      }),
      { numRuns: RUNS },
    );
  });

  it('in hexadecimal are written and read back', () => {
    fc.assert(
      fc.property(fc.integer(), (value) => {
        const bytes = new Uint8Array(16);
        expect(readHex32(bytes, 5, writeHex32(bytes, 5, value))).toBe(value >>> 0);
      }),
      { numRuns: RUNS },
    );
  });
});
