/** The message store against a naive list of ranges: whatever is allocated and freed, no two blocks overlap. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MessageStore } from '../../src/transaction/message-store.js';

const PAGE_BYTES = 1 << 18;
const PAGES = 6;

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ allocate: fc.oneof(fc.nat(2100), fc.nat(20_000), fc.nat(140_000)), times: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ free: fc.nat(), times: fc.integer({ min: 1, max: 80 }) }) },
  { weight: 1, arbitrary: fc.constant({ freeAll: true as const }) },
);

describe('MessageStore', () => {
  it('never gives the same byte twice, and counts what it gave', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const bytes = new Uint8Array((PAGES + 1) * PAGE_BYTES);
        const store = new MessageStore(bytes, PAGE_BYTES, bytes.length);
        const used: { readonly block: number; readonly length: number; readonly mark: number }[] = [];
        let mark = 0;
        const check = ({ block, length, mark: expected }: { block: number; length: number; mark: number }): void => {
          // The first and last byte are enough: blocks overlap at an end of one of them.
          if (length > 0) expect([bytes[block], bytes[block + length - 1]]).toEqual([expected, expected]);
        };
        for (const one of steps) {
          if ('allocate' in one) {
            for (let i = 0; i < one.times; i++) {
              const block = store.allocate(one.allocate);
              if (block === 0) break;
              mark = (mark + 1) & 255;
              bytes.fill(mark, block, block + store.sizeOf(block));
              used.push({ block, length: store.sizeOf(block), mark });
            }
          } else if ('free' in one) {
            for (let i = 0; i < one.times && used.length > 0; i++) {
              const [taken] = used.splice((one.free + i * 7) % used.length, 1);
              check(taken!);
              store.free(taken!.block);
            }
          } else {
            for (const block of used.splice(0)) {
              check(block);
              store.free(block.block);
            }
          }
          expect(store.usedBytes).toBe(used.reduce((sum, { length }) => sum + length, 0));
        }
        used.forEach(check);
        for (const { block } of used) store.free(block);
        expect(store.usedBytes).toBe(0);
        // Empty, it gives all of its memory to whoever comes.
        let large = 0;
        while (store.allocate(131_072) !== 0) large++;
        expect(large).toBe(PAGES * 2);
      }),
      { numRuns: 150, seed: 20260901 },
    );
  });
});
