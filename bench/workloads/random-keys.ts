/** Seeded random numbers for benchmarks: the same keys, in the same order, on every run. */

/** xorshift32. */
export class SeededRandom {
  #state: number;

  /** @param seed any integer but 0. */
  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An int32, any but 0. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x;
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return (this.next() >>> 0) % bound;
  }
}

/** The numbers from `from` to `from + count - 1` in random order. */
export function shuffled(from: number, count: number, random: SeededRandom): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => from + i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const swapped = order[i]!;
    order[i] = order[j]!;
    order[j] = swapped;
  }
  return order;
}
