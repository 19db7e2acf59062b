/** The location store in memory. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ExpiryHeap, type HeapItem } from '../../../src/location/expiry-heap.js';
import { MemoryStore } from '../../../src/location/memory-store.js';
import { describeLocationStore } from './store-conformance.js';

describeLocationStore('the memory store', async () => ({
  canShare: false,
  open: async (options) => new MemoryStore(options),
  destroy: async () => {},
}));

describe('the expiry heap', () => {
  it('has the earliest in front, whatever is put in, moved and taken out', () => {
    const step = fc.record({ item: fc.nat(11), expiryMs: fc.option(fc.nat(20), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const heap = new ExpiryHeap<HeapItem>();
        const items = Array.from({ length: 12 }, (): HeapItem => ({ expiryMs: 0, heapIndex: -1 }));
        const model = new Map<number, number>();
        for (const { item, expiryMs } of steps) {
          if (expiryMs === undefined) {
            heap.remove(items[item]!);
            model.delete(item);
          } else {
            heap.set(items[item]!, expiryMs);
            model.set(item, expiryMs);
          }
          expect(heap.size).toBe(model.size);
          expect(heap.first()?.expiryMs ?? Infinity).toBe(Math.min(...model.values()));
        }
      }),
    );
  });
});
