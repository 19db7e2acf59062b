/**
 * Numbers as the wire writes them: decimal as in CSeq or Content-Length, and the eight hexadecimal digits of our own
 * branches and Record-Route parameters. Pure functions, no strings.
 */
import { CHAR_CLASS, C_DIGIT } from './chars.js';

const MAX_BEFORE_LAST_DIGIT = Math.floor(Number.MAX_SAFE_INTEGER / 10);

/**
 * Value of the decimal digits `bytes[start, end)`, leading zeros allowed. -1 when the range is empty, holds anything but
 * digits, or the value is past 2^53 - 1. The caller sets the bound of its field.
 */
export function parseUint(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if ((CHAR_CLASS[c]! & C_DIGIT) === 0 || value > MAX_BEFORE_LAST_DIGIT) return -1;
    value = value * 10 + (c - 0x30);
  }
  return value > Number.MAX_SAFE_INTEGER ? -1 : value;
}

/** Decimal digits in `value` (an integer from 0 to 2^53 - 1). */
export function uintDigits(value: number): number {
  let digits = 1;
  for (let bound = 10; digits < 16 && value >= bound; bound *= 10) digits++;
  return digits;
}

/** Writes `value` (an integer from 0 to 2^53 - 1) in decimal at `at`; the new offset. At most 16 bytes. */
export function writeUint(bytes: Uint8Array, at: number, value: number): number {
  const end = at + uintDigits(value);
  let i = end;
  // Int32 division is several times faster than the double one, and nearly every number here fits.
  if (value <= 0x7fffffff) {
    let small = value | 0;
    while (i > at) {
      const quotient = (small / 10) | 0;
      bytes[--i] = 0x30 + small - quotient * 10;
      small = quotient;
    }
    return end;
  }
  let large = value;
  while (i > at) {
    // The digit is taken first: one more than 2^53 would not be exact.
    bytes[--i] = 0x30 + (large % 10);
    large = Math.floor(large / 10);
  }
  return end;
}

/** Writes the 32 bits of `value` (signed or unsigned) as eight lower-case hexadecimal digits at `at`; the new offset. */
export function writeHex32(bytes: Uint8Array, at: number, value: number): number {
  for (let i = 7; i >= 0; i--) {
    const digit = value & 15;
    bytes[at + i] = digit < 10 ? 0x30 + digit : 0x57 + digit;
    value >>>= 4;
  }
  return at + 8;
}

/**
 * The unsigned 32-bit value of the eight lower-case hexadecimal digits at `at`, or -1 when fewer than eight octets are
 * left before `end` or one of them is no such digit.
 */
export function readHex32(bytes: Uint8Array, at: number, end: number): number {
  if (at + 8 > end) return -1;
  let value = 0;
  for (let i = at; i < at + 8; i++) {
    const c = bytes[i]!;
    let digit: number;
    if (c >= 0x30 && c <= 0x39) digit = c - 0x30;
    else if (c >= 0x61 && c <= 0x66) digit = c - 0x57;
    else return -1;
    value = (value << 4) | digit;
  }
  return value >>> 0;
}
