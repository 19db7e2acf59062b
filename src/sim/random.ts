/**
 * Seeded random numbers for simulations: the same seed gives the same run on every machine.
 *
 * The generator is xoshiro128** (Blackman and Vigna), seeded through a 32-bit mixing function. Independent streams are
 * split off by name, so that one part of a simulation drawing a number more does not shift the numbers of the others.
 */
export class Random {
  private s0: number;
  private s1: number;
  private s2: number;
  private s3: number;

  /** `seed` is any integer; only its low 32 bits count. */
  constructor(seed: number) {
    let state = seed >>> 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) >>> 0;
      return mix(state);
    };
    this.s0 = next();
    this.s1 = next();
    this.s2 = next();
    this.s3 = next() | 1;
  }

  /** A stream of its own for `name`; does not draw from this one's future. */
  stream(name: string): Random {
    let seed = this.s0 ^ this.s3;
    for (let i = 0; i < name.length; i++) seed = mix(seed ^ name.charCodeAt(i));
    return new Random(seed);
  }

  /** 32 random bits, 0 to 2^32 - 1. */
  bits(): number {
    const product = Math.imul(this.s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.s1 << 9;
    this.s2 ^= this.s0;
    this.s3 ^= this.s1;
    this.s1 ^= this.s2;
    this.s0 ^= this.s3;
    this.s2 ^= shifted;
    this.s3 = (this.s3 << 11) | (this.s3 >>> 21);
    return result;
  }

  /** A whole number from 0 to `bound - 1`; 0 when `bound` is below 2 (and no number is drawn then). */
  below(bound: number): number {
    return bound < 2 ? 0 : Math.floor((this.bits() / 0x1_0000_0000) * bound);
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `percent` of 100 cases; 0 and 100 are exact and draw nothing. */
  percent(percent: number): boolean {
    if (percent <= 0) return false;
    if (percent >= 100) return true;
    return this.bits() < percent * 42_949_672.96;
  }
}

/** A seed for the part number `n` of something that has a seed: parts next to each other have nothing in common. */
export function seedOf(seed: number, n: number): number {
  return mix(mix(seed ^ 0x5bd1e995) ^ n);
}

/**
 * Draws one number for every question, the sure ones too. So the answers to the other questions stay the same when a chance
 * is set to 0: what failing runs are made smaller by.
 */
export class SteadyRandom extends Random {
  override below(bound: number): number {
    const bits = this.bits();
    return bound < 2 ? 0 : Math.floor((bits / 0x1_0000_0000) * bound);
  }

  override percent(percent: number): boolean {
    const bits = this.bits();
    return percent >= 100 || bits < percent * 42_949_672.96;
  }
}

function mix(value: number): number {
  let x = value | 0;
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
  return (x ^ (x >>> 15)) >>> 0;
}
