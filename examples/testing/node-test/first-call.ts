/**
 * The simulator needs no test runner of its own: here with the one of Node. Compiled by `tsc` it runs under `node --test`;
 * with Node 22.18 or later `node --test first-call.ts` needs no compiling.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineRoutes } from 'viaduct';
import { simulation, SimulationError } from 'viaduct/testing';

void test('the script sends calls to the gateway', async () => {
  const sim = await simulation({ script: new URL('../scripts/relay.ts', import.meta.url), shards: 2 });
  const alice = sim.phone('alice');
  sim.phone('gateway', { address: '192.0.2.10:5060', rings: '100ms', answers: '2s' });
  const call = alice.invite('sip:bob@example.com');
  await call.expect(180);
  await call.expect(200);
  call.ack();
  await call.bye().expect(200);
  assert.equal(sim.nowMs, 2000);
  await sim.finish();
});

void test('a call that fails says why', async () => {
  const sim = await simulation({ script: defineRoutes({ request: (req) => void req.reply(486) }) });
  const call = sim.phone('alice').invite('sip:bob@example.com');
  await assert.rejects(call.expect(200), (error) => error instanceof SimulationError && error.message.includes('486 Busy Here came'));
  await sim.finish();
});
