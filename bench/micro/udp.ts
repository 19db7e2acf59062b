/**
 * What a datagram costs in the drivers, over loopback in one thread: a batch is sent, then received. The kernel's own share is in
 * the figures. `send` and `receive` are the median batch by the clock, `cpu` is the on-CPU time of the whole process over
 * everything that was sent and received.
 */
import { parseAddress } from '../../src/net/endpoint.js';
import { loadLibc, type Libc } from '../../src/net/libc.js';
import { UdpBatchDriver } from '../../src/net/udp-batch.js';
import { UdpDgramDriver } from '../../src/net/udp-dgram.js';
import type { UdpDriverOptions } from '../../src/net/udp-driver.js';
import type { Endpoint } from '../../src/proxy/ports.js';
import { COUNTER_COUNT } from '../../src/telemetry/counters.js';
import { summarize } from '../statistics.js';
import { row, type Group, type Row, type Scale } from './benchmark.js';

const BATCHES = [1, 8, 32];
const PAYLOAD = new Uint8Array(500).fill(65);
/** Longest wait for a batch that is on its way, milliseconds. */
const RECEIVE_MS = 10;

/** Nanoseconds a datagram: of the median batch, and of CPU time. */
interface Cost {
  readonly send?: number;
  readonly receive?: number;
  readonly cpu: number;
}

class Receiver {
  received = 0;
  onBatch: () => void = () => undefined;

  options(listeners: number): UdpDriverOptions {
    return {
      listen: Array.from({ length: listeners }, () => ({ host: '127.0.0.1', family: 4 as const, port: 0 })),
      receiveBufferBytes: 1 << 20,
      sendBufferBytes: 1 << 20,
      counters: new Float64Array(COUNTER_COUNT),
      onDatagram: (bytes, start) => { this.received += bytes[start] === 65 ? 1 : 0; },
      onBatchEnd: () => { this.onBatch(); },
      onSendFailed: () => undefined,
    };
  }
}

function endpoint(port: number): Endpoint {
  return { ...parseAddress('127.0.0.1')!, listener: 0, port, connection: 0 };
}

function cpuNs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) * 1000;
}

async function batchCost(libc: Libc, listeners: number, batch: number, timeoutMs: number, idle: boolean, datagrams: number): Promise<Cost> {
  const driver = UdpBatchDriver.open(libc, new Receiver().options(listeners));
  const to = endpoint(driver.listeners[0]!.port);
  const sendNs: number[] = [];
  const receiveNs: number[] = [];
  let cpu = process.cpuUsage();
  // The first tenth warms up.
  for (let done = -Math.ceil(datagrams / 10 / batch) * batch; done < datagrams; done += batch) {
    if (done === 0) cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    for (let i = 0; i < batch; i++) driver.send(PAYLOAD, 0, PAYLOAD.length, to, 0, -1);
    driver.flush();
    const sent = process.hrtime.bigint();
    let got = 0;
    while (got < batch) got += driver.receiveBatch(timeoutMs, idle);
    const end = process.hrtime.bigint();
    if (done >= 0) {
      sendNs.push(Number(sent - start));
      receiveNs.push(Number(end - sent));
    }
  }
  const cpuEach = cpuNs(cpu) / datagrams;
  await driver.close();
  return { send: summarize(sendNs).median / batch, receive: summarize(receiveNs).median / batch, cpu: cpuEach };
}

async function dgramCost(batch: number, datagrams: number): Promise<Cost> {
  const receiver = new Receiver();
  const driver = await UdpDgramDriver.open(receiver.options(1));
  const to = endpoint(driver.listeners[0]!.port);
  let left = datagrams;
  let expected = 0;
  const cpu = process.cpuUsage();
  await new Promise<void>((resolve) => {
    receiver.onBatch = () => {
      if (receiver.received < expected) return;
      if (left <= 0) {
        resolve();
        return;
      }
      left -= batch;
      expected += batch;
      for (let i = 0; i < batch; i++) driver.send(PAYLOAD, 0, PAYLOAD.length, to, 0, -1);
    };
    receiver.onBatch();
  });
  const cpuEach = cpuNs(cpu) / datagrams;
  receiver.onBatch = () => undefined;
  await driver.close();
  return { cpu: cpuEach };
}

async function measure({ isQuick, rounds }: Scale): Promise<Row[]> {
  const datagrams = isQuick ? 64 : 10_000;
  const { libc, ...other } = loadLibc();
  if (libc === undefined) console.error(`udp: without the batch driver: ${'reason' in other ? other.reason : 'it is not available'}`);
  const cases: { readonly name: string; readonly cost: () => Promise<Cost> }[] = [];
  for (const batch of BATCHES) {
    if (libc !== undefined) {
      const add = (how: string, listeners: number, timeoutMs: number, idle: boolean): void => {
        cases.push({ name: `batch driver, ${how}, batches of ${batch}`, cost: () => batchCost(libc, listeners, batch, timeoutMs, idle, datagrams) });
      };
      add('no wait', 1, 0, false);
      add('blocking receive', 1, RECEIVE_MS, false);
      add('poll', 1, RECEIVE_MS, true);
      add('poll of 3 listeners', 3, RECEIVE_MS, false);
    }
    cases.push({ name: `dgram driver, batches of ${batch}`, cost: () => dgramCost(batch, datagrams) });
  }
  const costs: Cost[][] = cases.map(() => []);
  for (let round = 0; round < rounds; round++) for (const [i, { cost }] of cases.entries()) costs[i]!.push(await cost());
  return cases.flatMap(({ name }, i) =>
    (['send', 'receive', 'cpu'] as const).flatMap((part): Row[] => {
      const values = costs[i]!.flatMap((cost) => cost[part] ?? []);
      return values.length > 0 ? [row(`${name}: ${part}`, values, PAYLOAD.length)] : [];
    }),
  );
}

export const udp: Group = { name: 'udp', about: 'one 500-byte datagram over loopback, sent and received, the kernel included', measure };
