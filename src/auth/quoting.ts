/**
 * Quoted strings of digest parameters (RFC 3261 §25.1): written with their escapes, and read without them. What is hashed
 * and compared is the text without quotes and escapes, unq() of RFC 7616 §3.4.1. Any thread.
 */
const BACKSLASH = 0x5c;

/** `text` as it stands between the quotes of a quoted string. Control characters are for the caller to refuse. */
export function quoteText(text: string): string {
  return text.replace(/["\\]/g, '\\$&');
}

/** Copies `bytes[start, end)`, the inside of a well-formed quoted string, to `out` at `at` without its escapes; the new offset. */
export function copyUnquoted(bytes: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) {
    if (bytes[i] === BACKSLASH && i + 1 < end) i++;
    out[at++] = bytes[i]!;
  }
  return at;
}

/** Whether `bytes[start, end)`, the inside of a well-formed quoted string, stands for `expected`. */
export function equalsUnquoted(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  let at = 0;
  for (let i = start; i < end; i++) {
    if (bytes[i] === BACKSLASH && i + 1 < end) i++;
    if (at >= expected.length || bytes[i] !== expected[at]) return false;
    at++;
  }
  return at === expected.length;
}
