/** A request other than INVITE that nobody answers ends without an answer (RFC 4320), and stays ended for a while. */
import { expect, it } from 'vitest';
import { requestText } from '../../src/sim/sent-message.js';
import { ALICE, answer, BOB, labels, makeWorld } from './relay-world.js';

const TIMER_F_MS = 32_000;

/** Alice's OPTIONS that Bob got first, the time being behind Timer F. */
function unanswered() {
  const world = makeWorld();
  world.inject(ALICE, requestText('OPTIONS'));
  const [options] = world.takeSent(BOB);
  world.advanceBy(TIMER_F_MS + 100);
  world.takeSent();
  return { world, options: options! };
}

it('is not relayed anew when its last retransmission comes late', () => {
  const { world } = unanswered();
  world.inject(ALICE, requestText('OPTIONS'));
  world.advanceBy(1000);
  // The 100 of before once more (RFC 4320 §4.1), and nothing to Bob.
  expect(labels(world.takeSent())).toEqual(['100']);
});

it('gets no late final response', () => {
  const { world, options } = unanswered();
  answer(world, options, 200);
  expect(labels(world.takeSent())).toEqual([]);
});

it('is forgotten in the end', () => {
  const { world } = unanswered();
  world.finish();
  expect(world.viaduct.pending()).toBe(0);
  expect(world.viaduct.storedBytes()).toBe(0);
  world.inject(ALICE, requestText('OPTIONS'));
  expect(labels(world.takeSent())).toEqual(['OPTIONS']);
});
