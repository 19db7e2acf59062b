/** Hold and resume: a re-INVITE follows the recorded path, and can be cancelled without ending the call (case 14). */
import { expect, it } from 'vitest';
import { type Phone, type Simulation, simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);
const ON_HOLD = 'v=0\r\no=- 1 2 IN IP4 10.1.0.1\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na=sendonly\r\n';

async function establish(sim: Simulation, caller: Phone, callee: Phone) {
  const call = caller.invite('sip:bob@example.com');
  const invite = await callee.expectInvite();
  invite.reply(200);
  await call.expect(200);
  call.ack();
  await invite.expectAck();
  return { call, invite };
}

it('takes a re-INVITE from the callee to the caller', async () => {
  const sim = await simulation({ script, shards: 3 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const { invite } = await establish(sim, alice, gateway);

  const hold = invite.reinvite({ body: ON_HOLD });
  const atAlice = await alice.expectInvite();
  expect(atAlice.body).toBe(ON_HOLD);
  atAlice.reply(200);
  await hold.expect(200);
  hold.ack();
  await atAlice.expectAck();
  await sim.finish();
});

it('cancels a re-INVITE, and the call goes on', async () => {
  const sim = await simulation({ script, shards: 3 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const { call } = await establish(sim, alice, gateway);

  const hold = call.reinvite({ body: ON_HOLD });
  const atGateway = await gateway.expectInvite();
  atGateway.reply(180);
  await hold.expect(180);
  const cancel = hold.cancel();
  await atGateway.expectCancel();
  await cancel.expect(200);
  await hold.expect(487);

  const bye = call.bye();
  (await gateway.expectBye()).reply(200);
  await bye.expect(200);
  await sim.finish();
});
