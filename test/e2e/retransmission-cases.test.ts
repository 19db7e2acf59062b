/**
 * The retransmission cases of docs/cancel-and-retransmissions.md through the running proxy: SIPp on both sides where a
 * scenario can play it, bare sockets where every byte and the order of all messages count.
 *
 * T1 is so long that the proxy sends nothing again of itself, so that whole message lists can be compared.
 */
import { describe, expect, test, vi } from 'vitest';
import { runCalls } from './call.js';
import { Copier } from './copier.js';
import { hostPort } from './free-port.js';
import { waitUntil } from './process-group.js';
import type { ProxyProcess } from './proxy-process.js';
import { ackTo, all, arrival, branchOf, header, inDialog, newInvite, respond, seen, times } from './raw-call.js';
import { peersAvailable } from './require-peers.js';
import { SipSocket } from './sip-socket.js';
import { useProxy } from './use-proxy.js';

const CALLS = 5;
const PATIENT = { t1Ms: 2000 };
/** 64 × T1 is 640 ms: Accepted is over soon. */
const BRIEF = { t1Ms: 10, t2Ms: 80, t4Ms: 100, timerDMs: 200 };
const LIMIT_MS = 20_000;

vi.setConfig({ maxConcurrency: 32, testTimeout: 40_000, hookTimeout: 60_000 });

/** Waits until a counter has reached `value`: what it counts has been dealt with. */
async function counted(proxy: ProxyProcess, name: string, value: number): Promise<void> {
  let last: number | undefined;
  const reached = async (): Promise<boolean> => (last = (await proxy.counters())?.[name]) === value;
  await waitUntil(reached, LIMIT_MS, () => `${name} is ${String(last)} and not ${String(value)}`);
}

interface Answered {
  readonly caller: SipSocket;
  readonly callee: SipSocket;
  readonly invite: string;
  /** The 200 as the callee sent it, and as it reached the caller. */
  readonly sent: string;
  readonly got: string;
}

/** A call up to its first 200; sockets are closed when `then` is done. */
async function answered(proxy: ProxyProcess, then: (call: Answered) => Promise<void>): Promise<void> {
  const caller = await SipSocket.open();
  const callee = await SipSocket.open();
  try {
    const invite = newInvite({ from: caller.address, to: callee.address });
    caller.send(invite, proxy.ipv4);
    const sent = respond(await arrival(callee, 'INVITE'), '200 OK');
    callee.send(sent, proxy.ipv4);
    await then({ caller, callee, invite, sent, got: await arrival(caller, '200 INVITE') });
  } finally {
    caller.close();
    callee.close();
  }
}

/** Ends the shard that has the call, by a request that follows its Record-Route, and waits for the replacement. */
async function killShardOf({ caller, got }: Answered, proxy: ProxyProcess): Promise<void> {
  const kill = newInvite({
    from: caller.address, to: proxy.ipv4, user: 'die', headers: all(got, 'record-route').map((line) => line.replace(/^Record-Route/i, 'Route')),
  });
  caller.send(kill, proxy.ipv4);
  await counted(proxy, 'shardRestarts', 1);
}

/** The 200 with another hash in the branch that the proxy put on top. */
function forged(response: string): string {
  const branch = branchOf(response);
  const last = branch.endsWith('0') ? '1' : '0';
  return response.replace(branch, branch.slice(0, -1) + last);
}

