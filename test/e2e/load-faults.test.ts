/**
 * What a proxy does wrong is in the result, figure by figure: messages that it loses, time that it takes, calls that it
 * refuses. The proxy is one of ours whose faults are known exactly (stand-in-proxy.ts); caller and callee are one
 * `viaduct load`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { LoadResult } from '../../src/load/report/result.js';
import { freeAddress, hostPort } from './free-port.js';
import { startLoad, type LoadEnd } from './load-process.js';
import { ProcessGroup } from './process-group.js';
import { StandInProxy, type Passing, type StandInOptions } from './stand-in-proxy.js';

const CALLS = 400;
const CALLS_PER_SECOND = 125;
/** Longer than half a second: a machine that stands still for a moment must not add retransmissions of its own. */
const T1_MS = 3000;
const T1_US = T1_MS * 1000;
const RING_MS = 20;

/** One of a hundred calls loses its message of this kind: the first calls of those whose number ends in 00, 10, 20 … */
const LOST_KINDS = ['INVITE', '180 INVITE', '200 INVITE', 'ACK', 'BYE', '200 BYE'];
const LOST_OF_A_KIND = CALLS / 100;

function lostKind(call: number): string | undefined {
  return call % 10 === 0 ? LOST_KINDS[(call % 100) / 10] : undefined;
}

