/** A phone of RFC 2543 times has no branch in its Via, others write it in another form each time: it is the same transaction all the same (case 7). */
import { expect, it } from 'vitest';
import { simulation } from 'viaduct/testing';

const script = new URL('./scripts/relay.ts', import.meta.url);

it('takes an INVITE without the magic cookie that comes again for what it is, and its CANCEL finds it', async () => {
  const sim = await simulation({ script, shards: 4 });
  const alice = sim.phone('alice', { rfc2543: true });
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });

  const call = alice.invite('sip:bob@example.com');
  expect(call.message.header('Via')).toBe('SIP/2.0/UDP 10.1.0.1:5060');
  const invite = await gateway.expectInvite();
  invite.reply(180);
  await call.expect(180);
  call.retransmit();
  await sim.advance('100ms');
  expect(sim.counter('retransmissionsIn')).toBe(1);
  expect(gateway.received).toHaveLength(1);

  const cancel = call.cancel();
  await invite.expectCancel();
  await cancel.expect(200);
  await call.expect(487);
  await sim.advance('100ms');
  expect(sim.counter('acksUnmatched')).toBe(0); // Its ACK was to the 487, and found it.
  await sim.finish();
});

it('connects two calls of such a phone at a time, and ends each', async () => {
  const sim = await simulation({ script, shards: 4 });
  const alice = sim.phone('alice', { rfc2543: true });
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060', rings: '100ms', answers: '1s' });
  const calls = [alice.call('sip:bob@example.com', { hangsUp: '5s' }), alice.call('sip:carol@example.com', { hangsUp: '6s' })];
  await sim.finish();
  expect(calls.map(({ status }) => status)).toEqual([200, 200]);
  expect(gateway.received.map(({ method }) => method)).toEqual(['INVITE', 'INVITE', 'ACK', 'ACK', 'BYE', 'BYE']);
});

it.each([
  { form: 'compact and folded', via: 'v:\r\n SIP / 2.0 / UDP 10.1.0.1:5060' },
  { form: 'without the port, which is 5060', via: 'Via: SIP/2.0/UDP 10.1.0.1' },
  { form: 'in another case', via: 'VIA: sip/2.0/udp 10.1.0.1:5060' },
])('knows an INVITE again that has its Via $form', async ({ via }) => {
  const sim = await simulation({ script, shards: 4 });
  const alice = sim.phone('alice');
  const gateway = sim.phone('gateway', { address: '192.0.2.10:5060' });
  const call = alice.invite('sip:bob@example.com');
  await gateway.expectInvite();
  alice.send(call.message.text.replace('Via: SIP/2.0/UDP 10.1.0.1:5060', via));
  await gateway.expectNothing('100ms');
  expect(sim.counter('retransmissionsIn')).toBe(1);
  gateway.invites[0]?.reply(486);
  await call.expect(486);
  await sim.finish();
});
