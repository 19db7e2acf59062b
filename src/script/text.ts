/**
 * Between bytes and the strings that scripts see. Messages are UTF-8 (RFC 3261 §7.1), mostly ASCII; a sequence that is
 * not UTF-8 is read as Latin-1, so that no byte is lost. Used when a script asks, never by the engine itself. Sans-I/O.
 */

const decoder = new TextDecoder('utf-8', { fatal: true });
const encoder = new TextEncoder();

/** Bytes turned into a string by one call; longer ranges go in pieces. */
const PIECE_BYTES = 8192;

/** The string of `bytes[start, end)`, '' for an absent range (start below 0). The array may be shared memory. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (start < 0 || end <= start) return '';
  for (let i = start; i < end; i++) {
    if (bytes[i]! >= 0x80) return decodeUtf8(bytes, start, end);
  }
  return latin1(bytes, start, end);
}

/** UTF-8 bytes of a string. */
export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text);
}

function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  // A copy: decoders refuse shared memory.
  const copy = bytes.slice(start, end);
  try {
    return decoder.decode(copy);
  } catch {
    return latin1(copy, 0, copy.length);
  }
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  if (end - start <= PIECE_BYTES) return String.fromCharCode(...bytes.subarray(start, end));
  let text = '';
  for (let at = start; at < end; at += PIECE_BYTES) text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + PIECE_BYTES)));
  return text;
}

/** A header value without its folds: each becomes one space (§7.3.1). */
export function unfold(value: string): string {
  return value.includes('\n') ? value.replace(/\r?\n[ \t]+/g, ' ') : value;
}
