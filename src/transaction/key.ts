/**
 * Keyed hashing for transaction keys, branches and shard choice: HalfSipHash-2-4 with a 64-bit result, made of 32-bit
 * operations only, which JavaScript does without boxing.
 *
 * It is keyed because the input comes from the network: without the secret nobody can aim requests at one shard or one
 * bucket, or forge a branch. 64 bits make a collision among a million live transactions a matter of 1 in 30 million,
 * so the tables compare hashes and not bytes. Sans-I/O, one object per thread, not re-entrant.
 */

export class KeyHasher {
  readonly #k0: number;
  readonly #k1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;
  #words = 0;
  /** Result of `finish`, as int32. */
  lo = 0;
  hi = 0;

  /** @param k0 first and @param k1 second half of the 64-bit key. */
  constructor(k0: number, k1: number) {
    this.#k0 = k0 | 0;
    this.#k1 = k1 | 0;
  }

  begin(): void {
    this.#v0 = this.#k0;
    this.#v1 = this.#k1 ^ 0xee;
    this.#v2 = 0x6c796765 ^ this.#k0;
    this.#v3 = 0x74656462 ^ this.#k1;
    this.#words = 0;
  }

  addWord(word: number): void {
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2;
    let v3 = this.#v3 ^ word;
    for (let round = 0; round < 2; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.#v0 = v0 ^ word;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
    this.#words++;
  }

  /** Adds `bytes[start, end)` and its length, so that neighbouring parts cannot trade bytes. */
  addBytes(bytes: Uint8Array, start: number, end: number): void {
    let i = start;
    for (; i + 4 <= end; i += 4) {
      this.addWord(bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24));
    }
    let rest = (end - start) << 24;
    if (i < end) rest |= bytes[i]!;
    if (i + 1 < end) rest |= bytes[i + 1]! << 8;
    if (i + 2 < end) rest |= bytes[i + 2]! << 16;
    this.addWord(rest);
    // Lengths beyond 255 differ in the number of words, which `finish` adds.
  }

  /** As `addBytes`, with ASCII letters taken in lower case (host names). */
  addLowerCase(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i += 4) {
      let word = 0;
      for (let j = 0; j < 4 && i + j < end; j++) {
        let c = bytes[i + j]!;
        if (c >= 0x41 && c <= 0x5a) c |= 0x20;
        word |= c << (8 * j);
      }
      this.addWord(word);
    }
    this.addWord((end - start) << 24);
  }

  /** Ends the hash; the result is in `lo` and `hi`. */
  finish(): void {
    this.addWord(this.#words);
    let v0 = this.#v0;
    let v1 = this.#v1;
    let v2 = this.#v2 ^ 0xee;
    let v3 = this.#v3;
    for (let half = 0; half < 2; half++) {
      for (let round = 0; round < 4; round++) {
        v0 = (v0 + v1) | 0;
        v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
        v0 = (v0 << 16) | (v0 >>> 16);
        v2 = (v2 + v3) | 0;
        v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
        v0 = (v0 + v3) | 0;
        v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
        v2 = (v2 + v1) | 0;
        v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
        v2 = (v2 << 16) | (v2 >>> 16);
      }
      if (half === 0) {
        this.lo = v1 ^ v3;
        v1 ^= 0xdd;
      } else {
        this.hi = v1 ^ v3;
      }
    }
  }

  /** Hash of three words: what our own branches are made of (upstream key, target index). */
  hashWords(a: number, b: number, c: number): void {
    this.begin();
    this.addWord(a);
    this.addWord(b);
    this.addWord(c);
    this.finish();
  }
}

/** Which part of the shared 128-bit secret keys what: two independent hashes. */
export function upstreamHasher(secret: Uint32Array): KeyHasher {
  return new KeyHasher(secret[0]!, secret[1]!);
}

/** Keyed for branches, To tags and everything else that goes out onto the network. */
export function branchHasher(secret: Uint32Array): KeyHasher {
  return new KeyHasher(secret[2]!, secret[3]!);
}
