/** A phone leaves out of CANCEL and ACK the Route that its INVITE had, so they reach another shard: found all the same (case 13). */
import { expect, it } from 'vitest';
import { type Phone, simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);
const WITHOUT_ROUTE = { headers: { Route: [] } };

async function establish(caller: Phone, callee: Phone) {
  const call = caller.invite('sip:bob@example.com');
  (await callee.expectInvite()).reply(200);
  await call.expect(200);
  call.ack();
  return call;
}

it('cancels the re-INVITE, with one CANCEL to the callee', async () => {
  const sim = await simulation({ script, shards: 4 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  // Several calls, so that some of the CANCELs begin in the wrong shard.
  for (let i = 0; i < 6; i++) {
    const hold = (await establish(alice, gateway)).reinvite();
    const atGateway = await gateway.expectInvite();
    atGateway.reply(180);
    await hold.expect(180);
    const cancel = hold.cancel(WITHOUT_ROUTE);
    await cancel.expect(200);
    await atGateway.expectCancel();
    await hold.expect(487);
  }
  expect(sim.counter('offersMatched')).toBeGreaterThan(0);
  expect(sim.messages({ to: gateway, method: 'CANCEL' })).toHaveLength(6);
  await sim.finish();
});

it('takes the ACK to a failure: it does not come again', async () => {
  const sim = await simulation({ script, shards: 4 });
  const alice = sim.phone('alice', { acks: false });
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  for (let i = 0; i < 6; i++) {
    const hold = (await establish(alice, gateway)).reinvite();
    (await gateway.expectInvite()).reply(488);
    await hold.expect(488);
    hold.ack(WITHOUT_ROUTE);
    await alice.expectNothing('10s');
  }
  expect(sim.counter('offersMatched')).toBeGreaterThan(0);
  expect(sim.counter('ackTimeouts')).toBe(0);
  await sim.finish();
});
