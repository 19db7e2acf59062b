/** Messages that cross each other: several finals of forked branches, late ringing, CANCEL against 200, Timer C (RFC 3261 §16.7 to §16.10). */
import { describe, expect, it } from 'vitest';
import type { RouteRequest, Routes } from '../../src/script/api.js';
import { requestText, type SentMessage } from '../../src/sim/sent-message.js';
import type { World, WorldOptions } from '../../src/sim/world.js';
import { C_ACKS_UNMATCHED, C_CLIENT_TX_ALIVE, C_DROP_FORGED_RESPONSE, C_DROP_LATE_RESPONSE, C_SCRIPT_LATE, C_SERVER_TX_ALIVE } from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, CAROL, forkRoutes, invite, labels, makeWorld, SMALL } from './relay-world.js';

const CANCEL = requestText('CANCEL', { headers: [] });

function expectNothingLeft(world: World): void {
  world.finish();
  expect([world.viaduct.counter(C_SERVER_TX_ALIVE), world.viaduct.counter(C_CLIENT_TX_ALIVE), world.viaduct.storedBytes()]).toEqual([0, 0, 0]);
}

function forked(options: Partial<WorldOptions> = {}): { readonly world: World; readonly bob: SentMessage; readonly carol: SentMessage } {
  const world = makeWorld({ routes: forkRoutes, limits: SMALL, ...options });
  world.inject(ALICE, requestText('INVITE'));
  world.takeSent(ALICE);
  return { world, bob: world.takeOne(BOB), carol: world.takeOne(CAROL) };
}

describe('a fork', () => {
  it('that is answered: a branch that rings after it is not heard upstream, but cancelled', () => {
    const { world, bob, carol } = forked();
    answer(world, bob, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    // Carol has said nothing so far: her CANCEL waits for this.
    expect(world.takeSent(CAROL)).toEqual([]);
    answer(world, carol, 180);
    expect(world.takeSent(ALICE)).toEqual([]);
    expect(labels(world.takeSent(CAROL))).toEqual(['CANCEL']);
    answer(world, carol, 183);
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_DROP_LATE_RESPONSE)).toBe(2);
  });

  it('that is answered twice: both 2xx go up, as often as they come, and the answered branch is not cancelled', () => {
    const { world, bob, carol } = forked();
    answer(world, carol, 180, CAROL, 'c1');
    answer(world, bob, 200, BOB, 'b1');
    answer(world, carol, 200, CAROL, 'c1');
    answer(world, bob, 200, BOB, 'b1');
    answer(world, carol, 200, CAROL, 'c1');
    const tags = world.takeSent(ALICE).filter(({ status }) => status === 200).map((message) => message.header('to').slice(-2));
    expect(tags).toEqual(['b1', 'c1', 'b1', 'c1']);
    expect(labels(world.takeSent(CAROL))).toEqual(['CANCEL']);
    expect(world.takeSent(BOB)).toEqual([]);
    expectNothingLeft(world);
  });

  it('of which one declines for all (6xx): the others are cancelled without a word of an answer elsewhere, and the 6xx goes up last', () => {
    const { world, bob, carol } = forked();
    answer(world, carol, 180);
    world.takeSent();
    answer(world, bob, 603);
    const cancel = world.takeOne(CAROL);
    expect([cancel.label, cancel.headers('reason')]).toEqual(['CANCEL', []]);
    expect(world.takeSent(ALICE)).toEqual([]);
    answer(world, carol, 487);
    expect(labels(world.takeSent(ALICE))).toEqual(['603']);
  });

  it('of which one declines for all while another answers: the 2xx goes up', () => {
    const { world, bob, carol } = forked();
    answer(world, carol, 180);
    answer(world, bob, 603);
    world.takeSent();
    answer(world, carol, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
  });

  it('that is cancelled while one branch is silent and one rings: 487 when the silent one has had its time, not 408', () => {
    const { world, carol } = forked();
    answer(world, carol, 180);
    world.inject(ALICE, CANCEL);
    world.takeSent();
    answer(world, carol, 487);
    world.advanceBy(31_900);
    expect(world.takeSent(ALICE)).toEqual([]);
    world.advanceBy(120);
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
  });

  it('that is cancelled: a branch that answers all the same is the call, and the other one gets no second CANCEL', () => {
    const { world, bob, carol } = forked();
    answer(world, bob, 180);
    answer(world, carol, 180);
    world.inject(ALICE, CANCEL);
    expect(labels(world.takeSent(BOB))).toEqual(['CANCEL']);
    expect(labels(world.takeSent(CAROL))).toEqual(['CANCEL']);
    world.takeSent();
    answer(world, bob, 200);
    answer(world, carol, 487);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    expect(labels(world.takeSent(CAROL))).toEqual(['ACK']);
    expect(world.takeSent(BOB)).toEqual([]);
    expectNothingLeft(world);
  });
});