describe.concurrent('what a proxy does wrong is in the result', () => {
  let group: ProcessGroup;
  const proxies: StandInProxy[] = [];
  beforeAll(() => {
    group = new ProcessGroup('load-faults');
  });
  afterAll(async () => {
    await group.dispose();
    for (const proxy of proxies) proxy.close();
  });

  async function run(faults: Omit<StandInOptions, 'callee'>, ...flags: readonly string[]): Promise<LoadEnd & { proxy: StandInProxy; told: string }> {
    const callee = await freeAddress('127.0.0.1');
    const proxy = await StandInProxy.open({ callee, ...faults });
    proxies.push(proxy);
    const load = startLoad(
      group, '--target', hostPort(proxy.address), '--listen', hostPort(callee), '--calls', String(CALLS), '--rate', String(CALLS_PER_SECOND), '--arrivals', 'even', '--t1', `${T1_MS}ms`,
      '--ring', `${RING_MS}ms`, ...flags,
    );
    const end = await load.end;
    return { ...end, proxy, told: `${end.output}\n${JSON.stringify(proxy.counts, null, 1)}` };
  }

  const total = ({ totals }: LoadResult, ...names: readonly string[]): (number | undefined)[] => names.map((name) => totals[name]);
  const time = ({ times }: LoadResult, name: string) => times[name] ?? expect.fail(`no time ${name}`);

  test('loses one message of a hundred', async () => {
    const fate = ({ kind, call, copy }: Passing) => (!copy && kind === lostKind(call) ? 'lose' : 'pass');
    const { code, result, proxy, told } = await run({ fate }, '--hold', '0ms');

    // What the proxy did.
    expect(proxy.lost, told).toBe(LOST_KINDS.length * LOST_OF_A_KIND);
    const copied = (kind: string): number | undefined => proxy.counts[kind]?.copies;
    expect(['INVITE', '180 INVITE', '200 INVITE', 'ACK', 'BYE', '200 BYE'].map(copied), told).toEqual([
      LOST_OF_A_KIND, 0, LOST_OF_A_KIND, 0, 2 * LOST_OF_A_KIND, LOST_OF_A_KIND,
    ]);

    // What the result says of it: all calls went through; the INVITE, the 200 to it, and the BYE twice were sent again, and
    // the BYE whose 200 was lost had come before. A lost ACK is made up for by the BYE, and nobody repeats a 180.
    expect(total(result, 'started', 'succeeded', 'failed', 'answered', 'unexpectedMessages'), told).toEqual([CALLS, CALLS, 0, CALLS, 0]);
    expect(total(result, 'retransmissionsSent', 'retransmissionsSeen'), told).toEqual([4 * LOST_OF_A_KIND, LOST_OF_A_KIND]);
    expect(result.totals['messagesSent']! - result.totals['messagesReceived']!, told).toBe(proxy.lost);
    expect(time(result, 'invite180').count, told).toBe(CALLS - LOST_OF_A_KIND);
    expect(time(result, 'invite200').count, told).toBe(CALLS);
    // Two of a hundred calls waited for a retransmission until they were answered, and two until they were ended.
    for (const name of ['invite200', 'bye200']) {
      expect(time(result, name).p99Us, told).toBeGreaterThanOrEqual(T1_US);
      expect(time(result, name).p95Us, told).toBeLessThan(T1_US);
    }
    expect(time(result, 'invite180').maxUs, told).toBeGreaterThanOrEqual(T1_US);
    expect(code, told).toBe(result.valid ? 0 : 1);
  });

  test('holds every message back for 50 ms', async () => {
    const delayMs = 50;
    const { code, result, told } = await run({ delayMs }, '--hold', '100ms', '--fail-if', 'added.min < 100ms', '--fail-if', 'added.p50 >= 100ms');
    expect(total(result, 'succeeded', 'failed', 'answered', 'retransmissionsSent', 'retransmissionsSeen', 'unexpectedMessages'), told).toEqual([CALLS, 0, CALLS, 0, 0, 0]);
    const thereAndBackUs = 2 * delayMs * 1000;
    const least = { added: thereAndBackUs, invite180: thereAndBackUs, invite200: thereAndBackUs + RING_MS * 1000, bye200: thereAndBackUs, call: 2 * thereAndBackUs + (RING_MS + 100) * 1000 };
    for (const [name, us] of Object.entries(least)) {
      expect(time(result, name).count, `${name}: ${told}`).toBe(CALLS);
      expect(time(result, name).minUs, `${name}: ${told}`).toBeGreaterThanOrEqual(us);
    }
    // Each way counts once: the quickest call is close to that.
    expect(time(result, 'added').minUs, told).toBeLessThan(1.5 * thereAndBackUs);
    expect(result.thresholds.map(({ held }) => held), told).toEqual([true, false]);
    expect(code, told).toBe(1);
  });

  test('answers every tenth call with 503', async () => {
    const refused = CALLS / 10;
    const fate = ({ kind, call }: Passing) => (call % 10 === 0 && (kind === 'INVITE' || kind === 'ACK') ? '503 Service Unavailable' : 'pass');
    const { code, output, result, proxy, told } = await run(
      { fate }, '--hold', '0ms', '--fail-if', 'failures > 1%', '--fail-if', 'failures > 10%', '--fail-if', `failures.unexpectedStatus != ${refused}`, '--fail-if', 'failures.timeout > 0',
    );
    expect(total(result, 'started', 'succeeded', 'failed', 'answered', 'retransmissionsSent', 'unexpectedMessages'), told).toEqual([CALLS, CALLS - refused, refused, CALLS - refused, 0, 0]);
    expect(result.failures, told).toMatchObject({ unexpectedStatus: refused, timeout: 0, authentication: 0, missingAck: 0, neverCame: 0, endedByPeer: 0, aborted: 0 });
    expect(result.failurePercent, told).toBe(10);
    // Every 503 was acknowledged.
    expect(proxy.counts['ACK'], told).toMatchObject({ first: CALLS, copies: 0 });
    expect(result.thresholds.map(({ held }) => held), told).toEqual([false, true, true, true]);
    expect(output).toContain('\nviaduct: failed: failures > 1% (10 %)\n');
    expect(code, told).toBe(1);
  });

  test('answers everything with 503', async () => {
    const calls = 100;
    const { code, output, result, told } = await run({ fate: () => '503 Service Unavailable' }, '--calls', String(calls), '--fail-if', 'failures > 1%');
    expect(total(result, 'started', 'succeeded', 'failed', 'answered', 'retransmissionsSent', 'unexpectedMessages'), told).toEqual([calls, 0, calls, 0, 0, 0]);
    expect([result.failures['unexpectedStatus'], result.failurePercent], told).toEqual([calls, 100]);
    expect(output).toContain('\nviaduct: failed: failures > 1% (100 %)\n');
    expect(code, told).toBe(1);
  });
});
