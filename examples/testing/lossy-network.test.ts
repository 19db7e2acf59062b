/** A network that loses, doubles and reorders: calls take longer, and come out the same (cases 1, 4 and 5). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it.each([1, 2, 3, 4, 5])('completes the call, seed %i', async (seed) => {
  const sim = await simulation({ script, seed, shards: 2, network: { lossPercent: 20, dupPercent: 10, reorderPercent: 10, delay: '20ms', jitter: '30ms' } });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', rings: '100ms', answers: '2s' });
  const call = alice.call('sip:bob@example.com', { hangsUp: '10s' });
  await sim.finish();
  expect(call.status).toBe(200);
  expect(gateway.invites).toHaveLength(1);
  expect(sim.messages({ to: gateway, method: 'INVITE', retransmission: false })).toHaveLength(1);
});

it('takes the loss of one particular message', async () => {
  const sim = await simulation({ script });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', rings: '100ms', answers: '2s' });
  const lost = sim.network.dropNext({ to: gateway, method: 'ACK' });

  const call = alice.call('sip:bob@example.com', { hangsUp: '10s' });
  await sim.advance('5s');
  expect(lost.applied).toHaveLength(1);
  // The gateway sends its 200 again after T1, it goes through to Alice, and her second ACK arrives.
  sim.expectLadder(
    [
      'alice -> viaduct INVITE',
      'viaduct -> gateway INVITE',
      'gateway -> viaduct 180',
      'viaduct -> alice 180',
      'gateway -> viaduct 200',
      'viaduct -> alice 200',
      'alice -> viaduct ACK',
      'viaduct -> gateway ACK (lost)',
      'gateway -> viaduct 200',
      'viaduct -> alice 200',
      'alice -> viaduct ACK',
      'viaduct -> gateway ACK',
    ],
    { trying: false },
  );
  await sim.finish();
  expect(call.status).toBe(200);
});
