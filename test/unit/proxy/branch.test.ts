import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BRANCH_BYTES, BranchView, ROUTE_MARK_BYTES, findRouteMark, hashBranch, readBranch, writeBranch, writeRouteMark } from '../../../src/proxy/branch.js';
import { bytesOf } from '../../../src/sim/sent-message.js';
import { KeyHasher } from '../../../src/transaction/key.js';

const latin1 = new TextDecoder('latin1');
const octet = fc.nat(255);
const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });

function branchText(node: number, shard: number, index: number, lo: number, hi: number): string {
  const bytes = new Uint8Array(80).fill(0x41);
  const end = writeBranch(bytes, 7, node, shard, index, lo, hi);
  return latin1.decode(bytes.subarray(7, end));
}

function read(text: string): BranchView | undefined {
  const bytes = bytesOf(`0${text}0`);
  const view = new BranchView();
  return readBranch(bytes, 1, 1 + text.length, view) ? view : undefined;
}

describe('a branch of ours', () => {
  it('begins with the magic cookie and names node, shard and target', () => {
    expect(branchText(1, 2, 3, 0x89abcdef | 0, 0x01234567)).toBe('z9hG4bKvd0102030123456789abcdef');
  });

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(octet, octet, octet, int32, int32, (node, shard, index, lo, hi) => {
        const text = branchText(node, shard, index, lo, hi);
        expect(text).toHaveLength(BRANCH_BYTES);
        expect(text).toMatch(/^[A-Za-z0-9]+$/);
        expect(read(text)).toEqual(Object.assign(new BranchView(), { node, shard, index, lo, hi }));
      }),
      { numRuns: 500, seed: 20260906 },
    );
  });

  it.each([
    '',
    'z9hG4bK',
    'z9hG4bKvd',
    'z9hG4bKvd0102030123456789abcde',
    'z9hG4bKvd0102030123456789abcdef0',
    'z9hG4bKvd0102030123456789abcdeF',
    'z9hG4bKvd0102030123456789abcdeg',
    'Z9hG4bKvd0102030123456789abcdef',
    'z9hG4bKvx0102030123456789abcdef',
  ])('is not %j', (text) => {
    expect(read(text)).toBeUndefined();
  });

  it('depends on the upstream key, the target and the secret', () => {
    const results = new Set<string>();
    for (const hasher of [new KeyHasher(1, 2), new KeyHasher(1, 3)]) {
      for (const [lo, hi, index] of [[1, 2, 0], [1, 2, 1], [2, 1, 0], [1, 3, 0], [-1, -1, 255]] as const) {
        hashBranch(hasher, lo, hi, index);
        results.add(`${hasher.lo},${hasher.hi}`);
      }
    }
    expect(results.size).toBe(10);
  });
});

describe('the mark of our Record-Route', () => {
  const find = (text: string): number => findRouteMark(bytesOf(text), 0, text.length);

  it('comes back as it was written', () => {
    fc.assert(
      fc.property(octet, octet, (node, shard) => {
        const bytes = new Uint8Array(ROUTE_MARK_BYTES + 4).fill(0x66);
        expect(writeRouteMark(bytes, 2, node, shard)).toBe(2 + ROUTE_MARK_BYTES);
        expect(find(`<sip:10.0.0.1:5060;lr${latin1.decode(bytes.subarray(2, 2 + ROUTE_MARK_BYTES))}>`)).toBe(node * 256 + shard);
      }),
      { numRuns: 100, seed: 20260907 },
    );
  });

  it.each(['', ';vd=', ';vd=000', ';vd=00zz', '<sip:10.0.0.1;lr>', ';vd=00GG', ';vx=0001'])('is not in %j', (text) => {
    expect(find(text)).toBe(-1);
  });

  it('does not look past its range', () => {
    const text = ';vd=0102';
    expect(findRouteMark(bytesOf(text), 0, text.length - 1)).toBe(-1);
  });
});
