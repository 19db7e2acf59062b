import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BRANCH_BYTES, BranchView, LOOP_MARK_BYTES, ROUTE_MARK_BYTES, findLoopMark, findRouteMark, hashBranch, readBranch, readHexWord, writeBranch, writeLoopMark,
  writeRouteMark, writeUriWord,
} from '../../../src/proxy/branch.js';
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
    'z9hG4bKvd0102030123456789abcdef~',
    'z9hG4bKvd0102030123456789abcdef~0123456',
    'z9hG4bKvd0102030123456789abcdef~0123456g',
    'z9hG4bKvd0102030123456789abcdef~012345678',
    'z9hG4bKvd0102030123456789abcdef.01234567',
    'z9hG4bKvd0102030123456789abcdef0~0123456',
  ])('is not %j', (text) => {
    expect(read(text)).toBeUndefined();
  });

  it('has the hash of an RFC 2543 Request-URI behind it, and forgets that of the one read before', () => {
    fc.assert(
      fc.property(int32, int32, int32, (lo, hi, uriWord) => {
        const bytes = new Uint8Array(80);
        const plainEnd = writeBranch(bytes, 0, 1, 2, 3, lo, hi);
        const end = writeUriWord(bytes, plainEnd, uriWord);
        const view = new BranchView();
        expect(readBranch(bytes, 0, end, view)).toBe(true);
        expect(view).toEqual(Object.assign(new BranchView(), { node: 1, shard: 2, index: 3, lo, hi, hasUriWord: true, uriWord }));
        expect(readBranch(bytes, 0, plainEnd, view)).toBe(true);
        expect(view.hasUriWord).toBe(false);
      }),
      { numRuns: 200, seed: 20260908 },
    );
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

describe('the loop part of a Via', () => {
  it('comes back as it was written, wherever it stands', () => {
    fc.assert(
      fc.property(int32, (part) => {
        const bytes = new Uint8Array(LOOP_MARK_BYTES + 8).fill(0x3b);
        expect(writeLoopMark(bytes, 3, part)).toBe(3 + LOOP_MARK_BYTES);
        const at = findLoopMark(bytes, 0, bytes.length);
        expect(at).toBe(8);
        expect(readHexWord(bytes, at)).toBe(part);
      }),
      { numRuns: 100, seed: 20260909 },
    );
  });

  it.each(['', ';vdl=', ';vdl=0123456', ';vdl=0123456g', ';vdl=0123456G', ';vd=01234567', 'vdl=01234567', ';vdx=01234567'])('is not in %j', (text) => {
    expect(findLoopMark(bytesOf(text), 0, text.length)).toBe(-1);
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
