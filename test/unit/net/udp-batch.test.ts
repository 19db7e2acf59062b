import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Libc } from '../../../src/net/libc.js';
import { UdpBatchDriver } from '../../../src/net/udp-batch.js';
import type { UdpDriverOptions } from '../../../src/net/udp-driver.js';
import { EventFdBell, createBell } from '../../../src/ring/doorbell.js';
import { COUNTER_COUNT } from '../../../src/telemetry/counters.js';
import { runWorker } from '../ring/worker-code.js';
import { V4, libcHere, openPeer } from './driver-harness.js';

const skip = libcHere.libc === undefined;
const libc = libcHere.libc as Libc;

function open(listeners: number, bell?: EventFdBell): { driver: UdpBatchDriver; sizes: number[]; batches: number[] } {
  const sizes: number[] = [];
  const batches: number[] = [];
  const options: UdpDriverOptions = {
    listen: Array.from({ length: listeners }, () => V4),
    receiveBufferBytes: 1 << 20, sendBufferBytes: 0,
    counters: new Float64Array(COUNTER_COUNT),
    onDatagram: (_bytes, start, end) => { sizes.push(end - start); },
    onBatchEnd: () => { batches.push(sizes.length); },
    onSendFailed: () => undefined,
    ...(bell === undefined ? {} : { bell }),
  };
  const driver = UdpBatchDriver.open(libc, options);
  onTestFinished(() => driver.close());
  return { driver, sizes, batches };
}

function openBell(): EventFdBell {
  const fd = libc.eventfd();
  onTestFinished(() => { libc.close(fd); });
  return new EventFdBell(libc, createBell(), fd);
}

function send(from: { socket: import('node:dgram').Socket }, bytes: number, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    from.socket.send(Buffer.alloc(bytes), port, '127.0.0.1', (error) => { if (error) reject(error); else resolve(); });
  });
}

describe.skipIf(skip)(`UdpBatchDriver.receiveBatch${libcHere.libc === undefined ? ` (skipped: ${libcHere.reason})` : ''}`, () => {
  it.each([1, 3])('returns 0, calls nothing and throws nothing when nothing comes, with %d listener(s)', (listeners) => {
    const { driver, batches } = open(listeners);
    expect(driver.receiveBatch(0, false)).toBe(0);
    expect(driver.receiveBatch(1, false)).toBe(0);
    expect(driver.receiveBatch(2, false)).toBe(0);
    expect(driver.receiveBatch(1, true)).toBe(0);
    expect(batches).toEqual([]);
  });

  it.each([
    ['without waiting', 0, false], ['in a blocking receive', 10_000, false], ['in poll()', 10_000, true],
  ])('takes 64 datagrams a call at most, %s', async (_how, timeoutMs, idle) => {
    const { driver, sizes, batches } = open(1);
    const peer = await openPeer(4);
    for (let i = 1; i <= 100; i++) await send(peer, i, driver.listeners[0]!.port);
    expect(driver.receiveBatch(timeoutMs, idle)).toBe(64);
    expect(driver.receiveBatch(timeoutMs, idle)).toBe(36);
    expect(sizes).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(batches).toEqual([64, 100]);
  });

  it.each([[0, false], [10_000, false], [10_000, true]])(
    'takes what came at any of several listeners (timeout %d ms, idle %s)', async (timeoutMs, idle) => {
      const { driver, sizes } = open(3);
      const peer = await openPeer(4);
      await send(peer, 33, driver.listeners[2]!.port);
      await send(peer, 11, driver.listeners[0]!.port);
      expect(driver.receiveBatch(timeoutMs, idle)).toBe(2);
      expect(sizes).toEqual([11, 33]);
    },
  );

  it('takes a batch of the largest datagrams whole', async () => {
    const { driver, sizes } = open(1);
    const peer = await openPeer(4);
    for (let i = 0; i < 5; i++) await send(peer, 65_507, driver.listeners[0]!.port);
    expect(driver.receiveBatch(10_000, false)).toBe(5);
    expect(sizes).toEqual([65_507, 65_507, 65_507, 65_507, 65_507]);
  });

  it('takes an empty datagram', async () => {
    const { driver, sizes } = open(1);
    await send(await openPeer(4), 0, driver.listeners[0]!.port);
    expect(driver.receiveBatch(10_000, false)).toBe(1);
    expect(sizes).toEqual([0]);
  });

  it('wakes from its sleep when a shard rings, from another thread', async () => {
    const bell = openBell();
    const { driver } = open(2, bell);
    bell.announce();
    const ringing = runWorker(`
      import { parentPort, workerData } from 'node:worker_threads';
      import { loadLibc } from '../../../src/net/libc.js';
      import { EventFdBell } from '../../../src/ring/doorbell.js';
      parentPort.postMessage(new EventFdBell(loadLibc().libc, workerData.memory, workerData.fd).ring());
    `, { memory: bell.memory, fd: bell.fd });
    // Longer than the test may take: only the bell can end it in time.
    expect(driver.receiveBatch(50_000, true)).toBe(0);
    expect(await ringing).toBe(true);
    // Awake and drained: nobody rings, and the next sleep is not cut short by this one.
    expect(bell.ring()).toBe(false);
    bell.announce();
    expect(bell.ring()).toBe(true);
    expect(driver.receiveBatch(50_000, true)).toBe(0);
  });

  it('does not sleep when the bell rang between announcing and sleeping', () => {
    const bell = openBell();
    const { driver } = open(1, bell);
    bell.announce();
    bell.ring();
    expect(driver.receiveBatch(50_000, true)).toBe(0);
  });

  it('leaves no descriptor behind when a later listener cannot be opened', async () => {
    const peer = await openPeer(4);
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const before = descriptors();
    const options: UdpDriverOptions = {
      listen: [V4, V4, { ...V4, port: peer.port }], receiveBufferBytes: 0, sendBufferBytes: 0,
      counters: new Float64Array(COUNTER_COUNT),
      onDatagram: () => undefined, onBatchEnd: () => undefined, onSendFailed: () => undefined,
    };
    expect(() => UdpBatchDriver.open(libc, options)).toThrow(/in use/);
    expect(descriptors()).toBe(before);
  });
});
