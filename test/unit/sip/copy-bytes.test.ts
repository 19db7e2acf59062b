/** Copies within one array: every length and alignment, and nothing beside the target. */
import { describe, expect, it } from 'vitest';
import { copyBytes } from '../../../src/sip/copy-bytes.js';

const LENGTHS = [...Array.from({ length: 40 }, (_, length) => length), 159, 160, 161, 167, 168, 500, 1000];

function filled(bytes: Uint8Array): Uint8Array {
  for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 31 + (i >> 8)) & 0xff;
  return bytes;
}

describe('a copy within an array', () => {
  it.each([
    ['plain', () => new Uint8Array(4096)],
    ['shared', () => new Uint8Array(new SharedArrayBuffer(4096))],
    ['part of a larger one', () => new Uint8Array(new ArrayBuffer(8192), 13, 4096)],
  ])('is that of copyWithin, wherever it begins: %s', (_, create) => {
    for (const length of LENGTHS) {
      for (let from = 0; from < 8; from++) {
        for (let shift = 0; shift < 8; shift++) {
          const bytes = filled(create());
          const wanted = bytes.slice();
          const to = 2048 + shift;
          wanted.copyWithin(to, from, from + length);
          expect(copyBytes(bytes, from, from + length, to)).toBe(to + length);
          if (Buffer.compare(bytes, wanted) !== 0) expect.fail(`${length} bytes from ${from} to ${to}`);
        }
      }
    }
  });

  it('reaches to both ends of the array', () => {
    const bytes = filled(new Uint8Array(64));
    const tail = bytes.slice(44);
    copyBytes(bytes, 44, 64, 0);
    expect(bytes.slice(0, 20)).toEqual(tail);
    copyBytes(bytes, 0, 20, 44);
    expect(bytes.slice(44)).toEqual(tail);
  });

  it('knows arrays apart that are used in turns', () => {
    const [a, b] = [filled(new Uint8Array(64)), new Uint8Array(64).fill(7)];
    copyBytes(a, 0, 20, 30);
    copyBytes(b, 0, 20, 30);
    copyBytes(a, 1, 21, 40);
    expect(b).toEqual(new Uint8Array(64).fill(7));
    expect(a.slice(40, 60)).toEqual(a.slice(1, 21));
  });
});
