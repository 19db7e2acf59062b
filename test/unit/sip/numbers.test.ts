import { describe, expect, it } from 'vitest';
import { ascii } from '../../../src/sip/chars.js';
import { parseUint, readHex32, uintDigits, writeHex32, writeUint } from '../../../src/sip/numbers.js';
import { embed, textAt } from './embedded-text.js';

function parsed(text: string): number {
  const { bytes, start, end } = embed(text);
  return parseUint(bytes, start, end);
}

describe('decimal numbers', () => {
  it.each([
    ['0', 0],
    ['0009', 9],
    ['4294967296', 4294967296],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['0000000000000000000000000000000000007', 7],
  ])('%s is %i', (text, value) => {
    expect(parsed(text)).toBe(value);
  });

  it.each(['', ' 1', '1 ', '-1', '+1', '1a', '1.0', '9007199254740992', '36893488147419103232', '9'.repeat(400)])('%j is none', (text) => {
    expect(parsed(text)).toBe(-1);
  });

  it.each([0, 1, 9, 10, 99, 100, 5060, 65535, 2147483647, 2147483648, 4294967295, 1e15, 999999999999999, Number.MAX_SAFE_INTEGER])(
    '%i is written as its digits',
    (value) => {
      const bytes = new Uint8Array(32).fill(0x78);
      const end = writeUint(bytes, 5, value);
      expect(textAt(bytes, 5, end)).toBe(String(value));
      expect(bytes[4]).toBe(0x78);
      expect(bytes[end]).toBe(0x78);
      expect(uintDigits(value)).toBe(String(value).length);
    },
  );
});

describe('hexadecimal words', () => {
  it.each([
    [0, '00000000'],
    [1, '00000001'],
    [-1, 'ffffffff'],
    [0x1a2b3c4d, '1a2b3c4d'],
    [0x80000000, '80000000'],
  ])('%i is written as %s and read back without its sign', (value, text) => {
    const bytes = new Uint8Array(12);
    expect(writeHex32(bytes, 2, value)).toBe(10);
    expect(textAt(bytes, 2, 10)).toBe(text);
    expect(readHex32(bytes, 2, 10)).toBe(value >>> 0);
  });

  it.each(['0000000g', '0000000A', '000000 0', '0000000:', '0000000`', '0000000'])('%j is not read', (text) => {
    expect(readHex32(ascii(text), 0, text.length)).toBe(-1);
  });

  it('is not read past the end', () => {
    expect(readHex32(ascii('0123456789'), 3, 10)).toBe(-1);
  });
});
