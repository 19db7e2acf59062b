/** What the shard loop sees of its outbox, whichever UDP driver runs. Lives in the shard's thread. */
import type { Outbox } from '../proxy/ports.js';

export interface ShardOutbox extends Outbox {
  /**
   * Sends what is queued: datagrams to the kernel or to the main thread, offers to the main thread. Call it after each
   * batch of engine work, outside of any engine call.
   */
  flush(): void;
  /**
   * Owner of the next committed datagram that the kernel refused, or -1 when there is none. Take them after `flush`,
   * outside of any engine call, and hand them to `Engine.sendFailed`. (With the dgram driver they come through the
   * in-ring as RECORD_SEND_FAILED instead.)
   */
  nextFailure(): number;
}
