import { describe, expect, it } from 'vitest';
import { COUNT_FRESH, COUNT_UNKNOWN, COUNT_USED, COUNT_WINDOW, NONCE_ENTRIES_MIN, NonceCounts } from '../../../src/auth/nonce-counts.js';

const START_MS = 1_000_000;

function counts(): NonceCounts {
  return new NonceCounts(NonceCounts.create(NONCE_ENTRIES_MIN, START_MS));
}

/** The outcomes of using these counts of one nonce in a row. */
function useAll(of: NonceCounts, used: readonly number[]): number[] {
  return used.map((count) => of.use(1, 2, START_MS, count));
}

describe('nonce counts (RFC 7616 §3.4, §5.5)', () => {
  it('are good for one use each', () => {
    expect(useAll(counts(), [1, 1, 2, 2, 1])).toEqual([COUNT_FRESH, COUNT_USED, COUNT_FRESH, COUNT_USED, COUNT_USED]);
  });

  it('may come out of order', () => {
    expect(useAll(counts(), [3, 1, 2, 1, 2, 3])).toEqual([COUNT_FRESH, COUNT_FRESH, COUNT_FRESH, COUNT_USED, COUNT_USED, COUNT_USED]);
  });

  it('are refused when they are too far behind to tell', () => {
    expect(useAll(counts(), [100, 100 - COUNT_WINDOW, 101 - COUNT_WINDOW])).toEqual([COUNT_FRESH, COUNT_USED, COUNT_FRESH]);
  });

  it('may leap to the greatest and come back within the window', () => {
    expect(useAll(counts(), [1, 0xffff_ffff, 0xffff_ffff, 0xffff_fffe, 1])).toEqual([COUNT_FRESH, COUNT_FRESH, COUNT_USED, COUNT_FRESH, COUNT_USED]);
  });

  it('agree with a set of all that were used, whatever comes in what order', () => {
    const of = counts();
    const used = new Set<number>();
    let highest = 0;
    let state = 12345;
    for (let i = 0; i < 20_000; i++) {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      const count = Math.max(1, highest + (((state >>> 8) % 140) - (i % 10 === 0 ? 40 : 100)));
      const expected = !used.has(count) && count > highest - COUNT_WINDOW ? COUNT_FRESH : COUNT_USED;
      expect(of.use(1, 2, START_MS, count)).toBe(expected);
      used.add(count);
      highest = Math.max(highest, count);
    }
  });

  it('of one nonce are none of another', () => {
    const of = counts();
    expect(of.use(1, 2, START_MS, 1)).toBe(COUNT_FRESH);
    expect(of.use(1, 3, START_MS, 1)).toBe(COUNT_FRESH);
    expect(of.use(2, 2, START_MS, 1)).toBe(COUNT_FRESH);
    expect(of.use(1, 2, START_MS + 1, 1)).toBe(COUNT_FRESH);
  });

  it('are shared by all who see the table', () => {
    const table = NonceCounts.create(NONCE_ENTRIES_MIN, START_MS);
    expect(new NonceCounts(table).use(1, 2, START_MS, 1)).toBe(COUNT_FRESH);
    expect(new NonceCounts(table).use(1, 2, START_MS, 1)).toBe(COUNT_USED);
  });

  it('are unknown for a nonce from before the table', () => {
    const of = counts();
    expect(of.use(1, 2, START_MS - 1, 1)).toBe(COUNT_UNKNOWN);
    expect(of.unknown).toBe(1);
    expect(new NonceCounts(NonceCounts.create(NONCE_ENTRIES_MIN, 0)).use(1, 2, 0, 1)).toBe(COUNT_UNKNOWN);
  });

  it('are never fresh twice, however many nonces crowd the table', () => {
    const of = counts();
    const nonces = NONCE_ENTRIES_MIN * 4;
    for (let n = 0; n < nonces; n++) expect(of.use(n, 0, START_MS + n, 1)).toBe(COUNT_FRESH);
    expect(of.evicted).toBe(nonces - NONCE_ENTRIES_MIN);
    const again = Array.from({ length: nonces }, (_, n) => of.use(n, 0, START_MS + n, 1));
    expect(again).not.toContain(COUNT_FRESH);
    expect(again.filter((outcome) => outcome === COUNT_USED)).toHaveLength(NONCE_ENTRIES_MIN);
  });

  it('go on for a nonce that is used while the table is crowded, as long as the table remembers it', () => {
    const of = counts();
    expect(of.use(0, 0, START_MS, 1)).toBe(COUNT_FRESH);
    for (let n = 1; n < 8; n++) of.use(0, n, START_MS + n, 1);
    expect(of.use(0, 0, START_MS, 2)).toBe(COUNT_FRESH);
    of.use(0, 8, START_MS + 8, 1);
    expect(of.use(0, 0, START_MS, 3)).toBe(COUNT_UNKNOWN);
    expect(of.use(0, 9, START_MS + 9, 1)).toBe(COUNT_FRESH);
  });

  it('are unknown while a thread that was stopped holds the bucket, and only there', () => {
    const table = NonceCounts.create(NONCE_ENTRIES_MIN, START_MS);
    new Int32Array(table)[0] = 1;
    const of = new NonceCounts(table);
    expect(of.use(0, 0, START_MS, 1)).toBe(COUNT_UNKNOWN);
    expect(of.use(1, 0, START_MS, 1)).toBe(COUNT_FRESH);
  });

  it('have a table within bounds', () => {
    for (const entries of [0, NONCE_ENTRIES_MIN - 1, 2 ** 24 + 1, Number.NaN]) expect(() => NonceCounts.create(entries, 0)).toThrow(RangeError);
    expect(NonceCounts.create(257, 0).byteLength).toBe(512 * 34);
  });
});
