/** What `viaduct/testing` says when a test is wrong, or the script is: what was expected, what came, and the ladder. */
import { describe, expect, it } from 'vitest';
import { defineRoutes } from '../../../src/script/api.js';
import { simulation, SimulationError, type SimulationOptions } from '../../../src/testing/index.js';

const relayAll = defineRoutes({
  request(req) {
    if (req.method === 'INVITE' && !req.inDialog) req.recordRoute();
    req.relay();
  },
});

const start = (options: Partial<SimulationOptions> = {}) => simulation({ script: relayAll, ...options });

/** The message of the error that a promise rejects with. */
async function problem(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  return (error as Error).message;
}

describe('expect', () => {
  it('names what was expected and what came, and shows the ladder', async () => {
    const sim = await start({ seed: 7 });
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { busy: true });
    expect(await problem(alice.invite(bob).expect(180))).toBe(
      [
        'alice: expected 180 to INVITE, but 486 Busy Here came.',
        '',
        'At 0.000 s of virtual time, seed 7:',
        '     alice              viaduct               bob',
        '0.000  |----- INVITE ----->|                   |',
        '0.000  |                   |----- INVITE ----->|',
        '0.000  |<------ 100 -------|                   |',
        '0.000  |                   |<------ 486 -------|',
        '0.000  |                   |------- ACK ------>|',
        '0.000  |<------ 486 -------|                   |',
        '0.000  |------- ACK ------>|                   |',
      ].join('\n'),
    );
  });

  it('says how long it waited when nothing came', async () => {
    const sim = await start();
    const bob = sim.phone('bob');
    expect(await problem(bob.expectInvite())).toContain('bob: expected INVITE within 5 s, but nothing came.');
    expect(sim.nowMs).toBe(5000);
    expect(await problem(bob.expectBye({ within: '200ms' }))).toContain('bob: expected BYE within 200 ms');
    expect(sim.nowMs).toBe(5200);
  });

  it('fails at once for another request than the one that is expected', async () => {
    const sim = await start();
    const bob = sim.phone('bob');
    sim.phone('alice').request('OPTIONS', bob);
    expect(await problem(bob.expectInvite())).toContain('bob: expected INVITE, but OPTIONS came.');
    expect(sim.nowMs).toBe(0);
  });

  it('points at the line of the test', async () => {
    const sim = await start();
    const error = await sim.phone('bob').expectInvite().catch((reason: unknown) => reason as Error);
    expect((error as Error).stack?.split('\n    at ')[1]).toContain('assertions.test.ts');
  });

  it('passes over 100, and over other provisional responses when told to', async () => {
    const sim = await start();
    const bob = sim.phone('bob', { rings: 0, earlyMedia: '10ms', answers: '20ms' });
    const call = sim.phone('alice').call(bob);
    await call.expect(200, { skipProvisional: true });
    expect(call.responses.map(({ status }) => status)).toEqual([100, 180, 183, 200]);
    expect(await problem(sim.phone('dave').call(bob).expect(200))).toContain('but 180 Ringing came ({ skipProvisional: true } passes over it).');
    const other = sim.phone('carol').call(bob);
    await other.expect('1xx');
    expect((await other.expect('final')).status).toBe(200);
  });

  it('of nothing fails for anything, also for what comes again', async () => {
    const sim = await start();
    const alice = sim.phone('alice');
    const bob = sim.phone('bob', { silent: true });
    alice.invite(bob);
    expect(await problem(bob.expectNothing('1s'))).toContain('bob: expected nothing for 1 s, but INVITE came.');
    expect(await problem(bob.expectNothing('1s'))).toContain('but INVITE came.');
    expect(sim.nowMs).toBe(500);
  });

  it('that nobody awaits is noticed by the next', async () => {
    const sim = await start();
    const bob = sim.phone('bob');
    const forgotten = bob.expectInvite().catch(() => undefined);
    expect(await problem(sim.advance('1s'))).toBe(
      '"sim.advance()" began while "bob: expected INVITE" is not over: put an await before that one (waits go one after the other, so Promise.all does not fit)',
    );
    await forgotten;
  });

  it('shows what was logged as wrong', async () => {
    const sim = await start({ script: defineRoutes({ request: (req) => void req.relay('sip:bob@a-name.example.com') }) });
    const text = await problem(sim.phone('alice').invite('sip:bob@example.com').expect(180));
    expect(text).toContain('but 404 Not Found came');
    expect(text).toMatch(/Logged:\n0\.000 {2}warn .*a-name\.example\.com/);
  });
});

describe('expectLadder', () => {
  it('compares every step, and says which one is wrong', async () => {
    const sim = await start();
    await sim.phone('alice').request('OPTIONS', sim.phone('bob', { answers: 0 })).expect(200);
    sim.expectLadder(['alice -> viaduct OPTIONS', 'viaduct → bob   OPTIONS', 'bob -> viaduct 200 OPTIONS', 'viaduct -> alice 200 OPTIONS']);
    const wrong = (): void => {
      sim.expectLadder(['alice -> viaduct OPTIONS', 'viaduct -> bob OPTIONS', 'bob -> viaduct 486 OPTIONS']);
    };
    expect(wrong).toThrow(SimulationError);
    expect(wrong).toThrow('expectLadder(): step 3 should be bob -> viaduct 486 OPTIONS, but is bob -> viaduct 200 OPTIONS.');
    expect(() => { sim.expectLadder(['alice -> viaduct OPTIONS']); }).toThrow('step 2 should be the end, but is viaduct -> bob OPTIONS');
    expect(() => { sim.expectLadder([...sim.steps(), 'alice -> viaduct BYE']); }).toThrow('step 5 should be alice -> viaduct BYE, but is missing');
  });
});

