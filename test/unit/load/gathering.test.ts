import { describe, expect, it } from 'vitest';
import { Gathering } from '../../../src/load/gathering.js';

/** Turns of 1 ms that each read `messages`; returns what the last one pauses for. */
function turns(gathering: Gathering, count: number, messages: number, fromUs = 1_000_000): number {
  let pauseUs = 0;
  for (let i = 0; i < count; i++) pauseUs = gathering.pauseUs(messages, fromUs + i * 1000);
  return pauseUs;
}

describe('gathering', () => {
  it('pauses where a step gathers a few messages, and not below', () => {
    expect(turns(new Gathering(500), 20, 8)).toBe(500);
    expect(turns(new Gathering(500), 20, 7)).toBe(0);
    expect(turns(new Gathering(1000), 20, 4)).toBe(1000);
    expect(turns(new Gathering(0), 20, 100)).toBe(0);
  });

  it('begins and ends some milliseconds after the rate has changed, and does not flutter at the threshold', () => {
    const gathering = new Gathering(500);
    expect(turns(gathering, 20, 8, 1_000_000)).toBe(500);
    expect(turns(gathering, 20, 6, 1_020_000)).toBe(500);
    expect(turns(gathering, 20, 5, 1_040_000)).toBe(0);
    expect(turns(gathering, 20, 6, 1_060_000)).toBe(0);
  });

  it('pauses until the end of a step of the clock, or of the next one when this is nearly over', () => {
    const gathering = new Gathering(500);
    turns(gathering, 20, 10);
    expect(gathering.pauseUs(0, 1_020_100)).toBe(400);
    expect(gathering.pauseUs(0, 1_020_370)).toBe(130);
    expect(gathering.pauseUs(0, 1_020_450)).toBe(550);
  });
});
