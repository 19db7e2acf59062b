import { describe, expect, it } from 'vitest';
import { PAUSE_WINDOW_MS, PauseGauge } from '../../../src/shard/pause-gauge.js';
import { COUNTER_COUNT, C_LONGEST_PAUSE } from '../../../src/telemetry/counters.js';

function gaugeAt(startMs: number): { gauge: PauseGauge; longestMs: () => number } {
  const counters = new Float64Array(COUNTER_COUNT);
  counters[C_LONGEST_PAUSE] = 99; // of a shard that died
  const gauge = new PauseGauge(counters, startMs);
  return { gauge, longestMs: () => counters[C_LONGEST_PAUSE]! };
}

describe('PauseGauge', () => {
  it('has the longest time between two looks, and begins anew with its shard', () => {
    const { gauge, longestMs } = gaugeAt(100);
    expect(longestMs()).toBe(0);
    for (const nowMs of [101, 103.5, 104, 104.5]) gauge.look(nowMs);
    expect(longestMs()).toBe(2.5);
  });

  it('leaves out sleep', () => {
    const { gauge, longestMs } = gaugeAt(0);
    gauge.look(1);
    gauge.slept(1001);
    gauge.look(1003);
    expect(longestMs()).toBe(2);
  });

  it('remembers for one window and forgets in the second', () => {
    const { gauge, longestMs } = gaugeAt(0);
    gauge.look(30);
    gauge.slept(PAUSE_WINDOW_MS - 3);
    gauge.look(PAUSE_WINDOW_MS + 1);
    expect(longestMs()).toBe(30);
    gauge.slept(2 * PAUSE_WINDOW_MS);
    gauge.look(2 * PAUSE_WINDOW_MS + 2);
    expect(longestMs()).toBe(4);
    gauge.slept(4 * PAUSE_WINDOW_MS);
    gauge.look(4 * PAUSE_WINDOW_MS + 1);
    expect(longestMs()).toBe(2);
  });

  it('shows a pause at the turn of the window at once', () => {
    const { gauge, longestMs } = gaugeAt(0);
    gauge.look(PAUSE_WINDOW_MS + 50);
    expect(longestMs()).toBe(PAUSE_WINDOW_MS + 50);
  });
});
