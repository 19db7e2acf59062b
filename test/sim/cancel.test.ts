/** CANCEL (RFC 3261 §9, §16.10) through the real engine on virtual time. */
import { describe, expect, it } from 'vitest';
import { requestText } from '../../src/sim/sent-message.js';
import type { World } from '../../src/sim/world.js';
import { C_CANCELS_MATCHED, C_CANCELS_UNMATCHED, C_CLIENT_TX_ALIVE, C_SERVER_TX_ALIVE } from '../../src/telemetry/counters.js';
import { ALICE, answer, BOB, CAROL, expectTimes, forkRoutes, invite, labels, makeWorld, sentTo } from './relay-world.js';

const cancel = (world: World, headers: readonly string[] = [], branch = 'z9hG4bK-1'): void => {
  world.inject(ALICE, requestText('CANCEL', { headers, branch }));
};

const expectNothingLeft = (world: World): void => {
  world.finish();
  expect(world.viaduct.counter(C_SERVER_TX_ALIVE)).toBe(0);
  expect(world.viaduct.counter(C_CLIENT_TX_ALIVE)).toBe(0);
  expect(world.viaduct.nextDeadlineMs()).toBe(Infinity);
};

describe.each([1, 2, 4])('CANCEL of a ringing call, %i shards', (shards) => {
  it('gets its 200 at once, cancels the branch, and the INVITE ends with 487', () => {
    const world = makeWorld({ shards });
    const request = invite(world);
    answer(world, request, 180);
    world.takeSent();
    cancel(world);
    const ok = world.takeOne(ALICE);
    expect(ok.label).toBe('200');
    expect(ok.header('cseq')).toBe('1 CANCEL');
    const down = world.takeOne(BOB);
    expect(down.label).toBe('CANCEL');
    expect(down.uri).toBe(request.uri);
    expect(down.vias).toEqual([request.vias[0]]);
    expect(down.header('from')).toBe(request.header('from'));
    expect(down.header('to')).toBe(request.header('to'));
    expect(down.header('call-id')).toBe(request.header('call-id'));
    expect(down.header('cseq')).toBe('1 CANCEL');
    expect(down.headers('require')).toEqual([]);
    expect(down.body).toBe('');
    answer(world, down, 200);
    expect(world.takeSent()).toEqual([]);
    answer(world, request, 487);
    expect(labels(world.takeSent(BOB))).toEqual(['ACK']);
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    expect(world.viaduct.counter(C_CANCELS_MATCHED)).toBe(1);
    expectNothingLeft(world);
    expect(world.takeSent()).toEqual([]);
  });
});

