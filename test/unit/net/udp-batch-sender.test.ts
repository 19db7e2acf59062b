import { describe, expect, it } from 'vitest';
import { EAGAIN, EINTR, ENOBUFS, type Libc } from '../../../src/net/libc.js';
import { MMSGHDR_BYTES } from '../../../src/net/mmsg-vector.js';
import { SEND_ARENA_BYTES, SEND_SLOTS, SEND_WAIT_MS, UdpBatchSender } from '../../../src/net/udp-batch-sender.js';
import {
  COUNTER_COUNT, C_DATAGRAMS_OUT, C_DROP_OUTBOX_FULL, C_DROP_SEND_ERROR,
} from '../../../src/telemetry/counters.js';
import { runWorker } from '../ring/worker-code.js';
import { V4, endpointOf, libcHere, openDriver, openPeer } from './driver-harness.js';

const EPERM = 1;

/** A kernel that answers sendmmsg as told: a count above 0, or an error below. Everything asked is written down. */
class ScriptedKernel {
  readonly calls: { fd: number; first: number; count: number }[] = [];
  polls = 0;
  private readonly answers: number[];
  private base = 0;
  private lastErrno = 0;

  constructor(answers: number[]) {
    this.answers = answers;
  }

  libc(): Libc {
    return {
      ...(libcHere.libc as Libc),
      // Any address will do: nobody follows it here.
      addressOf: () => 4096,
      sendmmsg: (fd, messages, count) => {
        if (this.base === 0) this.base = Number(messages);
        this.calls.push({ fd, first: (Number(messages) - this.base) / MMSGHDR_BYTES, count });
        const answer = this.answers.shift() ?? count;
        this.lastErrno = answer < 0 ? -answer : 0;
        return answer < 0 ? -1 : answer;
      },
      poll: () => { this.polls++; return 1; },
      errno: () => this.lastErrno,
    };
  }
}

function scripted(answers: number[]): { kernel: ScriptedKernel; sender: UdpBatchSender; counters: Float64Array; failed: number[] } {
  const kernel = new ScriptedKernel(answers);
  const counters = new Float64Array(COUNTER_COUNT);
  const failed: number[] = [];
  const sender = new UdpBatchSender(kernel.libc(), [{ fd: 7 }, { fd: 8 }], counters, (owner) => { failed.push(owner); });
  return { kernel, sender, counters, failed };
}

const TO = endpointOf('127.0.0.1', 5070);

function queue(sender: UdpBatchSender, count: number, bytes = 100, listener = 0): void {
  for (let i = 0; i < count; i++) sender.send(new Uint8Array(bytes), 0, bytes, { ...TO, listener }, i);
}

