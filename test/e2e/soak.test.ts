/**
 * Memory under steady calls, for a minute: resident memory stays flat once the tables are full, and the tables are empty
 * after the last timer. T1 is 200 ms so that transactions live for 12.8 s and the tables turn over several times.
 * Takes over a minute a driver, so it runs only with VIADUCT_LONG=1.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { runCalls } from './call.js';
import { ProcessGroup } from './process-group.js';
import { DRIVERS } from './proxy-process.js';
import { peersAvailable } from './require-peers.js';
import { startProxy } from './viaduct-process.js';

const MIB = 2 ** 20;
const SECONDS = 60;
const CALLS_PER_SECOND = 600;
/** Without this, garbage that waits for its turn hides what is held: it comes and goes over minutes. */
const COLLECT = ['--expose-gc', '--import', new URL('collect-garbage.mjs', import.meta.url).href];
/** The runtime compiles and sizes its heap, and the tables fill: measured from here on. */
const WARM_UP_SECONDS = 20;
/** A transaction that leaked would hold some kilobytes a call. */
const GROWTH_BYTES_PER_CALL = 256;
/** 64 × T1, and room for a slow machine. */
const LINGER_MS = 40_000;

vi.setConfig({ testTimeout: 180_000 });

const enabled = process.env['VIADUCT_LONG'] === '1' && existsSync('/proc/self/status');

interface Sample {
  readonly seconds: number;
  readonly bytes: number;
}

function residentBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'latin1'));
  return Number(match?.[1] ?? NaN) * 1024;
}

/** The lowest sample of every five seconds: what lies above it is garbage between two collections. */
function lowest(samples: readonly Sample[]): Sample[] {
  const lows = new Map<number, Sample>();
  for (const sample of samples) {
    const bucket = Math.floor(sample.seconds / 5);
    const low = lows.get(bucket);
    if (low === undefined || sample.bytes < low.bytes) lows.set(bucket, sample);
  }
  return [...lows.values()];
}

/** Slope of the least-squares line, in bytes a second. */
function slope(samples: readonly Sample[]): number {
  const meanX = samples.reduce((sum, { seconds }) => sum + seconds, 0) / samples.length;
  const meanY = samples.reduce((sum, { bytes }) => sum + bytes, 0) / samples.length;
  const above = samples.reduce((sum, { seconds, bytes }) => sum + (seconds - meanX) * (bytes - meanY), 0);
  const below = samples.reduce((sum, { seconds }) => sum + (seconds - meanX) ** 2, 0);
  return above / below;
}

describe.skipIf(!enabled || !peersAvailable('memory'))('memory', () => {
  test.each(DRIVERS)('resident memory is flat over a minute of calls, and nothing is left after it (%s driver)', async (io) => {
    const group = new ProcessGroup('memory');
    try {
      const timers = { t1Ms: 200, t2Ms: 1600, t4Ms: 2000, timerDMs: 12_800 };
      const proxy = await startProxy(group, { shards: 2, io, timers, nodeArgs: COLLECT });
      const samples: Sample[] = [];
      const startMs = performance.now();
      const elapsedSeconds = (): number => (performance.now() - startMs) / 1000;
      const sampler = setInterval(() => samples.push({ seconds: elapsedSeconds(), bytes: residentBytes(proxy.pid) }), 500);
      try {
        await runCalls({
          group,
          proxy,
          caller: 'load-uac',
          callee: 'load-uas',
          calls: SECONDS * CALLS_PER_SECOND,
          rate: CALLS_PER_SECOND,
          messageLog: false,
          // This is about memory: when the machine stops for a moment, SIPp trips over copies that come in while it sends.
          failuresAllowed: (SECONDS * CALLS_PER_SECOND) / 100,
          timeoutSeconds: SECONDS + 30,
        });
      } finally {
        clearInterval(sampler);
      }
      const lows = lowest(samples.filter(({ seconds }) => seconds >= WARM_UP_SECONDS));
      const bytesPerCall = slope(lows) / CALLS_PER_SECOND;
      const text = lows.map(({ seconds, bytes }) => `${seconds.toFixed(0)} s: ${(bytes / MIB).toFixed(1)} MiB`).join(', ');
      console.log(`resident memory, ${io}: ${bytesPerCall.toFixed(0)} bytes a call (${text})`);
      expect(bytesPerCall, text).toBeLessThan(GROWTH_BYTES_PER_CALL);

      const alive = async (): Promise<number> => {
        const counters = await proxy.counters();
        return counters === undefined ? 0 : (counters['serverTransactionsAlive'] ?? NaN) + (counters['clientTransactionsAlive'] ?? NaN);
      };
      await expect.poll(alive, { timeout: LINGER_MS, interval: 500 }).toBe(0);
      const counters = await proxy.counters();
      if (counters !== undefined) expect(counters['scriptSuspended']).toBe(0);
      await proxy.stop();
    } finally {
      await group.dispose();
    }
  });
});
