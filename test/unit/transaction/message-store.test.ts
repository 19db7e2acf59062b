import { describe, expect, it } from 'vitest';
import { MessageStore } from '../../../src/transaction/message-store.js';

const PAGE_BYTES = 1 << 18;

/** A store of `pages` pages behind an offset that is no page boundary. */
function storeOf(pages: number): MessageStore {
  return new MessageStore(new Uint8Array((pages + 2) * PAGE_BYTES), PAGE_BYTES - 1000, (pages + 1) * PAGE_BYTES + 1000);
}

function fill(store: MessageStore, length: number): number[] {
  const blocks: number[] = [];
  for (let block = store.allocate(length); block !== 0; block = store.allocate(length)) blocks.push(block);
  return blocks;
}

describe('MessageStore', () => {
  it('uses whole pages inside of its range', () => {
    const store = storeOf(3);
    expect(store.capacityBytes).toBe(3 * PAGE_BYTES);
    for (const block of fill(store, 1000)) {
      expect(block).toBeGreaterThanOrEqual(PAGE_BYTES);
      expect(block + store.sizeOf(block)).toBeLessThanOrEqual(4 * PAGE_BYTES);
    }
  });

  it.each([0, 1, 191, 192, 193, 512, 513, 2047, 2048, 2049, 65_535, 65_536, 131_072])('gives a block of at least %i bytes', (length) => {
    const store = storeOf(2);
    const block = store.allocate(length);
    expect(block).not.toBe(0);
    expect(store.sizeOf(block)).toBeGreaterThanOrEqual(length);
    expect(store.usedBytes).toBe(store.sizeOf(block));
    store.free(block);
    expect(store.usedBytes).toBe(0);
  });

  it('wastes less than a third of what it gives, above its smallest block', () => {
    const store = storeOf(40);
    for (let length = 192; length <= 4096; length += 7) {
      const block = store.allocate(length);
      expect(length / store.sizeOf(block), `${length} bytes`).toBeGreaterThan(2 / 3);
      store.free(block);
    }
  });

  it('tells whether a shorter message would have a smaller block', () => {
    const store = storeOf(4);
    const block = store.allocate(1000);
    expect([1024, 897, 896, 100].map((length) => store.wouldSave(block, length))).toEqual([false, false, true, true]);
    expect(store.wouldSave(store.allocate(100_000), 65_537)).toBe(false);
  });

  it('refuses what is longer than its largest block', () => {
    expect(storeOf(4).allocate(131_073)).toBe(0);
  });

  it('returns 0 when it is full, and goes on when something is freed', () => {
    const store = storeOf(1);
    const blocks = fill(store, 1024);
    expect(blocks).toHaveLength(256);
    expect(new Set(blocks).size).toBe(256);
    store.free(blocks[7]!);
    expect(store.allocate(1024)).toBe(blocks[7]);
    expect(store.allocate(1024)).toBe(0);
  });

  it('frees nothing when block 0 is freed', () => {
    const store = storeOf(1);
    store.free(0);
    expect(store.usedBytes).toBe(0);
  });

  it('has no room at all when its range holds no whole page', () => {
    const store = new MessageStore(new Uint8Array(PAGE_BYTES * 2), 10, PAGE_BYTES + 100);
    expect(store.capacityBytes).toBe(0);
    expect(store.allocate(10)).toBe(0);
  });

  it('gives memory that one size took to another once it is free', () => {
    const store = storeOf(4);
    const small = fill(store, 200);
    expect(store.allocate(5000)).toBe(0);
    for (const block of small) store.free(block);
    const large = fill(store, 5000);
    expect(large).toHaveLength(4 * 32);
    for (const block of large) store.free(block);
    expect(fill(store, 100_000)).toHaveLength(8);
  });

  it('takes no page in which a block is still in use', () => {
    const store = storeOf(4);
    const small = fill(store, 200);
    const survivors = [small[0]!, small.at(-1)!];
    for (const block of small) if (!survivors.includes(block)) store.free(block);
    const large = fill(store, 5000);
    expect(large).toHaveLength(2 * 32);
    for (const block of large) {
      for (const survivor of survivors) expect(Math.floor(block / PAGE_BYTES)).not.toBe(Math.floor(survivor / PAGE_BYTES));
    }
    for (const survivor of survivors) expect(store.sizeOf(survivor)).toBe(256);
    // The small size still has the rest of its pages.
    expect(fill(store, 200)).toHaveLength(2 * 1024 - 2);
  });
});
