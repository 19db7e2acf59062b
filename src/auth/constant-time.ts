/**
 * Comparison that takes as long for a wrong value as for the right one, so that time tells nothing about how much of it
 * was right. Lengths are no secret. Pure function on borrowed bytes, any thread.
 */
import { LOWER } from '../sip/chars.js';

/**
 * Whether `a[aStart, aStart + length)` and `b[bStart, bStart + length)` are the same hexadecimal digits, in either case.
 * Both ranges must exist. The time taken depends on `length` alone.
 */
export function sameDigits(a: Uint8Array, aStart: number, b: Uint8Array, bStart: number, length: number): boolean {
  let difference = 0;
  for (let i = 0; i < length; i++) difference |= LOWER[a[aStart + i]!]! ^ LOWER[b[bStart + i]!]!;
  return difference === 0;
}
