/** The callee picks up while the CANCEL is on its way: the caller gets 200 to the CANCEL, and the call all the same (case 10). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('lets the 200 through when it passed the CANCEL between caller and proxy', async () => {
  const sim = await simulation({ script, network: { delay: '50ms' } });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });

  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  invite.reply(180);
  await call.expect(180);
  invite.reply(200);
  await sim.advance('50ms');
  const cancel = call.cancel(); // The 200 is at the proxy by now, and 50 ms away from Alice.
  await call.expect(200);
  call.ack();
  await cancel.expect(200);
  await invite.expectAck();
  expect(sim.messages({ to: gateway, method: 'CANCEL' })).toEqual([]);

  // Alice did not want the call: she ends it like any other.
  const bye = call.bye();
  (await gateway.expectBye()).reply(200);
  await bye.expect(200);
  expect(sim.ladder()).toMatchInlineSnapshot(`
    "     alice              viaduct             gateway
    (every message takes 50 ms)
    0.000  |----- INVITE ----->|                   |
    0.050  |                   |----- INVITE ----->|
    0.050  |<------ 100 -------|                   |
    0.100  |                   |<------ 180 -------|
    0.150  |<------ 180 -------|                   |
    0.200  |                   |<------ 200 -------|
    0.250  |<------ 200 -------|                   |
    0.250  |----- CANCEL ----->|                   |
    0.300  |------- ACK ------>|                   |
    0.300  |<-- 200 CANCEL ----|                   |
    0.350  |                   |------- ACK ------>|
    0.400  |------- BYE ------>|                   |
    0.450  |                   |------- BYE ------>|
    0.500  |                   |<---- 200 BYE -----|
    0.550  |<---- 200 BYE -----|                   |"
  `);
  await sim.finish();
});

it('lets the 200 through when it passed the CANCEL between proxy and callee', async () => {
  const sim = await simulation({ script, network: { delay: '50ms' } });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', whenCancelled: 'byHand' });

  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  invite.reply(180);
  await call.expect(180);
  const cancel = call.cancel();
  await cancel.expect(200);
  invite.reply(200); // The CANCEL is with the gateway, but it has picked up.
  (await gateway.expectCancel()).reply(200);
  await call.expect(200);
  call.ack();
  await invite.expectAck();
  await sim.finish();
});