describe('UdpBatchSender', () => {
  it('asks the kernel for nothing when nothing is queued', () => {
    const { kernel, sender } = scripted([]);
    sender.flush();
    expect(kernel.calls).toEqual([]);
  });

  it('hands the rest over again when the kernel took a part', () => {
    const { kernel, sender, counters } = scripted([3, 2]);
    queue(sender, 10);
    sender.flush();
    expect(kernel.calls.map(({ first, count }) => [first, count])).toEqual([[0, 10], [3, 7], [5, 5]]);
    expect(counters[C_DATAGRAMS_OUT]).toBe(10);
  });

  it('tries again after a signal', () => {
    const { kernel, sender, counters } = scripted([-EINTR, -EINTR]);
    queue(sender, 2);
    sender.flush();
    expect(kernel.calls).toHaveLength(3);
    expect(counters[C_DATAGRAMS_OUT]).toBe(2);
  });

  it('skips the one message that the kernel refuses, and reports its owner', () => {
    const { sender, counters, failed } = scripted([2, -EPERM, -EPERM]);
    queue(sender, 6);
    sender.flush();
    expect(failed).toEqual([2, 3]);
    expect([counters[C_DATAGRAMS_OUT], counters[C_DROP_SEND_ERROR]]).toEqual([4, 2]);
  });

  it('waits for a full send buffer', () => {
    const { kernel, sender, counters } = scripted([-EAGAIN, 1, -ENOBUFS]);
    queue(sender, 3);
    sender.flush();
    expect(kernel.polls).toBe(2);
    expect([counters[C_DATAGRAMS_OUT], counters[C_DROP_OUTBOX_FULL]]).toEqual([3, 0]);
  });

  it('drops and counts what a send buffer that stays full does not take, and goes on with the next batch', () => {
    const { kernel, sender, counters, failed } = scripted([1, ...Array<number>(SEND_WAIT_MS + 1).fill(-EAGAIN)]);
    queue(sender, 5);
    sender.flush();
    expect(kernel.polls).toBe(SEND_WAIT_MS);
    expect([counters[C_DATAGRAMS_OUT], counters[C_DROP_OUTBOX_FULL], failed]).toEqual([1, 4, []]);
    queue(sender, 2);
    sender.flush();
    expect(counters[C_DATAGRAMS_OUT]).toBe(3);
  });

  it('costs one call a socket when messages alternate between sockets', () => {
    const { kernel, sender } = scripted([]);
    for (let i = 0; i < 10; i++) queue(sender, 1, 50, i % 2);
    sender.flush();
    expect(kernel.calls.map(({ fd, count }) => [fd, count])).toEqual([[7, 5], [8, 5]]);
  });

  it('flushes by itself when the slots or the arena are full', () => {
    const { kernel, sender } = scripted([]);
    queue(sender, SEND_SLOTS + 1);
    expect(kernel.calls.map(({ count }) => count)).toEqual([SEND_SLOTS]);
    sender.flush();
    queue(sender, 5, 65_000);
    expect(kernel.calls.map(({ count }) => count)).toEqual([SEND_SLOTS, 1, 4]);
  });

  it('refuses to reserve more than its arena', () => {
    const { sender } = scripted([]);
    expect(sender.reserve(SEND_ARENA_BYTES + 1)).toBe(-1);
    expect(sender.reserve(SEND_ARENA_BYTES)).toBe(0);
  });

  it('reports a listener that does not exist as a failed send', () => {
    const { sender, counters, failed } = scripted([]);
    sender.send(new Uint8Array(5), 0, 5, { ...TO, listener: 2 }, 42);
    sender.flush();
    expect(failed).toEqual([42]);
    expect(counters[C_DROP_SEND_ERROR]).toBe(1);
  });

  it.skipIf(libcHere.libc === undefined)('sends empty datagrams too', async () => {
    const { driver, until } = await openDriver('batch', [V4]);
    const peer = await openPeer(4);
    driver.send(new Uint8Array(0), 0, 0, endpointOf('127.0.0.1', peer.port), 0, -1);
    driver.flush();
    await until(() => peer.received.length === 1);
    expect(peer.received[0]!.bytes).toHaveLength(0);
  });

  it.skipIf(libcHere.libc === undefined)('sends from several threads on the descriptors of main', async () => {
    const { driver, until } = await openDriver('batch', [V4, V4]);
    const peer = await openPeer(4);
    const sending = Promise.all([0, 1].map((listener) => runWorker(`
      import { parentPort, workerData } from 'node:worker_threads';
      import { loadLibc } from '../../../src/net/libc.js';
      import { UdpBatchSender } from '../../../src/net/udp-batch-sender.js';
      import { COUNTER_COUNT, C_DATAGRAMS_OUT } from '../../../src/telemetry/counters.js';
      const counters = new Float64Array(COUNTER_COUNT);
      const sender = new UdpBatchSender(loadLibc().libc, workerData.sockets, counters, () => { throw new Error('refused'); });
      for (let i = 0; i < 100; i++) {
        const at = sender.reserve(200);
        sender.bytes.fill(workerData.to.listener + 65, at, at + 100 + i);
        sender.commit(at, at + 100 + i, workerData.to, i);
        if (i % 7 === 0) sender.flush();
      }
      sender.flush();
      parentPort.postMessage(counters[C_DATAGRAMS_OUT]);
    `, {
      sockets: driver.listeners.map(({ fd }) => ({ fd })), to: endpointOf('127.0.0.1', peer.port, listener),
    })));
    await until(() => peer.received.length === 200);
    expect(await sending).toEqual([100, 100]);
    for (const [listener, { port }] of driver.listeners.entries()) {
      const mine = peer.received.filter(({ fromPort }) => fromPort === port);
      expect(mine.map(({ bytes }) => bytes.length)).toEqual(Array.from({ length: 100 }, (_, i) => 100 + i));
      expect(mine.every(({ bytes }) => bytes.every((byte) => byte === listener + 65))).toBe(true);
    }
  });
});
