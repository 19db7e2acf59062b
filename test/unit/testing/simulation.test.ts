/** What `viaduct/testing` simulates: phones, network, time, scripts of every kind, and that the same seed gives the same run. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineRoutes } from '../../../src/script/api.js';
import { simulation, type SimulationOptions } from '../../../src/testing/index.js';

const relayAll = defineRoutes({
  request(req) {
    if (req.method === 'INVITE' && !req.inDialog) req.recordRoute();
    req.relay();
  },
});

const start = (options: Partial<SimulationOptions> = {}) => simulation({ script: relayAll, ...options });

describe('phones', () => {
  it('send their own headers and bodies, and what a test puts in their place', async () => {
    const sim = await start();
    const bob = sim.phone('bob', { answers: 0 });
    sim.phone('alice').request('MESSAGE', bob, { headers: { From: '"Ünal" <sip:u@example.com>;tag=1', 'X-Trace': ['a', 'b'], Contact: [], l: '4' }, body: 'grüß dich' });
    const got = await bob.expectRequest('MESSAGE');
    expect(got.header('From')).toBe('"Ünal" <sip:u@example.com>;tag=1');
    expect(got.headers('x-trace')).toEqual(['a', 'b']);
    expect(got.headers('contact')).toEqual([]);
    expect(got.body).toBe('grü');
    expect(got.header('content-type')).toBe('text/plain');
    await sim.finish();
  });

  it('register, and send what is no request at all', async () => {
    const script = defineRoutes({
      request(req) {
        if (req.method === 'REGISTER') req.reply(200, 'OK', { headers: [['Contact', req.headers.get('Contact') ?? ''], ['Expires', '60']] });
        else req.reply(405);
      },
    });
    const sim = await start({ script });
    const alice = sim.phone('alice');
    const ok = await alice.request('REGISTER', 'sip:example.com', { headers: { Expires: '60' } }).expect(200);
    expect(ok.header('contact')).toBe('<sip:alice@10.1.0.1:5060>');
    alice.send('hello\r\n\r\n');
    await alice.expectNothing('1s');
    await sim.finish();
  });

  it('talk to each other directly when the script does not record a route', async () => {
    const sim = await start({ script: defineRoutes({ request: (req) => void req.relay() }) });
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { answers: 0 });
    alice.call(bob, { hangsUp: '1s' });
    await sim.finish();
    expect(sim.steps({ only: ({ method }) => method === 'ACK' || method === 'BYE' })).toEqual(['alice -> bob ACK', 'alice -> bob BYE']);
    expect(sim.ladder()).toContain('|----------------- ACK ---------------->|');
  });

  it('send again like phones do, or not at all', async () => {
    const sim = await start({ script: defineRoutes({ request: (req) => void req.relay() }) });
    const bob = sim.phone('bob', { silent: true });
    const alice = sim.phone('alice');
    const carol = sim.phone('carol', { retransmits: false });
    const request = alice.request('OPTIONS', bob);
    carol.request('OPTIONS', bob);
    await sim.advance('32s');
    expect(sim.messages({ from: alice }).map(({ sentMs }) => sentMs)).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    expect(sim.messages({ from: carol })).toHaveLength(1);
    expect(request.status).toBeUndefined();
    await sim.finish();
  });

  it('send the 2xx again until the ACK, and the ACK again for each', async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const bob = sim.phone('bob');
    const call = alice.invite(bob);
    const invite = await bob.expectInvite();
    invite.reply(200);
    await call.expect(200);
    await sim.advance('2s');
    expect(sim.messages({ from: bob, status: 200 })).toHaveLength(3);
    call.ack();
    await invite.expectAck();
    invite.retransmit();
    await sim.advance('5s');
    expect(sim.messages({ to: bob, method: 'ACK' })).toHaveLength(2);
    expect(sim.messages({ from: bob, status: 200 })).toHaveLength(4);
    await sim.finish();
  });

  it('leave the ACK to a failure to the test when told to', async () => {
    const sim = await start();
    const alice = sim.phone('alice', { acks: false });
    const bob = sim.phone('bob', { rejects: 486 });
    const call = alice.invite(bob);
    await call.expect(486);
    await sim.advance('1600ms');
    expect(sim.messages({ to: alice, status: 486 })).toHaveLength(3);
    call.ack();
    await sim.advance('20s');
    expect(sim.messages({ to: alice, status: 486 })).toHaveLength(3);
    await sim.finish();
  });

  it('ring until cancelled, and do about a CANCEL what they are told', async () => {
    for (const [whenCancelled, status] of [['ends', 487], ['answers', 200], ['ignores', 487]] as const) {
      const sim = await start();
      const alice = sim.phone('alice');
      const bob = sim.phone('bob', { rings: 0, whenCancelled });
      const call = alice.call(bob, { cancels: '3s' });
      await sim.finish();
      expect(bob.invites[0]?.isCancelled).toBe(true);
      expect(call.status).toBe(status);
      // A caller that wanted to cancel hangs up when the call came about all the same.
      expect(sim.messages({ from: alice, method: 'BYE' })).toHaveLength(status === 200 ? 1 : 0);
    }
  });

  it('are heard no more when they are switched off, until they are on again', async () => {
    const sim = await start();
    const bob = sim.phone('bob', { answers: 0 });
    const alice = sim.phone('alice');
    bob.goOffline();
    alice.request('OPTIONS', bob);
    await sim.advance('100ms');
    expect(bob.received).toEqual([]);
    bob.goOnline();
    await sim.advance('1s');
    expect(bob.received.map(({ method }) => method)).toEqual(['OPTIONS']);
    bob.will({ silent: true });
    const request = alice.request('OPTIONS', bob);
    await sim.advance('1s');
    expect(request.responses).toEqual([]);
    await sim.finish();
  });

  it('work over IPv6', async () => {
    const sim = await start({ listen: ['[2001:db8::100]:5060'] });
    const bob = sim.phone('bob', { answers: 0 });
    const call = sim.phone('alice').call(bob, { hangsUp: '1s' });
    await sim.finish();
    expect(bob.address).toBe('[2001:db8:0:0:0:0:0:1]:5060');
    expect(call.status).toBe(200);
    expect(sim.steps().at(-1)).toBe('viaduct -> alice 200 BYE');
  });

  it('of RFC 2543 times have no branch, and keep several calls apart, through the proxy and between phones', async () => {
    // No Record-Route: ACK and BYE go from phone to phone.
    const sim = await start({ script: defineRoutes({ request: (req) => void req.relay() }), shards: 2 });
    const alice = sim.phone('alice', { rfc2543: true });
    const bob = sim.phone('bob', { rings: 0, answers: '100ms', hangsUp: '2s' });
    const carol = sim.phone('carol', { rings: 0 });
    const answered = [alice.call(bob), alice.call(bob)];
    const cancelled = alice.call(carol, { cancels: '1s' });
    const refused = alice.invite(sim.phone('dave', { rejects: { status: 486, after: '3s' } }));
    const options = [alice.request('OPTIONS', bob), alice.request('OPTIONS', carol)];
    alice.will({ rings: 0, answers: 0 });
    await sim.finish();
    expect([...answered, cancelled, refused, ...options].map(({ status }) => status)).toEqual([200, 200, 487, 486, 200, 200]);
    expect(sim.messages({ from: alice }).filter(({ isRequest, branch }) => isRequest && branch !== '')).toEqual([]);
    expect(bob.invites.map(({ isAcknowledged }) => isAcknowledged)).toEqual([true, true]);
  });

  it('repeat a Via of the test in CANCEL and ACK, whatever branch it has, if any', async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { rings: 0 });
    for (const via of ['SIP/2.0/UDP 10.1.0.1:5060', 'SIP/2.0/UDP 10.1.0.1;branch=1', 'SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bKmine;x=1']) {
      const call = alice.invite(bob, { headers: { v: `${via}, SIP/2.0/UDP 10.9.9.9` } });
      await call.expect(180);
      await call.cancel().expect(200);
      await call.expect(487);
      const own = sim.messages({ from: alice, call }).map((message) => `${message.method} ${message.header('via')}`);
      expect(own).toEqual([`INVITE ${via}, SIP/2.0/UDP 10.9.9.9`, `CANCEL ${via}`, `ACK ${via}`]);
    }
    await sim.finish();
  });

  it('fork behind the callee: one branch, two 2xx', async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const pbx = sim.phone('pbx');
    const call = alice.invite(pbx);
    const invite = await pbx.expectInvite();
    invite.reply(200, 'OK', { toTag: 'desk' });
    invite.reply(200, 'OK', { toTag: 'mobile' });
    await call.expect(200);
    await call.expect(200);
    call.ack();
    expect(call.dialogs.map(({ remoteTag }) => remoteTag)).toEqual(['desk', 'mobile']);
    expect(sim.messages({ from: alice, method: 'ACK' })).toHaveLength(2);
    await sim.finish();
  });
});

describe('the proxy', () => {
  it('gives a request the Max-Breadth of production, or the one that the test gives', async () => {
    for (const [options, breadth] of [[{}, '60'], [{ maxBreadth: 7 }, '7'], [{ maxBreadth: 0 }, '']] as const) {
      const sim = await start(options);
      const bob = sim.phone('bob', { busy: true });
      await sim.phone('alice').invite(bob).expect(486);
      expect(bob.received[0]?.header('Max-Breadth')).toBe(breadth);
      await sim.finish();
    }
  });

  it('shows in the ladder what it sends to itself', async () => {
    const sim = await start({ script: defineRoutes({ request: (req) => void (req.uri.user === 'bob' ? req.relay('sip:robert@10.0.0.1') : req.reply(486)) }) });
    await sim.phone('alice').request('OPTIONS', 'sip:bob@example.com').expect(486);
    expect(sim.ladder()).toBe(
      [
        '     alice              viaduct',
        '0.000  |----- OPTIONS ---->|',
        '0.000  |                   |  OPTIONS to itself',
        '0.000  |                   |  486 OPTIONS to itself',
        '0.000  |<-- 486 OPTIONS ---|',
      ].join('\n'),
    );
    expect(sim.steps()[1]).toBe('viaduct -> viaduct OPTIONS');
    await sim.finish();
  });
});

describe('the network', () => {
  it('loses everything between one phone and the proxy, and nothing of others', async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { answers: 0, network: { lossPercent: 100 } });
    const carol = sim.phone('carol', { answers: 0 });
    alice.request('OPTIONS', bob);
    await alice.request('OPTIONS', carol).expect(200);
    expect(bob.received).toEqual([]);
    expect(sim.messages({ to: bob })[0]?.fate).toBe('lost');
    bob.setNetwork({ lossPercent: 0, delay: '30ms' });
    await sim.advance('550ms');
    expect(bob.received).toHaveLength(1);
    await sim.finish();
  });

  it('delays, drops and repeats particular messages', async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { rings: 0, answers: 0 });
    const ringing = sim.network.delayNext({ from: bob, status: 180 }, '100ms');
    sim.network.repeatNext({ to: bob, method: 'ACK' });
    const call = alice.call(bob);
    await sim.advance('1s');
    // The 180 came after the 200: the proxy keeps it.
    expect(sim.steps({ only: { to: alice }, trying: false })).toEqual(['viaduct -> alice 200']);
    expect(ringing.applied[0]?.arrivesMs).toBe(100);
    expect(bob.received.filter(({ method }) => method === 'ACK')).toHaveLength(2);
    expect(call.status).toBe(200);
    await sim.finish();
  });

  it('gives the same run for the same seed, and another for another', async () => {
    const run = async (seed: number): Promise<string> => {
      const sim = await start({ seed, shards: 4, lag: '20ms', network: { lossPercent: 20, dupPercent: 10, reorderPercent: 20, delay: '10ms', jitter: '40ms' } });
      const bob = sim.phone('bob', { rings: '100ms', answers: '2s' });
      sim.phone('alice').call(bob, { hangsUp: '3s' });
      sim.phone('carol').call(bob, { cancels: '1s' });
      await sim.finish();
      return sim.ladder();
    };
    const first = await run(11);
    expect(await run(11)).toBe(first);
    expect(await run(12)).not.toBe(first);
  });

  it.each(Array.from({ length: 20 }, (_, i) => i + 1))('however bad, breaks no rule: seed %i', async (seed) => {
    const sim = await start({ seed, shards: 1 + (seed % 4), lag: '30ms', network: { lossPercent: 15, dupPercent: 10, reorderPercent: 20, delay: '10ms', jitter: '40ms' } });
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { rings: '100ms', answers: '2s', hangsUp: '4s' });
    const carol = sim.phone('carol', { rings: '200ms', whenCancelled: seed % 2 === 0 ? 'answers' : 'ends' });
    const dave = sim.phone('dave', { rejects: { status: 486, after: '300ms' } });
    const answered = alice.call(bob);
    const cancelled = alice.call(carol, { cancels: '1s' });
    const refused = alice.call(dave);
    await sim.finish();
    expect(answered.status ?? 200).toBe(200);
    expect([487, 200, 408, undefined]).toContain(cancelled.status);
    expect([486, undefined]).toContain(refused.status);
  });
});

describe('scripts', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'viaduct-testing-'));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true, force: true });
  });

  const counting = `
    import { defineRoutes } from 'viaduct';
    let calls = 0;
    export default defineRoutes({ request(req) { calls++; req.reply(486, 'Call ' + calls); } });
  `;

  it('from a file run once for each shard, and anew after a crash', async () => {
    const file = join(dir, 'routes.ts');
    await writeFile(file, counting);
    const sim = await simulation({ script: file, shards: 2 });
    const alice = sim.phone('alice');
    const reasons: string[] = [];
    for (let i = 0; i < 6; i++) reasons.push((await alice.invite('sip:bob@example.com').expect(486)).reason);
    // Two shards, each with a count of its own.
    expect(reasons.filter((reason) => reason === 'Call 1')).toHaveLength(2);
    await sim.crashShards();
    expect((await alice.invite('sip:bob@example.com').expect(486)).reason).toBe('Call 1');
    await sim.finish();
  });

  it('are replaced while calls go on', async () => {
    const sim = await start({ script: defineRoutes({ request: (req) => void req.reply(486) }) });
    const alice = sim.phone('alice');
    await alice.invite('sip:bob@example.com').expect(486);
    await sim.reload(defineRoutes({ request: (req) => void req.reply(603) }));
    await alice.invite('sip:bob@example.com').expect(603);
    await sim.finish();
  });

  it('may await real work: settle waits for it without letting virtual time go on', async () => {
    const file = join(dir, 'answer.txt');
    await writeFile(file, '480');
    const { readFile } = await import('node:fs/promises');
    const sim = await start({ script: defineRoutes({ async request(req) { req.reply(Number(await readFile(file, 'utf8'))); } }) });
    const call = sim.phone('alice').invite('sip:bob@example.com');
    await call.expect(100);
    await sim.settle();
    await call.expect(480);
    expect(sim.nowMs).toBe(0);
    await sim.finish();
  });

  it('that set timers of their own run on virtual time when asked to, and the real timers come back', async () => {
    const real = globalThis.setTimeout;
    const script = defineRoutes({
      async request(req) {
        const since = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 1500));
        req.reply(480, `After ${Date.now() - since}`);
      },
    });
    const sim = await start({ script, virtualTimers: true });
    expect(globalThis.setTimeout).not.toBe(real);
    const final = await sim.phone('alice').invite('sip:bob@example.com').expect(480);
    expect([final.reason, sim.nowMs]).toEqual(['After 1500', 1500]);
    await sim.finish();
    expect(globalThis.setTimeout).toBe(real);
    const next = await start({ virtualTimers: true });
    next.close();
    expect(globalThis.setTimeout).toBe(real);
  });

  it('log where the test can read it', async () => {
    const sim = await start({ script: defineRoutes({ request(req) { req.log.info('a call', { user: req.uri.user }); req.reply(404); } }) });
    await sim.phone('alice').invite('sip:bob@example.com').expect(404);
    expect(sim.log).toContainEqual(expect.objectContaining({ level: 'info', text: 'a call', atMs: 0 }));
    expect(sim.log[0]?.fields.user).toBe('bob');
    expect(sim.counter('scriptRuns')).toBe(1);
    await sim.finish();
  });
});

describe('time', () => {
  it('goes on only while the test waits', async () => {
    const sim = await start();
    const bob = sim.phone('bob');
    sim.phone('alice').invite(bob);
    expect(bob.received).toEqual([]);
    await sim.advance(0);
    expect(bob.received).toHaveLength(1);
    await sim.advance('1.5s');
    expect(sim.nowMs).toBe(1500);
    await sim.until(() => bob.received.length === 4, '10s');
    expect(sim.nowMs).toBe(3500);
    await sim.finish();
  });
});
