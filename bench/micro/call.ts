/**
 * Whole calls, seven messages in and seven out, through router, ring, engine and send queue in one thread and without I/O. By the
 * on-CPU time of this process: what other load on the machine disturbs least, and what a timed task could not count message by
 * message.
 */
import { MESSAGES_A_CALL, MESSAGE_NAMES } from '../workloads/call-messages.js';
import { ASYNC_RELAY_ROUTES, RELAY_ROUTES, ShardRig } from '../workloads/shard-rig.js';
import { row, type Group, type Row, type Scale } from './benchmark.js';

/** Virtual time from call to call: with their number it makes more than the 33 s that a transaction stays. */
const ROUND_MS = 36_000;

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

async function measure({ isQuick, rounds }: Scale): Promise<Row[]> {
  const calls = isQuick ? 200 : 12_000;
  const everyMs = Math.ceil(ROUND_MS / calls);
  const sync = new ShardRig(RELAY_ROUTES);
  const messages = sync.prepareCalls(calls);
  const async = new ShardRig(ASYNC_RELAY_ROUTES);
  const steps = MESSAGE_NAMES.map((): number[] => []);
  const whole: number[] = [];
  const wholeAsync: number[] = [];
  // Two rounds warm up.
  for (let round = isQuick ? 0 : -2; round < rounds; round++) {
    // The calls of the last round are remembered for 32 s.
    sync.settle();
    const spent = byMessage(sync, calls, messages);
    const before = cpuNs();
    sync.placeCalls(messages, everyMs);
    const between = cpuNs();
    await async.placeCallsAsync(messages, everyMs);
    const after = cpuNs();
    if (round < 0) continue;
    for (const [step, ns] of spent.entries()) steps[step]!.push(ns / calls);
    whole.push((between - before) / calls);
    wholeAsync.push((after - between) / calls);
  }
  if (sync.count('retransmissionsIn') + async.count('retransmissionsIn') > 0) throw new Error('calls of one round met those of another');
  return [
    row('call, sync handler', whole),
    row('call, async handler', wholeAsync),
    ...MESSAGE_NAMES.map((name, step) => row(`${name}, batches of 64`, steps[step]!)),
  ];
}

/** All calls, message by message: the same message of every call, then the next. Nanoseconds of each. */
function byMessage(rig: ShardRig, calls: number, messages: ReturnType<ShardRig['prepareCalls']>): number[] {
  const spent = new Array<number>(MESSAGES_A_CALL).fill(0);
  for (let step = 0; step < MESSAGES_A_CALL; step++) {
    const before = cpuNs();
    for (let call = 0; call < calls; call++) {
      rig.push(messages.bytes, messages.start(call, step), messages.end(call, step), messages.port(step));
      if ((call & 63) === 63) rig.run(0);
    }
    rig.run(0);
    spent[step] = cpuNs() - before;
  }
  rig.settle();
  return spent;
}

export const call: Group = { name: 'call', about: 'a whole call through one shard, by CPU time; the work of the kernel and the threads is not in it', measure };
