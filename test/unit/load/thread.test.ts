import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { CTL_BUDGET, CTL_RATE, CTL_SLOTS, CTL_STATE, RUN_DRAIN, RUN_GO, RUN_STOP, type LoadThreadMessage } from '../../../src/load/control.js';
import { LOAD_COUNTERS, LOAD_TIMES, METRICS_SLOTS, timeAt } from '../../../src/load/metrics.js';
import { Histogram } from '../../../src/load/histogram.js';
import type { LoadOptions } from '../../../src/load/options.js';
import { runLoadThread } from '../../../src/load/run-thread.js';
import { DEFAULTS } from './ua-stage.js';

/** A load thread in this thread, with real sockets, that calls itself straight. */
class Thread {
  readonly messages: LoadThreadMessage[] = [];
  readonly control = new Float64Array(new SharedArrayBuffer(CTL_SLOTS * 8));
  readonly metrics = new Float64Array(new SharedArrayBuffer(METRICS_SLOTS * 8));
  readonly ended: Promise<void>;

  constructor(changes: Partial<LoadOptions>, warmUp = false) {
    const options: LoadOptions = {
      ...DEFAULTS,
      target: { host: '127.0.0.1', family: 4, port: 0 },
      listen: { host: '127.0.0.1', family: 4, port: 0 },
      scenarios: [{ scenario: 'call', weight: 1 }],
      concurrency: 1000,
      ...changes,
    };
    const { control, metrics } = this;
    this.ended = runLoadThread(
      { thread: 0, threads: 1, options, control: control.buffer, metrics: metrics.buffer, warmUp },
      (message) => this.messages.push(message),
    );
  }

  counter(name: string): number {
    return this.metrics[LOAD_COUNTERS.findIndex((info) => info.name === name)]!;
  }

  time(name: string): Histogram {
    const histogram = new Histogram();
    histogram.add(this.metrics, timeAt(LOAD_TIMES.findIndex((info) => info.name === name)));
    return histogram;
  }

  async until(condition: () => boolean): Promise<void> {
    for (let turn = 0; !condition(); turn++) {
      if (turn > 4000) throw new Error(`it does not come to that: ${JSON.stringify(this.messages)} ${LOAD_COUNTERS.map(({ name }, i) => `${name} ${this.metrics[i]!}`).join(', ')}`);
      await delay(5);
    }
  }

  /** `count` calls at `rate`, from start to stop. */
  async calls(count: number, rate: number): Promise<void> {
    await this.until(() => this.messages.length > 0);
    expect(this.messages[0]).toMatchObject({ type: 'ready' });
    this.control[CTL_RATE] = rate;
    this.control[CTL_BUDGET] = count;
    this.control[CTL_STATE] = RUN_GO;
    await this.until(() => this.control[CTL_BUDGET] === 0);
    this.control[CTL_STATE] = RUN_DRAIN;
    await this.until(() => this.messages.some(({ type }) => type === 'idle'));
    await this.stop();
  }

  async stop(): Promise<void> {
    this.control[CTL_STATE] = RUN_STOP;
    await this.ended;
  }
}

describe('a load thread', () => {
  it.each(['auto', 'dgram'] as const)('makes the calls that it is given, no more and no less, with the driver %s', async (driver) => {
    const thread = new Thread({ driver, ring: { kind: 'fixed', ms: 10 } });
    await thread.calls(200, 2000);
    expect(thread.messages.map(({ type }) => type)).toEqual(['ready', 'idle']);
    const counts = Object.fromEntries(['due', 'started', 'succeeded', 'answered', 'failed', 'inFlight', 'inFlightUas'].map((name) => [name, thread.counter(name)]));
    expect(counts).toEqual({ due: 200, started: 200, succeeded: 200, answered: 200, failed: 0, inFlight: 0, inFlightUas: 0 });
    expect(thread.counter('messagesSent')).toBe(thread.counter('messagesReceived'));
    expect(thread.time('added').count).toBe(200);
    expect(thread.time('lateness').count).toBe(200);
  });

  it('skips and counts what is due beyond the concurrency', async () => {
    const thread = new Thread({ concurrency: 5, hold: { kind: 'fixed', ms: 60_000 } });
    await thread.until(() => thread.messages.length > 0);
    thread.control[CTL_RATE] = 2000;
    thread.control[CTL_BUDGET] = Infinity;
    thread.control[CTL_STATE] = RUN_GO;
    await thread.until(() => thread.counter('skipped') > 10);
    expect(thread.counter('started')).toBe(5);
    await thread.stop();
    expect(thread.counter('aborted')).toBe(5);
    expect(thread.counter('due')).toBe(thread.counter('started') + thread.counter('skipped') + 0);
  });

  it('doubles requests, loses, holds back and reorders on purpose, and the calls go through all the same', async () => {
    const doubled = new Thread({ faults: { retransmitPercent: 100, lossPercent: 0, delayMs: 0, reorderPercent: 0 } });
    await doubled.calls(50, 1000);
    expect(doubled.counter('succeeded')).toBe(50);
    // Three requests a call, and an ACK more where the copy of an INVITE brings the 200 again.
    expect(doubled.counter('faultDoubled')).toBeGreaterThanOrEqual(150);
    expect(doubled.counter('retransmissionsSeen')).toBeGreaterThanOrEqual(100);

    const lossy = new Thread({ t1Ms: 20, faults: { retransmitPercent: 0, lossPercent: 5, delayMs: 5, reorderPercent: 20 } });
    await lossy.calls(100, 1000);
    expect(lossy.counter('succeeded')).toBe(100);
    expect(lossy.counter('faultLost')).toBeGreaterThan(0);
    expect(lossy.counter('faultDelayed')).toBeGreaterThan(500);
    expect(lossy.time('invite180').leastUs).toBeGreaterThanOrEqual(10_000);
  });

  it('makes calls to itself before it is ready, when it is to be warm, and counts none of them', async () => {
    const thread = new Thread({ hold: { kind: 'fixed', ms: 60_000 } }, true);
    await thread.until(() => thread.messages.length > 0);
    expect(thread.messages).toMatchObject([{ type: 'ready' }]);
    expect(thread.metrics.every((value) => value === 0)).toBe(true);
    thread.control[CTL_RATE] = 1000;
    thread.control[CTL_BUDGET] = 3;
    thread.control[CTL_STATE] = RUN_GO;
    await thread.until(() => thread.counter('started') === 3);
    await thread.stop();
    expect(thread.messages).toHaveLength(1);
  });

  it('says in one line that its port is in use', async () => {
    const other = createSocket('udp4');
    other.bind(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address();
    const thread = new Thread({ listen: { host: '127.0.0.1', family: 4, port } });
    await thread.ended;
    other.close();
    expect(thread.messages).toEqual([{ type: 'error', line: `cannot listen on udp:127.0.0.1:${port}: the address is in use by another socket; stop that program or choose another port (--listen)` }]);
  });

  it('says in one line that there is no such scenario', async () => {
    const thread = new Thread({ scenarios: [{ scenario: 'caal', weight: 1 }] });
    await thread.ended;
    expect(thread.messages).toEqual([{ type: 'error', line: expect.stringMatching(/^caal: there is no such scenario/) as string }]);
  });
});
