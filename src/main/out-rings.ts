/**
 * Takes what the shards send to the main thread off their out-rings: CANCEL and ACK offered to other shards, and with the
 * dgram driver every outgoing datagram. The one reader of every out-ring. Main thread.
 */
import type { UdpDriver } from '../net/udp-driver.js';
import { RECORD_OFFER, RECORD_SEND } from '../ring/layout.js';
import type { RingReader } from '../ring/spsc-ring.js';
import type { Dispatcher } from './dispatcher.js';

/** Most records taken from one ring before the next one has its turn. */
const RECORDS_PER_ROUND = 256;

/** The out-rings of all shards. */
export class OutRings {
  private readonly rings: readonly RingReader[];
  private readonly dispatcher: Dispatcher;
  private readonly driver: UdpDriver;

  /** `rings[i]` is the out-ring of shard i. */
  constructor(rings: readonly RingReader[], dispatcher: Dispatcher, driver: UdpDriver) {
    this.rings = rings;
    this.dispatcher = dispatcher;
    this.driver = driver;
  }

  /** Passes a bounded number of records on, and flushes what they went into. Returns how many there were. */
  drain(): number {
    let taken = 0;
    for (let shard = 0; shard < this.rings.length; shard++) {
      const ring = this.rings[shard]!;
      let count = 0;
      while (count < RECORDS_PER_ROUND && ring.next()) {
        count++;
        if (ring.type === RECORD_SEND) {
          this.driver.send(ring.bytes, ring.start, ring.end, ring.meta, shard, ring.owner);
        } else if (ring.type === RECORD_OFFER) {
          this.dispatcher.offer(ring.owner, ring.bytes, ring.start, ring.end, ring.meta);
        }
      }
      if (count > 0) ring.release();
      taken += count;
    }
    if (taken > 0) {
      this.driver.flush();
      this.dispatcher.flush();
    }
    return taken;
  }

  /** True when no ring holds anything. Ask between `announce` and the wait of a doorbell. */
  empty(): boolean {
    for (let shard = 0; shard < this.rings.length; shard++) if (!this.rings[shard]!.empty()) return false;
    return true;
  }
}
