/**
 * What one call allocates in the shard and the router in steady state: calls of seven datagrams through router, ring, engine and send
 * queue, with timers of earlier calls running out meanwhile. Bytes are counted, not estimated; where they come from is estimated.
 */
import { ROOT } from '../results.js';
import { RELAY_ROUTES, ShardRig } from '../workloads/shard-rig.js';
import { SEMI_SPACE_MB, allocatedBy } from './heap-growth.js';
import { allocationSites, type AllocationSite } from './sites.js';

/** Longer than a transaction stays: calls of one round are forgotten when they are placed again in the next. */
const ROUND_MS = 36_000;
/** Rounds until everything is compiled, all tables are as full as they get, and the timers of one round run out in the next. */
const WARM_UP_CALLS = 30_000;
/** Volume of one measurement: far more than the heap's granularity of some 0.25 MB, and far from a collection. */
const VOLUME_BYTES = (SEMI_SPACE_MB * 2 ** 20) / 2;

export interface CoreAllocations {
  readonly calls: number;
  /** One value a measurement. */
  readonly bytesPerCall: readonly number[];
  /** Functions by bytes per call, most first. */
  readonly sites: readonly AllocationSite[];
}

/** @param calls in a round; @param measurements how often it is counted. */
export async function coreAllocations(calls: number, measurements: number): Promise<CoreAllocations> {
  const rig = new ShardRig(RELAY_ROUTES);
  const everyMs = Math.ceil(ROUND_MS / calls);
  const messages = rig.prepareCalls(calls);
  const place = (rounds: number): void => {
    for (let round = 0; round < rounds; round++) rig.placeCalls(messages, everyMs);
  };
  place(Math.ceil(WARM_UP_CALLS / calls));
  const once = await allocatedBy(() => { place(1); });
  const rounds = Math.max(1, Math.floor(VOLUME_BYTES / Math.max(1, once.bytes)));
  const before = rig.count('serverTransactions');
  const bytesPerCall: number[] = [];
  for (let i = 0; i < measurements; i++) {
    const { bytes, wasCollected } = await allocatedBy(() => { place(rounds); });
    if (wasCollected) throw new Error('a collection came in the middle of a measurement: is the young generation as large as asked for?');
    bytesPerCall.push(bytes / rounds / calls);
  }
  const counted = rig.count('serverTransactions') - before;
  // An INVITE and a BYE; anything else would mean that something else was measured.
  if (counted !== 2 * calls * rounds * measurements || rig.count('retransmissionsIn') > 0) throw new Error(`${counted} server transactions came of ${calls * rounds * measurements} calls`);
  const sites = await allocationSites(() => { place(1); }, ROOT);
  return { calls, bytesPerCall, sites: sites.map((site) => ({ ...site, bytes: site.bytes / calls })) };
}