describe('finish', () => {
  it('is content with a call that went well', async () => {
    const sim = await start({ shards: 3 });
    const call = sim.phone('alice').call(sim.phone('bob', { rings: '10ms', answers: '1s' }), { hangsUp: '2s' });
    await sim.finish();
    expect(call.status).toBe(200);
    expect(sim.steps().at(-1)).toBe('viaduct -> alice 200 BYE');
  });

  it('reports what the script threw, with its stack', async () => {
    const script = defineRoutes({
      request() {
        throw new Error('no such table');
      },
    });
    const sim = await start({ script });
    await sim.phone('alice').invite('sip:bob@example.com').expect(500);
    const text = await problem(sim.finish());
    expect(text).toContain('the request handler threw: Error: no such table');
    expect(text).toContain('assertions.test.ts');
    await sim.finish({ allow: ['scriptErrors'] });
  });

  it('reports a handler that does nothing', async () => {
    const sim = await start({ script: defineRoutes({ request() {} }) });
    await sim.phone('alice').invite('sip:bob@example.com').expect(500);
    expect(await problem(sim.finish())).toContain('without relay() or reply()');
  });

  it('reports a handler that never settles, with its call', async () => {
    const sim = await start({ script: defineRoutes({ request: () => new Promise(() => {}) }) });
    const call = sim.phone('alice').invite('sip:bob@example.com', { headers: { 'Call-ID': 'stuck' } });
    await call.expect(100);
    expect(await problem(sim.finish())).toContain('the request handler for INVITE (Call-ID stuck) is pending since 0.000 and never settles');
  });

  it('reports messages to where nobody is', async () => {
    const sim = await start();
    sim.phone('alice').request('OPTIONS', 'sip:bob@192.0.2.99');
    expect(await problem(sim.finish())).toContain("messages went to 192.0.2.99:5060, where no phone is: sim.phone('name', { address: '192.0.2.99:5060' })");
    await sim.finish({ allow: ['nobody'] });
  });

  it('reports what a phone gets without having asked for it', async () => {
    const sim = await start();
    sim.phone('alice', { retransmits: false }).request('ACK', sim.phone('bob'));
    expect(await problem(sim.finish())).toContain('bob got ACK at 0.000, which belongs to nothing that it sent');
    await sim.finish({ allow: ['strays'] });
  });

  it('reports network rules that met nothing', async () => {
    const sim = await start();
    sim.network.dropNext({ to: 'bob', method: 'INVITE' }, 2);
    expect(await problem(sim.finish())).toContain('network.dropNext({ to: bob, method: INVITE }) met 0 messages, 2 fewer than it was for');
  });
});

describe('mistakes of the test', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['an unknown option', { skript: relayAll }, 'has no option "skript": did you mean "script"?'],
    ['a script that is none', { script: { handle() {} } }, 'the option "script" must be or return a routing script'],
    ['too many shards', { shards: 65 }, 'shards must be from 1 to 64, not 65'],
    ['a time that is none', { patience: '5 parsecs' }, "patience must be a time such as '500ms', '32s', '3min'"],
    ['a percentage that is none', { network: { lossPercent: 101 } }, 'lossPercent must be from 0 to 100, not 101'],
    ['an address that is none', { listen: ['localhost:5060'] }, "listen must be an IP address with a port, such as '192.0.2.10:5060'"],
  ])('%s is refused by name', async (_what, options, text) => {
    expect(await problem(start(options))).toContain(text);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ answer: '1s' }, 'phone "bob" has no option "answer": did you mean "answers"?'],
    [{ answers: '1s', busy: true }, 'phone "bob" can have only one of answers and busy'],
    [{ rejects: 200 }, '"rejects" wants a status from 300 to 699, not 200'],
    [{ address: 'bob' }, 'phone "bob": address must be an IP address'],
  ])('a phone with %j is refused', async (options, text) => {
    const sim = await start();
    expect(() => sim.phone('bob', options)).toThrow(text);
  });

  it('a script file that is not there is refused with its path', async () => {
    expect(await problem(start({ script: new URL('./no-such-script.ts', import.meta.url) }))).toContain('no-such-script.ts');
  });

  it('a counter that does not exist is refused with the one that was meant', async () => {
    const sim = await start();
    expect(() => sim.counter('scriptRun')).toThrow('did you mean "scriptRuns"?');
  });

  it('asking for a dialog too early is refused', async () => {
    const sim = await start();
    const bob = sim.phone('bob');
    const call = sim.phone('alice').invite(bob);
    expect(() => call.bye()).toThrow('there is no dialog yet: await expect(200) first');
    expect(() => { call.ack(); }).toThrow('there is no final response to acknowledge yet');
    expect(() => call.reinvite()).toThrow('there is no dialog yet');
    const invite = await bob.expectInvite();
    expect(() => invite.bye()).toThrow('there is no dialog yet: reply(200) first');
    expect(() => { invite.retransmit(); }).toThrow('there is no answer yet');
  });
});
