/** The crossing cases of docs/cancel-and-retransmissions.md, played on virtual time: each draws its ladder. */
import type { RouteRequest, Routes } from '../../../src/script/api.js';
import { type Simulation, simulation, type SimulationOptions } from '../../../src/testing/index.js';

const DESK = '192.0.2.21:5060';
const MOBILE = '192.0.2.22:5060';
const GATEWAY = '192.0.2.10:5060';

const relay: Routes = { request: (req: RouteRequest) => void req.relay({ nextHop: `sip:${GATEWAY}` }) };
const ringAll: Routes = { request: (req: RouteRequest) => void (req.method === 'INVITE' ? req.relay([`sip:desk@${DESK}`, `sip:mobile@${MOBILE}`]) : req.relay()) };

const start = (options: Partial<SimulationOptions> = {}): Promise<Simulation> => simulation({ script: relay, network: { delay: '50ms' }, ...options });

async function drawn(sim: Simulation): Promise<string> {
  await sim.finish();
  return sim.ladder();
}

/** By their names in the document. */
export const LADDERS: Readonly<Record<string, () => Promise<string>>> = {
  'ringing-after-200': async () => {
    const sim = await start({ script: ringAll });
    const alice = sim.phone('alice');
    const desk = sim.phone('desk', { address: DESK });
    const mobile = sim.phone('mobile', { address: MOBILE });
    const call = alice.invite('sip:reception@example.com');
    const [first, second] = [await desk.expectInvite(), await mobile.expectInvite()];
    first.reply(200);
    await sim.advance('60ms');
    second.reply(180); // The proxy has answered upstream, and not cancelled this branch: it has said nothing so far.
    await call.expect(200);
    call.ack();
    await first.expectAck();
    await second.expectCancel();
    return drawn(sim);
  },

  'cancel-while-ringing': async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    sim.phone('gateway', { address: GATEWAY, rings: '0ms' });
    const call = alice.invite('sip:bob@example.com');
    await call.expect(180);
    const cancel = call.cancel();
    await cancel.expect(200);
    await call.expect(487);
    return drawn(sim);
  },

  'silent-branch': async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    sim.phone('gateway', { address: GATEWAY, silent: true });
    const call = alice.invite('sip:bob@example.com');
    await call.expect(100);
    const cancel = call.cancel();
    await cancel.expect(200);
    await call.expect(487, { within: '40s' });
    return drawn(sim);
  },

  'cancel-crosses-200': async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const gateway = sim.phone('gateway', { address: GATEWAY, whenCancelled: 'byHand' });
    const call = alice.invite('sip:bob@example.com');
    const invite = await gateway.expectInvite();
    invite.reply(180);
    await call.expect(180);
    const cancel = call.cancel();
    await sim.advance('70ms'); // The CANCEL is between proxy and gateway when Bob picks up.
    invite.reply(200);
    (await gateway.expectCancel()).reply(200);
    await cancel.expect(200);
    await call.expect(200);
    call.ack();
    await invite.expectAck();
    const bye = call.bye();
    (await gateway.expectBye()).reply(200);
    await bye.expect(200);
    return drawn(sim);
  },

  'cancel-while-script-waits': async () => {
    const sim = await start({
      script: (simulated) => ({
        async request(req: RouteRequest) {
          await simulated.delay('1s');
          req.relay({ nextHop: `sip:${GATEWAY}` });
        },
      }),
    });
    const alice = sim.phone('alice');
    const gateway = sim.phone('gateway', { address: GATEWAY });
    const call = alice.invite('sip:bob@example.com');
    await call.expect(100);
    const cancel = call.cancel();
    await cancel.expect(200);
    await call.expect(487);
    await gateway.expectNothing('2s');
    return drawn(sim);
  },

  'cancel-before-invite': async () => {
    const sim = await start({ shards: 4 });
    const alice = sim.phone('alice');
    sim.phone('gateway', { address: GATEWAY });
    sim.network.delayNext({ from: alice, method: 'INVITE' }, '30ms');
    const call = alice.invite('sip:bob@example.com');
    const cancel = call.cancel();
    await cancel.expect(200);
    await call.expect(487);
    return drawn(sim);
  },

  'cancel-after-crash': async () => {
    const sim = await start({ shards: 2 });
    const alice = sim.phone('alice');
    const gateway = sim.phone('gateway', { address: GATEWAY });
    const call = alice.invite('sip:bob@example.com');
    const invite = await gateway.expectInvite();
    invite.reply(180);
    await call.expect(180);
    await sim.crashShards();
    const cancel = call.cancel();
    await invite.expectCancel();
    await cancel.expect(200);
    await call.expect(487);
    return drawn(sim);
  },
};
