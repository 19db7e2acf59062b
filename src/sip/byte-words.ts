/**
 * Bytes looked at four and eight at a time: the search for line ends, and the comparison with a known text, which are what
 * reading a header mostly is. A third of the cost of looking at single bytes (bench/micro/parser.ts).
 *
 * Pure reads on borrowed bytes, offsets as in the array that was attached. Sans-I/O.
 */

const LF = 0x0a;
const LF_WORD = 0x0a0a0a0a;
const ONES = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;

/** A text to compare with: its words in little-endian order, and the bytes left over. */
export interface WordText {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
}

/** The words of a text. */
export function wordText(bytes: Uint8Array): WordText {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const words = new Int32Array(bytes.length >> 2);
  for (let i = 0; i < words.length; i++) words[i] = view.getInt32(i * 4, true);
  return { bytes, words };
}

const EMPTY = new Uint8Array(0);

/** Reads words out of one array, until another is attached. */
export class ByteWords {
  #bytes: Uint8Array = EMPTY;
  #view: DataView = new DataView(EMPTY.buffer);

  /** Makes `bytes` the array to read from. Costs nothing when it is the same as before. */
  attach(bytes: Uint8Array): void {
    if (bytes === this.#bytes) return;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset of the first line feed at or behind `from`, or `end` when there is none before it. */
  lineFeed(from: number, end: number): number {
    const view = this.#view;
    const bytes = this.#bytes;
    let i = from;
    for (const last = end - 8; i <= last; i += 8) {
      const a = view.getInt32(i, true) ^ LF_WORD;
      const b = view.getInt32(i + 4, true) ^ LF_WORD;
      // A byte that was a line feed is zero now, and borrows from its high bit. A carry can only report one too many,
      // behind a true one, and the first one is what counts.
      const inA = (a - ONES) & ~a & HIGH_BITS;
      if (inA !== 0) return i + (lowestBit(inA) >>> 3);
      const inB = (b - ONES) & ~b & HIGH_BITS;
      if (inB !== 0) return i + 4 + (lowestBit(inB) >>> 3);
    }
    while (i < end && bytes[i] !== LF) i++;
    return i;
  }

  /** The four bytes at `at`, which lie within the array, in little-endian order. */
  word(at: number): number {
    return this.#view.getInt32(at, true);
  }

  /** Whether `text` stands at `at`, before `end`. */
  matches(at: number, end: number, text: WordText): boolean {
    const { bytes: wanted, words } = text;
    const length = wanted.length;
    if (at + length > end) return false;
    const view = this.#view;
    const count = words.length;
    for (let i = 0; i < count; i++) if (view.getInt32(at + i * 4, true) !== words[i]) return false;
    const bytes = this.#bytes;
    for (let i = count * 4; i < length; i++) if (bytes[at + i] !== wanted[i]) return false;
    return true;
  }
}

/** Number of the lowest bit that is set in `word`, which is not 0. */
function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}
