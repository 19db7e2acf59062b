/** CANCEL hop by hop (RFC 3261 §9, §16.10) over a chain of three Viaducts in one world: Alice – A – B – C – Bob. */
import { describe, expect, it } from 'vitest';
import type { RouteRequest, Routes } from '../../src/script/api.js';
import { endpointV4 } from '../../src/sim/address.js';
import { ladder } from '../../src/sim/ladder.js';
import { M_INVITE, MessageReader } from '../../src/sim/message-reader.js';
import { MessageWriter } from '../../src/sim/message-writer.js';
import type { NodeViaduct } from '../../src/sim/node-viaduct.js';
import { bytesOf, requestText, responseText, SentMessage } from '../../src/sim/sent-message.js';
import { Slab } from '../../src/sim/slab.js';
import { Trace } from '../../src/sim/trace.js';
import { Uac } from '../../src/sim/uac.js';
import { Uas } from '../../src/sim/uas.js';
import { World, type WorldOptions } from '../../src/sim/world.js';
import { C_CANCELS_MATCHED, C_CANCELS_UNMATCHED, C_CLIENT_TX_ALIVE, C_SERVER_TX_ALIVE } from '../../src/telemetry/counters.js';
import { ALICE, BOB, labels, PROXY, SMALL } from './relay-world.js';

const B = '10.0.0.2:5060';
const C = '10.0.0.3:5060';

/** Relays along the Route set, or else to the next proxy; the last one to where the Request-URI says. */
function towards(next: string | undefined): Routes {
  return {
    request(req: RouteRequest) {
      if (req.method === 'INVITE' && !req.inDialog) req.recordRoute();
      if (next === undefined || req.looseRouted) req.relay();
      else req.relay({ nextHop: `sip:${next}` });
    },
  };
}

class Chain {
  readonly world: World;
  readonly nodes: readonly NodeViaduct[];
  readonly trace: Trace;

  constructor(options: Partial<WorldOptions> = {}) {
    const world = new World({ routes: towards(B), limits: SMALL, ...options });
    this.world = world;
    this.nodes = [world.viaduct, world.addNode(1, [B], towards(C)), world.addNode(2, [C], towards(undefined))];
    world.advanceTo(1003);
    this.trace = new Trace(world.clock);
    world.network.observer = this.trace;
  }

  /** Bob sends something to the proxy that he knows. */
  fromBob(text: string): void {
    const { network, clock } = this.world;
    const bytes = bytesOf(text);
    network.send(bytes, 0, bytes.length, network.portAt(this.bobEndpoint)!, this.nodes[2]!.ports[0]!);
    clock.runTo(clock.nowMs);
  }

  /** What Bob gets of an INVITE of Alice's; he rings when told to. */
  ring(rings = true): SentMessage {
    this.world.inject(ALICE, requestText('INVITE'));
    const request = this.world.takeOne(BOB);
    if (rings) this.fromBob(responseText(request, 180, { toTag: 'b1' }));
    return request;
  }

  /** What went between two neighbours, in order: requests by method, responses by status and method. */
  between(one: string, other: string): string[] {
    return this.sent(one, other).map((message) => (message.status > 0 ? `${message.status} ${message.header('cseq').split(' ')[1]!}` : message.method));
  }

  sent(one: string, other: string): SentMessage[] {
    const name = ({ a0, port }: { a0: number; port: number }): string => `${[24, 16, 8, 0].map((shift) => (a0 >>> shift) & 255).join('.')}:${port}`;
    return this.trace.entries
      .filter(({ from, to }) => [name(from.endpoint), name(to.endpoint)].sort().join() === [one, other].sort().join())
      .map((entry) => new SentMessage(entry.bytes, entry.start, entry.end, '', entry.sentMs));
  }

  expectNothingLeft(): void {
    this.world.finish();
    for (const node of this.nodes) {
      expect([node.counter(C_SERVER_TX_ALIVE), node.counter(C_CLIENT_TX_ALIVE), node.storedBytes()], ladder(this.trace.entries)).toEqual([0, 0, 0]);
    }
  }

