/**
 * The CANCEL cases of docs/cancel-and-retransmissions.md through the running proxy with four shards: SIPp on both sides
 * where a scenario can play it, bare sockets where every byte and the order of all messages count.
 *
 * T1 is either so long that nothing is sent twice by a timer, and whole message lists can be compared, or so short that
 * Timer B passes while the others wait. All proxies and tests run side by side.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCalls, runRefused } from './call.js';
import { Copier } from './copier.js';
import { hostPort } from './free-port.js';
import { waitUntil } from './process-group.js';
import type { ProxyProcess } from './proxy-process.js';
import { ackTo, all, arrival, branchOf, cancelOf, header, inDialog, newInvite, requestUri, respond, seen, textOf, times } from './raw-call.js';
import { peersAvailable } from './require-peers.js';
import { SipSocket } from './sip-socket.js';
import { useProxy } from './use-proxy.js';

const CALLS = 5;
const SHARDS = 4;
const PATIENT = { t1Ms: 2000 };
const HASTY = { t1Ms: 20, t2Ms: 160, t4Ms: 200, timerDMs: 500 };

vi.setConfig({ maxConcurrency: 32, testTimeout: 40_000, hookTimeout: 60_000 });

/** Runs `play` with a caller and a number of callees. */
async function withPhones(callees: number, play: (caller: SipSocket, ...callees: SipSocket[]) => Promise<void>): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: callees + 1 }, () => SipSocket.open()));
  try {
    await play(sockets[0]!, ...sockets.slice(1));
  } finally {
    for (const socket of sockets) socket.close();
  }
}

/** Grown by how much since `before`. */
async function grown(proxy: ProxyProcess, before: Readonly<Record<string, number>>, name: string): Promise<number> {
  return ((await proxy.counters())?.[name] ?? NaN) - (before[name] ?? NaN);
}

/** A call that gets through: everything that was sent to the same callee before has come to it, or never will. */
async function barrier(proxy: ProxyProcess, callee: SipSocket): Promise<void> {
  const other = await SipSocket.open();
  try {
    const invite = newInvite({ from: other.address, to: callee.address });
    other.send(invite, proxy.ipv4);
    const got = await callee.find((text) => header(text, 'call-id') === header(invite, 'call-id'), 20_000, 'the INVITE of the barrier');
    callee.send(respond(got, '486 Busy Here'), proxy.ipv4);
    other.send(ackTo(invite, await arrival(other, '486 INVITE')), proxy.ipv4);
    await callee.find((text) => text.startsWith('ACK') && header(text, 'call-id') === header(invite, 'call-id'), 20_000, 'the ACK of the barrier');
    for (let i = callee.received.length - 1; i >= 0; i--) {
      if (header(callee.received[i]!, 'call-id') === header(invite, 'call-id')) callee.received.splice(i, 1);
    }
  } finally {
    other.close();
  }
}

