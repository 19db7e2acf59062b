/** What a shard does that knows nothing of the calls that ring through it, because the one before it died. */
import { describe, expect, it } from 'vitest';
import type { Routes } from '../../../src/script/api.js';
import { requestText, responseText } from '../../../src/sim/sent-message.js';
import { C_CANCELS_HELD_NOW, C_SERVER_TX_ALIVE } from '../../../src/telemetry/counters.js';
import { BOB, CAROL, relayAll, Stage } from './stage.js';

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
