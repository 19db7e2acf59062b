/** Every shard crashes while a call rings, and once more while it is up: the phones never notice (case 17). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('completes a ringing call, and ends it', async () => {
  const sim = await simulation({ script, shards: 2 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });

  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  invite.reply(180);
  await call.expect(180);

  await sim.crashShards();
  invite.reply(200); // Its transaction is gone: the branch proves that it was ours, and the response goes on statelessly.
  await call.expect(200);
  call.ack();
  await invite.expectAck();

  await sim.crashShards();
  const bye = call.bye();
  (await gateway.expectBye()).reply(200);
  await bye.expect(200);
  await sim.finish();
});

it('cancels a ringing call', async () => {
  const sim = await simulation({ script, shards: 2 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  invite.reply(180);
  await call.expect(180);

  await sim.crashShards();
  const cancel = call.cancel();
  await invite.expectCancel();
  await cancel.expect(200);
  await call.expect(487);
  expect(invite.isCancelled).toBe(true);
  await sim.finish();
});

it('gives the callee no second call when the INVITE comes again', async () => {
  const sim = await simulation({ script, shards: 2 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', rings: '100ms', answers: '2s' });
  const call = alice.call('sip:bob@example.com', { hangsUp: '5s' });
  await sim.advance('50ms');
  await sim.crashShards();
  call.retransmit();
  await sim.finish();
  expect(gateway.invites).toHaveLength(1);
  expect(call.status).toBe(200);
});
