/** Messages that reach another shard than their INVITE's: found by one bounded round among the shards, at any shard count. */
import { describe, expect, it } from 'vitest';
import { type RequestParts, requestText, responseText } from '../../src/sim/sent-message.js';
import type { World, WorldOptions } from '../../src/sim/world.js';
import {
  C_ACKS_UNMATCHED,
  C_CANCELS_HELD,
  C_CANCELS_MATCHED,
  C_CANCELS_UNMATCHED,
  C_CLIENT_TX_ALIVE,
  C_OFFERS_MATCHED,
  C_OFFERS_OUT,
  C_SCRIPT_RUNS,
  C_SERVER_TX_ALIVE,
} from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, labels, makeWorld, SMALL } from './relay-world.js';

const COUNTS = [1, 2, 3, 4, 5, 6, 7, 8];
const CALLS = 8;

const worldOf = (options: Partial<WorldOptions>): World => makeWorld({ limits: SMALL, ...options });

/** Establishes call number `call`; what its further requests have in common. */
function establish(world: World, call: number): RequestParts & { readonly callId: string } {
  const callId = `shards-${call}`;
  world.inject(ALICE, requestText('INVITE', { callId, branch: `z9hG4bK-first-${call}` }));
  world.advanceBy(60);
  answer(world, world.takeOne(BOB), 200);
  world.advanceBy(60);
  const ok = world.takeSent(ALICE).at(-1)!;
  const dialog = { callId, to: ok.header('to'), routes: ok.headers('record-route') };
  world.inject(ALICE, requestText('ACK', { ...dialog, branch: `z9hG4bK-ack-${call}` }));
  world.advanceBy(60);
  expect(labels(world.takeSent())).toEqual(['ACK']);
  return dialog;
}

/** A re-INVITE along `dialog`, its CANCEL and the ACK to its 487 along `lost`, each of them twice. */
function cancelReinvite(world: World, dialog: RequestParts, lost: RequestParts): void {
  const one = { cseq: 2, branch: `z9hG4bK-again-${dialog.callId}` };
  world.inject(ALICE, requestText('INVITE', { ...dialog, ...one }));
  world.advanceBy(60);
  const reinvite = world.takeOne(BOB);
  answer(world, reinvite, 180);
  world.advanceBy(60);
  expect(labels(world.takeSent(ALICE))).toEqual(['100', '180']);
  world.inject(ALICE, requestText('CANCEL', { ...lost, ...one }));
  world.advanceBy(60);
  const cancel = world.takeOne(BOB);
  expect([cancel.label, cancel.branch]).toEqual(['CANCEL', reinvite.branch]);
  answer(world, cancel, 200);
  world.inject(ALICE, requestText('CANCEL', { ...lost, ...one }));
  world.advanceBy(60);
  expect(labels(world.takeSent())).toEqual(['200', '200']);
  answer(world, reinvite, 487);
  world.advanceBy(60);
  expect(labels(world.takeSent(ALICE))).toEqual(['487']);
  world.takeSent();
  world.inject(ALICE, requestText('ACK', { ...lost, ...one }));
  world.inject(ALICE, requestText('ACK', { ...lost, ...one }));
  // Long enough for Timer G: a 487 whose ACK was not found would come again.
  world.advanceBy(700);
  expect(world.takeSent()).toEqual([]);
}

function expectNothingLeft(world: World): void {
  world.finish();
  expect(world.takeSent()).toEqual([]);
  expect([world.viaduct.counter(C_SERVER_TX_ALIVE), world.viaduct.counter(C_CLIENT_TX_ALIVE), world.viaduct.storedBytes()]).toEqual([0, 0, 0]);
}

