/** The first gateway is dead: Timer B ends its branch after 32 seconds, and the failure handler tries the next (cases 2 and 9). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/failover.ts', import.meta.url);

it('tries the second gateway when Timer B has run out', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const first = sim.phone('first', { address: '192.0.2.10:5060', silent: true });
  const second = sim.phone('second', { address: '192.0.2.11:5060' });

  const call = alice.invite('sip:bob@example.com');
  const invite = await second.expectInvite({ within: '33s' });
  expect(sim.nowMs).toBe(32_000);
  // Timer A doubles without a cap: 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s.
  expect(sim.messages({ to: first, method: 'INVITE' })).toHaveLength(7);
  expect(sim.log).toContainEqual(expect.objectContaining({ level: 'warn', text: 'first gateway failed, trying the second' }));

  invite.reply(200);
  await call.expect(200);
  call.ack();
  await invite.expectAck();
  await sim.finish();
});

it('gives a caller that hangs up meanwhile 487, not the 408 of the dead gateway', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  sim.phone('first', { address: '192.0.2.10:5060', silent: true });
  const second = sim.phone('second', { address: '192.0.2.11:5060' });
  const call = alice.call('sip:bob@example.com', { cancels: '10s' });
  await sim.finish();
  expect(call.status).toBe(487);
  expect(second.received).toEqual([]);
});

it('tries the second gateway at once when the first says that it cannot', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  sim.phone('first', { address: '192.0.2.10:5060', rejects: 503 });
  sim.phone('second', { address: '192.0.2.11:5060', answers: '1s' });
  const call = alice.call('sip:bob@example.com', { hangsUp: '5s' });
  await sim.finish();
  expect(call.status).toBe(200);
});
