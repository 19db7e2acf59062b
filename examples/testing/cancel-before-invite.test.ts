/** The network delivers the CANCEL before its INVITE: the proxy holds it for a moment, and nobody rings (case 12). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('answers the INVITE 487 when it comes within the time that a CANCEL is held', async () => {
  const sim = await simulation({ script, shards: 4, earlyCancel: '50ms' });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  sim.network.delayNext({ from: alice, method: 'INVITE' }, '30ms');

  const call = alice.invite('sip:bob@example.com');
  const cancel = call.cancel();
  await cancel.expect(200);
  await call.expect(487);
  expect(sim.nowMs).toBe(30);
  await gateway.expectNothing('1s');
  expect(sim.counter('cancelsHeldMatched')).toBe(1);
  await sim.finish();
});

it('leaves it to the script when the INVITE does not come: this one relays it, with the branch of its INVITE', async () => {
  const sim = await simulation({ script, earlyCancel: '50ms' });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', whenCancelled: 'byHand' });
  sim.network.delayNext({ from: alice, method: 'INVITE' }, '200ms');

  const call = alice.invite('sip:bob@example.com');
  const cancel = call.cancel();
  const stray = await gateway.expectCancel();
  stray.reply(481);
  await cancel.expect(481);
  const invite = await gateway.expectInvite();
  expect(invite.message.branch).toBe(stray.message.branch);
  invite.reply(486);
  await call.expect(486);
  await sim.finish();
});
