/** What a shard does that knows nothing of the calls that ring through it, because the one before it died. */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_CANCELS_HELD_NOW, C_SCRIPT_ERRORS, C_SCRIPT_LATE, C_SCRIPT_SUSPENDED, C_SERVER_TX_ALIVE } from '../../../src/telemetry/counters.js';
import { BOB, CAROL, relayAll, settled, Stage } from './stage.js';

const fork: Routes = { request: (req) => { req.relay([`sip:bob@${BOB}`, `sip:carol@${CAROL}`]); } };

describe('after a crash', () => {
  it('a CANCEL goes to every target of a fork, with the branch that its INVITE has there', () => {
    const stage = new Stage(fork);
    stage.receive(requestText('INVITE'));
    const [bob, carol] = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    stage.receive(responseText(bob, 180, { toTag: 'x' }), BOB);
    stage.receive(responseText(carol, 180, { toTag: 'y' }), CAROL);
    stage.take();
    stage.restart(0, fork);
    stage.receive(requestText('CANCEL'));
    const cancels = [stage.takeOne(BOB), stage.takeOne(CAROL)];
    expect(cancels.map(({ method }) => method)).toEqual(['CANCEL', 'CANCEL']);
    expect(cancels.map(({ branch }) => branch)).toEqual([bob.branch, carol.branch]);
    expect(stage.take()).toEqual([]);
  });

  it('a CANCEL to a fork of which one target cannot be reached goes to the others', () => {
    const routes: Routes = { request: (req) => { req.relay(['sip:nobody@name.example', `sip:carol@${CAROL}`]); } };
    const stage = new Stage(routes);
    stage.receive(requestText('INVITE'));
    const carol = stage.takeOne(CAROL);
    stage.restart(0, routes);
    stage.take();
    stage.receive(requestText('CANCEL'));
    expect(stage.takeOne(CAROL).branch).toBe(carol.branch);
    expect(stage.take()).toEqual([]);
  });

  it('nothing is counted as alive that died with the shard', () => {
    const stage = new Stage(relayAll, { earlyCancelMs: 50 });
    stage.receive(requestText('INVITE'));
    stage.receive(requestText('CANCEL', { branch: 'z9hG4bK-early' }));
    expect([stage.count(C_SERVER_TX_ALIVE), stage.count(C_CANCELS_HELD_NOW)]).toEqual([2, 1]);
    stage.restart(0, relayAll);
    expect([stage.count(C_SERVER_TX_ALIVE), stage.count(C_CANCELS_HELD_NOW)]).toEqual([0, 0]);
  });
});

it('a response to an ACK is none', () => {
  const stage = new Stage(relayAll);
  stage.receive(requestText('INVITE'));
  const bob = stage.takeOne(BOB);
  stage.take();
  stage.receive(responseText(bob, 200, { toTag: 'x' }).replace('1 INVITE', '1 ACK'), BOB);
  expect(stage.take()).toEqual([]);
});

it('a CANCEL goes out though there is no room for a transaction of its own', () => {
  const stage = new Stage(relayAll, { limits: { branches: 1 } });
  stage.receive(requestText('INVITE'));
  stage.receive(responseText(stage.takeOne(BOB), 180, { toTag: 'x' }), BOB);
  stage.receive(requestText('CANCEL'));
  expect(stage.takeOne(BOB).method).toBe('CANCEL');
});

describe('an engine that was abandoned', () => {
  it('leaves its pending handlers their requests, and refuses what they do', async () => {
    let goOn!: () => void;
    const lookup = new Promise<void>((resolve) => { goOn = resolve; });
    const seen: unknown[] = [];
    const routes: Routes = {
      async request(req) {
        const { signal } = req;
        await lookup;
        seen.push([req.method, req.callId, req.uri.user, signal.aborted, req.relay(), req.reply(480)]);
        if (req.callId === 'rejects') throw new Error('too late to matter');
      },
    };
    // The engines have one memory: what the dead one keeps for its handlers must not lie in there.
    const stage = new Stage(routes, { sharedMemory: true });
    stage.receive(requestText('INVITE', { callId: 'first' }));
    stage.receive(requestText('INVITE', { callId: 'rejects', branch: 'z9hG4bK-second' }));
    // Without a transaction.
    stage.receive(requestText('CANCEL', { callId: 'third', branch: 'z9hG4bK-third' }));
    stage.take();
    stage.abandon(0);
    stage.restart(0, relayAll);
    for (let i = 0; i < 3; i++) stage.receive(requestText('INVITE', { callId: `other ${i}`, branch: `z9hG4bK-other${i}`, uri: 'sip:somebody@192.0.2.2' }));
    const before = stage.take();
    goOn();
    await settled();
    expect(seen).toEqual([
      ['INVITE', 'first', 'bob', true, false, false],
      ['INVITE', 'rejects', 'bob', true, false, false],
      ['CANCEL', 'third', 'bob', false, false, false],
    ]);
    expect([stage.count(C_SCRIPT_LATE), stage.count(C_SCRIPT_ERRORS), stage.count(C_SCRIPT_SUSPENDED)]).toEqual([6, 1, 0]);
    expect(stage.take()).toEqual([]);
    // The new one is unharmed.
    stage.advanceBy(600);
    expect(stage.take().filter(({ method }) => method === 'INVITE').map(({ text }) => text))
      .toEqual(before.filter(({ method }) => method === 'INVITE').map(({ text }) => text));
  });
});