it.each([486, 603, 302])('a 180 that the network delivers after a %i is dropped', (status) => {
  const world = makeWorld({ limits: SMALL });
  const request = invite(world);
  answer(world, request, status);
  world.takeSent();
  answer(world, request, 180);
  expect(world.takeSent()).toEqual([]);
});

it.each([
  ['before the final response', [180, 200]],
  ['as the first thing that the branch says', [200]],
])('CANCEL and 200 cross between proxy and callee, %s: the 200 goes up, and the answer to the CANCEL is absorbed', (_, statuses) => {
  const world = makeWorld({ limits: SMALL });
  const request = invite(world);
  if (statuses.length > 1) answer(world, request, 180);
  world.inject(ALICE, CANCEL);
  world.takeSent(ALICE);
  const cancels = world.takeSent(BOB);
  expect(labels(cancels)).toEqual(statuses.length > 1 ? ['CANCEL'] : []);
  answer(world, request, 200);
  expect(labels(world.takeSent(ALICE))).toEqual(['200']);
  for (const cancel of cancels) {
    answer(world, cancel, 200);
    answer(world, cancel, 481);
  }
  world.advanceBy(100_000);
  expect(world.takeSent()).toEqual([]);
  expectNothingLeft(world);
});

describe('a CANCEL while a handler awaits something', () => {
  it('that runs because the first branch has failed: 200, 487 at once, and the second branch is never tried', async () => {
    const relayed: boolean[] = [];
    const routes: Routes = {
      request: (req: RouteRequest) => void req.relay(),
      async failure(failure) {
        await world.sleep(1000);
        relayed.push(failure.relay(`sip:carol@${CAROL}`));
      },
    };
    const world = makeWorld({ routes, limits: SMALL });
    await world.injectAsync(ALICE, requestText('INVITE'));
    answer(world, world.takeOne(BOB), 486);
    await world.advanceByAsync(200);
    world.takeSent();
    await world.injectAsync(ALICE, CANCEL);
    expect(world.takeSent(ALICE).map((message) => `${message.label} ${message.header('cseq').slice(2)}`)).toEqual(['200 CANCEL', '487 INVITE']);
    await world.injectAsync(ALICE, requestText('ACK'));
    await world.advanceByAsync(2000);
    expect(relayed).toEqual([false]);
    expect(world.takeSent()).toEqual([]);
    await world.finishAsync();
    expectNothingLeft(world);
  });

  it('and then wants to answer by itself: refused, the 487 stands', async () => {
    const replied: boolean[] = [];
    const routes: Routes = {
      async request(req: RouteRequest) {
        await world.sleep(1000);
        replied.push(req.reply(486));
      },
    };
    const world = makeWorld({ routes, limits: SMALL });
    await world.injectAsync(ALICE, requestText('INVITE'));
    await world.injectAsync(ALICE, CANCEL);
    expect(labels(world.takeSent())).toEqual(['100', '200', '487']);
    await world.injectAsync(ALICE, requestText('ACK'));
    await world.advanceByAsync(2000);
    expect([replied, world.viaduct.counter(C_SCRIPT_LATE)]).toEqual([[false], 1]);
    expect(world.takeSent()).toEqual([]);
  });
});

it('a script that refuses the call while a branch rings has that cancelled, without a word of an answer elsewhere', async () => {
  const routes: Routes = {
    async request(req: RouteRequest) {
      req.relay();
      await world.sleep(100);
      req.reply(480);
    },
  };
  const world = makeWorld({ routes, limits: SMALL });
  await world.injectAsync(ALICE, requestText('INVITE'));
  answer(world, world.takeOne(BOB), 180);
  world.takeSent();
  await world.advanceByAsync(100);
  expect(labels(world.takeSent(ALICE))).toEqual(['480']);
  const cancel = world.takeOne(BOB);
  expect([cancel.label, cancel.headers('reason')]).toEqual(['CANCEL', []]);
});

