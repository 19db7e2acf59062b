/**
 * What a datagram costs in the drivers, over loopback in one thread: a batch is sent, then received. The kernel's own
 * share is in the figures. `send` and `receive` are the median batch by the wall clock, `cpu` is the CPU time of the
 * whole process over everything that was sent and received.
 *
 *   npx esbuild bench/micro/udp.ts --bundle --platform=node --format=esm --packages=external \
 *     --outfile=dist/bench/udp.mjs && node dist/bench/udp.mjs [datagrams per row, default 20000]
 */
import { cpus } from 'node:os';
import { parseAddress } from '../../src/net/endpoint.js';
import { loadLibc, type Libc } from '../../src/net/libc.js';
import { UdpBatchDriver } from '../../src/net/udp-batch.js';
import { UdpDgramDriver } from '../../src/net/udp-dgram.js';
import type { UdpDriverOptions } from '../../src/net/udp-driver.js';
import type { Endpoint } from '../../src/proxy/ports.js';
import { COUNTER_COUNT } from '../../src/telemetry/counters.js';

const DATAGRAMS = Number(process.argv[2] ?? 20_000);
const BATCHES = [1, 8, 32];
const PAYLOAD = new Uint8Array(500).fill(65);

interface Row {
  driver: string;
  wait: string;
  batch: number;
  'send ns': number | string;
  'receive ns': number | string;
  'cpu ns': number;
}

/** Nanoseconds a datagram of the median batch. */
function median(batchNs: number[], batch: number): number {
  const sorted = [...batchNs].sort((a, b) => a - b);
  return Math.round((sorted[sorted.length >> 1] ?? 0) / batch);
}

function cpuNs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return Math.round(((user + system) * 1000) / DATAGRAMS);
}

let received = 0;
let onBatch = (): void => undefined;

function options(listeners: number): UdpDriverOptions {
  return {
    listen: Array.from({ length: listeners }, () => ({ host: '127.0.0.1', family: 4 as const, port: 0 })),
    receiveBufferBytes: 1 << 20, sendBufferBytes: 1 << 20,
    counters: new Float64Array(COUNTER_COUNT),
    onDatagram: (bytes, start) => { received += bytes[start] === 65 ? 1 : 0; },
    onBatchEnd: () => { onBatch(); },
    onSendFailed: () => undefined,
  };
}

function endpoint(port: number): Endpoint {
  return { ...parseAddress('127.0.0.1')!, listener: 0, port, connection: 0 };
}

function batchRow(libc: Libc, listeners: number, batch: number, how: readonly [string, number, boolean]): Row {
  const [wait, timeoutMs, idle] = how;
  const driver = UdpBatchDriver.open(libc, options(listeners));
  const to = endpoint(driver.listeners[0]!.port);
  const sendNs: number[] = [];
  const receiveNs: number[] = [];
  let cpu = process.cpuUsage();
  // The first tenth warms up.
  for (let done = -Math.ceil(DATAGRAMS / 10 / batch) * batch; done < DATAGRAMS; done += batch) {
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
  const cpuEach = cpuNs(cpu);
  void driver.close();
  return {
    driver: `batch, ${listeners} listener(s)`, wait, batch,
    'send ns': median(sendNs, batch), 'receive ns': median(receiveNs, batch), 'cpu ns': cpuEach,
  };
}

async function dgramRow(batch: number): Promise<Row> {
  const driver = await UdpDgramDriver.open(options(1));
  const to = endpoint(driver.listeners[0]!.port);
  let left = DATAGRAMS;
  let expected = received;
  const cpu = process.cpuUsage();
  await new Promise<void>((resolve) => {
    onBatch = () => {
      if (received < expected) return;
      if (left <= 0) {
        resolve();
        return;
      }
      left -= batch;
      expected += batch;
      for (let i = 0; i < batch; i++) driver.send(PAYLOAD, 0, PAYLOAD.length, to, 0, -1);
    };
    onBatch();
  });
  const cpuEach = cpuNs(cpu);
  onBatch = () => undefined;
  await driver.close();
  return { driver: 'dgram', wait: 'event loop', batch, 'send ns': '', 'receive ns': '', 'cpu ns': cpuEach };
}

const rows: Row[] = [];
const { libc, ...other } = loadLibc();
if (libc === undefined) {
  console.log('batch driver:', 'reason' in other ? other.reason : 'not available');
} else {
  for (const batch of BATCHES) {
    rows.push(batchRow(libc, 1, batch, ['none', 0, false]));
    rows.push(batchRow(libc, 1, batch, ['blocking receive', 10, false]));
    rows.push(batchRow(libc, 1, batch, ['poll', 10, true]));
    rows.push(batchRow(libc, 3, batch, ['poll', 10, false]));
  }
}
for (const batch of BATCHES) rows.push(await dgramRow(batch));
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}, ${PAYLOAD.length}-byte datagrams over loopback`);
console.table(rows);
