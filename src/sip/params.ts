/**
 * `generic-param` of RFC 3261 §25, as header fields carry it behind `;`: a token, perhaps with `=` and a token, a host or
 * a quoted string. White space and folds may stand around `;` and `=`. Scanners return the offset behind what they read,
 * or the negated grammar code `-GE_*`.
 */
import { CHAR_CLASS, C_LWS, C_QUOTED, C_TOKEN, ascii, equalsIgnoreCase, skipLws } from './chars.js';
import { HostView, scanIpv6Reference } from './host.js';
import { GE_IPV6, GE_PARAM, GE_PARAM_VALUE, GE_QUOTE, GE_QUOTED_CHAR } from './parse-error.js';
import type { Span } from './span.js';

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const BRACKET_OPEN = 0x5b;

/** One parameter. Offsets are -1 where the parameter has no value. */
export class ParamView {
  nameStart = -1;
  nameEnd = -1;
  /** The value as it stands: with its quotes or brackets, if it has any. */
  valueStart = -1;
  valueEnd = -1;
  /** 1 when there is a value and it is a token. */
  isToken = 0;
}

const RECEIVED = ascii('received');

const ignoredHost = new HostView();
const found = new ParamView();

/**
 * Reads one parameter at `i`, behind its semicolon and any white space; fills `out`. The offset returned is that of the
 * next octet that is not white space. With `inVia` the value of `received` may be an IPv6 address without brackets, whose
 * form is for the caller to judge.
 */
export function scanParam(bytes: Uint8Array, i: number, end: number, out: ParamView, inVia: boolean): number {
  out.nameStart = i;
  while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
  if (i === out.nameStart) return -GE_PARAM;
  out.nameEnd = i;
  out.valueStart = -1;
  out.valueEnd = -1;
  out.isToken = 0;
  i = skipLws(bytes, i, end);
  if (i >= end || bytes[i] !== EQUALS) return i;
  i = skipLws(bytes, i + 1, end);
  if (i >= end) return -GE_PARAM_VALUE;
  out.valueStart = i;
  const c = bytes[i]!;
  if (c === QUOTE) {
    i = scanQuoted(bytes, i, end);
    if (i < 0) return i;
  } else if (c === BRACKET_OPEN) {
    i = scanIpv6Reference(bytes, i, end, ignoredHost);
    if (i < 0) return -GE_IPV6;
  } else {
    while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
    out.isToken = 1;
    // The one value that holds colons outside of brackets.
    if (inVia && i < end && bytes[i] === COLON && isReceived(bytes, out)) {
      out.isToken = 0;
      while (i < end && (bytes[i] === COLON || (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0)) i++;
    }
    if (i === out.valueStart) return -GE_PARAM_VALUE;
  }
  out.valueEnd = i;
  return skipLws(bytes, i, end);
}

function isReceived(bytes: Uint8Array, param: ParamView): boolean {
  return equalsIgnoreCase(bytes, param.nameStart, param.nameEnd, RECEIVED);
}

/**
 * Reads a quoted string at `i`, where its opening quote stands; the offset behind the closing one. Octets from 0x80 up
 * are taken as they are. A backslash may hide anything but CR, LF and octets past ASCII; folds may stand inside.
 */
export function scanQuoted(bytes: Uint8Array, i: number, end: number): number {
  i++;
  while (i < end) {
    const c = bytes[i]!;
    const flags = CHAR_CLASS[c]!;
    if ((flags & C_QUOTED) !== 0) {
      i++;
    } else if (c === QUOTE) {
      return i + 1;
    } else if (c === BACKSLASH) {
      if (i + 1 >= end) return -GE_QUOTE;
      const escaped = bytes[i + 1]!;
      if (escaped === 0x0a || escaped === 0x0d || escaped > 0x7f) return -GE_QUOTED_CHAR;
      i += 2;
    } else if ((flags & C_LWS) !== 0) {
      const next = skipLws(bytes, i, end);
      if (next === i) return -GE_QUOTED_CHAR;
      i = next;
    } else {
      return -GE_QUOTED_CHAR;
    }
  }
  return -GE_QUOTE;
}

/**
 * Looks up a parameter of a header field, Via or other, in `bytes[start, end)`, which begins at a semicolon, has been
 * parsed before and belongs to one value (no comma). Returns whether it is there; `out` gets its value as it stands, or -1 when it has none.
 * `lowerName` is in lower case. With `start` -1 there is nothing to find.
 */
export function findHeaderParam(
  bytes: Uint8Array,
  start: number,
  end: number,
  lowerName: Uint8Array,
  out: Span,
): boolean {
  out.start = -1;
  out.end = -1;
  let i = start;
  while (i >= 0 && i < end && bytes[i] === SEMICOLON) {
    i = scanParam(bytes, skipLws(bytes, i + 1, end), end, found, true);
    if (i < 0) return false;
    if (equalsIgnoreCase(bytes, found.nameStart, found.nameEnd, lowerName)) {
      out.start = found.valueStart;
      out.end = found.valueEnd;
      return true;
    }
  }
  return false;
}
