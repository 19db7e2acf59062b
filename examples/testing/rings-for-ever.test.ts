/** A phone that rings for ever is cancelled by Timer C; one that says nothing at all is given up by Timer B (case 15). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('cancels a phone that rings for 185 s', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', rings: '1s' });
  const call = alice.invite('sip:bob@example.com');
  await call.expect(180);
  const invite = await gateway.expectInvite();
  await invite.expectCancel({ within: '190s' });
  expect(sim.nowMs).toBe(186_000); // 185 s after the 180.
  await call.expect(487);
  await sim.finish();
});

it('gives a phone that says how it is going 185 s more each time', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  for (let minutes = 0; minutes < 9; minutes += 3) {
    invite.reply(182, 'Queued', { headers: { 'X-Minutes': String(minutes) } });
    await call.expect(182);
    await sim.advance('3min');
  }
  invite.reply(200);
  await call.expect(200);
  call.ack();
  await invite.expectAck();
  await sim.finish();
});

it('gives up a phone that says nothing after 32 s: 408, and no CANCEL', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', silent: true });
  await alice.invite('sip:bob@example.com').expect(408, { within: '33s' });
  expect(sim.nowMs).toBe(32_000);
  expect(sim.messages({ to: gateway, method: 'CANCEL' })).toEqual([]);
  await sim.finish();
});

it('does it sooner when the configuration says so', async () => {
  const sim = await simulation({ script, timers: { timerC: '45s' } });
  const alice = sim.phone('alice');
  sim.phone('gateway', { address: '192.0.2.10:5060', rings: 0 });
  await alice.invite('sip:bob@example.com').expect(487, { skipProvisional: true, within: '1min' });
  expect(sim.nowMs).toBe(45_000);
  await sim.finish();
});