describe.concurrent('retransmissions', () => {
  const use = useProxy('retransmissions', { shards: 4, io: 'batch', routes: 'cases', timers: PATIENT });

  describe('case 1: INVITE again while the script is suspended', () => {
    test.each([
      { user: 'asks', provisional: '100 INVITE' },
      { user: 'asks-ringing', provisional: '183 INVITE' },
    ])('the script of $user runs once, and $provisional is sent again for each copy', async ({ user, provisional }) => {
      const [caller, callee, oracle] = await Promise.all([SipSocket.open(), SipSocket.open(), SipSocket.open()]);
      try {
        const { ipv4 } = use.proxy;
        let asker: { host: string; port: number } | undefined;
        oracle.onMessage = (_text, from) => (asker = from);
        const invite = newInvite({ from: caller.address, to: callee.address, user, headers: [`X-Ask: ${String(oracle.address.port)}`] });
        caller.send(invite, ipv4);
        await arrival(caller, provisional);
        await oracle.find((text) => text.startsWith('asked for '), LIMIT_MS, 'the question of the script');
        for (let copy = 2; copy <= 4; copy++) {
          caller.send(invite, ipv4);
          expect(await arrival(caller, provisional, copy)).toBe(await arrival(caller, provisional));
        }
        expect(seen(callee)).toEqual([]);
        if (asker === undefined) throw new Error('nobody asked');
        oracle.send('go on', asker);
        const got = await arrival(callee, 'INVITE');
        // From here on the last provisional response is the callee's.
        callee.send(respond(got, '180 Ringing'), ipv4);
        await arrival(caller, '180 INVITE');
        caller.send(invite, ipv4);
        await arrival(caller, '180 INVITE', 2);
        callee.send(respond(got, '486 Busy Here'), ipv4);
        const busy = await arrival(caller, '486 INVITE');
        caller.send(invite, ipv4);
        await arrival(caller, '486 INVITE', 2);
        caller.send(ackTo(invite, busy), ipv4);
        await arrival(callee, 'ACK');
        expect(seen(callee)).toEqual(['INVITE', 'ACK']);
        expect(oracle.received).toHaveLength(1);
        expect(times(caller, provisional)).toBe(4);
      } finally {
        for (const socket of [caller, callee, oracle]) socket.close();
      }
    });

    describe.skipIf(!peersAvailable('retransmissions'))('with SIPp', () => {
      test('three INVITEs a call into a script that waits, one at the callee', async () => {
        const { group, proxy } = use;
        const copier = await Copier.open(proxy.ipv4);
        try {
          const { callee } = await runCalls({
            ...{ group, proxy, calls: CALLS, sendTo: copier.address, user: 'late' },
            ...{ caller: 'answered-uac', callee: 'invite-once-uas' },
          });
          expect(callee.count('INVITE', 'Recv')).toBe(CALLS);
          expect(callee.count('INVITE', 'Retrans')).toBe(0);
          expect(copier.copies).toBeGreaterThanOrEqual(2 * CALLS);
        } finally {
          copier.close();
        }
      });
    });
  });

  describe('case 4: a 2xx to an INVITE comes again', () => {
    // Alone on its proxy, since it kills a shard.
    const alone = useProxy('late', { shards: 2, io: 'batch', routes: 'cases', timers: PATIENT });

    test('in Accepted each one is forwarded; after the shard was replaced the proven ones still are, and forged ones are dropped', async () => {
      const { proxy } = alone;
      await answered(proxy, async (call) => {
        const { callee, caller, got, invite, sent } = call;
        for (let copy = 2; copy <= 4; copy++) {
          callee.send(sent, proxy.ipv4);
          expect(await arrival(caller, '200 INVITE', copy)).toBe(got);
        }
        expect((await proxy.counters())?.['statelessResponses']).toBe(0);
        // Another dialog of a fork behind us: its 2xx goes up too.
        callee.send(sent.replace(';tag=callee', ';tag=other'), proxy.ipv4);
        expect(header(await arrival(caller, '200 INVITE', 5), 'to')).toContain(';tag=other');

        await killShardOf(call, proxy);
        callee.send(forged(sent), proxy.ipv4);
        callee.send(sent, proxy.ipv4);
        expect(await arrival(caller, '200 INVITE', 6)).toBe(got);
        await counted(proxy, 'dropForgedResponse', 1);
        await counted(proxy, 'statelessResponses', 1);
        expect(times(caller, '200 INVITE')).toBe(6);

        // The call is a call all the same.
        caller.send(inDialog('ACK', invite, got), proxy.ipv4);
        caller.send(inDialog('BYE', invite, got), proxy.ipv4);
        callee.send(respond(await arrival(callee, 'BYE'), '200 OK'), proxy.ipv4);
        await arrival(caller, '200 BYE');
        expect(seen(callee)).toEqual(['INVITE', 'ACK', 'BYE']);
      });
    });

    describe('after Timers L and M', () => {
      const brief = useProxy('later', { shards: 2, io: 'dgram', routes: 'cases', timers: BRIEF });

      test('a proven 2xx is forwarded statelessly, a forged one is dropped and counted', async () => {
        const { proxy } = brief;
        await answered(proxy, async ({ callee, caller, got, sent }) => {
          await counted(proxy, 'serverTransactionsAlive', 0);
          await counted(proxy, 'clientTransactionsAlive', 0);
          callee.send(forged(sent), proxy.ipv4);
          callee.send(sent, proxy.ipv4);
          expect(await arrival(caller, '200 INVITE', 2)).toBe(got);
          await counted(proxy, 'dropForgedResponse', 1);
          await counted(proxy, 'statelessResponses', 1);
          expect(times(caller, '200 INVITE')).toBe(2);
        });
      });
    });
  });

  describe('case 5: a final other than 2xx comes again, and what becomes of ACKs', () => {
    test('each copy is ACKed again and goes no further; the ACK of the caller is consumed', async () => {
      const [caller, callee] = await Promise.all([SipSocket.open(), SipSocket.open()]);
      try {
        const { proxy } = use;
        const invite = newInvite({ from: caller.address, to: callee.address });
        caller.send(invite, proxy.ipv4);
        const got = await arrival(callee, 'INVITE');
        const busy = respond(got, '486 Busy Here');
        for (let copy = 1; copy <= 3; copy++) {
          callee.send(busy, proxy.ipv4);
          const ack = await arrival(callee, 'ACK', copy);
          expect(branchOf(ack)).toBe(branchOf(got));
          expect(all(ack, 'via')).toHaveLength(1);
          expect(header(ack, 'to')).toBe(header(busy, 'to'));
        }
        const ack = ackTo(invite, await arrival(caller, '486 INVITE'));
        caller.send(ack, proxy.ipv4);
        caller.send(ack, proxy.ipv4);
        // A copy of the INVITE is absorbed now, since the first ACK has been taken in. All of this goes to one shard, so that
        // it is over when the next copy of the 486 is acknowledged.
        caller.send(invite, proxy.ipv4);
        callee.send(busy, proxy.ipv4);
        await arrival(callee, 'ACK', 4);
        expect(seen(callee)).toEqual(['INVITE', 'ACK', 'ACK', 'ACK', 'ACK']);
        expect(seen(caller)).toEqual(['100 INVITE', '486 INVITE']);
        expect((await proxy.counters())?.['responseRetransmissionsIn']).toBe(3);
      } finally {
        caller.close();
        callee.close();
      }
    });

    test('the ACK to a 2xx follows the Route set, each time it is sent, before the BYE behind it', async () => {
      await answered(use.proxy, async ({ callee, caller, got, invite }) => {
        const { ipv4 } = use.proxy;
        expect(all(got, 'record-route')).toHaveLength(1);
        expect(header(got, 'record-route')).toContain(hostPort(ipv4));
        const ack = inDialog('ACK', invite, got);
        caller.send(ack, ipv4);
        caller.send(ack, ipv4);
        caller.send(inDialog('BYE', invite, got), ipv4);
        const bye = await arrival(callee, 'BYE');
        expect(seen(callee)).toEqual(['INVITE', 'ACK', 'ACK', 'BYE']);
        expect(all(await arrival(callee, 'ACK'), 'route')).toEqual([]);
        callee.send(respond(bye, '200 OK'), ipv4);
        await arrival(caller, '200 BYE');
      });
    });
  });
});
