/** The callee sends its 200 again: each one goes to the caller, also long after the call was set up and after a crash; a forged one does not (case 4). */
import { expect, it } from 'vitest';
import { type Simulation, simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

async function answeredCall(sim: Simulation) {
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  const invite = await gateway.expectInvite();
  const answer = invite.reply(200);
  await call.expect(200);
  call.ack();
  await invite.expectAck();
  /** The 200s that the caller has got, and the ACKs that the callee has got. */
  const counts = (): number[] => [
    alice.received.filter(({ status }) => status === 200).length,
    gateway.received.filter(({ method }) => method === 'ACK').length,
  ];
  return { invite, answer, counts };
}

it('goes through while the transaction is there, after Timer M, and after a crash', async () => {
  const sim = await simulation({ script, shards: 3 });
  const { invite, counts } = await answeredCall(sim);
  await sim.advance('20s');
  invite.retransmit(); // Accepted (RFC 6026).
  await sim.advance('20s');
  expect(counts()).toEqual([2, 2]);
  expect(sim.counter('statelessResponses')).toBe(0);

  expect(sim.counter('clientTransactionsAlive')).toBe(0);
  invite.retransmit(); // Nothing of it is left: its branch proves that the INVITE went through this proxy.
  await sim.advance(0);
  await sim.crashShards();
  invite.retransmit();
  await sim.advance(0);
  expect(counts()).toEqual([4, 4]);
  expect(sim.counter('statelessResponses')).toBe(2);
  await sim.finish();
});

it('goes nowhere when its branch is made up', async () => {
  const sim = await simulation({ script });
  const { answer, counts } = await answeredCall(sim);
  await sim.advance('40s');
  const mallory = sim.phone('mallory');
  const { branch } = answer;
  mallory.send(answer.text.replace(branch, branch.slice(0, -8) + '00000000'));
  await sim.advance('1s');
  expect(counts()).toEqual([1, 1]);
  expect(sim.counter('dropForgedResponse')).toBe(1);
  await sim.finish();
});
