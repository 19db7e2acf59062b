/**
 * What the proxy does when the other side says nothing: timers B, C, G and H of RFC 3261, in real time against SIPp.
 * The timers are short (T1 is 50 ms, so that 64 × T1 is 3.2 s), and all proxies run side by side because they mostly wait.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCalls } from './call.js';
import { DRIVERS } from './proxy-process.js';
import { peersAvailable } from './require-peers.js';
import { useProxy } from './use-proxy.js';

const CALLS = 3;
const TIMERS = { t1Ms: 50, t2Ms: 400, t4Ms: 500, timerCMs: 1000, timerDMs: 500 };

vi.setConfig({ maxConcurrency: 64, testTimeout: 60_000, hookTimeout: 60_000 });

const matrix = [0, 1, 2, 4].flatMap((shards) => DRIVERS.map((io) => ({ shards, io })));

describe.skipIf(!peersAvailable('timeouts'))('timeouts', () => {
  describe.concurrent.each(matrix)('$io driver, $shards shards', ({ shards, io }) => {
    const use = useProxy('timeouts', { shards, io, timers: TIMERS }, async (proxy) => {
      // The calls of one caller were never acknowledged; nothing else may end by Timer H.
      const counters = await proxy.counters();
      if (counters !== undefined) expect(counters['ackTimeouts']).toBe(CALLS);
    });
    const withProxy = <T>(options: T) => ({ group: use.group, proxy: use.proxy, calls: CALLS, ...options });

    test('a callee that never answers: 408 by Timer B, and no CANCEL', async () => {
      const { callee } = await runCalls(withProxy({ caller: 'timeout-uac', callee: 'silent-uas' }));
      // 50, 150, 350, 750, 1550 and 3150 ms after the first, unless the machine is too slow for the last.
      expect(callee.count('INVITE', 'Retrans')).toBeGreaterThanOrEqual(5 * CALLS);
      expect(callee.count('INVITE', 'Retrans')).toBeLessThanOrEqual(6 * CALLS);
    });

    test('a callee that only rings is cancelled by Timer C, and its 487 comes back', async () => {
      await runCalls(withProxy({ caller: 'ringing-timeout-uac', callee: 'cancel-uas' }));
    });

    test('a callee that rings and then falls silent: CANCEL by Timer C, then 408', async () => {
      const { callee } = await runCalls(withProxy({ caller: 'ringing-lost-uac', callee: 'ringing-lost-uas' }));
      expect(callee.count('CANCEL', 'Recv')).toBe(CALLS);
      expect(callee.count('CANCEL', 'Retrans')).toBeGreaterThanOrEqual(3 * CALLS);
    });

    test('a 486 that is never acknowledged is repeated until Timer H', async () => {
      const { caller } = await runCalls(withProxy({ caller: 'busy-no-ack-uac', callee: 'busy-uas' }));
      // 50, 150, 350, 750, 1150 … 3150 ms (RFC 3261 17.2.1, capped at T2): ten; a slow machine may miss some.
      expect(caller.count('486', 'Retrans')).toBeGreaterThanOrEqual(5 * CALLS);
      expect(caller.count('486', 'Retrans')).toBeLessThanOrEqual(10 * CALLS);
    });
  });
});
