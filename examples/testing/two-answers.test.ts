/** Both phones of a fork answer before the CANCEL reaches the loser. Every 2xx goes to the caller, who must end one of the calls (case 6). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/ring-all.ts', import.meta.url);

it('lets both 2xx through, and each gets its ACK and its BYE along its own path', async () => {
  const sim = await simulation({ script, network: { delay: '20ms' } });
  const alice = sim.phone('alice');
  const desk = sim.phone('desk', { address: '192.0.2.21:5060', whenCancelled: 'answers' });
  const mobile = sim.phone('mobile', { address: '192.0.2.22:5060' });

  const call = alice.invite('sip:reception@example.com');
  const atDesk = await desk.expectInvite();
  const atMobile = await mobile.expectInvite();
  atDesk.reply(180);
  atMobile.reply(180);
  await call.expect(180);
  await call.expect(180);

  // The mobile answers; somebody picks the desk phone up while the CANCEL is on its way to it.
  atMobile.reply(200);
  const first = await call.expect(200);
  call.ack();
  const second = await call.expect(200);
  expect(second.toTag).not.toBe(first.toTag);

  const lost = call.dialogs.find((dialog) => dialog.remoteTag === second.toTag)!;
  call.ack({ dialog: lost });
  await atDesk.expectCancel();
  await atDesk.expectAck();
  const bye = lost.bye();
  (await desk.expectBye()).reply(200);
  await bye.expect(200);

  await atMobile.expectAck();
  await mobile.expectNothing('1s');
  await sim.finish();
});

it('is no trouble for a caller that knows the rule', async () => {
  const sim = await simulation({ script, network: { delay: '20ms' } });
  const alice = sim.phone('alice');
  const desk = sim.phone('desk', { address: '192.0.2.21:5060', rings: '100ms', answers: '2s' });
  sim.phone('mobile', { address: '192.0.2.22:5060', rings: '100ms', answers: '2s' });
  const call = alice.call('sip:reception@example.com', { hangsUp: '10s' });
  await sim.finish();
  expect(call.dialogs.filter(({ isConfirmed }) => isConfirmed)).toHaveLength(2);
  expect(sim.messages({ from: alice, method: 'BYE', retransmission: false })).toHaveLength(2);
  expect(desk.invites[0]?.isAcknowledged).toBe(true);
});
