/** The transaction table against a map: whatever is inserted, found and released, in tables that are full and keys that collide. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { F_CLASS, F_FLAGS, F_GENERATION, F_KEY_HI, F_KEY_LO, RECORD_STRIDE, TransactionTable } from '../../src/transaction/table.js';

// Few values in few bits, so that buckets are long and keys come again.
const key = fc.record({
  lo: fc.oneof(fc.nat(3), fc.constantFrom(-1, 1024, 2048, 0x7fffffff, -0x80000000)),
  hi: fc.constantFrom(0, 1, -1),
  cls: fc.constantFrom(1, 3, 0x1000000),
});
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ insert: key }) },
  { weight: 3, arbitrary: fc.record({ release: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ find: key }) },
);

describe('TransactionTable', () => {
  it('finds what a map would find', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.array(step, { maxLength: 200 }), (capacity, steps) => {
        const table = new TransactionTable(capacity);
        const name = ({ lo, hi, cls }: { lo: number; hi: number; cls: number }): string => `${lo},${hi},${cls}`;
        /** Ids by key, the newest last. */
        const ids = new Map<string, number[]>();
        const live: { readonly id: number; readonly key: string }[] = [];
        const generations = new Map<number, number>();
        for (const one of steps) {
          if ('insert' in one) {
            const id = table.allocate();
            if (live.length === capacity) {
              expect(id).toBe(0);
              continue;
            }
            expect(id).toBeGreaterThan(0);
            expect(id).toBeLessThanOrEqual(capacity);
            expect(live.some((other) => other.id === id)).toBe(false);
            const at = id * RECORD_STRIDE;
            for (let field = 0; field < RECORD_STRIDE; field++) if (field !== F_GENERATION) expect(table.records[at + field]).toBe(0);
            const generation = table.records[at + F_GENERATION]!;
            if (generations.has(id)) expect(generation).toBe(generations.get(id)! + 1);
            generations.set(id, generation);
            const { lo, hi, cls } = one.insert;
            table.insert(id, lo, hi, cls);
            table.records[at + F_FLAGS] = 77;
            expect([table.records[at + F_KEY_LO], table.records[at + F_KEY_HI], table.records[at + F_CLASS]]).toEqual([lo, hi, cls]);
            live.push({ id, key: name(one.insert) });
            ids.set(name(one.insert), [...(ids.get(name(one.insert)) ?? []), id]);
          } else if ('release' in one) {
            if (live.length === 0) continue;
            const [gone] = live.splice(one.release % live.length, 1);
            table.release(gone!.id);
            ids.set(gone!.key, ids.get(gone!.key)!.filter((id) => id !== gone!.id));
          } else {
            const { lo, hi, cls } = one.find;
            expect(table.find(lo, hi, cls)).toBe(ids.get(name(one.find))?.at(-1) ?? 0);
          }
          expect(table.alive).toBe(live.length);
        }
      }),
      { numRuns: 300, seed: 20260904 },
    );
  });
});
