/**
 * `host` and port of RFC 3261 §25, as URIs and Via share them: a name, an IPv4 address or an IPv6 reference in brackets.
 * Scanners return the offset behind what they read, or the negated grammar code `-GE_*`.
 */
import { AddressWords, parseIpv6 } from './address-text.js';
import { CHAR_CLASS, C_DIGIT, C_HOST } from './chars.js';
import { GE_HOST, GE_IPV6, GE_PORT } from './parse-error.js';

/** The host is a name to be resolved. */
export const HOST_NAME = 1;
/** The host is a dotted quad. */
export const HOST_IPV4 = 2;
/** The host is an IPv6 reference; its text includes the brackets. */
export const HOST_IPV6 = 3;

const DOT = 0x2e;
const DASH = 0x2d;
const BRACKET_OPEN = 0x5b;
const BRACKET_CLOSE = 0x5d;
/** Longest text between brackets: eight groups with a dotted quad at the end make 45 characters. */
const MAX_IPV6_BYTES = 45;

/** What the scanners read: the address when the host is a literal, else family 0. Each grammar reuses one of its own. */
export class HostView extends AddressWords {
  /** `HOST_*`. */
  kind = 0;
  /** Port that `scanPort` read, 1 to 65535; `scanHost` sets it to 0. */
  port = 0;
}

/**
 * Reads a host at `i`; fills `out`. A name is labels of letters, digits, `-` and `_` with dots between them and perhaps
 * one behind; no label begins or ends with `-`, and the last one is not a number (so 1.2.3.400 is no name either).
 */
export function scanHost(bytes: Uint8Array, i: number, end: number, out: HostView): number {
  out.kind = HOST_NAME;
  out.port = 0;
  out.family = 0;
  out.a0 = 0;
  out.a1 = 0;
  out.a2 = 0;
  out.a3 = 0;
  if (i < end && bytes[i] === BRACKET_OPEN) return scanIpv6Reference(bytes, i, end, out);
  const start = i;
  if (i < end && (CHAR_CLASS[bytes[i]!]! & C_DIGIT) !== 0) {
    const behind = scanIpv4(bytes, i, end, out);
    if (behind > 0) return behind;
  }
  let previous = DOT;
  let lastIsNumber = true;
  let labelIsNumber = true;
  while (i < end) {
    const c = bytes[i]!;
    const flags = CHAR_CLASS[c]!;
    if ((flags & C_HOST) === 0) break;
    if (c === DOT) {
      if (previous === DOT || previous === DASH) return -GE_HOST;
      lastIsNumber = labelIsNumber;
      labelIsNumber = true;
    } else if ((flags & C_DIGIT) === 0) {
      if (c === DASH && previous === DOT) return -GE_HOST;
      labelIsNumber = false;
    }
    previous = c;
    i++;
  }
  if (i === start || previous === DASH) return -GE_HOST;
  if (previous !== DOT) lastIsNumber = labelIsNumber;
  return lastIsNumber ? -GE_HOST : i;
}

/** Reads a dotted quad at `i` in one pass; -1, and `out` untouched, when the host there is not one. */
function scanIpv4(bytes: Uint8Array, i: number, end: number, out: HostView): number {
  let word = 0;
  for (let dots = 0; ; dots++) {
    const start = i;
    let value = 0;
    while (i < end && (CHAR_CLASS[bytes[i]!]! & C_DIGIT) !== 0) {
      value = value * 10 + (bytes[i]! - 0x30);
      if (value > 255 || (i > start && bytes[start] === 0x30)) return -1;
      i++;
    }
    if (i === start) return -1;
    word = (word << 8) | value;
    if (dots === 3) break;
    if (i >= end || bytes[i] !== DOT) return -1;
    i++;
  }
  if (i < end && (CHAR_CLASS[bytes[i]!]! & C_HOST) !== 0) return -1;
  out.kind = HOST_IPV4;
  out.family = 4;
  out.a0 = word;
  return i;
}

/** Reads `[…]` at `i`, where the bracket stands; fills `out`. */
export function scanIpv6Reference(bytes: Uint8Array, i: number, end: number, out: HostView): number {
  const start = i + 1;
  const stop = start + MAX_IPV6_BYTES < end ? start + MAX_IPV6_BYTES + 1 : end;
  let close = start;
  while (close < stop && bytes[close] !== BRACKET_CLOSE) close++;
  if (close >= stop || !parseIpv6(bytes, start, close, out)) return -GE_IPV6;
  out.kind = HOST_IPV6;
  return close + 1;
}

/** Reads a port, 1 to 65535, at `i` (behind the colon) into `out.port`; leaves the rest of `out` alone. */
export function scanPort(bytes: Uint8Array, i: number, end: number, out: HostView): number {
  let value = 0;
  while (i < end) {
    const c = bytes[i]!;
    if ((CHAR_CLASS[c]! & C_DIGIT) === 0) break;
    value = value * 10 + (c - 0x30);
    if (value > 65535) return -GE_PORT;
    i++;
  }
  if (value === 0) return -GE_PORT;
  out.port = value;
  return i;
}
