/** The small world of the unit tests: Alice calls Bob through a proxy that relays everything. */
import { expect } from 'vitest';
import type { RouteRequest, Routes } from '../../src/script/api.js';
import { type RequestParts, requestText, responseText, type SentMessage } from '../../src/sim/sent-message.js';
import { World, type WorldOptions } from '../../src/sim/world.js';

export const PROXY = '10.0.0.1:5060';
export const ALICE = '10.1.0.1:5060';
export const BOB = '10.2.0.1:5060';
export const CAROL = '10.2.0.2:5060';

export const TICK_MS = 10;

/** Relays everything, and Record-Routes what opens a dialog. */
export const relayRoutes: Routes = {
  request(req) {
    if (req.method === 'INVITE' && !req.inDialog) req.recordRoute();
    req.relay();
  },
};

/** Limits of a proxy with a few calls: for tests that make many worlds. */
export const SMALL = { transactions: 64, branches: 64, storeBytes: 4 << 20 };

/** A world whose time is off the tick, so that lateness by the tick shows. */
export function makeWorld(options: Partial<WorldOptions> = {}): World {
  const world = new World({ routes: relayRoutes, ...options });
  world.advanceTo(1003);
  return world;
}

/** Forks every INVITE to Bob and Carol. */
export const forkRoutes: Routes = {
  request(req: RouteRequest) {
    if (req.method === 'INVITE') req.relay([`sip:bob@${BOB}`, `sip:carol@${CAROL}`]);
    else req.relay();
  },
};

/** Alice sends an INVITE; what Bob gets. Takes the 100 away. */
export function invite(world: World, parts: RequestParts = {}): SentMessage {
  world.inject(ALICE, requestText('INVITE', parts));
  world.takeSent(ALICE);
  return world.takeOne(BOB);
}

/** Bob, or who is named, answers a request that he got. */
export function answer(world: World, request: SentMessage, status: number, from = request.to, toTag = 'b1'): void {
  world.inject(from, responseText(request, status, { toTag }));
}

/** Times of what went to `to`, with labels. */
export function sentTo(world: World, to: string): { readonly label: string; readonly atMs: number }[] {
  return world.takeSent(to).map(({ label, atMs }) => ({ label, atMs }));
}

/** Each time is its due time, or at most one tick later: never earlier. */
export function expectTimes(actualMs: readonly number[], startMs: number, dueMs: readonly number[]): void {
  const offsets = actualMs.map((atMs) => atMs - startMs);
  const text = `sent at ${offsets.join(', ')}; due at ${dueMs.join(', ')}`;
  expect(offsets.length, text).toBe(dueMs.length);
  offsets.forEach((offset, i) => {
    expect(offset, text).toBeGreaterThanOrEqual(dueMs[i]!);
    expect(offset, text).toBeLessThanOrEqual(dueMs[i]! + TICK_MS);
  });
}

export const labels = (messages: readonly { readonly label: string }[]): string[] => messages.map(({ label }) => label);
