/**
 * 5,000 calls at 500 a second through each UDP driver, and not one may fail. Each caller sends its BYE right behind the ACK to
 * the 2xx, and a callee that gets them the other way round fails its call.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCalls } from './call.js';
import { ProcessGroup } from './process-group.js';
import { DRIVERS } from './proxy-process.js';
import { peersAvailable } from './require-peers.js';
import { startProxy } from './viaduct-process.js';

const CALLS = 5000;
const CALLS_PER_SECOND = 500;
/** SIPp's callee trips over copies that reach it while it is sending: T1 is so long that a busy machine makes none. */
const TIMERS = { t1Ms: 2000 };

vi.setConfig({ testTimeout: 90_000 });

/** As many shards as each driver is tried with. */
const SHARDS = { batch: 4, dgram: 2 };

describe.skipIf(!peersAvailable('load'))('load, and case 5: the ACK to a 2xx arrives before the BYE right behind it', () => {
  test.each(DRIVERS)(`${String(CALLS)} back-to-back calls at ${String(CALLS_PER_SECOND)} calls/s: no failed call (%s driver)`, async (io) => {
    const group = new ProcessGroup('load');
    try {
      const proxy = await startProxy(group, { shards: SHARDS[io], io, timers: TIMERS });
      const before = await proxy.counters();
      const { caller } = await runCalls({
        group,
        proxy,
        caller: 'load-uac',
        callee: 'load-uas',
        calls: CALLS,
        rate: CALLS_PER_SECOND,
        messageLog: false,
        timeoutSeconds: 60,
      });
      const after = await proxy.counters();
      const printed = await proxy.printedCounters();
      expect(caller.outOfCall).toBe(0);
      if (before !== undefined && after !== undefined) {
        const grown = (name: string): number => (after[name] ?? NaN) - (before[name] ?? NaN);
        // INVITE, ACK and BYE of each call.
        expect(grown('scriptRuns')).toBe(3 * CALLS);
        expect(grown('dropRingFull')).toBe(0);
        expect(grown('dropOutboxFull')).toBe(0);
        expect(grown('loopErrors')).toBe(0);
        expect(after['shardRestarts']).toBe(0);
        expect(printed?.['scriptRuns']).toBe(after['scriptRuns']);
      }
      await proxy.stop();
    } finally {
      await group.dispose();
    }
  });
});
