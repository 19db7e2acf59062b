import { describe, expect, it } from 'vitest';
import { KeyHasher, branchHasher, upstreamHasher } from '../../../src/transaction/key.js';
import { bytesOf } from '../../../src/sim/sent-message.js';

const MASK = 0xffffffffn;

/**
 * HalfSipHash-2-4 with 64 bits of output as its description has it, over whole 32-bit words in big integers; `last` is the
 * final word, in which the description puts the length and we the number of words.
 */
function reference(k0: number, k1: number, words: readonly number[], last: number): [lo: number, hi: number] {
  const key0 = BigInt(k0 >>> 0);
  const key1 = BigInt(k1 >>> 0);
  let v0 = key0;
  let v1 = key1 ^ 0xeen;
  let v2 = key0 ^ 0x6c796765n;
  let v3 = key1 ^ 0x74656462n;
  const turn = (x: bigint, by: bigint): bigint => ((x << by) | (x >> (32n - by))) & MASK;
  const round = (): void => {
    v0 = (v0 + v1) & MASK;
    v1 = turn(v1, 5n) ^ v0;
    v0 = turn(v0, 16n);
    v2 = (v2 + v3) & MASK;
    v3 = turn(v3, 8n) ^ v2;
    v0 = (v0 + v3) & MASK;
    v3 = turn(v3, 7n) ^ v0;
    v2 = (v2 + v1) & MASK;
    v1 = turn(v1, 13n) ^ v2;
    v2 = turn(v2, 16n);
  };
  for (const word of [...words, last]) {
    const m = BigInt(word >>> 0);
    v3 ^= m;
    round();
    round();
    v0 ^= m;
  }
  v2 ^= 0xeen;
  for (let i = 0; i < 4; i++) round();
  const lo = Number(v1 ^ v3);
  v1 ^= 0xddn;
  for (let i = 0; i < 4; i++) round();
  return [lo | 0, Number(v1 ^ v3) | 0];
}

const littleEndian = (...octets: number[]): number => octets.reduce((word, octet, i) => word | (octet << (8 * i)), 0);
const K0 = littleEndian(0, 1, 2, 3);
const K1 = littleEndian(4, 5, 6, 7);

function hash(hasher: KeyHasher, ...steps: ((hasher: KeyHasher) => void)[]): [lo: number, hi: number] {
  hasher.begin();
  for (const step of steps) step(hasher);
  hasher.finish();
  return [hasher.lo, hasher.hi];
}

const text = (value: string) => (hasher: KeyHasher): void => { hasher.addBytes(bytesOf(value), 0, value.length); };
const lower = (value: string) => (hasher: KeyHasher): void => { hasher.addLowerCase(bytesOf(value), 0, value.length); };

describe('the reference of this test', () => {
  // The first published vectors: key 00 to 07, messages of 0 to 4 octets 00, 01, …
  it.each([
    [[], littleEndian(0, 0, 0, 0), [0x21, 0x8d, 0x1f, 0x59, 0xb9, 0xb8, 0x3c, 0xc8]],
    [[], littleEndian(0, 0, 0, 1), [0xbe, 0x55, 0x24, 0x12, 0xf8, 0x38, 0x73, 0x15]],
    [[], littleEndian(0, 1, 0, 2), [0x06, 0x4f, 0x39, 0xef, 0x7c, 0x50, 0xeb, 0x57]],
    [[], littleEndian(0, 1, 2, 3), [0xce, 0x0f, 0x1a, 0x45, 0xf7, 0x06, 0x06, 0x79]],
    [[littleEndian(0, 1, 2, 3)], littleEndian(0, 0, 0, 4), [0xd5, 0xe7, 0x8a, 0x17, 0x5b, 0xe5, 0x2e, 0xa1]],
  ])('gives the published result for words %j and last word %i', (words, last, octets) => {
    expect(reference(K0, K1, words, last)).toEqual([littleEndian(...octets.slice(0, 4)), littleEndian(...octets.slice(4))]);
  });
});

