/**
 * Text for a grammar, placed in the middle of a larger buffer whose surroundings would change the result if a parser read
 * them, and text read back out of offsets.
 */

/** Octets put around the text: they would go on with any token, number, host or list. */
const BEFORE = 'x1"<[:;=%';
const BEHIND = '9a:1;=,>]"@x';

export interface Embedded {
  bytes: Uint8Array;
  start: number;
  end: number;
}

/** `text` as bytes, one octet a character (latin1), with other octets on both sides. */
export function embed(text: string): Embedded {
  const whole = BEFORE + text + BEHIND;
  const bytes = new Uint8Array(whole.length);
  for (let i = 0; i < whole.length; i++) bytes[i] = whole.charCodeAt(i);
  return { bytes, start: BEFORE.length, end: BEFORE.length + text.length };
}

/** The text of `bytes[start, end)`, or undefined when there is none (start -1). */
export function textAt(bytes: Uint8Array, start: number, end: number): string | undefined {
  return start < 0 ? undefined : String.fromCharCode(...bytes.subarray(start, end));
}
