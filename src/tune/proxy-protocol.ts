/** What `viaduct tune` and the proxies that it starts say to each other, over the channel of `fork` (structured clones). */
import type { Config } from '../config/schema.js';

/** The first message to a proxy. Its only other order is the end of the channel: the proxy then stops, whatever ended it. */
export interface ProxyOrder {
  readonly config: Config;
}

/** The only message of a proxy: it takes calls, or could not start. */
export type ProxyReport =
  | {
      readonly type: 'ready';
      /** Port of its only listener, on 127.0.0.1. */
      readonly port: number;
      readonly driver: 'batch' | 'dgram';
      /** System thread ids, by shard. That of the main thread is the process id. */
      readonly shardThreads: readonly number[];
    }
  | { readonly type: 'failed'; readonly line: string };

/** The channel between the threads of a proxy on which a shard says in which thread it runs. */
export const THREADS_CHANNEL = 'viaduct-tune-threads';

/** What a shard says there. */
export interface ShardThread {
  readonly shard: number;
  readonly tid: number;
}
