/** An INVITE that comes again is the same INVITE: the script runs once, and the caller gets the last answer again (case 1). */
import { expect, it } from 'vitest';
import { defineRoutes } from 'viaduct';
import { simulation } from 'viaduct/testing';

it('runs the script once, also while it awaits something', async () => {
  let runs = 0;
  const sim = await simulation({
    shards: 4,
    script: (own) =>
      defineRoutes({
        async request(req) {
          if (req.method === 'ACK') return void req.relay();
          runs++;
          await own.delay('1s');
          req.relay();
        },
      }),
  });
  const alice = sim.phone('alice');
  const bob = sim.phone('bob');

  const call = alice.invite(bob);
  await sim.advance('500ms');
  call.retransmit(); // The script is waiting.
  await sim.advance('500ms');
  const invite = await bob.expectInvite();
  invite.reply(180);
  await call.expect(180);
  call.retransmit(); // Bob rings.
  await sim.advance('1s');
  invite.reply(486);
  await call.expect(486);
  call.retransmit(); // All is over.
  await sim.advance('1s');

  expect(runs).toBe(1);
  expect(sim.counter('retransmissionsIn')).toBe(3);
  expect(sim.messages({ to: bob, method: 'INVITE' })).toHaveLength(1);
  expect(sim.steps({ only: { to: alice } })).toEqual([
    'viaduct -> alice 100',
    'viaduct -> alice 100',
    'viaduct -> alice 180',
    'viaduct -> alice 180',
    'viaduct -> alice 486',
  ]);
  await sim.finish();
});