describe('KeyHasher', () => {
  it('is HalfSipHash-2-4 over words, ended by their number', () => {
    const words = [0, 1, -1, 0x7fffffff, -0x80000000, 0x12345678, 0xdeadbeef | 0];
    for (let count = 0; count <= words.length; count++) {
      for (const [k0, k1] of [[K0, K1], [0, 0], [-1, 0x80000001 | 0]] as const) {
        const hasher = new KeyHasher(k0, k1);
        const some = words.slice(0, count);
        expect(hash(hasher, ...some.map((word) => (h: KeyHasher) => { h.addWord(word); }))).toEqual(reference(k0, k1, some, count));
      }
    }
  });

  it('gives int32 numbers', () => {
    const hasher = new KeyHasher(K0, K1);
    for (let i = 0; i < 100; i++) {
      hasher.hashWords(i, i * 7, 1);
      expect([hasher.lo, hasher.hi]).toEqual([hasher.lo | 0, hasher.hi | 0]);
    }
  });

  it('gives the same for the same bytes, wherever they lie', () => {
    const hasher = new KeyHasher(1, 2);
    const here = hash(hasher, text('z9hG4bK-77'));
    const bytes = bytesOf('xxxz9hG4bK-77yyy');
    expect(hash(hasher, (h) => { h.addBytes(bytes, 3, 13); })).toEqual(here);
  });

  it('tells parts from one another that trade bytes', () => {
    const hasher = new KeyHasher(1, 2);
    const results = [
      hash(hasher, text('ab'), text('cd')),
      hash(hasher, text('abc'), text('d')),
      hash(hasher, text('a'), text('bcd')),
      hash(hasher, text(''), text('abcd')),
      hash(hasher, text('abcd'), text('')),
      hash(hasher, text('abcd')),
      hash(hasher, text('abcd\0')),
      hash(hasher, text('abc\0'), text('d')),
    ];
    expect(new Set(results.map(String)).size).toBe(results.length);
  });

  it('tells lengths apart that are the same in their low eight bits', () => {
    const hasher = new KeyHasher(1, 2);
    expect(hash(hasher, text('\0'.repeat(4)))).not.toEqual(hash(hasher, text('\0'.repeat(260))));
  });

  it('takes letters in any case where it is told to', () => {
    const hasher = new KeyHasher(1, 2);
    expect(hash(hasher, lower('Proxy.EXAMPLE.com'))).toEqual(hash(hasher, lower('proxy.example.COM')));
    expect(hash(hasher, lower('proxy.example.com'))).not.toEqual(hash(hasher, lower('proxy.example.con')));
    // Only letters: [ and { differ by the same bit.
    expect(hash(hasher, lower('[@'))).not.toEqual(hash(hasher, lower('{`')));
  });

  it('depends on each half of the key, and uses two for two purposes', () => {
    const results = [new KeyHasher(1, 2), new KeyHasher(1, 3), new KeyHasher(2, 2)].map((hasher) => String(hash(hasher, text('a'))));
    expect(new Set(results).size).toBe(3);
    const secret = Uint32Array.of(1, 2, 3, 0xffffffff);
    expect(hash(upstreamHasher(secret), text('a'))).not.toEqual(hash(branchHasher(secret), text('a')));
  });

  it('spreads neighbouring branches evenly over shards and buckets', () => {
    const hasher = new KeyHasher(K0, K1);
    for (const pick of [(): number => hasher.lo & 63, (): number => (hasher.hi >>> 0) % 64, (): number => (hasher.hi >>> 0) % 3]) {
      const counts = new Map<number, number>();
      const total = 32_000;
      for (let i = 0; i < total; i++) {
        hash(hasher, text(`z9hG4bK-${i}`));
        counts.set(pick(), (counts.get(pick()) ?? 0) + 1);
      }
      const mean = total / counts.size;
      for (const count of counts.values()) expect(Math.abs(count - mean) / Math.sqrt(mean)).toBeLessThan(5);
    }
  });

  it('has no collision among 200,000 keys', () => {
    const hasher = new KeyHasher(K0, K1);
    const seen = new Set<string>();
    for (let i = 0; i < 200_000; i++) {
      hasher.hashWords(i, 0, 0);
      seen.add(`${hasher.hi},${hasher.lo}`);
    }
    expect(seen.size).toBe(200_000);
  });
});
