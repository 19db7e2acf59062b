/**
 * Case 17 of docs/cancel-and-retransmissions.md: shards die while calls ring through them. The proxy is the real process; a
 * message makes the script end the thread that runs it, in the middle of a batch, which is as sudden as it gets. Every call
 * is followed on both sides, so that the figure is exact.
 *
 * In `npm test` a short run; `npm run test:crash` takes 30 s a driver.
 */
import { describe, expect, test, vi } from 'vitest';
import { Random } from '../../src/sim/random.js';
import { hostPort } from './free-port.js';
import { ProcessGroup, waitUntil } from './process-group.js';
import { DRIVERS, type ProxyProcess } from './proxy-process.js';
import { RingingCalls, type Phase, type RingingCall } from './ringing-calls.js';
import { SipSocket } from './sip-socket.js';
import { startProxy } from './viaduct-process.js';

const LONG = process.env['VIADUCT_LONG'] === '1';
const SEED = Number(process.env['VIADUCT_SEED'] ?? 17);
const SHARDS = 4;
const CALLS_PER_SECOND = 500;
const SECONDS = LONG ? 30 : 5;
const KILL_EVERY_MS = LONG ? 2000 : 1500;
const RING_MS = [1000, 3000] as const;
const HOLD_MS = [500, 1500] as const;
const CANCEL_PERCENT = 25;
/** Of the calls that ring while a shard dies, in percent. */
const WANTED_PERCENT = 99.9;
/** Until then only the first calls have come: what dies later takes ringing and established calls with it. */
const FIRST_KILL_MS = 2000;

/** From the last call's start to its end, retransmissions included. A call that takes longer hangs. */
const LIMIT_MS = 15_000;

vi.setConfig({ testTimeout: 120_000 });

/** What dies with one shard: calls by what they were doing. */
interface Kill {
  readonly shard: number;
  readonly atMs: number;
  readonly calls: ReadonlyMap<RingingCall, Phase>;
}

