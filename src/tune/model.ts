/**
 * From what threads cost to how many of them make sense: which part of the proxy is full first, at how many calls a second, on
 * a machine of any size. Pure.
 *
 * The model: a thread is full when it has used one core for one second. The main thread is one thread; shards share their work
 * evenly; all threads together cannot use more than the cores there are. It leaves out that work gets cheaper when batches
 * grow (so it says too little) and that memory and caches are shared (so it says too much on many cores).
 */

const US_PER_CORE_SECOND = 1_000_000;
/** A setting with fewer threads is taken when it bears at least this share of what the best one bears. */
const GOOD_ENOUGH = 0.95;
/** What a machine is planned with: random arrivals, repeated messages and the work of others need the rest. */
export const PLANNED_SHARE = 0.7;

/** CPU time of one call, microseconds, by what it was spent in. */
export interface CallCost {
  /** 0: the engine runs in the main thread. */
  readonly shards: number;
  readonly mainUs: number;
  /** Of all shards together. */
  readonly shardsUs: number;
  /** Of helper threads: garbage collection, compiling. */
  readonly otherUs: number;
}

/** Under this many microseconds a call the main thread hands nothing over. */
const HANDS_OVER_US = 1;

/**
 * Whether the main thread receives and shards of the same kind handle: what more shards cost can be told from it. Not so without
 * shards, where main does it all, nor with one shard that reads the sockets itself.
 */
export function handsOver({ shards, mainUs }: CallCost): boolean {
  return shards > 1 || (shards === 1 && mainUs >= HANDS_OVER_US);
}

/** What gives out first. */
export type Bottleneck = 'main' | 'shards' | 'cores';

/** What a number of shards comes to on a machine. */
export interface Prediction {
  readonly cores: number;
  readonly shards: number;
  /** Calls per second at which `bottleneck` is full. */
  readonly limitPerS: number;
  readonly bottleneck: Bottleneck;
  /** The costs of this number of shards were not measured, but taken from the nearest that were. */
  readonly estimated: boolean;
}

/** Calls per second at which a thread that spends `us` on each is full. */
export function saturationPerS(us: number): number {
  return us <= 0 ? Infinity : US_PER_CORE_SECOND / us;
}

/**
 * The costs with `shards` shards: measured, or on the line between the two nearest that were, or those of the nearest. The
 * engine in the main thread (0) is another thing and stands only for itself, and so is one shard that reads the sockets (see
 * `handsOver`). Throws a RangeError when nothing fits.
 */
export function costWith(measured: readonly CallCost[], shards: number): CallCost {
  const exact = measured.find((cost) => cost.shards === shards);
  if (exact !== undefined) return exact;
  const threaded = measured.filter(handsOver).sort((a, b) => a.shards - b.shards);
  if (shards === 0 || threaded.length === 0) throw new RangeError(`nothing was measured that says what ${shards} shards cost`);
  const above = threaded.find((cost) => cost.shards > shards);
  const below = threaded.findLast((cost) => cost.shards < shards);
  if (above === undefined || below === undefined) return { ...(above ?? below)!, shards };
  const share = (shards - below.shards) / (above.shards - below.shards);
  const between = (a: number, b: number): number => a + (b - a) * share;
  return { shards, mainUs: between(below.mainUs, above.mainUs), shardsUs: between(below.shardsUs, above.shardsUs), otherUs: between(below.otherUs, above.otherUs) };
}

/** What `shards` shards bear on `cores` cores that the proxy has for itself. */
export function predict(measured: readonly CallCost[], shards: number, cores: number): Prediction {
  const { mainUs, shardsUs, otherUs } = costWith(measured, shards);
  const limits: readonly (readonly [Bottleneck, number])[] = [
    ['main', saturationPerS(mainUs)],
    ['shards', shards === 0 ? Infinity : shards * saturationPerS(shardsUs)],
    ['cores', cores * saturationPerS(mainUs + shardsUs + otherUs)],
  ];
  // On one core everything shares that core, whatever is the first to be short of it.
  const [bottleneck, limitPerS] = limits.reduce((least, limit) => (limit[1] < least[1] ? limit : least));
  return { cores, shards, limitPerS, bottleneck, estimated: !measured.some((cost) => cost.shards === shards) };
}

/**
 * The number of shards for a machine: the fewest that bear nearly as much as the best number does; no more than there are
 * cores and `most`, and no more than one where nothing was measured that says what more of them cost.
 */
export function recommend(measured: readonly CallCost[], cores: number, most: number): Prediction {
  const threaded = measured.some(handsOver);
  const counts = [0, ...Array.from({ length: Math.min(most, Math.max(1, cores)) }, (_, i) => i + 1)];
  const predictions = counts.filter((count) => measured.some(({ shards }) => shards === count) || (count > 0 && threaded)).map((shards) => predict(measured, shards, cores));
  const best = Math.max(...predictions.map(({ limitPerS }) => limitPerS));
  return predictions.find(({ limitPerS }) => limitPerS >= best * GOOD_ENOUGH)!;
}

