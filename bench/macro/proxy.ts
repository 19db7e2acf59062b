/** What the macro benchmarks know of a proxy under test: where it listens, whom to watch, what it has counted. */
import { createSocket } from 'node:dgram';

/** Counters of the proxy's own, if it has any; all since it began. */
export interface ProxyCounters {
  readonly calls: number;
  readonly datagramsIn: number;
  /** Batches that the main thread received, and the shards worked on. */
  readonly mainBatches: number;
  readonly shardBatches: number;
  /** Times each went to sleep and woke. */
  readonly mainWakeups: number;
  readonly shardWakeups: number;
}

/** What a proxy holds at a moment. */
export interface ProxyHolds {
  /** Server and client transactions alive. */
  readonly servers: number;
  readonly clients: number;
  /** Longest time for which a busy shard did not look at its ring, in the last ten seconds or a little more. */
  readonly longestPauseMs: number;
}

/** A running proxy. It stays up through all rounds of a benchmark. */
export interface ProxyUnderTest {
  /** Short, for tables and for names of figures: `viaduct`, `kamailio`. */
  readonly label: string;
  /** What exactly it is: version and how it was started, without paths. */
  readonly description: string;
  readonly pid: number;
  readonly port: number;
  /** Where it sends new calls. */
  readonly calleePort: number;
  /** The part that a thread of it plays. `rank` is the thread's place by CPU among the threads of the process, from 0. */
  roleOf(thread: { readonly pid: number; readonly tid: number; readonly rank: number }): string;
  /** Undefined when it has no counters. */
  counters(): Promise<ProxyCounters | undefined>;
  /** What it holds now; absent when it does not say. */
  holds?(): Promise<ProxyHolds>;
  /** What it has printed. */
  output(): string;
  /** True once it has ended, whoever ended it. */
  ended(): boolean;
  stop(): Promise<void>;
}

/** Below the range from which systems take ports for sockets that ask for none, so that nothing else picks one of them meanwhile. */
const FIRST_PORT = 18_000;
const PORTS = 12_000;
const handedOut = new Set<number>();

/** A UDP port of 127.0.0.1 that is free now, and was not handed out before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`no free UDP port found from ${FIRST_PORT} on`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}
