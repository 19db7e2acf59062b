/** Small statistics of benchmarks: few samples, so median, least and most instead of means. Pure. */

/** A few samples of one figure in short. */
export interface Summary {
  readonly count: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, least and most of `samples`; throws a RangeError when there are none. */
export function summarize(samples: readonly number[]): Summary {
  if (samples.length === 0) throw new RangeError('a summary needs at least one sample');
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { count: sorted.length, median, min: sorted[0]!, max: sorted[sorted.length - 1]! };
}

/**
 * The ratio of two things that were measured in turns (A B A B …): each round's A by the same round's B, so that what
 * disturbs the machine for a while disturbs both. NaN or undefined on either side leaves the round out; throws a RangeError when no
 * round is left.
 */
export function ratioOfRounds(a: readonly (number | undefined)[], b: readonly (number | undefined)[]): Summary {
  const ratios: number[] = [];
  for (let round = 0; round < Math.min(a.length, b.length); round++) {
    const ratio = (a[round] ?? NaN) / (b[round] ?? NaN);
    if (Number.isFinite(ratio)) ratios.push(ratio);
  }
  return summarize(ratios);
}

/** `value` with so many significant digits: `significant(81.2345)` is 81.2. */
export function significant(value: number, digits = 3): number {
  return value === 0 || !Number.isFinite(value) ? value : Number(value.toPrecision(digits));
}

/** A summary as text: `0.71 (0.69 to 0.74)`. */
export function summaryText({ median, min, max }: Summary, digits = 3): string {
  const text = (value: number): string => String(significant(value, digits));
  return `${text(median)} (${text(min)} to ${text(max)})`;
}
