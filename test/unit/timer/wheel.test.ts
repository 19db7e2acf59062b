import { describe, expect, it } from 'vitest';
import { TICK_MS, TimerWheel } from '../../../src/timer/wheel.js';

interface Fired {
  readonly node: number;
  readonly atMs: number;
}

function wheelOf(nodes: number, startMs = 1000, react: (node: number, wheel: TimerWheel) => void = () => {}): { wheel: TimerWheel; fired: Fired[] } {
  const fired: Fired[] = [];
  const wheel: TimerWheel = new TimerWheel(nodes, {
    onTimer(node) {
      fired.push({ node, atMs: wheel.nowMs });
      react(node, wheel);
    },
  });
  wheel.advance(startMs);
  return { wheel, fired };
}

describe('TimerWheel', () => {
  it('has nothing to do when nothing is armed', () => {
    const { wheel, fired } = wheelOf(4);
    expect(wheel.nextDeadlineMs()).toBe(Infinity);
    wheel.advance(1_000_000_000);
    expect(fired).toEqual([]);
  });

  it.each([0, 1, 9, 10, 11, 500, 4_000, 32_000, 40_949, 40_950, 40_960, 40_970, 185_000, 86_400_000, 43_000_000])(
    'fires a timer of %i ms at the first tick that is not early, from any point within a tick',
    (delayMs) => {
      for (let offsetMs = 0; offsetMs < TICK_MS; offsetMs++) {
        const { wheel, fired } = wheelOf(1, 0);
        wheel.advance(offsetMs);
        wheel.arm(1, delayMs);
        while (wheel.armed > 0) wheel.advance(wheel.nextDeadlineMs());
        const due = Math.max(Math.ceil((offsetMs + delayMs) / TICK_MS), 1) * TICK_MS;
        expect(fired).toEqual([{ node: 1, atMs: due }]);
      }
    },
  );

  it('fires timers of the same tick in the order in which they were armed', () => {
    const { wheel, fired } = wheelOf(5);
    for (const node of [3, 1, 5, 2, 4]) wheel.arm(node, 100);
    wheel.advance(2000);
    expect(fired.map(({ node }) => node)).toEqual([3, 1, 5, 2, 4]);
  });

  it('fires timers in the order of their times when time jumps', () => {
    const { wheel, fired } = wheelOf(4);
    wheel.arm(1, 90_000);
    wheel.arm(2, 50);
    wheel.arm(3, 41_000);
    wheel.arm(4, 700);
    wheel.advance(10_000_000);
    expect(fired.map(({ node }) => node)).toEqual([2, 4, 3, 1]);
    expect(fired.map(({ atMs }) => atMs - 1000)).toEqual([50, 700, 41_000, 90_000]);
  });

  it('counts a timer that is armed by another from when that one was due, also in a jump', () => {
    const { wheel, fired } = wheelOf(1, 1000, (node, wheel) => { if (fired.length < 4) wheel.arm(node, 500); });
    wheel.arm(1, 500);
    wheel.advance(60_000);
    expect(fired.map(({ atMs }) => atMs)).toEqual([1500, 2000, 2500, 3000]);
  });

  it('fires only so many at a time: the rest is overdue, and can still be moved and cancelled', () => {
    const fired: number[] = [];
    const wheel = new TimerWheel(6, { onTimer: (node) => void fired.push(node) }, 2);
    wheel.advance(1000);
    for (const node of [1, 2, 3, 4, 5, 6]) wheel.arm(node, 100);
    wheel.advance(1150);
    expect(fired).toEqual([1, 2]);
    expect(wheel.nextDeadlineMs()).toBe(1100);
    wheel.cancel(4);
    wheel.arm(3, 100); // counts from now, not from when the others were due
    wheel.advance(1150);
    expect(fired).toEqual([1, 2, 5, 6]);
    expect(wheel.nextDeadlineMs()).toBe(1250);
    wheel.advance(1250);
    expect(fired).toEqual([1, 2, 5, 6, 3]);
    expect(wheel.nextDeadlineMs()).toBe(Infinity);
  });

  it('moves a timer that is armed again', () => {
    const { wheel, fired } = wheelOf(1);
    wheel.arm(1, 100);
    wheel.advance(1050);
    wheel.arm(1, 100);
    wheel.advance(1140);
    expect(fired).toEqual([]);
    wheel.advance(1150);
    expect(fired).toHaveLength(1);
    expect(wheel.armed).toBe(0);
  });

  it('lets a handler cancel a timer of the same tick, and arm one for now, which fires a tick later', () => {
    const { wheel, fired } = wheelOf(3, 1000, (node, wheel) => {
      if (node === 1) {
        wheel.cancel(2);
        wheel.arm(3, 0);
      }
    });
    wheel.arm(1, 100);
    wheel.arm(2, 100);
    wheel.advance(5000);
    expect(fired).toEqual([
      { node: 1, atMs: 1100 },
      { node: 3, atMs: 1110 },
    ]);
  });

  it('does nothing when a timer is cancelled that is not armed', () => {
    const { wheel } = wheelOf(2);
    wheel.cancel(1);
    wheel.arm(1, 100);
    wheel.cancel(1);
    wheel.cancel(1);
    expect(wheel.armed).toBe(0);
    expect(wheel.nextDeadlineMs()).toBe(Infinity);
  });

  it('takes a time that goes backwards for no change', () => {
    const { wheel, fired } = wheelOf(1);
    wheel.arm(1, 100);
    wheel.advance(900);
    expect(wheel.nowMs).toBe(1000);
    wheel.advance(1100);
    expect(fired).toHaveLength(1);
  });

  it('names a deadline that is never in the past, nor after the first timer', () => {
    const { wheel } = wheelOf(2, 1005);
    wheel.arm(1, 320);
    wheel.arm(2, 100_000);
    expect(wheel.nextDeadlineMs()).toBe(1325);
    wheel.advance(1325);
    expect(wheel.armed).toBe(1);
    let wakeUps = 0;
    while (wheel.armed > 0) {
      const deadlineMs = wheel.nextDeadlineMs();
      expect(deadlineMs).toBeGreaterThan(wheel.nowMs);
      expect(deadlineMs).toBeLessThanOrEqual(101_005);
      wheel.advance(deadlineMs);
      wakeUps++;
    }
    // Far timers cost one look each time the first level comes round.
    expect(wakeUps).toBeLessThanOrEqual(4);
  });
});
