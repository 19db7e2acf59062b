/** The caller gives up while the script still asks a service where the call should go (case 11). */
import { afterEach, expect, it, vi } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/lookup.ts', import.meta.url);

afterEach(() => {
  vi.unstubAllGlobals();
});

it('answers the CANCEL at once, and nobody rings afterwards', async () => {
  const sim = await simulation({ script });
  const aborted: boolean[] = [];
  vi.stubGlobal('fetch', async (_url: string, { signal }: { signal: AbortSignal }) => {
    await sim.delay('1s');
    aborted.push(signal.aborted);
    signal.throwIfAborted();
    return new Response('sip:192.0.2.10:5060');
  });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });

  const call = alice.invite('sip:bob@example.com');
  await call.expect(100);
  await sim.advance('300ms');
  const cancel = call.cancel();
  await cancel.expect(200);
  await call.expect(487);
  expect(sim.nowMs).toBe(300);

  await gateway.expectNothing('5s');
  expect(aborted).toEqual([true]);
  await sim.finish();
});

it('relays when the answer comes in time', async () => {
  const sim = await simulation({ script });
  vi.stubGlobal('fetch', async () => {
    await sim.delay('1s');
    return new Response('sip:192.0.2.10:5060');
  });
  const alice = sim.phone('alice');
  sim.phone('gateway', { address: '192.0.2.10:5060', answers: '1s' });
  const call = alice.call('sip:bob@example.com', { hangsUp: '10s' });
  await sim.finish();
  expect(call.status).toBe(200);
});

it('answers 503 when the service takes more than its two seconds', async () => {
  // The script has AbortSignal.timeout(2000): with virtual timers that is two seconds of virtual time.
  const sim = await simulation({ script, virtualTimers: true });
  vi.stubGlobal('fetch', (_url: string, { signal }: { signal: AbortSignal }) => new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => { reject(signal.reason as Error); });
  }));
  const alice = sim.phone('alice');
  const call = alice.invite('sip:bob@example.com');
  await call.expect(503);
  expect(sim.nowMs).toBe(2000);
  expect(sim.log.map(({ text }) => text)).toContain('the lookup failed');
  await sim.finish();
});
