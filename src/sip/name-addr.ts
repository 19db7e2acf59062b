/**
 * `name-addr` and `addr-spec` with parameters, as From, To, Contact, Route and Record-Route carry them (RFC 3261 §20.10,
 * §25). One call reads one value; a list goes on behind `valueEnd`. The URI is delimited here and parsed by `parseUri`.
 */
import { CHAR_CLASS, C_ALPHA, C_SCHEME, C_TOKEN, C_URI, ascii, equalsIgnoreCase, skipLws, trimEnd } from './chars.js';
import {
  GE_ANGLE,
  GE_BRACKET,
  GE_DISPLAY_NAME,
  GE_EMPTY,
  GE_NEEDS_BRACKETS,
  GE_NONE,
  GE_PARAM_TWICE,
  GE_SCHEME,
  GE_SEPARATOR,
  GE_SEVERAL,
  GE_SPACE,
  GE_TAG,
  GE_URI_CHAR,
} from './parse-error.js';
import { ParamView, scanParam, scanQuoted } from './params.js';
import { parseUri } from './uri.js';
import type { UriView } from './uri.js';

/** Parts of one address value as offsets into the message; -1 where a part is absent. Meaningless after an error. */
export class NameAddrView {
  /** Display name without its quotes, escapes in place; without white space around it. */
  displayStart = -1;
  displayEnd = -1;
  /** 1 when the display name is a quoted string. */
  quoted = 0;
  /** The URI without its brackets. */
  uriStart = -1;
  uriEnd = -1;
  /** 1 when the URI stands in angle brackets, 0 for a bare addr-spec, which has no URI parameters of its own. */
  bracketed = 0;
  /** Header parameters from the first `;` behind the address to the end of this value. */
  paramsStart = -1;
  paramsEnd = -1;
  tagStart = -1;
  tagEnd = -1;
  /** Offset of the comma that ends this value, or the end of the field. */
  valueEnd = -1;
}

const COMMA = 0x2c;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const LESS = 0x3c;
const GREATER = 0x3e;
const QUESTION = 0x3f;
const QUOTE = 0x22;
const STAR = 0x2a;
const TAG = ascii('tag');

const param = new ParamView();

/**
 * Parses the address value that begins at `start` and ends at a comma or at `end`; fills `out`. GE_NONE, or the grammar
 * code of the first fault. White space and folds may stand before and behind.
 */
export function parseNameAddr(bytes: Uint8Array, start: number, end: number, out: NameAddrView): number {
  out.displayStart = -1;
  out.displayEnd = -1;
  out.quoted = 0;
  out.uriStart = -1;
  out.uriEnd = -1;
  out.bracketed = 0;
  out.paramsStart = -1;
  out.paramsEnd = -1;
  out.tagStart = -1;
  out.tagEnd = -1;
  out.valueEnd = end;

  let i = skipLws(bytes, start, end);
  if (i >= end) return GE_EMPTY;
  const address = scanAddress(bytes, i, end, out);
  if (address < 0) return -address;

  i = skipLws(bytes, address, end);
  if (i < end && bytes[i] === SEMICOLON) {
    out.paramsStart = i;
    do {
      i = scanParam(bytes, skipLws(bytes, i + 1, end), end, param, false);
      if (i < 0) return -i;
      out.paramsEnd = param.valueEnd < 0 ? param.nameEnd : param.valueEnd;
      if (param.nameEnd - param.nameStart === 3 && equalsIgnoreCase(bytes, param.nameStart, param.nameEnd, TAG)) {
        if (out.tagStart >= 0) return GE_PARAM_TWICE;
        if (param.isToken === 0) return GE_TAG;
        out.tagStart = param.valueStart;
        out.tagEnd = param.valueEnd;
      }
    } while (i < end && bytes[i] === SEMICOLON);
  }
  if (i >= end) return GE_NONE;
  if (bytes[i] !== COMMA) return faultBehind(bytes[i]!);
  if (skipLws(bytes, i + 1, end) >= end) return GE_EMPTY;
  out.valueEnd = i;
  return GE_NONE;
}

/** `parseNameAddr` for a field with one value (From, To): a comma behind the value is GE_SEVERAL. */
export function parseSingleNameAddr(bytes: Uint8Array, start: number, end: number, out: NameAddrView): number {
  const fault = parseNameAddr(bytes, start, end, out);
  return fault === GE_NONE && out.valueEnd !== end ? GE_SEVERAL : fault;
}

