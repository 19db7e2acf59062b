/** Two phones ring at once. Early media of one reaches the caller; when the other answers, the loser is cancelled (cases 6 and 8). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/ring-all.ts', import.meta.url);

it('gives the call to the first that answers, and cancels the other', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const desk = sim.phone('desk', { address: '192.0.2.21:5060', earlyMedia: '100ms' });
  const mobile = sim.phone('mobile', { address: '192.0.2.22:5060', rings: '200ms', answers: '3s' });

  const call = alice.invite('sip:reception@example.com');
  const early = await call.expect(183);
  expect(early.body).toContain('m=audio');
  await call.expect(180);
  await call.expect(200);
  call.ack();
  await mobile.expectInvite();
  await mobile.expectAck();

  await desk.expectInvite();
  const cancel = await desk.expectCancel();
  expect(cancel.header('Reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
  await sim.advance('1s');
  expect(sim.ladder()).toMatchInlineSnapshot(`
    "     alice              viaduct              desk               mobile
    0.000  |----- INVITE ----->|                   |                   |
    0.000  |                   |----- INVITE ----->|                   |
    0.000  |                   |--------------- INVITE --------------->|
    0.000  |<------ 100 -------|                   |                   |
    0.100  |                   |<------ 183 -------|                   |
    0.100  |<------ 183 -------|                   |                   |
    0.200  |                   |<---------------- 180 -----------------|
    0.200  |<------ 180 -------|                   |                   |
    3.000  |                   |<---------------- 200 -----------------|
    3.000  |<------ 200 -------|                   |                   |
    3.000  |                   |----- CANCEL ----->|                   |
    3.000  |------- ACK ------>|                   |                   |
    3.000  |                   |<-- 200 CANCEL ----|                   |
    3.000  |                   |<------ 487 -------|                   |
    3.000  |                   |----------------- ACK ---------------->|
    3.000  |                   |------- ACK ------>|                   |"
  `);
  await sim.finish();
});

it('gives the caller the best of two refusals', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  sim.phone('desk', { address: '192.0.2.21:5060', rejects: { status: 480, after: '1s' } });
  sim.phone('mobile', { address: '192.0.2.22:5060', rejects: { status: 603, after: '500ms' } });
  const call = alice.invite('sip:reception@example.com');
  const final = await call.expect('final');
  expect(final.status).toBe(603);
  await sim.finish();
});
