import { describe, expect, it } from 'vitest';
import { Coalescer } from '../../../src/net/coalescer.js';

/** Feeds a steady stream of one-datagram batches and returns the pauses that it asked for. */
function pausesAt(coalescer: Coalescer, datagramsPerMs: number, fromMs: number, forMs: number): number[] {
  const pauses: number[] = [];
  for (let i = 0; i < datagramsPerMs * forMs; i++) {
    pauses.push(coalescer.pauseUs(1, false, fromMs + i / datagramsPerMs));
  }
  return pauses;
}

describe('receive coalescing', () => {
  it('never pauses at low rates', () => {
    expect(pausesAt(new Coalescer(100), 1, 1000, 500).every((pause) => pause === 0)).toBe(true);
  });

  it('pauses once the rate makes a pause collect several datagrams', () => {
    const pauses = pausesAt(new Coalescer(100), 25, 1000, 50);
    expect(pauses[0]).toBe(0);
    expect(pauses.at(-1)).toBe(100);
  });

  it('stops pausing when the traffic ends', () => {
    const coalescer = new Coalescer(100);
    pausesAt(coalescer, 25, 1000, 50);
    expect(coalescer.pauseUs(0, false, 1100)).toBe(0);
    expect(pausesAt(coalescer, 1, 1100, 100).at(-1)).toBe(0);
  });

  it('pauses for a shorter time the more datagrams come', () => {
    const coalescer = new Coalescer(500);
    expect(pausesAt(coalescer, 10, 1000, 50).at(-1)).toBe(500);
    const shorter = pausesAt(coalescer, 100, 1050, 50).at(-1)!;
    expect(shorter).toBeGreaterThan(200);
    expect(shorter).toBeLessThan(300);
  });

  it('keeps its decision while the rate wavers around the threshold', () => {
    const coalescer = new Coalescer(100);
    pausesAt(coalescer, 21, 1000, 50);
    expect(pausesAt(coalescer, 16, 1050, 50).every((pause) => pause === 100)).toBe(true);
  });

  it('does not pause in front of a backlog', () => {
    const coalescer = new Coalescer(100);
    pausesAt(coalescer, 25, 1000, 50);
    expect(coalescer.pauseUs(64, true, 1050)).toBe(0);
  });

  it('is off when the length of a pause is zero', () => {
    expect(pausesAt(new Coalescer(0), 100, 0, 50).every((pause) => pause === 0)).toBe(true);
  });
});
