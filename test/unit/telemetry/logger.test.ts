/** Logs: what a line looks like, and that it is out before the call returns. */
import { describe, expect, it } from 'vitest';
import { createThreadLog, isPretty } from '../../../src/telemetry/logger.js';

function logTo(lines: string[], format: string, level = 'info') {
  return createThreadLog({ level, format }, 'shard 2', { write: (line) => lines.push(line) });
}

describe('a thread’s log', () => {
  it('writes a line of JSON with thread, level by name, time, fields and text, at once', () => {
    const lines: string[] = [];
    logTo(lines, 'json').warn({ callId: 'abc' }, 'something is odd');
    expect(lines).toHaveLength(1);
    const line = JSON.parse(lines[0]!) as Record<string, unknown>;
    expect(line).toEqual({ level: 'warn', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string, thread: 'shard 2', callId: 'abc', msg: 'something is odd' });
    expect(lines[0]).toMatch(/}\n$/);
  });

  it('writes errors with their stack', () => {
    const lines: string[] = [];
    logTo(lines, 'json').error({ err: new RangeError('too far') }, 'it broke');
    expect(JSON.parse(lines[0]!)).toMatchObject({ err: { type: 'RangeError', message: 'too far', stack: expect.stringContaining('logger.test') as string } });
  });

  it('writes for people at once, too', () => {
    const lines: string[] = [];
    logTo(lines, 'pretty').info({ shard: 2 }, 'ready');
    expect(lines.join('')).toMatch(/INFO.*: shard 2: ready\n {4}shard: 2\n$/);
  });

  it('keeps to its level, which may change', () => {
    const lines: string[] = [];
    const log = logTo(lines, 'json', 'warn');
    log.info({}, 'one');
    log.setLevel('debug');
    log.debug({}, 'two');
    log.setLevel('silent');
    log.error({}, 'three');
    expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['two']);
  });

  it.each(['json', 'pretty'])('writes no secret (%s)', (format) => {
    const lines: string[] = [];
    const log = logTo(lines, format);
    log.info({ secret: 'hunter2', headers: { authorization: 'hunter2', 'Proxy-Authorization': 'hunter2' }, sharding: { secret: 'hunter2', node: 1 }, password: 'hunter2' }, 'settings');
    expect(lines.join('')).not.toContain('hunter2');
    expect(lines.join('')).toContain('[secret]');
  });
});

describe('the format', () => {
  it('is pretty when asked for, and when automatic on a terminal', () => {
    expect([isPretty('pretty', false), isPretty('auto', true), isPretty('auto', false), isPretty('json', true)]).toEqual([true, true, false, false]);
  });
});
