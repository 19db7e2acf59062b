/** A busy desk phone, then voicemail: one target after the other, and the caller sees one call (cases 5 and 6). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/voicemail.ts', import.meta.url);
const DESK = '192.0.2.21:5060';
const VOICEMAIL = '192.0.2.30:5060';

it('sends a call to a busy desk to voicemail, and keeps the 486 from the caller', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  sim.phone('desk', { address: DESK, busy: true });
  sim.phone('voicemail', { address: VOICEMAIL, answers: '200ms' });
  const call = alice.invite('sip:desk@example.com');
  await call.expect(200);
  call.ack();
  await sim.advance('100ms');
  expect(sim.ladder({ times: false })).toMatchInlineSnapshot(`
    " alice              viaduct              desk              voicemail
       |----- INVITE ----->|                   |                   |
       |                   |----- INVITE ----->|                   |
       |<------ 100 -------|                   |                   |
       |                   |<------ 486 -------|                   |
       |                   |------- ACK ------>|                   |
       |                   |--------------- INVITE --------------->|
       |                   |<---------------- 200 -----------------|
       |<------ 200 -------|                   |                   |
       |------- ACK ------>|                   |                   |
       |                   |----------------- ACK ---------------->|"
  `);
  await sim.finish();
});

it('leaves it at the refusal when the desk declines', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  sim.phone('desk', { address: DESK, rejects: 603 });
  const voicemail = sim.phone('voicemail', { address: VOICEMAIL });
  await alice.invite('sip:desk@example.com').expect(603);
  await voicemail.expectNothing('1s');
  await sim.finish();
});

it('tells the caller the better of two refusals when voicemail is full', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  sim.phone('desk', { address: DESK, busy: true });
  sim.phone('voicemail', { address: VOICEMAIL, rejects: 500 });
  await alice.invite('sip:desk@example.com').expect(486);
  await sim.finish();
});