  private readonly bobEndpoint = endpointV4(0x0a020001, 5060);
}

const HOPS = [[ALICE, PROXY], [PROXY, B], [B, C], [C, BOB]] as const;

describe.each([1, 4])('CANCEL over three proxies of %i shards', (shards) => {
  it('is answered by each hop, which sends one of its own, and the 487 comes back all the way', () => {
    const chain = new Chain({ shards });
    const { world } = chain;
    const request = chain.ring();
    world.inject(ALICE, requestText('CANCEL', { headers: ['Reason: SIP;cause=600', 'Reason: Q.850;cause=16'] }));
    const cancel = world.takeSent(BOB)[0]!;
    expect([cancel.label, cancel.branch, cancel.vias.length]).toEqual(['CANCEL', request.branch, 1]);
    expect(cancel.headers('reason')).toEqual(['SIP;cause=600', 'Q.850;cause=16']);
    // The 200 is each hop's own: Bob has answered nothing so far.
    expect(labels(world.takeSent(ALICE))).toEqual(['100', '180', '200']);
    chain.fromBob(responseText(cancel, 200));
    chain.fromBob(responseText(request, 487, { toTag: 'b1' }));
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    chain.expectNothingLeft();
    for (const [one, other] of HOPS) {
      const messages = chain.between(one, other);
      expect([...messages].sort()).toEqual(
        ['180 INVITE', '200 CANCEL', '487 INVITE', 'ACK', 'CANCEL', 'INVITE', ...(other === BOB ? [] : ['100 INVITE'])].sort(),
      );
      expect(messages.indexOf('CANCEL')).toBeGreaterThan(messages.indexOf('180 INVITE'));
      const branches = chain.sent(one, other).filter(({ method }) => method !== '').map(({ branch }) => branch);
      expect(new Set(branches).size).toBe(1);
    }
  });

  it('stops at the hop whose branch is silent, which goes on sending the INVITE; its Timer B gives 487 to the caller', () => {
    const chain = new Chain({ shards });
    const { world } = chain;
    chain.ring(false);
    world.inject(ALICE, requestText('CANCEL'));
    expect(labels(world.takeSent(ALICE))).toEqual(['100', '200']);
    expect(chain.between(B, C)).toContain('CANCEL');
    world.advanceBy(31_990);
    expect(new Set(labels(world.takeSent(BOB)))).toEqual(new Set(['INVITE']));
    expect(world.takeSent(ALICE)).toEqual([]);
    world.advanceBy(40);
    expect(labels(world.takeSent(ALICE))).toEqual(['487']);
    world.inject(ALICE, requestText('ACK'));
    chain.expectNothingLeft();
    expect(chain.between(C, BOB)).not.toContain('CANCEL');
  });

  it('with Max-Forwards 0 takes effect: each hop makes its own, with the Max-Forwards of the proxy', () => {
    const chain = new Chain({ shards });
    chain.ring();
    chain.world.inject(ALICE, requestText('CANCEL', { maxForwards: 0 }));
    expect(labels(chain.world.takeSent(ALICE))).toEqual(['100', '180', '200']);
    const [cancel] = chain.world.takeSent(BOB);
    expect([cancel?.label, cancel?.header('max-forwards')]).toEqual(['CANCEL', '70']);
  });

  it('that crosses the 200 has its 200, and the 200 to the INVITE goes all the way, with its ACK and BYE', () => {
    const chain = new Chain({ shards, network: { delayMs: 10 } });
    const { world } = chain;
    world.inject(ALICE, requestText('INVITE'));
    world.advanceBy(40);
    const request = world.takeOne(BOB);
    chain.fromBob(responseText(request, 180, { toTag: 'b1' }));
    world.advanceBy(40);
    // Both are under way at once, and meet between A and C.
    world.inject(ALICE, requestText('CANCEL'));
    chain.fromBob(responseText(request, 200, { toTag: 'b1' }));
    world.advanceBy(60);
    const toAlice = world.takeSent(ALICE);
    expect(toAlice.map((message) => `${message.label} ${message.header('cseq').slice(2)}`)).toEqual(['100 INVITE', '180 INVITE', '200 CANCEL', '200 INVITE']);
    const ok = toAlice.at(-1)!;
    const dialog = { routes: ok.headers('record-route').flatMap((value) => value.split(/\s*,\s*/)).reverse(), to: ok.header('to') };
    world.takeSent(BOB);
    world.inject(ALICE, requestText('ACK', { ...dialog, branch: 'z9hG4bK-2' }));
    world.inject(ALICE, requestText('BYE', { ...dialog, branch: 'z9hG4bK-3', cseq: 2 }));
    world.advanceBy(60);
    const toBob = world.takeSent(BOB);
    expect(labels(toBob)).toEqual(['ACK', 'BYE']);
    chain.fromBob(responseText(toBob[1]!, 200));
    world.advanceBy(60);
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    // C knew of the answer when the CANCEL came: Bob never hears of that.
    expect(chain.between(C, BOB)).not.toContain('CANCEL');
    chain.expectNothingLeft();
  });

  it('of a re-INVITE ends that and not the call', () => {
    const chain = new Chain({ shards });
    const { world } = chain;
    chain.fromBob(responseText(chain.ring(), 200, { toTag: 'b1' }));
    const ok = world.takeSent(ALICE).at(-1)!;
    const dialog = { routes: ok.headers('record-route').flatMap((value) => value.split(/\s*,\s*/)).reverse(), to: ok.header('to') };
    expect(dialog.routes).toHaveLength(3);
    world.inject(ALICE, requestText('ACK', { ...dialog, branch: 'z9hG4bK-2' }));
    world.takeSent();
    const again = { ...dialog, branch: 'z9hG4bK-again', cseq: 2 };
    world.inject(ALICE, requestText('INVITE', again));
    const reinvite = world.takeOne(BOB);
    chain.fromBob(responseText(reinvite, 180));
    world.inject(ALICE, requestText('CANCEL', again));
    const cancel = world.takeOne(BOB);
    expect([cancel.label, cancel.branch, cancel.header('to')]).toEqual(['CANCEL', reinvite.branch, dialog.to]);
    chain.fromBob(responseText(cancel, 200));
    chain.fromBob(responseText(reinvite, 487));
    expect(labels(world.takeSent(ALICE))).toEqual(['100', '180', '200', '487']);
    world.inject(ALICE, requestText('ACK', again));
    world.takeSent();
    world.inject(ALICE, requestText('BYE', { ...dialog, branch: 'z9hG4bK-bye', cseq: 3 }));
    chain.fromBob(responseText(world.takeOne(BOB), 200));
    expect(labels(world.takeSent(ALICE))).toEqual(['200']);
    chain.expectNothingLeft();
  });

  it('reaches the ringing phone although the shards of the middle proxy have crashed', () => {
    const chain = new Chain({ shards, earlyCancelMs: 50 });
    const { world } = chain;
    const request = chain.ring();
    for (let shard = 0; shard < shards; shard++) chain.nodes[1]!.crash(shard);
    world.inject(ALICE, requestText('CANCEL'));
    // It matches nothing there: held for a while, then on its way with the branch that its INVITE had.
    world.advanceBy(70);
    const [cancel, ...more] = world.takeSent(BOB);
    expect([cancel?.label, cancel?.branch, more]).toEqual(['CANCEL', request.branch, []]);
    chain.fromBob(responseText(cancel!, 200));
    chain.fromBob(responseText(request, 487, { toTag: 'b1' }));
    expect(labels(world.takeSent(ALICE))).toEqual(['100', '180', '200', '487']);
    world.inject(ALICE, requestText('ACK', { to: '<sip:bob@10.2.0.1>;tag=b1' }));
    chain.expectNothingLeft();
  });

  it('before its INVITE is held by the first proxy, and the others never hear of the call', () => {
    const chain = new Chain({ shards, earlyCancelMs: 50 });
    const { world } = chain;
    world.inject(ALICE, requestText('CANCEL'));
    world.advanceBy(20);
    expect(world.takeSent()).toEqual([]);
    world.inject(ALICE, requestText('INVITE'));
    expect(labels(world.takeSent(ALICE))).toEqual(['200', '487']);
    world.inject(ALICE, requestText('ACK'));
    chain.expectNothingLeft();
    expect(chain.between(PROXY, B)).toEqual([]);
  });
});

