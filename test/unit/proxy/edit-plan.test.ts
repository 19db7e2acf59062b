import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EditPlan, NO_TEXT, putText } from '../../../src/proxy/edit-plan.js';
import { bytesOf } from '../../../src/sim/sent-message.js';

const latin1 = new TextDecoder('latin1');

type Edit = readonly [at: number, remove: number, text: string];

function planOf(edits: readonly Edit[]): EditPlan {
  const plan = new EditPlan();
  for (const [at, remove, text] of edits) plan.add(at, remove, bytesOf(text), text.length);
  return plan;
}

/** `0123456789` in front of room, with the plan applied to a part of it. */
function applied(plan: EditPlan, start = 0, end = 10): string {
  const bytes = bytesOf(`0123456789${'.'.repeat(60)}`);
  const to = plan.apply(bytes, start, end, 20);
  expect(latin1.decode(bytes.subarray(0, 10))).toBe('0123456789');
  return latin1.decode(bytes.subarray(20, to));
}

describe('EditPlan', () => {
  it.each<[string, readonly Edit[], string]>([
    ['nothing', [], '0123456789'],
    ['an insertion in front', [[0, 0, 'ab']], 'ab0123456789'],
    ['an insertion', [[4, 0, 'ab']], '0123ab456789'],
    ['a removal', [[4, 3, '']], '0123789'],
    ['a replacement', [[4, 3, 'ab']], '0123ab789'],
    ['edits in any order', [[8, 1, 'x'], [0, 1, 'y'], [4, 0, 'z']], 'y123z4567x9'],
    ['edits at one offset in the order in which they were added', [[5, 0, 'a'], [5, 0, 'b'], [5, 2, 'c']], '01234abc789'],
    ['adjacent removals', [[2, 3, ''], [5, 3, '']], '0189'],
    ['an insertion right behind a removal', [[2, 3, 'a'], [5, 0, 'b']], '01ab56789'],
    ['the removal of all', [[0, 10, '']], ''],
    ['a removal inside of another', [[2, 6, 'a'], [4, 1, 'b']], '01ab89'],
    ['a removal that reaches into the next', [[2, 4, 'a'], [4, 4, 'b']], '01ab89'],
    ['a long text', [[1, 0, 'x'.repeat(40)]], `0${'x'.repeat(40)}123456789`],
  ])('applies %s', (_, edits, expected) => {
    expect(applied(planOf(edits))).toBe(expected);
  });

  it('applies to a part what lies in it: an edit at the end belongs to the part behind', () => {
    const plan = planOf([[2, 1, 'a'], [5, 0, 'b'], [5, 1, ''], [8, 0, 'c']]);
    expect(applied(plan)).toBe('01a34b67c89');
    for (let cut = 0; cut <= 10; cut++) expect(applied(plan, 0, cut) + applied(plan, cut, 10), `cut at ${cut}`).toBe('01a34b67c89');
  });

  it('counts what it will put in', () => {
    const plan = planOf([[2, 5, 'abc'], [9, 0, 'd']]);
    expect(plan.insertBytes).toBe(4);
    plan.clear();
    expect([plan.count, plan.insertBytes]).toEqual([0, 0]);
    expect(applied(plan)).toBe('0123456789');
  });

  it('refuses an edit too many, and applies the others', () => {
    const plan = new EditPlan();
    let added = 0;
    while (plan.add(5, 0, NO_TEXT, 0)) added++;
    expect(added).toBeGreaterThanOrEqual(1024 + 256);
    expect(plan.add(0, 5, NO_TEXT, 0)).toBe(false);
    expect(applied(plan)).toBe('0123456789');
  });

  it('is the same as edits applied one by one to a text, from the end', () => {
    const edit = fc.tuple(fc.nat(9), fc.nat(4), fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 6 }), (edits) => {
        // Without overlaps: each edit starts behind the one before it.
        const apart: Edit[] = [];
        let free = 0;
        for (const [gap, remove, text] of edits) {
          const at = free + (gap % 3);
          if (at + remove > 10) break;
          apart.push([at, remove, text]);
          free = at + remove + 1;
        }
        let expected = '0123456789';
        for (const [at, remove, text] of [...apart].reverse()) expected = expected.slice(0, at) + text + expected.slice(at + remove);
        if (apart.some(([at]) => at === 10)) return;
        expect(applied(planOf([...apart].reverse()))).toBe(expected);
      }),
      { numRuns: 500, seed: 20260905 },
    );
  });
});

describe('putText', () => {
  it.each([0, 1, 31, 32, 33, 100])('writes the first %i bytes of a text', (length) => {
    const bytes = new Uint8Array(200).fill(0x2e);
    const text = bytesOf('x'.repeat(120));
    expect(putText(bytes, 50, text, length)).toBe(50 + length);
    expect(latin1.decode(bytes)).toBe('.'.repeat(50) + 'x'.repeat(length) + '.'.repeat(150 - length));
  });
});
