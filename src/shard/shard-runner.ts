/** What runs a shard, as its control messages see it: `ShardLoop` behind a ring, `SocketShard` behind the sockets. */
export interface ShardRunner {
  /** Leaves the loop after the present batch. */
  stop(): void;
  /** Keeps the event loop turning, as a script that awaits something does, until `work` has settled. */
  holdEventLoop(work: Promise<unknown>): void;
  /** From here on `W_PENDING` tells main how much is left to do. */
  watchPending(): void;
  /** Runs until `stop`. Rejects with whatever the engine threw. */
  run(): Promise<void>;
}
