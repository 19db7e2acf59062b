/** The event queue and the random source: what determinism stands on. */
import { expect, it } from 'vitest';
import { Random } from '../../src/sim/random.js';
import { CallbackEvent, VirtualClock } from '../../src/sim/virtual-clock.js';

it('fires events by time, and those of one millisecond in the order of scheduling', () => {
  const clock = new VirtualClock();
  const fired: string[] = [];
  const at = (ms: number, name: string): void => clock.schedule(new CallbackEvent(() => fired.push(`${name}@${clock.nowMs}`)), ms);
  at(20, 'c');
  at(10, 'a');
  at(20, 'd');
  at(10, 'b');
  clock.runTo(15);
  expect(fired).toEqual(['a@10', 'b@10']);
  expect(clock.nowMs).toBe(15);
  at(3, 'late');
  clock.runTo(100);
  expect(fired).toEqual(['a@10', 'b@10', 'late@15', 'c@20', 'd@20']);
  expect(clock.nextMs()).toBe(Infinity);
});

it('agrees with a sorted list under random scheduling, moving and cancelling', () => {
  const random = new Random(7);
  const clock = new VirtualClock();
  const due = new Map<number, { ms: number; order: number }>();
  const fired: number[] = [];
  const events = Array.from({ length: 200 }, (_, i) => new CallbackEvent(() => fired.push(i)));
  let order = 0;
  for (let step = 0; step < 5000; step++) {
    const i = random.below(events.length);
    if (random.percent(30)) {
      clock.cancel(events[i]!);
      due.delete(i);
    } else {
      const ms = random.below(50);
      clock.schedule(events[i]!, ms);
      due.set(i, { ms, order: order++ });
    }
    expect(clock.size).toBe(due.size);
  }
  clock.runTo(50);
  const expected = [...due].sort(([, a], [, b]) => a.ms - b.ms || a.order - b.order).map(([i]) => i);
  expect(fired).toEqual(expected);
});

it('draws the same numbers for the same seed, and others for other seeds and streams', () => {
  const draw = (random: Random): number[] => Array.from({ length: 8 }, () => random.below(1_000_000));
  expect(draw(new Random(1))).toEqual(draw(new Random(1)));
  expect(draw(new Random(1))).not.toEqual(draw(new Random(2)));
  const parent = new Random(3);
  expect(draw(parent.stream('a'))).not.toEqual(draw(parent.stream('b')));
  expect(draw(parent)).toEqual(draw(new Random(3)));
});

it('draws evenly, and never at 0 or 100 percent', () => {
  const random = new Random(5);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) counts[random.below(10)]!++;
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  const before = new Random(6);
  expect([before.percent(0), before.percent(100), before.bits()]).toEqual([false, true, new Random(6).bits()]);
  let hits = 0;
  for (let i = 0; i < 100_000; i++) if (random.percent(25)) hits++;
  expect(Math.abs(hits - 25_000)).toBeLessThan(700);
});
