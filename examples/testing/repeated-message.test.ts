/** A MESSAGE comes again: absorbed until it is answered, then the same answer again; when nobody answers there is no 408 (case 3). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('delivers it once, and repeats the answer as often as it is asked', async () => {
  const sim = await simulation({ script, shards: 4 });
  const alice = sim.phone('alice', { retransmits: false });
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });

  const message = alice.request('MESSAGE', 'sip:bob@example.com', { body: 'Lunch?' });
  const atGateway = await gateway.expectRequest('MESSAGE');
  message.retransmit(); // Nothing to say yet.
  await alice.expectNothing('100ms');
  atGateway.reply(200);
  await message.expect(200);
  message.retransmit();
  await sim.advance('30s');
  message.retransmit(); // Timer J keeps the answer for 64·T1.
  await sim.advance('1s');

  expect(gateway.received.map(({ body }) => body)).toEqual(['Lunch?']);
  expect(sim.counter('scriptRuns')).toBe(1);
  expect(sim.steps({ only: { to: alice } })).toEqual(['viaduct -> alice 200 MESSAGE', 'viaduct -> alice 200 MESSAGE', 'viaduct -> alice 200 MESSAGE']);
  await sim.finish();
});

it('tells the sender of a message that nobody answers a 100, so that it asks less often, and never 408', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', silent: true });
  const message = alice.request('MESSAGE', 'sip:bob@example.com', { body: 'Anybody there?' });
  await sim.runUntilIdle();
  // Timer E doubles up to T2.
  const seconds = sim.messages({ to: gateway }).map(({ sentMs }) => sentMs / 1000);
  expect(seconds).toEqual([0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]);
  expect(message.responses.map(({ status }) => status)).toEqual([100]);
  await sim.finish();
});
