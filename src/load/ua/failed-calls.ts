/**
 * Which calls of this process have been counted as failed: when one end of a call gives up, the other one usually does so
 * too, later, and a call that failed is one failure. All load threads share the table, because caller and callee may be of
 * different ones. Only failures touch it.
 *
 * A bounded table without chains: in a storm of failures an entry may be overwritten before the other end has looked, and
 * that call then counts twice.
 */

/** float64 slots of the table; a power of two. */
export const FAILED_SLOTS = 1 << 16;

/** More than the calls that all threads together can have at a time. */
const ORDINAL_LIMIT = 2 ** 28;

export class FailedCalls {
  private readonly slots: Float64Array;

  /** `slots` has FAILED_SLOTS places, all 0 at first. */
  constructor(slots: Float64Array) {
    this.slots = slots;
  }

  /**
   * True the first time that this is asked for a call: then whoever asks is to count its failure. The call is that of its caller:
   * the place among the callers of all threads, and the generation there.
   */
  isFirst(ordinal: number, generation: number): boolean {
    const key = generation * ORDINAL_LIMIT + ordinal + 1;
    const at = (Math.imul(ordinal + 1, 0x9e3779b1) ^ Math.imul(generation + 1, 0x85ebca6b)) >>> 16;
    if (this.slots[at] === key) return false;
    this.slots[at] = key;
    return true;
  }
}
