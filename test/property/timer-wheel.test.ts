/**
 * The timer wheel against a naive list of timers: whatever is armed, re-armed, cancelled and however time jumps, a timer
 * fires once, not early, at most one tick late, and in the order of ticks.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TICK_MS, TimerWheel } from '../../src/timer/wheel.js';

const NODES = 40;
const LEVEL_0_MS = 4096 * TICK_MS;
const LEVEL_1_MS = LEVEL_0_MS * 1024;

const delayMs = fc.oneof(
  { weight: 4, arbitrary: fc.nat(3000) },
  { weight: 3, arbitrary: fc.nat(LEVEL_0_MS + 2000) },
  { weight: 2, arbitrary: fc.integer({ min: LEVEL_0_MS - 50, max: LEVEL_0_MS + 50 }) },
  { weight: 2, arbitrary: fc.nat(20 * LEVEL_0_MS) },
  { weight: 1, arbitrary: fc.nat(LEVEL_1_MS * 2) },
);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ arm: fc.integer({ min: 1, max: NODES }), delayMs }) },
  { weight: 1, arbitrary: fc.record({ cancel: fc.integer({ min: 1, max: NODES }) }) },
  { weight: 5, arbitrary: fc.record({ advanceMs: fc.oneof(fc.nat(25), fc.nat(2000), delayMs) }) },
  { weight: 2, arbitrary: fc.record({ toDeadline: fc.boolean() }) },
);

/** What a handler does when a node fires: arms another, cancels another, or nothing. */
const reaction = fc.record({
  node: fc.integer({ min: 1, max: NODES }),
  delayMs: fc.option(fc.oneof(fc.nat(3000), fc.nat(2 * LEVEL_0_MS)), { nil: undefined }),
  often: fc.integer({ min: 2, max: 9 }),
});

interface Armed {
  readonly dueMs: number;
}

class Naive {
  readonly armed = new Map<number, Armed>();
  readonly wheel: TimerWheel;
  nowMs: number;
  /** Time of the tick that fires, as far as it is known. */
  lastFiredDueTick = -Infinity;
  fired = 0;
  private readonly originMs: number;
  private readonly reaction: { readonly node: number; readonly delayMs: number | undefined; readonly often: number };

  constructor(originMs: number, react: Naive['reaction']) {
    this.originMs = originMs;
    this.nowMs = originMs;
    this.reaction = react;
    this.wheel = new TimerWheel(NODES, { onTimer: (node) => { this.onTimer(node); } });
    this.wheel.advance(originMs);
  }

  arm(node: number, delay: number): void {
    // Within a long jump the wheel's time is that of the tick that fires.
    this.armed.set(node, { dueMs: this.wheel.nowMs + delay });
    this.wheel.arm(node, delay);
  }

  cancel(node: number): void {
    this.armed.delete(node);
    this.wheel.cancel(node);
  }

  advance(nowMs: number): void {
    this.nowMs = Math.max(this.nowMs, nowMs);
    this.lastFiredDueTick = -Infinity;
    this.wheel.advance(nowMs);
    expect(this.wheel.nowMs).toBe(this.nowMs);
    for (const [node, { dueMs }] of this.armed) {
      if (this.nowMs - dueMs >= TICK_MS) expect.fail(`timer ${node} due at ${dueMs} has not fired at ${this.nowMs}`);
    }
    this.checkState();
  }

  checkState(): void {
    expect(this.wheel.armed).toBe(this.armed.size);
    for (let node = 1; node <= NODES; node++) if (this.wheel.isArmed(node) !== this.armed.has(node)) expect.fail(`timer ${node} is armed in one of the two`);
    const deadlineMs = this.wheel.nextDeadlineMs();
    if (this.armed.size === 0) {
      expect(deadlineMs).toBe(Infinity);
      return;
    }
    expect(deadlineMs).toBeGreaterThan(this.nowMs);
    const firstMs = Math.min(...[...this.armed.values()].map(({ dueMs }) => dueMs));
    // Waking at the deadline is soon enough for every timer to be at most one tick late.
    expect(deadlineMs).toBeLessThanOrEqual(Math.max(firstMs, this.nowMs) + TICK_MS);
  }

  private onTimer(node: number): void {
    const timer = this.armed.get(node);
    expect(timer, `timer ${node} fired, but is not armed`).toBeDefined();
    this.armed.delete(node);
    const lateMs = this.wheel.nowMs - timer!.dueMs;
    if (lateMs < 0 || lateMs > TICK_MS) expect.fail(`timer ${node} is late by ${lateMs} ms`);
    const tick = Math.ceil((timer!.dueMs - this.originMs) / TICK_MS);
    // One that was armed for now by another fires a tick later.
    if (tick < this.lastFiredDueTick - 1) expect.fail(`timer ${node} fired out of order`);
    this.lastFiredDueTick = tick;
    expect(this.wheel.isArmed(node)).toBe(false);
    this.fired++;
    const { reaction: react } = this;
    if (this.fired % react.often !== 0) return;
    if (react.delayMs === undefined) this.cancel(react.node);
    else this.arm(react.node, react.delayMs);
  }
}

