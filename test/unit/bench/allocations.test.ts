/** Allocations per call are bounded: bytes are counted, so that this holds on any machine. `npm run bench:alloc` says where they come from. */
import { describe, expect, test } from 'vitest';
import { coreAllocationsApart } from '../../../bench/alloc/core-apart.js';
import { collectionsIn } from '../../../bench/alloc/trace-gc.js';

/**
 * A call of seven datagrams, three of them requests. What remains is known: one context for each request, since a script may keep
 * it; what the script itself makes (here an object for its target); and a number for the clock in each batch.
 */
const BYTES_A_CALL = 900;

test('a call in steady state allocates no more than is known', async () => {
  const { bytesPerCall, sites } = await coreAllocationsApart(2000, 1);
  const places = sites.slice(0, 8).map(({ bytes, name, place }) => `${bytes.toFixed(0)} bytes  ${name}  ${place}`);
  expect(bytesPerCall[0], `more bytes a call than before; most of them come from:\n${places.join('\n')}`).toBeLessThan(BYTES_A_CALL);
  expect(bytesPerCall[0]).toBeGreaterThan(0);
  // The profile and the count are made in different ways, and agree.
  expect(sites.reduce((sum, { bytes }) => sum + bytes, 0)).toBeGreaterThan(bytesPerCall[0]! * 0.5);
});

describe('the trace of collections', () => {
  const LINES = [
    '[812:0x7f00]      100 ms: Scavenge 10.0 (20.0) -> 4.0 (20.0) MB, 0.50 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ',
    'a line of the program itself',
    '[812:0x6a3b0c0]   150 ms: Scavenge 3.0 (5.0) -> 2.0 (5.0) MB, 0.10 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ',
    '[812:0x7f00]      300 ms: Scavenge 12.0 (20.0) -> 5.0 (20.0) MB, 0.25 / 0.00 ms  (average mu = 1.000, current mu = 1.000) allocation failure; ',
    '[812:0x7f00]      600 ms: Mark-sweep (reduce) 7.0 (20.0) -> 4.5 (20.0) MB, 2.00 / 0.00 ms  (+ 0.3 ms in 2 steps since start of marking) ; ',
  ];

  test('what was allocated between two collections is what the heap has grown', () => {
    expect(collectionsIn(LINES.join('\n'))).toEqual([
      { isolate: '0x7f00', collections: 2, spanMs: 500, allocatedBytes: 10 * 2 ** 20, pausedMs: 2.25, longestPauseMs: 2 },
    ]);
  });

  test('nothing is said of a thread that has collected once', () => {
    expect(collectionsIn(LINES[2]!)).toEqual([]);
  });
});