/** The fewest shards that together bear as much as the main thread that hands over to them does: more are of no use. At most `most`. */
export function shardsUntilMain(measured: readonly CallCost[], most: number): number {
  for (let shards = 1; shards < most; shards++) {
    const { mainUs, shardsUs } = costWith(measured, shards);
    if (shards * saturationPerS(shardsUs) >= saturationPerS(mainUs)) return shards;
  }
  return most;
}

/** Costs and delays of one setting of `io.coalesceUs`, measured in rounds, beside the same of others. */
export interface CoalesceFigures {
  readonly coalesceUs: number;
  /** CPU per call of all threads of the proxy, a round each. */
  readonly totalUs: readonly number[];
  /** p99 of the delay that the proxy adds, microseconds, a round each. */
  readonly addedP99Us: readonly number[];
}

/** How much cheaper a longer pause has to be. */
const CHEAPER = 0.95;
/** How much later its p99 may be: a share of the present one, or this long, whichever is more. */
const LATER = 1.25;
const LATER_US = 250;
/** How much sooner a shorter pause has to be, and how much dearer it may be. */
const SOONER = 0.8;
const DEARER = 1.02;

/**
 * The setting to change to; undefined: the present one stays. Longer pauses are there to save CPU: one is better that is
 * cheaper than the present one in every round, by a margin on the whole, with a p99 that is hardly later. Shorter ones are there
 * for the delay: one is better whose p99 is sooner in every round, by a margin, at hardly any price. A shorter pause makes smaller
 * batches: when one seems to save as much CPU as a longer one does, what was measured is noise. `delaysCount`: false where
 * generator and proxy share cores.
 */
export function betterCoalesce(figures: readonly CoalesceFigures[], presentUs: number, delaysCount: boolean): CoalesceFigures | undefined {
  const present = figures.find(({ coalesceUs }) => coalesceUs === presentUs);
  if (present === undefined || present.totalUs.length === 0) return undefined;
  const [presentCost, presentDelay] = [mean(present.totalUs), mean(present.addedP99Us)];
  const others = figures.filter(({ totalUs }) => totalUs.length === present.totalUs.length);
  const leastOfShorter = Math.min(...others.filter(({ coalesceUs }) => coalesceUs <= presentUs).map(({ totalUs }) => mean(totalUs)));
  const cheaper = others.filter(({ coalesceUs, totalUs, addedP99Us }) =>
    coalesceUs > presentUs && totalUs.every((us, round) => us < present.totalUs[round]!) && mean(totalUs) <= leastOfShorter * CHEAPER && mean(addedP99Us) <= Math.max(presentDelay * LATER, presentDelay + LATER_US));
  if (cheaper.length > 0) return cheaper.reduce((best, other) => (mean(other.totalUs) < mean(best.totalUs) ? other : best));
  const sooner = others.filter(({ coalesceUs, totalUs, addedP99Us }) =>
    delaysCount && coalesceUs < presentUs && addedP99Us.every((us, round) => us < present.addedP99Us[round]!) && mean(addedP99Us) <= presentDelay * SOONER && mean(totalUs) <= presentCost * DEARER);
  return sooner.length === 0 ? undefined : sooner.reduce((best, other) => (mean(other.addedP99Us) < mean(best.addedP99Us) ? other : best));
}

/** The mean of a list; 0 of an empty one. */
export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What is known when the rate of a sweep is chosen. */
export interface RateFacts {
  readonly cores: number;
  /** With the fewest shards of the sweep: they have to bear the rate as well. */
  readonly cost: CallCost;
  readonly generatorUs: number;
  /** Calls that fit into the tables of one engine while the sweep drives it. */
  readonly tableCalls: number;
  /** How long one engine is driven, seconds. */
  readonly drivenS: number;
}

/** Share of a thread, and of the whole machine, that the sweep keeps busy: enough for batches, not so much that calls fail. */
const THREAD_SHARE = 0.6;
const MACHINE_SHARE = 0.6;
const RATE_LEAST = 50;
const RATE_MOST = 50_000;

/** The rate for a sweep, calls per second, two digits that count. */
export function sweepRate({ cores, cost, generatorUs, tableCalls, drivenS }: RateFacts): number {
  const { shards, mainUs, shardsUs, otherUs } = cost;
  const busiestUs = Math.max(mainUs, generatorUs, shards === 0 ? 0 : shardsUs / shards);
  const rate = Math.min(
    THREAD_SHARE * saturationPerS(busiestUs),
    MACHINE_SHARE * cores * saturationPerS(mainUs + shardsUs + otherUs + generatorUs),
    tableCalls / Math.max(1, drivenS),
    RATE_MOST,
  );
  const step = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, rate))) - 1);
  return Math.max(RATE_LEAST, Math.floor(rate / step) * step);
}

/** The counts of a sweep when none are asked for: every one on small machines, on bigger ones doubled, and those around all cores. */
export function sweepCounts(cores: number, most: number, withZero: boolean): number[] {
  const counts = new Set<number>(withZero ? [0] : []);
  for (let shards = 1; shards <= Math.min(cores, most); shards = cores <= 4 ? shards + 1 : shards * 2) counts.add(shards);
  for (const shards of [cores - 1, cores]) if (shards >= 1) counts.add(Math.min(shards, most));
  return [...counts].sort((a, b) => a - b);
}
