/** A call that comes back to where it was ends with 482 and not when its Max-Forwards is used up; a fork keeps within its Max-Breadth (case 16). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const followMe = new URL('./scripts/follow-me.ts', import.meta.url);
const ringAll = new URL('./scripts/ring-all.ts', import.meta.url);

it('ends with 482 when two people forward their calls to each other', async () => {
  const sim = await simulation({ script: followMe, shards: 2 });
  const alice = sim.phone('alice');
  await alice.invite('sip:carl@example.com').expect(482);
  expect(sim.counter('loopsDetected')).toBe(1);
  expect(sim.ladder({ trying: false, times: false })).toMatchInlineSnapshot(`
    " alice              viaduct
       |----- INVITE ----->|
       |                   |  INVITE to itself
       |                   |  INVITE to itself
       |                   |  INVITE to itself
       |                   |  482 to itself
       |                   |  ACK to itself
       |                   |  482 to itself
       |                   |  ACK to itself
       |                   |  482 to itself
       |                   |  ACK to itself
       |<------ 482 -------|
       |------- ACK ------>|"
  `);
  await sim.finish();
});

it('is no loop when a call is forwarded once', async () => {
  const sim = await simulation({ script: followMe });
  const alice = sim.phone('alice');
  sim.phone('ben', { address: '192.0.2.21:5060', rejects: 480 });
  await alice.invite('sip:anna@example.com').expect(480);
  expect(sim.counter('loopsDetected')).toBe(0);
  await sim.finish();
});

it('shares the breadth of a request among its branches', async () => {
  const sim = await simulation({ script: ringAll, maxBreadth: 5 });
  const alice = sim.phone('alice');
  const desk = sim.phone('desk', { address: '192.0.2.21:5060', busy: true });
  const mobile = sim.phone('mobile', { address: '192.0.2.22:5060', busy: true });
  await alice.invite('sip:reception@example.com').expect(486);
  expect([desk, mobile].map(({ received }) => received[0]?.header('Max-Breadth'))).toEqual(['3', '2']);
  await sim.finish();
});

it('tries no more targets than the breadth of the request allows', async () => {
  const sim = await simulation({ script: ringAll });
  const alice = sim.phone('alice');
  sim.phone('desk', { address: '192.0.2.21:5060', busy: true });
  const mobile = sim.phone('mobile', { address: '192.0.2.22:5060', answers: '1s' });
  await alice.invite('sip:reception@example.com', { headers: { 'Max-Breadth': '1' } }).expect(486);
  expect(mobile.received).toEqual([]);
  expect(sim.counter('breadthExceeded')).toBe(1);
  await sim.finish();
});
