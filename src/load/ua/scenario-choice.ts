/**
 * Which scenario a request begins at the callee: that of the caller when its Call-ID says so, else one that begins with its
 * method, drawn by weight. A caller in another process has to be given the same scenarios in the same order.
 */
import type { UaContext } from './context.js';
import { CALL_ID_BYTES, readHex2 } from './identity.js';

export class ScenarioChoice {
  private readonly ua: UaContext;
  /** By method: the entries that it begins, and their weights added up. */
  private readonly entriesOf = new Map<number, { readonly entries: readonly number[]; readonly weight: number }>();

  constructor(ua: UaContext) {
    this.ua = ua;
    const all = ua.program.entries;
    for (const { calleeAt, calleeMethod } of all) {
      if (calleeAt < 0 || this.entriesOf.has(calleeMethod)) continue;
      const entries = [...all.keys()].filter((i) => all[i]!.calleeMethod === calleeMethod);
      this.entriesOf.set(calleeMethod, { entries, weight: entries.reduce((sum, i) => sum + all[i]!.weight, 0) });
    }
  }

  /** The entry of the program for the scanned request; -1 when none begins with its method. */
  draw(): number {
    const { scan, bytes, program, random } = this.ua;
    const start = scan.callIdStart;
    if (scan.callIdEnd - start === CALL_ID_BYTES && bytes[start] === 0x76 && bytes[start + 1] === 0x6c) {
      const entry = program.entries[readHex2(bytes, start + 10)];
      if (entry !== undefined && entry.calleeMethod === scan.method && entry.calleeAt >= 0) return program.entries.indexOf(entry);
    }
    const choice = this.entriesOf.get(scan.method);
    if (choice === undefined) return -1;
    const { entries, weight } = choice;
    if (entries.length === 1) return entries[0]!;
    let left = random.fraction() * weight;
    for (const entry of entries) {
      left -= program.entries[entry]!.weight;
      if (left < 0) return entry;
    }
    return entries[entries.length - 1]!;
  }
}
