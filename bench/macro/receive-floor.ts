/**
 * What the kernel alone takes for receiving the datagrams of calls: a thread that does nothing but recvmmsg and, as the main thread
 * does under load, pause between two of them, so that datagrams gather. It is what is left of the main thread's CPU per datagram when
 * everything of ours is taken away. The figure falls with the datagrams that one recvmmsg brings, which is counted, since they share
 * one wake-up and one system call.
 *
 *     node bench/run.mjs bench/macro/receive-floor.ts PORT DATAGRAMS PAUSE_US     the receiver, which the other end starts
 */
import { readFileSync } from 'node:fs';
import { parseAddress, SOCKADDR_SLOT_BYTES, writeSockaddr } from '../../src/net/endpoint.js';
import { openBatchSocket } from '../../src/net/batch-socket.js';
import { errnoName, loadLibc, MSG_WAITFORONE, SO_RCVTIMEO, SOL_SOCKET, type Libc } from '../../src/net/libc.js';
import { MMSGHDR_BYTES, MmsgVector } from '../../src/net/mmsg-vector.js';
import type { ProcessGroup } from '../../test/e2e/process-group.js';
import { waitUntil } from '../../test/e2e/process-group.js';
import { ROOT } from '../results.js';
import { callIds, inDialog, invite, response } from '../workloads/call.js';
import { freePort } from './proxy.js';

const SLOTS = 64;
const SLOT_BYTES = 2048;
/** Datagrams that are sent at a time. */
const BURST = 2;
/** The receiver gives up after so long without a datagram. */
const RECEIVE_WAIT_S = 2;
const BUFFER_BYTES = 4 * 1024 * 1024;

/** One measurement: µs of CPU of the receiving thread per datagram. */
export interface Floor {
  /** Pause between two recvmmsg, µs; 0: it sleeps in recvmmsg alone. */
  readonly pauseUs: number;
  readonly cpuUsPerDatagram: number;
  /** Datagrams that one recvmmsg brought. */
  readonly datagramsPerBatch: number;
}

function libraryOrThrow(): Libc {
  const loaded = loadLibc();
  if (loaded.libc === undefined) throw new Error(`the batch driver does not work here: ${loaded.reason}`);
  return loaded.libc;
}

/** The six datagrams that a proxy receives of a call, with the sizes of real ones. */
function datagramsOfCall(): Uint8Array[] {
  const ids = callIds(1);
  const via = ['Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK0123456789abcdef0123456789abcdef', 'Via: SIP/2.0/UDP 127.0.0.1:5061;branch=z9hG4bK-4711-1-0'];
  const route = 'sip:127.0.0.1:5060;lr;vd=0.0.0123456789abcdef';
  return [
    invite(ids), response('180 Ringing', 'INVITE', ids, via, route), response('200 OK', 'INVITE', ids, via, route),
    inDialog('ACK', ids, route), inDialog('BYE', ids, route), response('200 OK', 'BYE', ids, via, route),
  ];
}

/** Sends `datagrams`, `perS` a second in small bursts, and returns what the receiver says about itself. */
export async function receiveFloor(group: ProcessGroup, pauseUs: number, perS: number, datagrams: number): Promise<Floor> {
  const libc = libraryOrThrow();
  const port = await freePort();
  const receiver = group.start(process.execPath, ['bench/run.mjs', 'bench/macro/receive-floor.ts', String(port), String(datagrams), String(pauseUs)], { cwd: ROOT });
  let ended = false;
  void receiver.exited.then(() => (ended = true));
  await waitUntil(() => ended || receiver.output().includes('ready'), 20_000, () => `the receiver does not start: ${receiver.output()}`);
  const { fd } = openBatchSocket(libc, { host: '127.0.0.1', family: 4, port: 0 }, 0, BUFFER_BYTES);
  const messages = datagramsOfCall();
  const payloads = new Uint8Array(SLOTS * SLOT_BYTES);
  const vector = new MmsgVector(libc, SLOTS, payloads);
  const to = { ...parseAddress('127.0.0.1')!, listener: 0, port, connection: 0 };
  for (let slot = 0; slot < SLOTS; slot++) {
    const message = messages[slot % messages.length]!;
    payloads.set(message, slot * SLOT_BYTES);
    vector.setPayload(slot, slot * SLOT_BYTES, message.length);
    vector.setNameBytes(slot, writeSockaddr(vector.names, vector.nameAt(slot), to));
  }
  const pause = new Int32Array(new SharedArrayBuffer(4));
  const began = performance.now();
  for (let sent = 0; sent < datagrams && !ended; ) {
    const first = sent % messages.length;
    const count = Math.min(BURST, SLOTS - first, datagrams - sent);
    const done = libc.sendmmsg(fd, vector.address + first * MMSGHDR_BYTES, count, 0);
    if (done < 0) throw new Error(`sendmmsg: ${errnoName(libc.errno())}`);
    sent += done;
    const dueMs = (sent / perS) * 1000 - (performance.now() - began);
    if (dueMs > 0.01) Atomics.wait(pause, 0, 0, dueMs);
  }
  libc.close(fd);
  const { code } = await receiver.exited;
  const text = receiver.output().split('\n').find((line) => line.startsWith('{'));
  if (code !== 0 || text === undefined) throw new Error(`the receiver failed (exit code ${code}): ${receiver.output()}`);
  return { pauseUs, ...(JSON.parse(text) as Omit<Floor, 'pauseUs'>) };
}

/** The receiver: counts its CPU from the first tenth of the datagrams on. */
function receive(port: number, datagrams: number, pauseUs: number): void {
  const libc = libraryOrThrow();
  const { fd } = openBatchSocket(libc, { host: '127.0.0.1', family: 4, port }, BUFFER_BYTES, 0);
  libc.setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, new Uint8Array(new BigInt64Array([BigInt(RECEIVE_WAIT_S), 0n]).buffer), 16);
  const vector = new MmsgVector(libc, SLOTS, new Uint8Array(SLOTS * SLOT_BYTES));
  for (let slot = 0; slot < SLOTS; slot++) {
    vector.setPayload(slot, slot * SLOT_BYTES, SLOT_BYTES);
    vector.setNameBytes(slot, SOCKADDR_SLOT_BYTES);
  }
  const cpuNs = (): number => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[0]);
  process.stdout.write('ready\n');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  let [received, calls, ns, from, callsFrom] = [0, 0, 0, 0, 0];
  while (received < datagrams) {
    const count = libc.recvmmsg(fd, vector.address, SLOTS, MSG_WAITFORONE, null);
    if (count < 0) break; // the last ones were lost, or the sender is gone
    received += count;
    calls++;
    if (from === 0 && received >= datagrams / 10) [ns, from, callsFrom] = [cpuNs(), received, calls];
    if (pauseUs > 0) Atomics.wait(pause, 0, 0, pauseUs / 1000);
  }
  const per = Math.max(1, received - from);
  process.stdout.write(`${JSON.stringify({ cpuUsPerDatagram: (cpuNs() - ns) / 1000 / per, datagramsPerBatch: per / Math.max(1, calls - callsFrom) })}\n`);
}

if (process.argv[1]?.endsWith('receive-floor.ts') === true) receive(Number(process.argv[2]), Number(process.argv[3]), Number(process.argv[4]));
