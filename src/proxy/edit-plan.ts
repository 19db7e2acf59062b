/**
 * An edit plan: how the bytes of a message change on their way through, as a short sorted list of "at this offset take
 * out so many bytes and put these in". What no edit touches is copied as it is, which keeps unknown headers and bodies
 * byte for byte. Reused from message to message; sans-I/O.
 */
import { copyBytes } from '../sip/copy-bytes.js';

/** Edits in one message: every field removed (`limits.headers`), as many added as scripts may, and a handful of ours. */
const MAX_EDITS = 2048;

export class EditPlan {
  count = 0;
  readonly at = new Int32Array(MAX_EDITS);
  readonly remove = new Int32Array(MAX_EDITS);
  readonly texts: Uint8Array[] = [];
  /** Bytes of `texts[i]` to put in, from its start. */
  readonly textBytes = new Int32Array(MAX_EDITS);
  /** How much longer the message gets at most (removals not taken off). */
  insertBytes = 0;

  clear(): void {
    this.count = 0;
    this.insertBytes = 0;
  }

  /**
   * Adds an edit: at offset `at` remove `removeBytes`, then insert `text[0, textBytes)` (borrowed until the plan is
   * applied). Edits at one offset apply in the order in which they were added. Ranges must not overlap; one that does is
   * cut by `apply`. False when there are too many.
   */
  add(at: number, removeBytes: number, text: Uint8Array, textBytes: number): boolean {
    if (this.count === MAX_EDITS) return false;
    let slot = this.count++;
    while (slot > 0 && this.at[slot - 1]! > at) {
      this.at[slot] = this.at[slot - 1]!;
      this.remove[slot] = this.remove[slot - 1]!;
      this.texts[slot] = this.texts[slot - 1]!;
      this.textBytes[slot] = this.textBytes[slot - 1]!;
      slot--;
    }
    this.at[slot] = at;
    this.remove[slot] = removeBytes;
    this.texts[slot] = text;
    this.textBytes[slot] = textBytes;
    this.insertBytes += textBytes;
    return true;
  }

  /**
   * Copies `bytes[start, end)` to `bytes[to…]` (not overlapping) with the edits that lie in it; returns the new end. An
   * edit at `end` belongs to the range behind, so that a message can be copied in pieces.
   */
  apply(bytes: Uint8Array, start: number, end: number, to: number): number {
    let from = start;
    for (let i = 0; i < this.count; i++) {
      const at = this.at[i]!;
      if (at < from) {
        // Behind an overlapping removal, or in front of the range: only the insertion can still count.
        if (at < start) continue;
      } else {
        if (at >= end) break;
        if (at > from) {
          to = copyBytes(bytes, from, at, to);
          from = at;
        }
      }
      const length = this.textBytes[i]!;
      if (length > 0) to = putText(bytes, to, this.texts[i]!, length);
      const skip = at + this.remove[i]!;
      if (skip > from) from = skip;
    }
    return end > from ? copyBytes(bytes, from, end, to) : to;
  }
}

/** Nothing to put in: for edits that only remove. */
export const NO_TEXT = new Uint8Array(0);

/** Texts up to this many bytes are copied by a loop, which beats `set` for short ones. */
const LOOP_BYTES = 32;

/** Writes `text[0, length)` at `bytes[at…]`; returns the new offset. */
export function putText(bytes: Uint8Array, at: number, text: Uint8Array, length: number): number {
  if (length > LOOP_BYTES && length === text.length) {
    bytes.set(text, at);
  } else {
    for (let i = 0; i < length; i++) bytes[at + i] = text[i]!;
  }
  return at + length;
}
