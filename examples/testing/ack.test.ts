/** Each kind of ACK: to a failure from hop to hop, as often as the failure comes; to a 200 all the way along the Route set, before the BYE (case 5). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('acknowledges a failure itself, again when it comes again, and keeps the ACK of the caller', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  invite.reply(486);
  await call.expect(486);
  await sim.advance('100ms');
  invite.retransmit();
  await sim.advance('100ms');
  sim.expectLadder(
    [
      'alice -> viaduct INVITE',
      'viaduct -> gateway INVITE',
      'gateway -> viaduct 486',
      'viaduct -> gateway ACK',
      'viaduct -> alice 486',
      'alice -> viaduct ACK',
      'gateway -> viaduct 486',
      'viaduct -> gateway ACK',
    ],
    { trying: false },
  );
  await sim.finish();
});

it.each([1, 2, 3, 4, 5])('brings the ACK to a 200 along the Route set, before the BYE that is right behind it, seed %i', async (seed) => {
  // The shards run late, each by its own time: what went through different ones would be out of order.
  const sim = await simulation({ script, seed, shards: 4, lag: '50ms' });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', answers: '200ms' });
  const call = alice.invite('sip:bob@example.com');
  await call.expect(200);
  call.ack();
  await call.bye().expect(200);
  expect(gateway.received.map(({ method }) => method)).toEqual(['INVITE', 'ACK', 'BYE']);
  expect(sim.messages({ from: alice, method: 'ACK' })[0]?.header('Route')).toContain(`<sip:${sim.proxyAddress};lr`);
  await sim.finish();
});

it('brings each ACK to a 200 to the callee, however often it comes', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', answers: 0 });
  alice.call('sip:bob@example.com', { hangsUp: '1s' });
  sim.network.repeatNext({ from: alice, method: 'ACK' }, 1);
  await sim.finish();
  expect(gateway.received.map(({ method }) => method)).toEqual(['INVITE', 'ACK', 'ACK', 'BYE']);
});
