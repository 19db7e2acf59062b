/** Reads what V8 prints with `--trace-gc`, one line a collection and isolate: how long it took, and what was allocated since the last. */

/** Collections of one isolate, which is one thread. */
export interface IsolateCollections {
  /** Its address, as V8 prints it. */
  readonly isolate: string;
  readonly collections: number;
  /** From the first collection to the last. */
  readonly spanMs: number;
  readonly allocatedBytes: number;
  /** Behind the first collection, as `allocatedBytes`. */
  readonly pausedMs: number;
  readonly longestPauseMs: number;
}

/** `[1234:0x6a3b0c0]  5034 ms: Scavenge 21.3 (35.8) -> 6.1 (36.8) MB, 0.6 / 0.0 ms …` */
const LINE = /\[\d+:(0x[0-9a-f]+)\]\s+([\d.]+) ms: [A-Z][^\d]*([\d.]+) \([\d.]+\) -> ([\d.]+) \([\d.]+\) MB, ([\d.]+) \/ [\d.]+ ms/g;

/** Isolates by what they allocated, most first. One that collected once only is left out: nothing can be said of it. */
export function collectionsIn(output: string): IsolateCollections[] {
  const isolates = new Map<string, { atMs: number; beforeMb: number; afterMb: number; pauseMs: number }[]>();
  for (const [, isolate, atMs, beforeMb, afterMb, pauseMs] of output.matchAll(LINE)) {
    const list = isolates.get(isolate!) ?? [];
    list.push({ atMs: Number(atMs), beforeMb: Number(beforeMb), afterMb: Number(afterMb), pauseMs: Number(pauseMs) });
    isolates.set(isolate!, list);
  }
  const found: IsolateCollections[] = [];
  for (const [isolate, list] of isolates) {
    if (list.length < 2) continue;
    let allocatedMb = 0;
    let pausedMs = 0;
    let longestPauseMs = 0;
    for (let i = 1; i < list.length; i++) {
      allocatedMb += list[i]!.beforeMb - list[i - 1]!.afterMb;
      pausedMs += list[i]!.pauseMs;
      longestPauseMs = Math.max(longestPauseMs, list[i]!.pauseMs);
    }
    found.push({ isolate, collections: list.length - 1, spanMs: list.at(-1)!.atMs - list[0]!.atMs, allocatedBytes: allocatedMb * 2 ** 20, pausedMs, longestPauseMs });
  }
  return found.sort((a, b) => b.allocatedBytes - a.allocatedBytes);
}
