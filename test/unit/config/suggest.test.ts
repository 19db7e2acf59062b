/** Did you mean …? */
import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/config/suggest.js';

const WORDS = ['transactions', 'branches', 'log', 'io', 't1Ms', 't2Ms'];

describe('nearest', () => {
  it.each([
    ['transaction', 'transactions'],
    ['trasnactions', 'transactions'],
    ['BRANCHES', 'branches'],
    ['brnches', 'branches'],
    ['logs', 'log'],
    ['oi', 'io'],
    ['t1ms', 't1Ms'],
  ])('finds what %j means', (word, meant) => {
    expect(nearest(word, WORDS)).toBe(meant);
  });

  it.each(['', 'listen', 'xy', 'x'.repeat(1000)])('has nothing to say to %j', (word) => {
    expect(nearest(word, WORDS)).toBeUndefined();
  });
});