describe.each(COUNTS)('with %i shards', (shards) => {
  it.each(['transaction', 'call-id'] as const)('CANCEL and ACK that leave out the Route of their INVITE are found, sharded by %s', (key) => {
    const world = worldOf({ shards, key, earlyCancelMs: 50 });
    for (let call = 0; call < CALLS; call++) {
      const dialog = establish(world, call);
      cancelReinvite(world, dialog, { callId: dialog.callId, to: dialog.to! });
    }
    const { viaduct } = world;
    expect(viaduct.counter(C_CANCELS_MATCHED)).toBe(CALLS);
    expect(viaduct.counter(C_CANCELS_UNMATCHED) + viaduct.counter(C_CANCELS_HELD)).toBe(0);
    // Those to a 2xx match nothing, by nature; none of the others came to that.
    expect(viaduct.counter(C_ACKS_UNMATCHED)).toBe(CALLS);
    // The script ran for INVITE, ACK and re-INVITE.
    expect(viaduct.counter(C_SCRIPT_RUNS)).toBe(3 * CALLS);
    // By Call-ID the Route names the shard that the hash finds anyway.
    if (shards > 1 && key === 'transaction') expect(viaduct.counter(C_OFFERS_MATCHED)).toBeGreaterThan(0);
    else expect(viaduct.counter(C_OFFERS_MATCHED)).toBe(0);
    expectNothingLeft(world);
  });

  it('they are found as well while the shards run late, each by its own time', () => {
    for (let seed = 1; seed <= 2; seed++) {
      const world = worldOf({ shards, seed, lagMs: 5, batchMax: 3, earlyCancelMs: 50 });
      for (let call = 0; call < 3; call++) {
        const dialog = establish(world, call);
        cancelReinvite(world, dialog, { callId: dialog.callId, to: dialog.to! });
      }
      expectNothingLeft(world);
    }
  });

  it.each([0, 50])('a CANCEL that matches nowhere makes one round and no more (held for %i ms)', (earlyCancelMs) => {
    const world = worldOf({ shards, earlyCancelMs });
    for (let call = 0; call < CALLS; call++) world.inject(ALICE, requestText('CANCEL', { branch: `z9hG4bK-none-${call}` }));
    // Where it may be held the round ends where it began.
    expect(world.viaduct.counter(C_OFFERS_OUT)).toBe(CALLS * (earlyCancelMs > 0 && shards > 1 ? shards : shards - 1));
    world.advanceBy(70);
    // And is made once more when its time is over.
    expect(world.viaduct.counter(C_OFFERS_OUT)).toBe(CALLS * (earlyCancelMs > 0 && shards > 1 ? 2 * shards : shards - 1));
    expect(world.viaduct.counter(C_CANCELS_UNMATCHED)).toBe(CALLS);
    expect(labels(world.takeSent())).toEqual(Array.from({ length: CALLS }, () => 'CANCEL'));
    expectNothingLeft(world);
  });

  it('an ACK that matches nowhere makes one round, and is then the script’s', () => {
    const world = worldOf({ shards });
    for (let call = 0; call < CALLS; call++) world.inject(ALICE, requestText('ACK', { branch: `z9hG4bK-none-${call}` }));
    expect(world.viaduct.counter(C_OFFERS_OUT)).toBe(CALLS * (shards - 1));
    expect(labels(world.takeSent())).toEqual(Array.from({ length: CALLS }, () => 'ACK'));
    expectNothingLeft(world);
  });

  it.each([
    ['with the Route of the old count', true],
    ['without it', false],
  ])('a dialog recorded under another shard count goes on: its re-INVITE is cancelled %s', (_, keeps) => {
    for (const before of [1, 3, 8]) {
      const old = worldOf({ shards: before });
      const world = worldOf({ shards, earlyCancelMs: 50 });
      for (let call = 0; call < 3; call++) {
        const dialog = establish(old, call);
        cancelReinvite(world, dialog, keeps ? dialog : { callId: dialog.callId, to: dialog.to! });
        world.inject(ALICE, requestText('BYE', { ...dialog, branch: `z9hG4bK-bye-${call}`, cseq: 3 }));
        world.inject(BOB, responseText(world.takeOne(BOB), 200));
        expect(labels(world.takeSent())).toEqual(['200']);
      }
      expect(world.viaduct.counter(C_CANCELS_MATCHED)).toBe(3);
      expectNothingLeft(world);
    }
  });

  it('the 180 and the 200 to an INVITE that went out under another shard count are forwarded by their branch', () => {
    for (const before of [1, 3, 8]) {
      const old = worldOf({ shards: before });
      const world = worldOf({ shards });
      for (let call = 0; call < 4; call++) {
        old.inject(ALICE, requestText('INVITE', { branch: `z9hG4bK-old-${call}` }));
        const request = old.takeOne(BOB);
        for (const status of [180, 200, 200]) {
          answer(world, request, status);
          expect(labels(world.takeSent(ALICE))).toEqual([String(status)]);
        }
      }
      expectNothingLeft(world);
    }
  });
});