describe('Timer C', () => {
  const TIMER_C_MS = 185_000;

  it.each([100, 180, 183])('cancels a branch that said %i and nothing more, without a Reason; its 487 goes up', (status) => {
    const world = makeWorld({ limits: SMALL });
    const request = invite(world);
    answer(world, request, status);
    world.takeSent();
    world.advanceBy(TIMER_C_MS - 10);
    expect(world.takeSent()).toEqual([]);
    world.advanceBy(30);
    const cancel = world.takeOne(BOB);
    expect([cancel.label, cancel.branch, cancel.headers('reason')]).toEqual(['CANCEL', request.branch, []]);
    expect(world.takeSent()).toEqual([]);
    answer(world, cancel, 200);
    answer(world, request, 487);
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
  });

  it('is not reset by what comes after its CANCEL; a branch that goes on in silence counts as 408, 64·T1 later', () => {
    const world = makeWorld({ limits: SMALL });
    const request = invite(world);
    answer(world, request, 180);
    world.advanceBy(TIMER_C_MS + 20);
    const cancel = world.takeSent(BOB).at(-1)!;
    answer(world, cancel, 200);
    world.takeSent();
    world.advanceBy(20_000);
    answer(world, request, 180);
    expect(labels(world.takeSent())).toEqual(['180']);
    world.advanceBy(11_900);
    expect(world.takeSent()).toEqual([]);
    world.advanceBy(130);
    expect(labels(world.takeSent(ALICE))).toEqual(['408']);
  });

  it('does not run for a branch that has said nothing: that one ends as 408 by Timer B, without a CANCEL', () => {
    const world = makeWorld({ limits: SMALL });
    invite(world);
    world.advanceBy(32_100);
    expect(labels(world.takeSent(ALICE)).at(0)).toBe('408');
    expect(new Set(labels(world.takeSent(BOB)))).toEqual(new Set(['INVITE']));
    world.advanceBy(TIMER_C_MS);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it('of a branch that rings too long gives way to another target of the failure handler', () => {
    const routes: Routes = {
      request: (req: RouteRequest) => void req.relay(),
      failure: (failure) => void failure.relay(`sip:carol@${CAROL}`),
    };
    const world = makeWorld({ routes, limits: SMALL });
    const request = invite(world);
    answer(world, request, 180);
    world.advanceBy(TIMER_C_MS + 20);
    answer(world, world.takeSent(BOB).at(-1)!, 200);
    answer(world, request, 487);
    expect(labels(world.takeSent(CAROL))).toEqual(['INVITE']);
  });
});

describe('the ACK to a 2xx', () => {
  it('is forwarded as often as it comes, also when it carries the branch of its INVITE', () => {
    const world = makeWorld({ limits: SMALL });
    answer(world, invite(world), 200);
    world.takeSent();
    const ack = requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' });
    for (let i = 0; i < 3; i++) {
      world.inject(ALICE, ack);
      expect(labels(world.takeSent())).toEqual(['ACK']);
    }
    expect(world.viaduct.counter(C_ACKS_UNMATCHED)).toBe(3);
  });

  it('stays before a BYE that comes right behind it, though shards run late', () => {
    for (let seed = 1; seed <= 40; seed++) {
      const world = makeWorld({ shards: 4, seed, lagMs: 8, batchMax: 2, limits: SMALL });
      world.inject(ALICE, requestText('INVITE', { callId: `c${seed}`, branch: `z9hG4bK-${seed}` }));
      world.advanceBy(20);
      answer(world, world.takeOne(BOB), 200);
      world.advanceBy(20);
      const ok = world.takeSent(ALICE).at(-1)!;
      const dialog = { routes: ok.headers('record-route'), to: ok.header('to'), callId: `c${seed}` };
      world.inject(ALICE, requestText('ACK', { ...dialog, branch: `z9hG4bK-ack-${seed}` }));
      world.inject(ALICE, requestText('BYE', { ...dialog, branch: `z9hG4bK-bye-${seed}`, cseq: 2 }));
      world.advanceBy(30);
      expect(labels(world.takeSent(BOB)), `seed ${seed}`).toEqual(['ACK', 'BYE']);
    }
  });
});

it('a 2xx that comes again is forwarded through any number of crashes, and a forged one never', () => {
  const world = makeWorld({ shards: 4, limits: SMALL });
  const request = invite(world);
  const forge = (text: string): string => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0');
  for (let round = 0; round < 3; round++) {
    answer(world, request, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    for (let shard = 0; shard < 4; shard++) world.viaduct.crash(shard);
    const forged = Object.create(request, { headers: { value: (name: string) => request.headers(name).map((value) => value.replace(request.branch, forge(request.branch))) } }) as SentMessage;
    answer(world, forged, 200);
    expect(world.takeSent()).toEqual([]);
    expect(world.viaduct.counter(C_DROP_FORGED_RESPONSE)).toBe(round + 1);
    world.advanceBy(40_000);
  }
});