/** A request that the router takes to `shard`, by the mark of a Route of ours, and of which the script dies there. */
function deadly(proxy: ProxyProcess, socket: SipSocket, shard: number, id: number): string {
  const here = hostPort(socket.address);
  const there = hostPort(proxy.ipv4);
  return [
    `OPTIONS sip:die@${there} SIP/2.0`,
    `Via: SIP/2.0/UDP ${here};branch=z9hG4bK-die-${String(id)}`,
    `Route: <sip:${there};lr;vd=00${shard.toString(16).padStart(2, '0')}>`,
    'From: <sip:killer@127.0.0.1>;tag=killer',
    'To: <sip:die@127.0.0.1>',
    `Call-ID: die-${String(process.pid)}-${String(id)}`,
    'CSeq: 1 OPTIONS',
    'Max-Forwards: 70',
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

/** Milliseconds from each death to the replacement's first look at its messages, from the proxy's log. */
function gapsMs(log: string): number[] {
  const died = new Map<number, number>();
  const gaps: number[] = [];
  for (const line of log.split('\n')) {
    if (!line.includes('"shard":')) continue;
    const { msg, shard, time } = JSON.parse(line) as { msg: string; shard: number; time: string };
    if (msg.startsWith('shard died')) died.set(shard, Date.parse(time));
    else if (msg.startsWith('shard replaced')) gaps.push(Date.parse(time) - (died.get(shard) ?? NaN));
  }
  return gaps.sort((a, b) => a - b);
}

function count(kills: readonly Kill[], wanted: (call: RingingCall, phase: Phase, kill: Kill) => boolean): Set<RingingCall> {
  const found = new Set<RingingCall>();
  for (const kill of kills) for (const [call, phase] of kill.calls) if (wanted(call, phase, kill)) found.add(call);
  return found;
}

const failed = (calls: Iterable<RingingCall>): RingingCall[] => [...calls].filter((call) => !call.succeeded);

describe.skipIf(process.env['VIADUCT_E2E_PROXY'] !== undefined)('case 17: a shard dies while calls ring through it', () => {
  test.each(LONG ? DRIVERS : DRIVERS.slice(0, 1))(`${String(CALLS_PER_SECOND)} calls/s for ${String(SECONDS)} s (%s driver)`, async (io) => {
    const group = new ProcessGroup('crash');
    const random = new Random(SEED);
    const killer = await SipSocket.open();
    let load: RingingCalls | undefined;
    try {
      const proxy = await startProxy(group, { shards: SHARDS, io, routes: 'cases' });
      load = await RingingCalls.open({
        proxy: proxy.ipv4, random: random.stream('calls'), cancelPercent: CANCEL_PERCENT, ringMs: RING_MS, holdMs: HOLD_MS,
      });
      const kills: Kill[] = [];
      const victims = random.stream('victims');
      const startMs = performance.now();
      const started = load.start(SECONDS * CALLS_PER_SECOND, CALLS_PER_SECOND);
      for (let atMs = FIRST_KILL_MS; atMs <= SECONDS * 1000; atMs += KILL_EVERY_MS) {
        await waitUntil(() => performance.now() - startMs >= atMs, 60_000, () => 'the clock stands still');
        const shard = victims.below(SHARDS);
        kills.push({ shard, atMs, calls: new Map([...load.active].map((call) => [call, call.phase])) });
        killer.send(deadly(proxy, killer, shard, kills.length), proxy.ipv4);
      }
      await started;
      await load.allOver(LIMIT_MS);
      const counters = (await proxy.counters()) ?? {};

      const ringing = count(kills, (_, phase) => phase === 'ringing');
      const ringingThere = count(kills, (call, phase, kill) => phase === 'ringing' && call.shard === kill.shard);
      const established = count(kills, (_, phase) => phase === 'established' || phase === 'ending');
      const establishedThere = count(kills, (call, phase, kill) => (phase === 'established' || phase === 'ending') && call.shard === kill.shard);
      const others = failed(load.calls).filter((call) => !ringing.has(call) && !established.has(call));
      const cancelled = [...ringing].filter((call) => call.cancelAfterMs !== undefined && call.succeeded).length;
      const bySelf = [...ringing].filter((call) => call.endsByItself).length;
      const right = ringing.size - failed(ringing).length;
      const percent = (100 * right) / ringing.size;
      const gaps = gapsMs(proxy.output());
      console.log(
        `crash (${io}, seed ${String(SEED)}): ${String(load.calls.length)} calls, ${String(kills.length)} shards killed (${kills.map(({ shard }) => shard).join(' ')}); ` +
          `ringing at a kill: ${String(ringing.size)} (${String(ringingThere.size)} in the shard that died), ${String(right - cancelled)} completed, ${String(cancelled)} cancelled (${String(bySelf)} of them without their 487), ` +
          `${String(failed(ringing).length)} failed (${String(failed(ringingThere).length)} of that shard): ${percent.toFixed(3)} %; ` +
          `established at a kill: ${String(established.size)} (${String(establishedThere.size)} in that shard), ${String(failed(established).length)} failed; ` +
          `other calls: ${String(others.length)} failed; replaced in ${String(gaps[gaps.length >> 1])} ms (at most ${String(gaps.at(-1))}); datagrams lost in the phones’ sockets: ${String(load.overflowed())}`,
      );
      const fates = failed(load.calls).slice(0, 20).map((call) => `${call.id} shard ${String(call.shard)}: ${call.failure ?? 'unknown'}`).join('\n');
      expect(counters['shardRestarts']).toBe(kills.length);
      expect(failed(established).length, fates).toBe(0);
      expect(percent, fates).toBeGreaterThanOrEqual(WANTED_PERCENT);
      expect(others.length / load.calls.length, fates).toBeLessThan(1 - WANTED_PERCENT / 100);
      await proxy.stop();
    } finally {
      load?.close();
      killer.close();
      await group.dispose();
    }
  });
});
