/**
 * Calls through the running proxy, with SIPp on both sides: what RFC 3261 asks of a stateful, record-routing proxy, on
 * every number of shards and with both UDP drivers. The scenario files hold the checks of each message; here stand the
 * counts.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCalls, runRefused } from './call.js';
import { Copier } from './copier.js';
import { ipv6Available } from './free-port.js';
import { waitUntil } from './process-group.js';
import { DRIVERS } from './proxy-process.js';
import { peersAvailable } from './require-peers.js';
import { useProxy } from './use-proxy.js';

const CALLS = 5;
/** T1 so long that a busy machine does not make the proxy repeat anything: the counts are exact. */
const TIMERS = { t1Ms: 2000 };
const ipv6 = await ipv6Available();
if (!ipv6) console.warn('no IPv6 loopback address: the IPv6 calls are skipped');

// The scenarios mostly wait for one another: they run side by side.
vi.setConfig({ maxConcurrency: 32, testTimeout: 40_000, hookTimeout: 60_000 });

describe.skipIf(!peersAvailable('calls')).each([0, 1, 2, 4])('calls with %i shards', (shards) => {
  describe.concurrent.each(DRIVERS)('%s driver', (io) => {
    const use = useProxy('calls', { shards, io, ipv6, timers: TIMERS });
    const withProxy = <T>(options: T) => ({ group: use.group, proxy: use.proxy, calls: CALLS, ...options });

    test('an answered call keeps to its Route set', async () => {
      await runCalls(withProxy({ caller: 'answered-uac', callee: 'answered-uas' }));
    });

    test('a busy callee gets one ACK, from the proxy (case 5)', async () => {
      const { callee } = await runCalls(withProxy({ caller: 'busy-uac', callee: 'busy-uas' }));
      expect(callee.count('ACK', 'Recv')).toBe(CALLS);
    });

    test('a caller that hangs up while it rings cancels the callee (case 8)', async () => {
      await runCalls(withProxy({ caller: 'cancel-uac', callee: 'cancel-uas' }));
    });

    test('copies of a 200 whose ACK is late all come through (case 4)', async () => {
      const { caller, callee } = await runCalls(withProxy({ caller: 'late-ack-uac', callee: 'late-ack-uas' }));
      expect(callee.count('200', 'Retrans')).toBeGreaterThanOrEqual(2 * CALLS);
      expect(caller.count('200', 'Retrans')).toBe(callee.count('200', 'Retrans'));
    });

    test('a callee hangs up', async () => {
      await runCalls(withProxy({ caller: 'callee-bye-uac', callee: 'callee-bye-uas' }));
    });

    test('re-INVITEs pass in both directions', async () => {
      await runCalls(withProxy({ caller: 'reinvite-uac', callee: 'reinvite-uas' }));
    });

    test('in-dialog requests without a Route are answered 404 and go nowhere', async () => {
      await runRefused(withProxy({ caller: 'no-route-uac' }));
    });

    test('OPTIONS is relayed and answered', async () => {
      await runCalls(withProxy({ caller: 'options-uac', callee: 'options-uas' }));
    });

    test('a script that waits is overtaken by CANCEL, and its late relay sends nothing', async () => {
      const late = async (): Promise<number> => {
        const counters = await use.proxy.counters();
        // Another proxy has no counters to look at; ours has to have this one.
        return counters === undefined ? CALLS : (counters['scriptLate'] ?? NaN);
      };
      await runRefused(withProxy({ caller: 'cancel-suspended-uac', user: 'late' }), () =>
        waitUntil(async () => (await late()) === CALLS, 10_000, () => 'the scripts that were overtaken did not try to relay'),
      );
    });

    test('a script that waits relays later', async () => {
      await runCalls(withProxy({ caller: 'answered-uac', callee: 'answered-uas', user: 'late' }));
    });

    test.each(['throws', 'rejects'])('a script that %s answers 500', async (user) => {
      await runRefused(withProxy({ caller: 'rejected-uac', user }));
    });

    test.skipIf(!ipv6)('an answered call over IPv6', async () => {
      await runCalls(withProxy({ caller: 'answered-uac', callee: 'answered-uas', over: 'IPv6' as const }));
    });

    test.skipIf(!ipv6)('a caller on IPv4 reaches a callee on IPv6 with two Record-Routes', async () => {
      await runCalls(withProxy({ caller: 'answered-uac', callee: 'two-families-uas', calleeHost: '::1' as const }));
    });

    test.skipIf(!ipv6)('a callee on IPv6 hangs up on a caller on IPv4', async () => {
      await runCalls(withProxy({ caller: 'callee-bye-uac', callee: 'callee-bye-uas', calleeHost: '::1' as const }));
    });

    describe('with nothing else running', () => {
      const alone = useProxy('copies', { shards, io, timers: TIMERS });

      test('an INVITE that comes three times runs the script once and reaches the callee once (case 1)', async () => {
        const { group, proxy } = alone;
        const copier = await Copier.open(proxy.ipv4);
        try {
          const before = await proxy.counters();
          const { callee } = await runCalls({
            ...{ group, proxy, calls: CALLS, sendTo: copier.address },
            ...{ caller: 'answered-uac', callee: 'invite-once-uas' },
          });
          const after = await proxy.counters();
          expect(callee.count('INVITE', 'Recv')).toBe(CALLS);
          expect(callee.count('INVITE', 'Retrans')).toBe(0);
          expect(copier.copies).toBeGreaterThanOrEqual(2 * CALLS);
          if (before !== undefined && after !== undefined) {
            const grown = (name: string): number => (after[name] ?? NaN) - (before[name] ?? NaN);
            // One run for each INVITE, BYE and ACK, and none for the copies of the first two.
            expect(grown('scriptRuns')).toBe(2 * CALLS + copier.acks);
            expect(grown('retransmissionsIn')).toBe(copier.copies);
          }
        } finally {
          copier.close();
        }
      });
    });
  });
});
