import { describe, expect, it } from 'vitest';
import { ListenError } from '../../../src/net/udp-driver.js';
import {
  C_DATAGRAMS_IN, C_DATAGRAMS_OUT, C_DROP_SEND_ERROR, C_DROP_TRUNCATED,
} from '../../../src/telemetry/counters.js';
import { DRIVERS, V4, V6, endpointOf, hasIpv6, openDriver, openPeer, type DriverSettings } from './driver-harness.js';

/** Sends everything back to where it came from. */
const ECHO: DriverSettings = {
  onDatagram: (driver, bytes, start, end, meta) => { driver.send(bytes, start, end, meta, 0, -1); },
  onBatchEnd: (driver) => { driver.flush(); },
};

function payload(bytes: number, seed = 0): Buffer {
  return Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 7 + (i >> 8) + seed) & 255));
}

for (const { kind, skip } of DRIVERS) {
  describe.skipIf(skip !== undefined)(`the ${kind} driver${skip === undefined ? '' : ` (skipped: ${skip})`}`, () => {
    it.each([1, 500, 1472, 65_507])('takes and sends %d bytes over IPv4', async (bytes) => {
      const { driver, until, received, counters } = await openDriver(kind, [V4], ECHO);
      const peer = await openPeer(4);
      peer.socket.send(payload(bytes), driver.listeners[0]!.port, '127.0.0.1');
      await until(() => peer.received.length === 1);
      expect(Buffer.compare(received[0]!.bytes, payload(bytes))).toBe(0);
      expect(received[0]!.meta).toMatchObject({ ...endpointOf('127.0.0.1', peer.port), keyLo: 0, keyHi: 0, kind: 0, hops: 0 });
      expect(Buffer.compare(peer.received[0]!.bytes, payload(bytes))).toBe(0);
      expect(peer.received[0]!.fromPort).toBe(driver.listeners[0]!.port);
      await until(() => counters[C_DATAGRAMS_OUT] === 1);
      expect([counters[C_DATAGRAMS_IN], counters[C_DROP_TRUNCATED], counters[C_DROP_SEND_ERROR]]).toEqual([1, 0, 0]);
    });

    it.skipIf(!hasIpv6).each([1, 500, 1472, 65_507])('takes and sends %d bytes over IPv6', async (bytes) => {
      const { driver, until, received } = await openDriver(kind, [V6], ECHO);
      const peer = await openPeer(6);
      peer.socket.send(payload(bytes), driver.listeners[0]!.port, '::1');
      await until(() => peer.received.length === 1);
      expect(received[0]!.meta).toMatchObject({ family: 6, a0: 0, a1: 0, a2: 0, a3: 1, port: peer.port });
      expect(Buffer.compare(peer.received[0]!.bytes, payload(bytes))).toBe(0);
    });

    it('reports the port that the kernel chose', async () => {
      const { driver } = await openDriver(kind, [V4, V4]);
      const [first, second] = driver.listeners;
      expect(first).toMatchObject({ host: '127.0.0.1', family: 4 });
      expect(first!.port).toBeGreaterThan(0);
      expect(second!.port).toBeGreaterThan(0);
      expect(second!.port).not.toBe(first!.port);
    });

    it('says at which listener a datagram came in, and sends from the one it is told', async () => {
      const listen = hasIpv6 ? [V4, V6, V4] : [V4, V4, V4];
      const { driver, until, received } = await openDriver(kind, listen);
      for (const [i, { family, host }] of listen.entries()) {
        const peer = await openPeer(family);
        peer.socket.send(payload(30, i), driver.listeners[i]!.port, host);
        await until(() => received.length === i + 1);
        expect(received[i]!.meta.listener).toBe(i);
        expect(Buffer.compare(received[i]!.bytes, payload(30, i))).toBe(0);
        driver.send(payload(40, i), 0, 40, endpointOf(peer.host, peer.port, i), 0, -1);
        driver.flush();
        await until(() => peer.received.length === 1);
        expect(peer.received[0]!.fromPort).toBe(driver.listeners[i]!.port);
      }
    });

    it.skipIf(!hasIpv6)('opens the same port for IPv4 and IPv6, because IPv6 sockets take IPv6 alone', { retry: 3 }, async () => {
      // Another program may hold that port for IPv4 by chance: hence the retries.
      const { driver } = await openDriver(kind, [{ host: '::', family: 6, port: 0 }]);
      const { port } = driver.listeners[0]!;
      const both = await openDriver(kind, [{ host: '0.0.0.0', family: 4, port }]);
      expect(both.driver.listeners[0]!.port).toBe(port);
    });

    it('delivers more than one batch in order', async () => {
      const { driver, until, counters } = await openDriver(kind, [V4]);
      const peer = await openPeer(4);
      for (let i = 0; i < 300; i++) driver.send(payload(20 + i, i), 0, 20 + i, endpointOf('127.0.0.1', peer.port), 0, -1);
      driver.flush();
      await until(() => peer.received.length === 300);
      expect(peer.received.map(({ bytes }) => bytes.length)).toEqual(Array.from({ length: 300 }, (_, i) => 20 + i));
      expect(peer.received.every(({ bytes }, i) => Buffer.compare(bytes, payload(20 + i, i)) === 0)).toBe(true);
      await until(() => counters[C_DATAGRAMS_OUT] === 300);
    });

    it('gives the receive buffer that was asked for, in the same unit', { skip: process.platform !== 'linux' }, async () => {
      const { driver } = await openDriver(kind, [V4], { receiveBufferBytes: 65_536 });
      expect(driver.listeners[0]).toMatchObject({ askedReceiveBytes: 65_536, receiveBytes: 65_536 });
    });

    it('says clearly when the address is in use', async () => {
      const peer = await openPeer(4);
      const opening = openDriver(kind, [V4, { ...V4, port: peer.port }]);
      await expect(opening).rejects.toThrow(ListenError);
      await expect(opening).rejects.toMatchObject({
        code: 'ERR_LISTEN_ADDRESS_IN_USE',
        listener: `udp:127.0.0.1:${peer.port}`,
        message: `cannot listen on udp:127.0.0.1:${peer.port}: the address is in use by another socket; stop that program or choose another port`,
      });
    });

    it('says clearly when the address is not one of this machine', async () => {
      await expect(openDriver(kind, [{ host: '192.0.2.77', family: 4, port: 0 }])).rejects.toMatchObject({
        code: 'ERR_LISTEN_ADDRESS_NOT_AVAILABLE', listener: 'udp:192.0.2.77:0',
      });
    });

    it('reports the owner of a datagram that cannot be sent, and sends the others', async () => {
      const { driver, until, failures, counters } = await openDriver(kind, [V4]);
      const peer = await openPeer(4);
      const good = endpointOf('127.0.0.1', peer.port);
      const broadcast = endpointOf('255.255.255.255', peer.port);
      driver.send(payload(10), 0, 10, good, 1, 100);
      driver.send(payload(11), 0, 11, broadcast, 2, 101);
      driver.send(payload(12), 0, 12, good, 1, 102);
      driver.send(payload(13), 0, 13, broadcast, 3, -1);
      driver.send(payload(65_508), 0, 65_508, good, 4, 103);
      driver.send(payload(14), 0, 14, { ...good, port: 0 }, 5, 104);
      driver.send(payload(14), 0, 14, { ...good, listener: 9 }, 6, 105);
      driver.send(payload(15), 0, 15, good, 1, 106);
      driver.flush();
      await until(() => peer.received.length === 3 && failures.length === 4);
      expect(peer.received.map(({ bytes }) => bytes.length)).toEqual([10, 12, 15]);
      const byOwner = [...failures].sort((a, b) => a.owner - b.owner);
      expect(byOwner).toEqual([
        { shard: 2, owner: 101 }, { shard: 4, owner: 103 }, { shard: 5, owner: 104 }, { shard: 6, owner: 105 },
      ]);
      await until(() => counters[C_DROP_SEND_ERROR] === 5);
      await until(() => counters[C_DATAGRAMS_OUT] === 3);
    });

    it('frees its address when it is closed, and closes twice without harm', async () => {
      const { driver } = await openDriver(kind, [V4]);
      const { port } = driver.listeners[0]!;
      await driver.close();
      await driver.close();
      const again = await openDriver(kind, [{ ...V4, port }]);
      expect(again.driver.listeners[0]!.port).toBe(port);
    });
  });
}

describe('ListenError', () => {
  it('explains a missing permission, and names what it has no words for', () => {
    expect(new ListenError('udp:0.0.0.0:53', 'EACCES')).toMatchObject({
      code: 'ERR_LISTEN_PERMISSION',
      message: 'cannot listen on udp:0.0.0.0:53: the process lacks the permission (ports below 1024 need a privilege)',
    });
    expect(new ListenError('udp:0.0.0.0:53', 'EMFILE').message).toContain('raise its limit (ulimit -n)');
    expect(new ListenError('udp:0.0.0.0:53', 'ENOBUFS')).toMatchObject({
      code: 'ERR_LISTEN_FAILED', message: 'cannot listen on udp:0.0.0.0:53: the system refused it with ENOBUFS',
    });
  });
});