it('a CANCEL that no proxy of the chain knows goes through to the callee, whose 481 comes back', () => {
  const chain = new Chain();
  chain.world.inject(ALICE, requestText('CANCEL', { maxForwards: 3 }));
  const cancel = chain.world.takeOne(BOB);
  expect([cancel.vias.length, cancel.header('max-forwards')]).toEqual([4, '0']);
  expect(chain.nodes.map((node) => node.counter(C_CANCELS_UNMATCHED))).toEqual([1, 1, 1]);
  chain.fromBob(responseText(cancel, 481));
  expect(labels(chain.world.takeSent(ALICE))).toEqual(['481']);
});

it('a CANCEL that no proxy of the chain knows is answered 483 where its Max-Forwards ends', () => {
  const chain = new Chain();
  chain.world.inject(ALICE, requestText('CANCEL', { maxForwards: 2 }));
  expect(labels(chain.world.takeSent())).toEqual(['483']);
  expect(chain.between(B, C)).toEqual(['CANCEL', '483 CANCEL']);
});

const BAD = { lossPercent: 15, dupPercent: 10, reorderPercent: 20, reorderMs: 200, delayMs: 5, jitterMs: 20 };

it.each([1, 2, 3, 4])('calls that are cancelled over three proxies on a bad network end at both phones, seeds of block %i', (block) => {
  for (let seed = block * 100; seed < block * 100 + 20; seed++) {
    const chain = new Chain({ shards: 1 + (seed % 3), seed, network: BAD, lagMs: 15, earlyCancelMs: 50 });
    const { world } = chain;
    const timers = { t1Ms: 500, t2Ms: 4000 };
    const shared = { clock: world.clock, network: world.network, reader: new MessageReader(), writer: new MessageWriter(new Slab()), timers, proxyAddress: '' };
    const uas = new Uas({ ...shared, proxy: chain.nodes[2]!.ports[0]! }, endpointV4(0x0a020001, 5060), 0, {
      isSilent: false, ringAfterMs: 300, ringStatus: 180, answerAfterMs: 60_000, status: 200, answersWhenCancelled: seed % 4 === 0,
      hangUpAfterMs: -1, reinviteRingAfterMs: -1, reinviteAnswerAfterMs: 0, reinviteStatus: 200, hasCookie: true,
    });
    const uac = new Uac({ ...shared, proxy: chain.nodes[0]!.ports[0]! }, endpointV4(0x0a010001, 5060), 0, {
      method: M_INVITE, requestUri: `sip:bob@${BOB}`, cancelAfterMs: 1500, cancelsBlindly: false, cancelSends: 1, hangUpAfterMs: 1000,
      reinviteAfterMs: -1, reinviteCancelAfterMs: -1, isRouteless: false, hasCookie: true,
    }, world.nowMs);
    chain.world.finish();
    const what = `seed ${seed}\n${ladder(chain.trace.entries)}`;
    expect([uac.outcome, uas.outcome], what).toEqual(seed % 4 === 0 ? [200, 200] : [487, 487]);
    expect([uac.strays, uas.strays], what).toEqual([0, 0]);
    expect(chain.nodes.every((node) => node.counter(C_CANCELS_MATCHED) >= 1), what).toBe(true);
    chain.expectNothingLeft();
  }
});