describe('TimerWheel', () => {
  it('fires what a naive list of timers would fire', () => {
    fc.assert(
      fc.property(fc.nat(50_000), reaction, fc.array(step, { minLength: 1, maxLength: 60 }), (originMs, react, steps) => {
        const naive = new Naive(originMs, react);
        for (const one of steps) {
          if ('arm' in one) naive.arm(one.arm, one.delayMs);
          else if ('cancel' in one) naive.cancel(one.cancel);
          else if ('advanceMs' in one) naive.advance(naive.nowMs + one.advanceMs);
          else if (naive.wheel.nextDeadlineMs() < Infinity) naive.advance(naive.wheel.nextDeadlineMs());
          naive.checkState();
        }
        // Timers of the reaction may go on for ever.
        for (let i = 0; i < 20 && naive.armed.size > 0; i++) naive.advance(naive.nowMs + (i % 2 === 0 ? 7 : 99) * LEVEL_0_MS);
      }),
      { numRuns: 200, seed: 20260902 },
    );
  });

  it('fires the same in the same order when it may fire only some at a time, none early, and no more than that in one call', () => {
    const someSteps = fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.record({ arm: fc.integer({ min: 1, max: NODES }), delayMs }) },
        { weight: 1, arbitrary: fc.record({ cancel: fc.integer({ min: 1, max: NODES }) }) },
        { weight: 3, arbitrary: fc.record({ advanceMs: fc.oneof(fc.nat(25), fc.nat(2000), delayMs) }) },
      ),
      { minLength: 10, maxLength: 80 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.nat(3), someSteps, (most, againUpTo, steps) => {
        const whole: number[] = [];
        const some: number[] = [];
        const dueMs = new Map<number, number>();
        let nowMs = 500;
        const one = new TimerWheel(NODES, { onTimer: (node) => void whole.push(node) });
        const other: TimerWheel = new TimerWheel(NODES, {
          onTimer: (node) => {
            if (nowMs < dueMs.get(node)!) expect.fail(`timer ${node} fired early`);
            some.push(node);
          },
        }, most);
        const turn = (): void => {
          const before = some.length;
          other.advance(nowMs);
          if (some.length - before > most) expect.fail(`${some.length - before} timers in one call`);
          expect(other.nowMs).toBe(nowMs);
        };
        const finish = (): void => {
          for (let turns = 0; other.nextDeadlineMs() <= nowMs; turns++) {
            if (turns > 3 * NODES) expect.fail('there is no end to it');
            turn();
          }
        };
        one.advance(nowMs);
        other.advance(nowMs);
        for (const step of steps) {
          if ('arm' in step || 'cancel' in step) {
            // What is late in one of them must not be taken for what is not due in the other.
            finish();
            if ('cancel' in step) {
              one.cancel(step.cancel);
              other.cancel(step.cancel);
            } else {
              one.arm(step.arm, step.delayMs);
              other.arm(step.arm, step.delayMs);
              dueMs.set(step.arm, nowMs + step.delayMs);
            }
          } else {
            nowMs += step.advanceMs;
            one.advance(nowMs);
            for (let turns = 0; turns <= againUpTo; turns++) turn();
          }
        }
        finish();
        expect(some).toEqual(whole);
        expect(other.armed).toBe(one.armed);
      }),
      { numRuns: 300, seed: 20260904 },
    );
  });

  it('keeps time where its tick counter wraps (248 days)', () => {
    fc.assert(
      fc.property(fc.integer({ min: -6000, max: 100 }), fc.array(step, { minLength: 5, maxLength: 40 }), (ticksToWrap, steps) => {
        const naive = new Naive(0, { node: 1, delayMs: undefined, often: 3 });
        naive.advance((0x7fffffff + ticksToWrap) * TICK_MS + 3);
        for (const one of steps) {
          if ('arm' in one) naive.arm(one.arm, one.delayMs);
          else if ('cancel' in one) naive.cancel(one.cancel);
          else if ('advanceMs' in one) naive.advance(naive.nowMs + one.advanceMs);
          else if (naive.wheel.nextDeadlineMs() < Infinity) naive.advance(naive.wheel.nextDeadlineMs());
        }
      }),
      { numRuns: 100, seed: 20260903 },
    );
  });
});
