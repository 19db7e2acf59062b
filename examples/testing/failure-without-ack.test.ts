/** The ACK to a failure does not come: the proxy sends the failure again by Timer G, until it has the ACK or Timer H ends it (case 2). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('sends the failure again until its ACK comes, and an INVITE that comes again after that gets nothing', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice', { acks: false });
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', busy: true });

  const call = alice.invite('sip:bob@example.com');
  await call.expect(486);
  await sim.advance('700ms');
  call.retransmit(); // Not acknowledged yet: the same 486 at once, beside those of Timer G.
  await sim.advance('9s');
  expect(sim.messages({ to: alice, status: 486 }).map(({ sentMs }) => sentMs)).toEqual([0, 500, 700, 1500, 3500, 7500]);

  call.ack();
  await sim.advance('1s');
  call.retransmit(); // Acknowledged: absorbed for Timer I, which is T4.
  await alice.expectNothing('32s');
  expect(gateway.invites).toHaveLength(1);
  expect(sim.messages({ to: gateway, method: 'INVITE' })).toHaveLength(1);
  await sim.finish();
});

it('gives up when Timer H has run out', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice', { acks: false });
  sim.phone('gateway', { address: '192.0.2.10:5060', busy: true });
  await alice.invite('sip:bob@example.com').expect(486);
  await sim.runUntilIdle();
  // T1 doubled up to T2, for 64·T1.
  const seconds = sim.messages({ to: alice, status: 486 }).map(({ sentMs }) => sentMs / 1000);
  expect(seconds).toEqual([0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]);
  expect(sim.counter('ackTimeouts')).toBe(1);
  await sim.finish();
});