/** Parses one address value and the URI in it. GE_NONE, or the grammar code of the first fault in either. */
export function parseNameAddrUri(
  bytes: Uint8Array,
  start: number,
  end: number,
  out: NameAddrView,
  uri: UriView,
): number {
  const fault = parseNameAddr(bytes, start, end, out);
  return fault === GE_NONE ? parseUri(bytes, out.uriStart, out.uriEnd, uri) : fault;
}

/** Whether `bytes[start, end)` is the `*` of a Contact that removes every binding, white space apart. */
export function isStar(bytes: Uint8Array, start: number, end: number): boolean {
  const i = skipLws(bytes, start, end);
  return i < end && bytes[i] === STAR && trimEnd(bytes, i, end) === i + 1;
}

/** Reads display name and URI at `i`; the offset behind them, or a negated grammar code. */
function scanAddress(bytes: Uint8Array, i: number, end: number, out: NameAddrView): number {
  const first = bytes[i]!;
  if (first === LESS) return scanBracketed(bytes, i, end, out);
  if (first === QUOTE) {
    const close = scanQuoted(bytes, i, end);
    if (close < 0) return close;
    out.displayStart = i + 1;
    out.displayEnd = close - 1;
    out.quoted = 1;
    const angle = skipLws(bytes, close, end);
    return angle < end && bytes[angle] === LESS ? scanBracketed(bytes, angle, end, out) : -GE_BRACKET;
  }
  // Tokens with white space between them are a display name if `<` follows, and one token is a scheme if `:` does.
  const start = i;
  let wordEnd = i;
  let words = 0;
  for (;;) {
    const wordStart = i;
    while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
    if (i > wordStart) {
      words++;
      wordEnd = i;
    }
    const next = skipLws(bytes, i, end);
    if (next === i) break;
    i = next;
  }
  if (i >= end) return -GE_SCHEME;
  if (bytes[i] === LESS) {
    if (words > 0) {
      out.displayStart = start;
      out.displayEnd = wordEnd;
    }
    return scanBracketed(bytes, i, end, out);
  }
  if (bytes[i] !== COLON || words !== 1 || i !== wordEnd) return -GE_DISPLAY_NAME;
  if (!isScheme(bytes, start, i)) return -GE_SCHEME;
  return scanBare(bytes, start, i + 1, end, out);
}

function scanBracketed(bytes: Uint8Array, angle: number, end: number, out: NameAddrView): number {
  let i = angle + 1;
  while (i < end && (CHAR_CLASS[bytes[i]!]! & C_URI) !== 0) i++;
  if (i >= end) return -GE_BRACKET;
  const c = bytes[i]!;
  if (c !== GREATER) return c === LESS ? -GE_ANGLE : skipLws(bytes, i, end) > i ? -GE_SPACE : -GE_URI_CHAR;
  if (i === angle + 1) return -GE_EMPTY;
  out.uriStart = angle + 1;
  out.uriEnd = i;
  out.bracketed = 1;
  return i + 1;
}

/** An addr-spec without brackets: it ends at `;`, and must not hold what only brackets would tell apart. */
function scanBare(bytes: Uint8Array, start: number, i: number, end: number, out: NameAddrView): number {
  const body = i;
  while (i < end) {
    const c = bytes[i]!;
    if (c === SEMICOLON || c === COMMA || (CHAR_CLASS[c]! & C_URI) === 0) break;
    if (c === QUESTION) return -GE_NEEDS_BRACKETS;
    i++;
  }
  if (i === body) return -GE_EMPTY;
  out.uriStart = start;
  out.uriEnd = i;
  return i;
}

function isScheme(bytes: Uint8Array, start: number, end: number): boolean {
  if ((CHAR_CLASS[bytes[start]!]! & C_ALPHA) === 0) return false;
  for (let i = start + 1; i < end; i++) {
    if ((CHAR_CLASS[bytes[i]!]! & C_SCHEME) === 0) return false;
  }
  return true;
}

function faultBehind(c: number): number {
  if (c === LESS || c === GREATER) return GE_BRACKET;
  return c === QUOTE ? GE_DISPLAY_NAME : GE_SEPARATOR;
}
