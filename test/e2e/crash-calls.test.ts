/**
 * Cases 4 and 17 of docs/cancel-and-retransmissions.md with SIPp on both sides: phones that know nothing of Viaduct keep
 * their calls while its shards are killed under them. `crash.test.ts` does the same with many more calls, each of which it
 * follows step by step.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCalls } from './call.js';
import { hostPort } from './free-port.js';
import { waitUntil } from './process-group.js';
import type { ProxyProcess } from './proxy-process.js';
import { branchOf, newInvite, textOf } from './raw-call.js';
import { peersAvailable } from './require-peers.js';
import type { SippResult } from './sipp.js';
import { SipSocket } from './sip-socket.js';
import { useProxy } from './use-proxy.js';

const SHARDS = 4;
const CALLS_PER_SECOND = 50;
const SECONDS = 4.5;
/** Of each kind. */
const CALLS = SECONDS * CALLS_PER_SECOND;
const FIRST_KILL_MS = 500;
const KILL_EVERY_MS = 2000;

/** Of case 4. */
const LATE_CALLS = 20;

vi.setConfig({ maxConcurrency: 8, testTimeout: 60_000, hookTimeout: 60_000 });

interface Kill {
  readonly shard: number;
  /** Milliseconds of the Unix epoch, as in SIPp's logs. */
  readonly atMs: number;
}

/** Ends a shard by a request that the mark of its Route takes there, and waits until its death is known. */
async function kill(proxy: ProxyProcess, shard: number): Promise<Kill> {
  const before = (await proxy.counters())?.['shardRestarts'] ?? NaN;
  const killer = await SipSocket.open();
  try {
    const atMs = Date.now();
    killer.send(newInvite({ from: killer.address, to: proxy.ipv4, user: 'die', headers: [`Route: <sip:${hostPort(proxy.ipv4)};lr;vd=000${String(shard)}>`] }), proxy.ipv4);
    await waitUntil(async () => (await proxy.counters())?.['shardRestarts'] === before + 1, 20_000, () => `shard ${String(shard)} did not die`);
    return { shard, atMs };
  } finally {
    killer.close();
  }
}

/** Calls that rang at a callee while a shard died: in any shard, and in that one. */
function ringingAt(kills: readonly Kill[], callee: SippResult): { readonly all: Set<string>; readonly there: Set<string> } {
  const all = new Set<string>();
  const there = new Set<string>();
  const from = new Map<string, { readonly atMs: number; readonly shard: number }>();
  for (const { direction, atMs, text } of callee.messages()) {
    const id = textOf(text, 'call-id');
    if (direction === 'received' && text.startsWith('INVITE ')) {
      if (!from.has(id)) from.set(id, { atMs, shard: Number.parseInt(/^z9hG4bKvd..(..)/.exec(branchOf(text))?.[1] ?? '', 16) });
    } else if (direction === 'sent' && /^SIP\/2\.0 [2-6]/.test(text) && textOf(text, 'cseq').endsWith('INVITE')) {
      const ringing = from.get(id);
      for (const { shard, atMs: killedMs } of kills) {
        if (ringing === undefined || ringing.atMs > killedMs || killedMs > atMs) continue;
        all.add(id);
        if (ringing.shard === shard) there.add(id);
      }
    }
  }
  return { all, there };
}

describe.skipIf(!peersAvailable('crash') || process.env['VIADUCT_E2E_PROXY'] !== undefined)('shards die under calls of SIPp', { concurrent: true }, () => {
  describe('case 17: while they ring', () => {
    const use = useProxy('crash-ringing', { shards: SHARDS, io: 'batch', routes: 'cases' });

    test('calls complete, or are cancelled as asked', async () => {
      const { group, proxy } = use;
      const startMs = performance.now();
      // Throws when a single call fails at either end: 99.9 % of so few leaves room for none.
      const pairs = Promise.all([
        runCalls({ group, proxy, calls: CALLS, rate: CALLS_PER_SECOND, caller: 'crash-uac', callee: 'crash-uas', timeoutSeconds: 40 }),
        runCalls({ group, proxy, calls: CALLS, rate: CALLS_PER_SECOND, caller: 'crash-cancel-uac', callee: 'crash-cancel-uas', timeoutSeconds: 40 }),
      ]);
      const killing = (async () => {
        const kills: Kill[] = [];
        for (let shard = 0; FIRST_KILL_MS + shard * KILL_EVERY_MS <= SECONDS * 1000; shard++) {
          await waitUntil(() => performance.now() - startMs >= FIRST_KILL_MS + shard * KILL_EVERY_MS, 60_000, () => 'the clock stands still');
          kills.push(await kill(proxy, shard % SHARDS));
        }
        return kills;
      })();
      const [[answered, cancelled], kills] = await Promise.all([pairs, killing]);
      const rang = [answered, cancelled].map(({ callee }) => ringingAt(kills, callee));
      const ringing = rang.reduce((sum, { all }) => sum + all.size, 0);
      const there = rang.reduce((sum, { there: those }) => sum + those.size, 0);
      const bySelf = cancelled.caller.count('487', 'Timeout');
      console.log(
        `crash (SIPp): ${String(2 * CALLS)} calls, ${String(kills.length)} shards killed (${kills.map(({ shard }) => shard).join(' ')}); ` +
          `ringing at a kill: ${String(ringing)} (${String(there)} in the shard that died), none of them failed: 100 %; ` +
          `sent again: ${String(answered.caller.retransmissions + cancelled.caller.retransmissions)} by the callers, ${String(answered.callee.retransmissions + cancelled.callee.retransmissions)} by the callees; ` +
          `cancelled without their 487: ${String(bySelf)}`,
      );
      expect(there).toBeGreaterThan(0);
      // One that died with its shard does not come again (docs, case 17): the callers know how to end such a call.
      expect(bySelf).toBeLessThanOrEqual(kills.length);
    });
  });

  describe('case 4: after their 200', () => {
    // T1 so long that the proxy sends nothing again of itself.
    const use = useProxy('crash-late', { shards: 2, io: 'dgram', routes: 'cases', timers: { t1Ms: 2000 } });

    test('copies of a 200 whose ACK is late come through, and the ACK and the BYE behind it', async () => {
      const { group, proxy } = use;
      const running = runCalls({ group, proxy, calls: LATE_CALLS, pauseMs: 1500, caller: 'crash-late-ack-uac', callee: 'crash-late-ack-uas' });
      const killing = (async () => {
        // 100, 180 and 200 of each call: from here on copies of the 200 come.
        await waitUntil(async () => ((await proxy.counters())?.['responsesOut'] ?? 0) >= 3 * LATE_CALLS, 20_000, () => 'the calls were not answered');
        await kill(proxy, 0);
        await kill(proxy, 1);
      })();
      const [{ caller, callee }] = await Promise.all([running, killing]);
      const counters = (await proxy.counters()) ?? {};
      // What comes after the death of its shard goes up without a transaction.
      expect(counters['statelessResponses']).toBeGreaterThan(0);
      expect(counters['dropForgedResponse']).toBe(0);
      expect(callee.count('200', 'Retrans')).toBeGreaterThanOrEqual(LATE_CALLS);
      expect(caller.count('200', 'Retrans')).toBeGreaterThan(0);
      expect(caller.count('200', 'Retrans')).toBeLessThanOrEqual(callee.count('200', 'Retrans'));
    });
  });
});
