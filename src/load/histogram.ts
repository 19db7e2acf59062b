/**
 * Histograms of microseconds with a bounded relative error, in shared memory: one thread records, any thread reads. The
 * bucket layout is that of an HDR histogram (linear up to a bound, then equal steps in each octave), so a value is a few
 * integer operations away from its bucket and nothing is allocated.
 *
 * One histogram is `HISTOGRAM_SLOTS` float64: count, sum, least, most, then the buckets.
 */

/** Values below are exact. Above, a bucket is at most 1/128 of its value wide. */
const LINEAR = 256;
const HALF = LINEAR / 2;
const LINEAR_BITS = 8;
/** Longest time that is told apart, microseconds (35 minutes); longer ones count as it. */
export const HISTOGRAM_MAX_US = 0x7fffffff;
const BUCKETS = LINEAR + (31 - LINEAR_BITS) * HALF;

const H_COUNT = 0;
const H_SUM = 1;
const H_LEAST = 2;
const H_MOST = 3;
const H_BUCKETS = 4;

/** float64 slots of one histogram. */
export const HISTOGRAM_SLOTS = H_BUCKETS + BUCKETS;

/** Records `us` microseconds (0 and up, fractions are cut) into the histogram at `at`. */
export function record(slots: Float64Array, at: number, us: number): void {
  const value = us >= HISTOGRAM_MAX_US ? HISTOGRAM_MAX_US : us > 0 ? us | 0 : 0;
  const first = slots[at + H_COUNT] === 0;
  slots[at + H_COUNT]!++;
  slots[at + H_SUM]! += value;
  if (first || value < slots[at + H_LEAST]!) slots[at + H_LEAST] = value;
  if (value > slots[at + H_MOST]!) slots[at + H_MOST] = value;
  slots[at + H_BUCKETS + bucketOf(value)]!++;
}

function bucketOf(value: number): number {
  if (value < LINEAR) return value;
  const shift = 32 - Math.clz32(value) - LINEAR_BITS;
  return LINEAR + (shift - 1) * HALF + ((value >>> shift) - HALF);
}

/** Largest value of a bucket: what a percentile that falls into it is given as. */
function bucketTop(bucket: number): number {
  if (bucket < LINEAR) return bucket;
  const shift = ((bucket - LINEAR) / HALF | 0) + 1;
  return ((bucket - LINEAR) % HALF + HALF + 1) * 2 ** shift - 1;
}

/** A histogram at rest: merged from threads, or the difference of two readings. Not shared. */
export class Histogram {
  readonly slots = new Float64Array(HISTOGRAM_SLOTS);

  get count(): number {
    return this.slots[H_COUNT]!;
  }

  /** Microseconds; 0 when nothing was recorded. */
  get meanUs(): number {
    return this.count === 0 ? 0 : this.slots[H_SUM]! / this.count;
  }

  get leastUs(): number {
    return this.slots[H_LEAST]!;
  }

  get mostUs(): number {
    return this.slots[H_MOST]!;
  }

  /** The value that `percent` (0 to 100) of all values do not exceed, microseconds; 0 when nothing was recorded. */
  percentileUs(percent: number): number {
    const wanted = Math.max(1, Math.ceil((percent / 100) * this.count));
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.slots[H_BUCKETS + bucket]!;
      if (seen >= wanted) return Math.min(bucketTop(bucket), this.mostUs);
    }
    return 0;
  }

  /** Adds the histogram at `at` of a thread's block. */
  add(slots: Float64Array, at: number): void {
    const count = slots[at + H_COUNT]!;
    if (count === 0) return;
    const least = slots[at + H_LEAST]!;
    if (this.count === 0 || least < this.leastUs) this.slots[H_LEAST] = least;
    if (slots[at + H_MOST]! > this.mostUs) this.slots[H_MOST] = slots[at + H_MOST]!;
    this.slots[H_COUNT]! += count;
    this.slots[H_SUM]! += slots[at + H_SUM]!;
    for (let i = H_BUCKETS; i < HISTOGRAM_SLOTS; i++) this.slots[i]! += slots[at + i]!;
  }

  /** What came between an earlier reading and this one. Its least and most are those of their buckets. */
  since(earlier: Histogram): Histogram {
    const difference = new Histogram();
    const { slots } = difference;
    let least = -1;
    let most = 0;
    for (let i = 0; i < HISTOGRAM_SLOTS; i++) slots[i] = this.slots[i]! - earlier.slots[i]!;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      if (slots[H_BUCKETS + bucket]! <= 0) continue;
      if (least < 0) least = bucketTop(bucket);
      most = bucketTop(bucket);
    }
    slots[H_LEAST] = Math.max(0, least);
    slots[H_MOST] = most;
    return difference;
  }
}
