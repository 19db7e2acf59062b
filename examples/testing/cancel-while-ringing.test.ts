/** The caller hangs up while it rings: 200 at once, one CANCEL to the phone that rings, none to one that has said nothing yet (case 8). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('cancels the phone that rings, which hears why', async () => {
  const sim = await simulation({ script, network: { delay: '50ms' } });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  invite.reply(180);
  await call.expect(180);

  const cancel = call.cancel({ headers: { Reason: 'SIP;cause=600;text="Busy Everywhere"' } });
  const atGateway = await invite.expectCancel();
  expect([atGateway.message.branch, atGateway.uri]).toEqual([invite.message.branch, invite.uri]);
  expect(atGateway.header('CSeq')).toBe(invite.header('CSeq').replace('INVITE', 'CANCEL'));
  expect(atGateway.header('Reason')).toBe('SIP;cause=600;text="Busy Everywhere"');
  await cancel.expect(200);
  await call.expect(487);
  cancel.retransmit(); // The same 200, never 481, though the call is over.
  await sim.advance('1s');
  expect(sim.ladder()).toMatchInlineSnapshot(`
    "     alice              viaduct             gateway
    (every message takes 50 ms)
    0.000  |----- INVITE ----->|                   |
    0.050  |                   |----- INVITE ----->|
    0.050  |<------ 100 -------|                   |
    0.100  |                   |<------ 180 -------|
    0.150  |<------ 180 -------|                   |
    0.200  |----- CANCEL ----->|                   |
    0.250  |<-- 200 CANCEL ----|                   |
    0.250  |                   |----- CANCEL ----->|
    0.300  |                   |<-- 200 CANCEL ----|
    0.300  |                   |<------ 487 -------|
    0.350  |                   |------- ACK ------>|
    0.350  |<------ 487 -------|                   |
    0.400  |------- ACK ------>|                   |
    0.400  |----- CANCEL ----->|                   |  again
    0.450  |<-- 200 CANCEL ----|                   |  again"
  `);
  await sim.finish();
});

it('waits with the CANCEL until the phone has said something, and sends the INVITE again until then', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  const cancel = call.cancel();
  await cancel.expect(200);
  await sim.advance('2s');
  expect(gateway.received.map(({ method }) => method)).toEqual(['INVITE', 'INVITE', 'INVITE']);
  invite.reply(180);
  await invite.expectCancel();
  await call.expect(180);
  await call.expect(487);
  await sim.finish();
});
