/**
 * What stands behind the sockets of a server: shards in threads of their own (`ShardedCore`), or one engine in the main
 * thread (`InlineCore`). Shapes only. Main thread.
 */
import type { UdpDriverOptions } from '../net/udp-driver.js';
import type { EngineOptions } from '../proxy/ports.js';
import type { CompiledScript } from '../script/load.js';
import type { RingLevels } from '../telemetry/snapshot.js';
import type { OpenDriver } from './open-driver.js';

/** What an engine is made of, but for which shard it is. */
export type SharedEngineOptions = Omit<EngineOptions, 'shard' | 'shards'>;

/** In the order in which a server calls it: open the sockets with `driverOptions`, attach, start, run; then stop and end. */
export interface ServerCore {
  /** Where the sockets hand over to. What comes before `start` has resolved may be dropped. */
  readonly driverOptions: Pick<UdpDriverOptions, 'onDatagram' | 'onBatchEnd' | 'onSendFailed' | 'receivePlace'>;
  /** The sockets are open. */
  attach(open: OpenDriver, engine: SharedEngineOptions): void;
  /** Resolves when messages are taken. Rejects with a coded error: a script that does not load. */
  start(): Promise<void>;
  /** The loop of the main thread: resolves after `end`, rejects when the sockets break. */
  run(): Promise<void>;
  /** Uses `script` for later requests. Rejects, and changes nothing, when it does not load. */
  reload(script: CompiledScript): Promise<void>;
  /** Changes the log level of every thread but the main one. */
  setLogLevel(level: string): void;
  /** Refuses new work, and waits until nothing is pending, or `drainMs` have passed. */
  drain(drainMs: number): Promise<void>;
  /** Ends every engine. What they have sent still goes out, by the loop. */
  stop(): Promise<void>;
  /** Ends the loop. */
  end(): Promise<void>;
  /** Counters and rings of the shards, in order; none of them when the engine counts in main's block. */
  stats(): { readonly counters: readonly Float64Array[]; readonly rings: readonly RingLevels[] };
  /** Has a shard die, where the hook allows it. */
  crash(shard: number): void;
}