describe.concurrent('CANCEL', () => {
  const use = useProxy('cancel', { shards: SHARDS, io: 'batch', routes: 'cases', timers: PATIENT, earlyCancelMs: 5000 });

  describe('case 8: matching', () => {
    test.skipIf(!peersAvailable('cancel'))('SIPp, each CANCEL twice: 200 to both, one CANCEL with its Reason at the callee, 487', async () => {
      const { group, proxy } = use;
      const copier = await Copier.open(proxy.ipv4, 'CANCEL');
      try {
        const { caller, callee } = await runCalls({ group, proxy, calls: CALLS, sendTo: copier.address, caller: 'cancel-uac', callee: 'cancel-uas' });
        expect(copier.copies).toBeGreaterThanOrEqual(CALLS);
        // Each copy is answered 200 too, but the last ones may come when SIPp has left already; a 481 would have failed the call.
        expect(caller.count('200', 'Recv')).toBe(CALLS);
        expect(caller.count('200', 'Retrans') + caller.deadCall).toBeGreaterThan(0);
        expect(callee.count('CANCEL', 'Recv')).toBe(CALLS);
        expect(callee.count('CANCEL', 'Retrans')).toBe(0);
        const reasons = callee.messages().filter(({ text }) => text.startsWith('CANCEL ')).map(({ text }) => /^Reason: *(.*)$/m.exec(text)?.[1]?.trim());
        expect(reasons).toEqual(Array.from({ length: CALLS }, () => 'Q.850;cause=16;text="Terminated"'));
      } finally {
        copier.close();
      }
    });

    test('the CANCEL waits for a 1xx, the INVITE is sent again until then, and it carries what §9.1 asks for', async () => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = use.proxy;
        const headers = [`Route: <sip:${hostPort(ipv4)};lr>`, `Route: <sip:${hostPort(callee.address)};lr;hop=1>`, 'Route: <sip:192.0.2.1;lr;hop=2>'];
        const invite = newInvite({ from: caller.address, to: { host: '127.0.0.1', port: 9 }, user: 'someone', headers });
        caller.send(invite, ipv4);
        const first = await arrival(callee, 'INVITE');
        caller.send(cancelOf(invite, [headers[0]!, 'Reason: SIP;cause=600;text="Tired of Waiting"']), ipv4);
        await arrival(caller, '200 CANCEL');
        expect(await arrival(callee, 'INVITE', 2)).toBe(first);
        expect(seen(callee)).toEqual(['INVITE', 'INVITE']);
        callee.send(respond(first, '180 Ringing'), ipv4);
        const cancel = await arrival(callee, 'CANCEL');
        expect(requestUri(cancel)).toBe(requestUri(first));
        expect(branchOf(cancel)).toBe(branchOf(first));
        expect(all(cancel, 'via')).toHaveLength(1);
        expect(all(cancel, 'route')).toEqual(all(first, 'route'));
        expect(all(cancel, 'route')).toHaveLength(2);
        for (const name of ['from', 'to', 'call-id']) expect(header(cancel, name)).toBe(header(first, name));
        expect(textOf(cancel, 'cseq')).toBe('1 CANCEL');
        expect(textOf(cancel, 'max-forwards')).toBe('70');
        expect(textOf(cancel, 'reason')).toBe('SIP;cause=600;text="Tired of Waiting"');
        callee.send(respond(cancel, '200 OK'), ipv4);
        callee.send(respond(first, '487 Request Terminated'), ipv4);
        caller.send(ackTo(invite, await arrival(caller, '487 INVITE')), ipv4);
        await barrier(use.proxy, callee);
        expect(seen(callee)).toEqual(['INVITE', 'INVITE', 'CANCEL', 'ACK']);
      });
    });

    test('a copy of the CANCEL gets the same 200, while it rings and after the 487, and goes nowhere', async () => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = use.proxy;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(invite, ipv4);
        const got = await arrival(callee, 'INVITE');
        callee.send(respond(got, '180 Ringing'), ipv4);
        await arrival(caller, '180 INVITE');
        const cancel = cancelOf(invite);
        caller.send(cancel, ipv4);
        caller.send(cancel, ipv4);
        const ok = await arrival(caller, '200 CANCEL', 2);
        callee.send(respond(await arrival(callee, 'CANCEL'), '200 OK'), ipv4);
        callee.send(respond(got, '487 Request Terminated'), ipv4);
        caller.send(ackTo(invite, await arrival(caller, '487 INVITE')), ipv4);
        caller.send(cancel, ipv4);
        expect(await arrival(caller, '200 CANCEL', 3)).toBe(ok);
        await barrier(use.proxy, callee);
        expect(seen(callee)).toEqual(['INVITE', 'CANCEL', 'ACK']);
        expect(seen(caller).filter((what) => what.includes('481'))).toEqual([]);
      });
    });

    test('the losers of a fork are cancelled with “Call completed elsewhere”', async () => {
      await withPhones(3, async (caller, winner, loser, silent) => {
        const { ipv4 } = use.proxy;
        const targets = [winner, loser, silent].map(({ address }) => `sip:${hostPort(address)}`);
        const invite = newInvite({ from: caller.address, to: winner.address, user: 'fork', headers: [`X-Targets: ${targets.join(' ')}`] });
        caller.send(invite, ipv4);
        const [first, second, third] = await Promise.all([winner, loser, silent].map((phone) => arrival(phone, 'INVITE')));
        expect(new Set([first!, second!, third!].map(branchOf)).size).toBe(3);
        loser.send(respond(second!, '180 Ringing'), ipv4);
        await arrival(caller, '180 INVITE');
        winner.send(respond(first!, '200 OK'), ipv4);
        const ok = await arrival(caller, '200 INVITE');
        caller.send(inDialog('ACK', invite, ok), ipv4);
        const cancel = await arrival(loser, 'CANCEL');
        expect(textOf(cancel, 'reason')).toBe('SIP;cause=200;text="Call completed elsewhere"');
        expect(branchOf(cancel)).toBe(branchOf(second!));
        loser.send(respond(cancel, '200 OK'), ipv4);
        loser.send(respond(second!, '487 Request Terminated'), ipv4);
        expect(seen(silent)).not.toContain('CANCEL');
        silent.send(respond(third!, '180 Ringing'), ipv4);
        const late = await arrival(silent, 'CANCEL');
        silent.send(respond(late, '200 OK'), ipv4);
        silent.send(respond(third!, '487 Request Terminated'), ipv4);
        await Promise.all([arrival(loser, 'ACK'), arrival(silent, 'ACK'), arrival(winner, 'ACK')]);
        expect(seen(winner)).toEqual(['INVITE', 'ACK']);
        // Nothing of the losers reached the caller.
        expect(seen(caller)).toEqual(['100 INVITE', '180 INVITE', '200 INVITE']);
      });
    });
  });

  describe('case 9: a branch that is silent while it is cancelled', () => {
    const hasty = useProxy('cancel-silent', { shards: 2, io: 'dgram', routes: 'cases', timers: HASTY });

    test.skipIf(!peersAvailable('cancel'))('SIPp: 487 by Timer B, not 408, and the callee hears of no CANCEL', async () => {
      const { group, proxy } = hasty;
      const { callee } = await runCalls({ group, proxy, calls: CALLS, caller: 'cancel-suspended-uac', callee: 'silent-uas' });
      expect(callee.count('INVITE', 'Retrans')).toBeGreaterThanOrEqual(2 * CALLS);
    });

    test('a 200 as its first answer is forwarded, and the call exists', async () => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = use.proxy;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(invite, ipv4);
        const got = await arrival(callee, 'INVITE');
        caller.send(cancelOf(invite), ipv4);
        await arrival(caller, '200 CANCEL');
        callee.send(respond(got, '200 OK'), ipv4);
        const ok = await arrival(caller, '200 INVITE');
        caller.send(inDialog('ACK', invite, ok), ipv4);
        caller.send(inDialog('BYE', invite, ok), ipv4);
        callee.send(respond(await arrival(callee, 'BYE'), '200 OK'), ipv4);
        await arrival(caller, '200 BYE');
        expect(seen(callee)).toEqual(['INVITE', 'ACK', 'BYE']);
        expect(seen(caller)).toEqual(['100 INVITE', '200 CANCEL', '200 INVITE', '200 BYE']);
      });
    });
  });

  describe('case 10: a CANCEL that crosses the final response', () => {
    test.skipIf(!peersAvailable('cancel'))('SIPp: 200 to the CANCEL, the 2xx goes through, nothing more', async () => {
      const { group, proxy } = use;
      const { callee } = await runCalls({ group, proxy, calls: CALLS, caller: 'cancel-crossed-uac', callee: 'cancel-crossed-uas' });
      expect(callee.count('CANCEL', 'Recv')).toBe(CALLS);
    });

    test('on bare sockets: the same, message by message', async () => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = use.proxy;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(invite, ipv4);
        const got = await arrival(callee, 'INVITE');
        callee.send(respond(got, '180 Ringing'), ipv4);
        await arrival(caller, '180 INVITE');
        caller.send(cancelOf(invite), ipv4);
        const cancel = await arrival(callee, 'CANCEL');
        callee.send(respond(got, '200 OK'), ipv4);
        callee.send(respond(cancel, '200 OK'), ipv4);
        const ok = await arrival(caller, '200 INVITE');
        caller.send(inDialog('ACK', invite, ok), ipv4);
        await arrival(callee, 'ACK');
        await barrier(use.proxy, callee);
        expect(seen(callee)).toEqual(['INVITE', 'CANCEL', 'ACK']);
        expect(seen(caller)).toEqual(['100 INVITE', '180 INVITE', '200 CANCEL', '200 INVITE']);
      });
    });

    test.each(['200 OK', '486 Busy Here'])('after a %s: 200 to the CANCEL, and no effect', async (final) => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = use.proxy;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(invite, ipv4);
        callee.send(respond(await arrival(callee, 'INVITE'), final), ipv4);
        const status = `${final.slice(0, 3)} INVITE`;
        const response = await arrival(caller, status);
        caller.send(cancelOf(invite), ipv4);
        await arrival(caller, '200 CANCEL');
        caller.send(status === '200 INVITE' ? inDialog('ACK', invite, response) : ackTo(invite, response), ipv4);
        await arrival(callee, 'ACK');
        await barrier(use.proxy, callee);
        expect(seen(callee)).toEqual(['INVITE', 'ACK']);
        expect(seen(caller)).toEqual(['100 INVITE', status, '200 CANCEL']);
      });
    });
  });

  describe('case 12: a CANCEL before its INVITE', () => {
    const brief = useProxy('cancel-early', { shards: 2, io: 'dgram', routes: 'cases', timers: PATIENT, earlyCancelMs: 100 });

    // Alone on its proxy, for the sake of the counters. With several shards the CANCEL is held when it has been round all of
    // them: an INVITE that overtakes it there rings, and is cancelled.
    describe.skipIf(!peersAvailable('cancel')).each([{ shards: 1, gapMs: 0 }, { shards: SHARDS, gapMs: 300 }])('with SIPp, $shards shards', ({ shards, gapMs }) => {
      const early = useProxy('cancel-swapped', { shards, io: 'batch', routes: 'cases', timers: PATIENT, earlyCancelMs: 5000 });

      test('each INVITE comes behind its CANCEL: 200 and 487, no script runs and nothing gets through', async () => {
        const calls = 40;
        const { group, proxy } = early;
        const before = (await proxy.counters()) ?? {};
        await runRefused({ group, proxy, calls, rate: 200, pauseMs: gapMs, caller: 'cancel-early-uac' });
        await waitUntil(async () => (await grown(proxy, before, 'cancelsHeldMatched')) === calls, 10_000, () => 'not every CANCEL was held until its INVITE came');
        expect(await grown(proxy, before, 'requestsOut')).toBe(0);
        expect(await grown(proxy, before, 'scriptRuns')).toBe(0);
        expect(await grown(proxy, before, 'cancelsUnmatched')).toBe(0);
      });
    });

    test('held without a reply; the INVITE is answered 487, the CANCEL 200, and the callee hears of neither', async () => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = use.proxy;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(cancelOf(invite), ipv4);
        caller.send(cancelOf(invite), ipv4);
        // It looks for its INVITE in all shards before it is held.
        await waitUntil(async () => (await use.proxy.counters())?.['cancelsHeldNow'] === 1, 4000, () => 'the CANCEL is not held');
        await barrier(use.proxy, callee);
        expect(seen(caller)).toEqual([]);
        caller.send(invite, ipv4);
        caller.send(ackTo(invite, await arrival(caller, '487 INVITE')), ipv4);
        await arrival(caller, '200 CANCEL');
        caller.send(cancelOf(invite), ipv4);
        await arrival(caller, '200 CANCEL', 2);
        await barrier(use.proxy, callee);
        expect(seen(callee)).toEqual([]);
        expect(times(caller, '487 INVITE')).toBe(1);
      });
    });

    test('no INVITE comes: the CANCEL is forwarded once, with the branch that its INVITE gets when it comes at last', async () => {
      await withPhones(1, async (caller, callee) => {
        const { ipv4 } = brief.proxy;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(cancelOf(invite, ['Reason: SIP;cause=487']), ipv4);
        caller.send(cancelOf(invite, ['Reason: SIP;cause=487']), ipv4);
        const cancel = await arrival(callee, 'CANCEL');
        expect(all(cancel, 'via')).toHaveLength(2);
        expect(textOf(cancel, 'reason')).toBe('SIP;cause=487');
        callee.send(respond(cancel, '481 Call/Transaction Does Not Exist'), ipv4);
        await arrival(caller, '481 CANCEL');
        caller.send(invite, ipv4);
        const got = await arrival(callee, 'INVITE');
        expect(branchOf(got)).toBe(branchOf(cancel));
        expect(times(callee, 'CANCEL')).toBe(1);
        callee.send(respond(got, '486 Busy Here'), ipv4);
        caller.send(ackTo(invite, await arrival(caller, '486 INVITE')), ipv4);
      });
    });

    test('no INVITE comes and the script says so: 481', async () => {
      await withPhones(1, async (caller, callee) => {
        caller.send(cancelOf(newInvite({ from: caller.address, to: callee.address, user: 'strict' })), brief.proxy.ipv4);
        await arrival(caller, '481 CANCEL');
        expect(seen(callee)).toEqual([]);
      });
    });
  });

  describe('case 13: a CANCEL or an ACK that reaches another shard than its INVITE', () => {
    // Alone on its proxy, for the sake of the counters.
    const counted = useProxy('cancel-offers', { shards: SHARDS, io: 'batch', routes: 'cases', timers: PATIENT });

    test('found through the round among the shards: the INVITE had a Route, they have none', async () => {
      const before = (await counted.proxy.counters()) ?? {};
      for (let shard = 0; shard < SHARDS; shard++) {
        await withPhones(1, async (caller, callee) => {
          const { ipv4 } = counted.proxy;
          const headers = [`Route: <sip:${hostPort(ipv4)};lr;vd=000${String(shard)}>`];
          const invite = newInvite({ from: caller.address, to: callee.address, headers });
          caller.send(invite, ipv4);
          const got = await arrival(callee, 'INVITE');
          // The shard stands behind the node in our branch.
          expect(branchOf(got)).toMatch(new RegExp(`^z9hG4bKvd000${String(shard)}`));
          callee.send(respond(got, '180 Ringing'), ipv4);
          await arrival(caller, '180 INVITE');
          caller.send(cancelOf(invite), ipv4);
          await arrival(caller, '200 CANCEL');
          const cancel = await arrival(callee, 'CANCEL');
          expect(branchOf(cancel)).toBe(branchOf(got));
          callee.send(respond(cancel, '200 OK'), ipv4);
          callee.send(respond(got, '487 Request Terminated'), ipv4);
          caller.send(ackTo(invite, await arrival(caller, '487 INVITE')), ipv4);
          await barrier(counted.proxy, callee);
          expect(seen(callee)).toEqual(['INVITE', 'CANCEL', 'ACK']);
          expect(seen(caller)).toEqual(['100 INVITE', '180 INVITE', '200 CANCEL', '487 INVITE']);
        });
      }
      // The four callers hash to any shard, but not each to the one that its Route names: at least some went round.
      await waitUntil(async () => (await grown(counted.proxy, before, 'offersMatched')) >= 2, 10_000, () => 'no CANCEL or ACK was found in another shard');
      // A bounded round: each goes on to three others at most.
      expect(await grown(counted.proxy, before, 'offersOut')).toBeLessThanOrEqual(2 * SHARDS * (SHARDS - 1));
      // No ACK to a 487 was taken for one to a 2xx.
      expect(await grown(counted.proxy, before, 'acksUnmatched')).toBe(0);
      expect(await grown(counted.proxy, before, 'cancelsUnmatched')).toBe(0);
    });

    describe.skipIf(!peersAvailable('cancel'))('with SIPp', () => {
      const pinned = useProxy('cancel-pinned', { shards: SHARDS, io: 'batch', routes: 'cases', timers: PATIENT });

      test('INVITEs with a Route to one shard, their CANCELs and ACKs go to any: all calls are cancelled, none of them unmatched', async () => {
        const calls = 24;
        const { group, proxy } = pinned;
        const before = (await proxy.counters()) ?? {};
        const { callee } = await runCalls({ group, proxy, calls, keys: { shard: '02' }, caller: 'cancel-no-route-uac', callee: 'cancel-uas' });
        const branches = callee.messages().filter(({ text }) => text.startsWith('INVITE ')).map(({ text }) => branchOf(text).slice(0, 13));
        expect(branches).toEqual(Array.from({ length: calls }, () => 'z9hG4bKvd0002'));
        // About one in four has its CANCEL and its ACK in that shard by chance; the others go round, to three shards at most.
        await waitUntil(async () => (await grown(proxy, before, 'offersMatched')) >= 2, 10_000, () => 'no CANCEL or ACK was found in another shard');
        expect(await grown(proxy, before, 'offersOut')).toBeLessThanOrEqual(2 * calls * (SHARDS - 1));
        expect(await grown(proxy, before, 'cancelsMatched')).toBe(calls);
        expect(await grown(proxy, before, 'cancelsHeld')).toBe(0);
        expect(await grown(proxy, before, 'cancelsUnmatched')).toBe(0);
        // An ACK that is not found would go on to the script, and its 487 would come again.
        expect(await grown(proxy, before, 'acksUnmatched')).toBe(0);
      });
    });
  });
});
