/**
 * Character classes of RFC 3261 §25 as one table lookup a byte, and the two scans every grammar of this folder shares:
 * case-insensitive comparison and linear white space. Pure functions on borrowed bytes; offsets are absolute.
 */

/** 0-9 */
export const C_DIGIT = 0x0001;
/** 0-9 A-F a-f */
export const C_HEX = 0x0002;
/** A-Z a-z */
export const C_ALPHA = 0x0004;
/** `token`: method and header names, parameter names and values. */
export const C_TOKEN = 0x0008;
/** Octets that make up linear white space: SP, HT, CR, LF. Whether CR and LF are a fold is for `skipLws` to say. */
export const C_LWS = 0x0010;
/** `unreserved`: alphanum and mark. */
export const C_UNRESERVED = 0x0020;
/** `user` without the percent sign of an escape. */
export const C_USER = 0x0040;
/** `password` without the percent sign of an escape. */
export const C_PASSWORD = 0x0080;
/** Letters, digits, `-`, `.` of a host name, and the `_` that names in the field carry. */
export const C_HOST = 0x0100;
/** `paramchar` of a URI parameter without the percent sign of an escape. */
export const C_URI_PARAM = 0x0200;
/** Characters of a name or value in the headers part of a URI, without the percent sign of an escape. */
export const C_URI_HEADER = 0x0400;
/** Characters of a URI scheme after its first letter. */
export const C_SCHEME = 0x0800;
/** Visible ASCII that may stand in any URI at all: everything but `<`, `>` and `"`. */
export const C_URI = 0x1000;
/** `word`, of which a Call-ID is made. */
export const C_WORD = 0x2000;
/** What a quoted string holds besides white space, `\` and `"`: visible ASCII, and every octet from 0x80 up. */
export const C_QUOTED = 0x4000;

const DIGITS = '0123456789';
const ALPHAS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ALPHANUMS = DIGITS + ALPHAS;
const UNRESERVED = ALPHANUMS + "-_.!~*'()";
const TOKEN = ALPHANUMS + "-.!%*_+`'~";

/** Flags `C_*` of every octet. */
export const CHAR_CLASS: Uint16Array = buildClasses();
/** Every octet with A-Z turned into a-z. */
export const LOWER: Uint8Array = buildLower();

function buildClasses(): Uint16Array {
  const table = new Uint16Array(256);
  const mark = (characters: string, flag: number): void => {
    for (const character of characters) table[character.charCodeAt(0)]! |= flag;
  };
  mark(DIGITS, C_DIGIT);
  mark('0123456789ABCDEFabcdef', C_HEX);
  mark(ALPHAS, C_ALPHA);
  mark(TOKEN, C_TOKEN);
  mark(' \t\r\n', C_LWS);
  mark(UNRESERVED, C_UNRESERVED);
  mark(UNRESERVED + '&=+$,;?/', C_USER);
  mark(UNRESERVED + '&=+$,', C_PASSWORD);
  mark(ALPHANUMS + '-._', C_HOST);
  mark(UNRESERVED + '[]/:&+$', C_URI_PARAM);
  mark(UNRESERVED + '[]/?:+$', C_URI_HEADER);
  mark(ALPHANUMS + '+-.', C_SCHEME);
  mark(TOKEN + '()<>:\\"/[]?{}', C_WORD);
  for (let c = 0x21; c < 0x7f; c++) {
    if (c !== 0x22 && c !== 0x3c && c !== 0x3e) table[c]! |= C_URI;
    if (c !== 0x22 && c !== 0x5c) table[c]! |= C_QUOTED;
  }
  for (let c = 0x80; c < 0x100; c++) table[c]! |= C_QUOTED;
  return table;
}

function buildLower(): Uint8Array {
  const table = new Uint8Array(256);
  for (let c = 0; c < 256; c++) table[c] = c >= 0x41 && c <= 0x5a ? c | 0x20 : c;
  return table;
}

/** Bytes of an ASCII string, for the constants that scanners compare with. Not for the hot path. */
export function ascii(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether `bytes[start, end)` is `lowerAscii` when the case of letters is ignored. `lowerAscii` is in lower case. */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, end: number, lowerAscii: Uint8Array): boolean {
  const length = lowerAscii.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if (LOWER[bytes[start + i]!] !== lowerAscii[i]) return false;
  }
  return true;
}

/** Whether `bytes[start, end)` equals `expected` octet by octet. */
export function equalsBytes(bytes: Uint8Array, start: number, end: number, expected: Uint8Array): boolean {
  const length = expected.length;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) {
    if (bytes[start + i] !== expected[i]) return false;
  }
  return true;
}

/**
 * First offset from `i` on that is not linear white space, at most `end`. SP, HT and folds (CRLF, or a lone LF, with SP
 * or HT behind it) are skipped; a CR or LF that is no fold stops the scan, so that no grammar takes it for a space.
 */
export function skipLws(bytes: Uint8Array, i: number, end: number): number {
  while (i < end) {
    const c = bytes[i]!;
    if (c === 0x20 || c === 0x09) {
      i++;
      continue;
    }
    if (c === 0x0d) {
      if (i + 2 < end && bytes[i + 1] === 0x0a && isBlank(bytes[i + 2]!)) i += 3;
      else return i;
    } else if (c === 0x0a) {
      if (i + 1 < end && isBlank(bytes[i + 1]!)) i += 2;
      else return i;
    } else {
      return i;
    }
  }
  return i;
}

/** Offset behind the last octet of `bytes[start, end)` that is not SP, HT, CR or LF; `start` when there is none. */
export function trimEnd(bytes: Uint8Array, start: number, end: number): number {
  while (end > start && (CHAR_CLASS[bytes[end - 1]!]! & C_LWS) !== 0) end--;
  return end;
}

/** Whether `bytes[start, end)` is a `token`: one or more token characters and nothing else. */
export function isToken(bytes: Uint8Array, start: number, end: number): boolean {
  if (start >= end) return false;
  for (let i = start; i < end; i++) {
    if ((CHAR_CLASS[bytes[i]!]! & C_TOKEN) === 0) return false;
  }
  return true;
}

/** Whether `bytes[start, end)` has the form of a Call-ID, `word [ "@" word ]` (RFC 3261 §25). */
export function isCallId(bytes: Uint8Array, start: number, end: number): boolean {
  let at = -1;
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if ((CHAR_CLASS[c]! & C_WORD) !== 0) continue;
    if (c !== 0x40 || at >= 0) return false;
    at = i;
  }
  return end > start && at !== start && at !== end - 1;
}

function isBlank(c: number): boolean {
  return c === 0x20 || c === 0x09;
}