describe('CANCEL', () => {
  it('that comes again gets the same 200 and cancels nothing twice', () => {
    const world = makeWorld();
    answer(world, invite(world), 180);
    world.takeSent();
    cancel(world);
    const ok = world.takeOne(ALICE);
    world.takeOne(BOB);
    cancel(world);
    expect(world.takeOne(ALICE).text).toBe(ok.text);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it('gets the same 200 when it comes again after the call has ended', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 180);
    cancel(world);
    answer(world, request, 487);
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    world.advanceBy(20_000);
    world.takeSent();
    cancel(world);
    expect(labels(world.takeSent())).toEqual(['200']);
  });

  it('is repeated downstream by Timer E until it is answered', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 180);
    world.takeSent();
    cancel(world);
    world.advanceBy(3600);
    const sent = world.takeSent(BOB);
    expectTimes(sent.map(({ atMs }) => atMs), 1003, [0, 500, 1500, 3500]);
    answer(world, sent[0]!, 200);
    world.advanceBy(20_000);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it('waits on a branch for its provisional response, while the INVITE is retransmitted', () => {
    const world = makeWorld();
    const request = invite(world);
    cancel(world);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    world.advanceBy(1600);
    expectTimes(sentTo(world, BOB).map(({ atMs }) => atMs), 1003, [500, 1500]);
    answer(world, request, 100);
    expect(labels(world.takeSent(BOB))).toEqual(['CANCEL']);
    world.advanceBy(400);
    answer(world, request, 180);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it('of a call whose branch stays silent ends with 487 by Timer B, not with 408', () => {
    const world = makeWorld();
    invite(world);
    cancel(world);
    world.takeSent(ALICE);
    world.advanceBy(31_990);
    expect(world.takeSent(ALICE)).toEqual([]);
    world.advanceBy(30);
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
    expect(labels(world.takeSent(BOB))).not.toContain('CANCEL');
  });

  it('does not hide a 2xx that the branch sends all the same', () => {
    const world = makeWorld();
    const request = invite(world);
    cancel(world);
    world.takeSent();
    answer(world, request, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    expect(world.takeSent(BOB)).toEqual([]);
  });

  it('that crosses the 200 gets its 200 and has no further effect', () => {
    const world = makeWorld();
    const request = invite(world);
    answer(world, request, 180);
    answer(world, request, 200);
    world.takeSent();
    cancel(world);
    const [ok] = world.takeSent();
    expect(ok?.label).toBe('200');
    expect(ok?.header('cseq')).toBe('1 CANCEL');
    expect(world.takeSent(BOB)).toEqual([]);
    expectNothingLeft(world);
    expect(world.takeSent()).toEqual([]);
  });

  it('after a non-2xx final gets its 200 and has no effect', () => {
    const world = makeWorld();
    answer(world, invite(world), 486);
    world.takeSent();
    cancel(world);
    expect(labels(world.takeSent())).toEqual(['200']);
  });

  it('with a Require header is not refused (§9.1)', () => {
    const world = makeWorld();
    answer(world, invite(world), 180);
    world.takeSent();
    cancel(world, ['Require: nothing-we-know']);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
  });

  it('with a Proxy-Require header that we do not know is not refused either, whether it matches or not', () => {
    const world = makeWorld();
    answer(world, invite(world), 180);
    world.takeSent();
    for (const branch of ['z9hG4bK-1', 'z9hG4bK-none']) cancel(world, ['Proxy-Require: nothing-we-know', 'Require: 100rel'], branch);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    expect(labels(world.takeSent(BOB))).toEqual(['CANCEL', 'CANCEL']);
  });

  it('carries its Reason header on to the branches', () => {
    const world = makeWorld();
    answer(world, invite(world), 180);
    world.takeSent();
    cancel(world, ['Reason: SIP;cause=600;text="Busy Everywhere"']);
    expect(world.takeOne(BOB).headers('reason')).toEqual(['SIP;cause=600;text="Busy Everywhere"']);
  });

  it('without the magic cookie finds its INVITE by the fields of RFC 2543', () => {
    const world = makeWorld();
    const vias = ['SIP/2.0/UDP 10.1.0.1:5060'];
    const request = invite(world, { vias });
    answer(world, request, 180);
    world.takeSent();
    world.inject(ALICE, requestText('CANCEL', { vias, headers: [] }));
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    expect(labels(world.takeSent(BOB))).toEqual(['CANCEL']);
  });

  it('follows the Route set of its INVITE', () => {
    const world = makeWorld();
    const routes = ['<sip:10.2.0.1:5060;lr>', '<sip:10.9.0.1;lr>'];
    const request = invite(world, { routes, uri: 'sip:bob@10.9.0.9' });
    answer(world, request, 180);
    world.takeSent();
    world.inject(ALICE, requestText('CANCEL', { routes, uri: 'sip:bob@10.9.0.9', headers: [] }));
    const down = world.takeOne(BOB);
    expect(down.label).toBe('CANCEL');
    expect(down.headers('route')).toEqual(request.headers('route'));
    expect(down.uri).toBe('sip:bob@10.9.0.9');
  });
});

describe('CANCEL of a forked call', () => {
  const fork = (world: World) => {
    world.inject(ALICE, requestText('INVITE'));
    world.takeSent(ALICE);
    return { bob: world.takeOne(BOB), carol: world.takeOne(CAROL) };
  };

  it('goes to every pending branch once, and the 487 upstream waits for all of them', () => {
    const world = makeWorld({ routes: forkRoutes });
    const { bob, carol } = fork(world);
    expect(bob.branch).not.toBe(carol.branch);
    answer(world, bob, 180);
    answer(world, carol, 180);
    world.takeSent();
    cancel(world);
    expect(world.takeOne(BOB).branch).toBe(bob.branch);
    expect(world.takeOne(CAROL).branch).toBe(carol.branch);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    answer(world, bob, 487);
    expect(labels(world.takeSent(BOB))).toEqual(['ACK']);
    expect(world.takeSent(ALICE)).toEqual([]);
    answer(world, carol, 487);
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
  });

  it('leaves out a branch that has answered already', () => {
    const world = makeWorld({ routes: forkRoutes });
    const { bob, carol } = fork(world);
    answer(world, bob, 486);
    answer(world, carol, 180);
    world.takeSent();
    cancel(world);
    expect(world.takeSent(BOB)).toEqual([]);
    expect(labels(world.takeSent(CAROL))).toEqual(['CANCEL']);
    answer(world, carol, 487);
    const [ok, final, ...more] = labels(world.takeSent(ALICE));
    expect([ok, more]).toEqual(['200', []]);
    // RFC 3261 §16.7 step 6 leaves the choice within a class to the proxy.
    expect(['486', '487']).toContain(final);
  });

  it('is not needed for the losers: the proxy cancels them, with a Reason, when one answers', () => {
    const world = makeWorld({ routes: forkRoutes });
    const { bob, carol } = fork(world);
    answer(world, carol, 180);
    world.takeSent();
    answer(world, bob, 200);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    const down = world.takeOne(CAROL);
    expect(down.label).toBe('CANCEL');
    expect(down.header('reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
    answer(world, carol, 487);
    expect(labels(world.takeSent(CAROL))).toEqual(['ACK']);
    expect(world.takeSent(ALICE)).toEqual([]);
  });

  it('lets every 2xx through when two branches answer at once', () => {
    const world = makeWorld({ routes: forkRoutes });
    const { bob, carol } = fork(world);
    answer(world, bob, 180);
    answer(world, carol, 180);
    world.takeSent();
    answer(world, bob, 200, BOB, 'b1');
    answer(world, carol, 200, CAROL, 'c1');
    expect(labels(world.takeSent(ALICE))).toEqual(['200', '200']);
  });
});

it('a branch that wakes up after its Timer B may not ring after the 2xx of another, but its own 2xx goes through', () => {
  const world = makeWorld({ routes: forkRoutes });
  world.inject(ALICE, requestText('INVITE'));
  const bob = world.takeOne(BOB);
  const carol = world.takeOne(CAROL);
  world.advanceBy(3000);
  answer(world, carol, 200, CAROL, 'c1');
  world.advanceBy(30_000);
  world.takeSent();
  answer(world, bob, 180);
  expect(world.takeSent()).toEqual([]);
  answer(world, bob, 486);
  expect(world.takeSent(ALICE)).toEqual([]);
  answer(world, bob, 200);
  expect(labels(world.takeSent(ALICE))).toEqual(['200']);
});

describe('CANCEL that matches nothing', () => {
  it('is forwarded statelessly by a script that relays it, with the branch that its INVITE would have had', () => {
    const world = makeWorld({ shards: 4 });
    cancel(world);
    const stray = world.takeOne(BOB);
    expect(stray.label).toBe('CANCEL');
    expect(world.viaduct.counter(C_CANCELS_UNMATCHED)).toBe(1);
    const request = invite(world);
    expect(request.branch).toBe(stray.branch);
  });

  it('has its answer forwarded statelessly', () => {
    const world = makeWorld();
    cancel(world);
    answer(world, world.takeOne(BOB), 481);
    expect(labels(world.takeSent(ALICE))).toEqual(['481']);
  });

  it('is answered by a script that replies', () => {
    const world = makeWorld({ routes: { request: (req) => void req.reply(481) } });
    cancel(world);
    expect(labels(world.takeSent())).toEqual(['481']);
    expectNothingLeft(world);
  });
});
