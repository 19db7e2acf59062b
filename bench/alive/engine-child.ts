/**
 * One size of the in-process part, in a process of its own, so that memory is this size's alone and the sizes can be measured in
 * turns: does what its parent says, answers with figures. Runs with --expose-gc.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { ShardStage, type Spent, type StageOptions } from './shard-stage.js';

/** What the parent says. */
export type ToChild =
  | { readonly do: 'make'; readonly options: StageOptions }
  /** Calls at the steady rate. */
  | { readonly do: 'run'; readonly calls: number }
  /** Calls at the steady rate until the transactions alive are as many as they will be. */
  | { readonly do: 'fill' }
  /** Calls that are left ringing. */
  | { readonly do: 'ring'; readonly calls: number }
  /** Calls that all end within a second of virtual time; then time goes on in steps until all they left has gone. */
  | { readonly do: 'burst'; readonly calls: number; readonly stepMs: number };

/** What it answers. */
export interface FromChild extends Spent {
  readonly servers: number;
  readonly clients: number;
  readonly ringing: number;
  /** Calls per second of virtual time. */
  readonly rate: number;
  /** After a full collection, bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  readonly external: number;
  /** Of the message store, in use. */
  readonly stored: number;
  /** Longest collection, and all of them, milliseconds. */
  readonly longestGcMs: number;
  readonly gcMs: number;
}

/** Longer than Timers C to M, milliseconds: finished transactions are gone then. */
const GONE_MS = 40_000;

/** Serves the parent until it disconnects. */
export function serveParent(): void {
  let stage: ShardStage | undefined;
  let longestGcMs = 0;
  let gcMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) {
      gcMs += duration;
      longestGcMs = Math.max(longestGcMs, duration);
    }
  }).observe({ entryTypes: ['gc'] });

  const obey = async (message: ToChild): Promise<FromChild> => {
    await turn();
    longestGcMs = 0;
    gcMs = 0;
    if (message.do === 'make') stage = new ShardStage(message.options);
    if (stage === undefined) throw new Error('nothing made yet');
    stage.take(0);
    const calls = act(stage, message);
    const spent = stage.take(calls);
    await turn();
    const gc = { longestGcMs, gcMs };
    globalThis.gc!();
    globalThis.gc!();
    const { rss, heapUsed, external } = process.memoryUsage();
    return {
      ...spent,
      ...gc,
      servers: stage.serversAlive,
      clients: stage.clientsAlive,
      ringing: stage.ringing,
      rate: stage.rate,
      rss,
      heapUsed,
      external,
      stored: stage.engine.storedBytes,
    };
  };
  process.on('message', (message: ToChild) => {
    obey(message).then((answer) => process.send!(answer), (error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
  process.on('disconnect', () => process.exit(0));
}

/** Returns how many calls it took. */
function act(stage: ShardStage, message: ToChild): number {
  switch (message.do) {
    case 'make':
      return 0;
    case 'run':
      stage.run(message.calls);
      return message.calls;
    case 'fill': {
      const calls = Math.ceil((stage.rate * GONE_MS) / 1000);
      stage.run(calls);
      return calls;
    }
    case 'ring':
      stage.ring(message.calls, 1);
      return message.calls;
    case 'burst':
      stage.burst(message.calls, 1000);
      stage.take(0);
      stage.idle(GONE_MS, message.stepMs);
      if (stage.serversAlive > 0) throw new Error(`${stage.serversAlive} transactions are left behind the burst`);
      return message.calls;
  }
}

/** Lets the observer of collections have its entries. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
