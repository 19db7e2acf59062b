/**
 * Whether two URIs are equivalent (RFC 3261 §19.1.4), as a registrar asks of contacts. The relation is symmetric and, as the RFC
 * says itself, not transitive. Pure functions on borrowed bytes; for registrations, not for every message.
 */
import { CHAR_CLASS, C_HEX, LOWER } from './chars.js';
import { HOST_IPV6, SCHEME_SIPS, UriView, parseUri } from './uri.js';

const PERCENT = 0x25;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const AMPERSAND = 0x26;

/**
 * Parameters, and headers, of one URI that are compared one by one: the work grows with their square. Beyond that many they have to
 * be equal octet by octet, which only a URI made to cost time would notice.
 */
const COMPARED_PARTS_MAX = 32;

/** Added to the value of an escaped octet of the reserved set, which differs from the same octet without its escape. */
const ESCAPED = 0x100;

/** By octet: 1 for the reserved set of RFC 2396 §2.2. */
const RESERVED = new Uint8Array(256);
for (const c of ';/?:@&=+$,') RESERVED[c.charCodeAt(0)] = 1;

/** Parameters that must stand in both URIs or in neither: the first three by name, the other two because leaving them out has a meaning. */
const NEVER_IGNORED: readonly string[] = ['user', 'ttl', 'method', 'maddr', 'transport'];
const NEVER_IGNORED_LENGTH_MAX = 9;

const viewA = new UriView();
const viewB = new UriView();

/** Units of `bytes[i, end)` one after the other: octets, with the escapes taken off that mean the same as what they stand for. */
class Units {
  bytes: Uint8Array;
  i: number;
  readonly end: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes;
    this.i = start;
    this.end = end;
  }

  /** The next unit, or -1 at the end. */
  next(): number {
    const i = this.i;
    if (i >= this.end) return -1;
    const c = this.bytes[i]!;
    if (c === PERCENT && i + 2 < this.end && isHex(this.bytes[i + 1]!) && isHex(this.bytes[i + 2]!)) {
      const value = (hexDigit(this.bytes[i + 1]!) << 4) | hexDigit(this.bytes[i + 2]!);
      this.i = i + 3;
      return RESERVED[value] === 1 ? value + ESCAPED : value;
    }
    this.i = i + 1;
    return c;
  }
}

/**
 * Whether the URIs `a[aStart, aEnd)` and `b[bStart, bEnd)` are equivalent. A SIP or SIPS URI is compared as §19.1.4 says; one of
 * another scheme, or one that does not parse, octet by octet but for the letters of its scheme.
 */
export function areUrisEquivalent(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  const aFault = parseUri(a, aStart, aEnd, viewA);
  const bFault = parseUri(b, bStart, bEnd, viewB);
  if (aFault !== 0 || bFault !== 0) return sameOctets(a, aStart, aEnd, b, bStart, bEnd);
  if (viewA.scheme !== viewB.scheme) return false;
  if (viewA.scheme > SCHEME_SIPS) {
    return (
      equalIgnoringCase(a, viewA.schemeStart, viewA.schemeEnd, b, viewB.schemeStart, viewB.schemeEnd) &&
      sameOctets(a, viewA.schemeEnd, aEnd, b, viewB.schemeEnd, bEnd)
    );
  }
  if (viewA.port !== viewB.port || viewA.transport !== viewB.transport) return false;
  if (!sameHost(a, b)) return false;
  if ((viewA.userStart < 0) !== (viewB.userStart < 0) || (viewA.passwordStart < 0) !== (viewB.passwordStart < 0)) return false;
  if (!equalUnits(a, viewA.userStart, viewA.userEnd, b, viewB.userStart, viewB.userEnd, false)) return false;
  if (!equalUnits(a, viewA.passwordStart, viewA.passwordEnd, b, viewB.passwordStart, viewB.passwordEnd, false)) return false;
  return sameParams(a, b) && sameHeaders(a, b);
}

function sameHost(a: Uint8Array, b: Uint8Array): boolean {
  if (viewA.hostKind !== viewB.hostKind) return false;
  // One IPv6 address can be written in many ways.
  if (viewA.hostKind === HOST_IPV6) return viewA.a0 === viewB.a0 && viewA.a1 === viewB.a1 && viewA.a2 === viewB.a2 && viewA.a3 === viewB.a3;
  return equalIgnoringCase(a, viewA.hostStart, viewA.hostEnd, b, viewB.hostStart, viewB.hostEnd);
}

function sameParams(a: Uint8Array, b: Uint8Array): boolean {
  const aStart = viewA.paramsStart;
  const aEnd = viewA.paramsEnd;
  const bStart = viewB.paramsStart;
  const bEnd = viewB.paramsEnd;
  if (sameOctets(a, aStart, aEnd, b, bStart, bEnd)) return true;
  if (partsOf(a, aStart, aEnd, SEMICOLON) > COMPARED_PARTS_MAX || partsOf(b, bStart, bEnd, SEMICOLON) > COMPARED_PARTS_MAX) return false;
  return paramsAgree(a, aStart, aEnd, b, bStart, bEnd) && paramsAgree(b, bStart, bEnd, a, aStart, aEnd);
}

/** Whether each parameter of `a` either agrees with the one of that name in `b`, or may be missing there. */
function paramsAgree(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  for (let i = aStart; i >= 0 && i < aEnd; i = partEnd(a, i + 1, aEnd, SEMICOLON)) {
    const next = partEnd(a, i + 1, aEnd, SEMICOLON);
    const nameEnd = nameEndOf(a, i + 1, next);
    let found = false;
    for (let j = bStart; j >= 0 && j < bEnd && !found; j = partEnd(b, j + 1, bEnd, SEMICOLON)) {
      const otherNext = partEnd(b, j + 1, bEnd, SEMICOLON);
      const otherNameEnd = nameEndOf(b, j + 1, otherNext);
      if (!equalUnits(a, i + 1, nameEnd, b, j + 1, otherNameEnd, true)) continue;
      // The value goes with its equals sign, so that an empty one is not taken for none.
      if (!equalUnits(a, nameEnd, next, b, otherNameEnd, otherNext, true)) return false;
      found = true;
    }
    if (!found && isNeverIgnored(a, i + 1, nameEnd)) return false;
  }
  return true;
}

/** Headers are never ignored: each must stand in both URIs, as often. */
function sameHeaders(a: Uint8Array, b: Uint8Array): boolean {
  const aStart = viewA.headersStart;
  const aEnd = viewA.headersEnd;
  const bStart = viewB.headersStart;
  const bEnd = viewB.headersEnd;
  if (sameOctets(a, aStart, aEnd, b, bStart, bEnd)) return true;
  if (aStart < 0 || bStart < 0) return false;
  const count = partsOf(a, aStart, aEnd, AMPERSAND);
  if (count !== partsOf(b, bStart, bEnd, AMPERSAND) || count > COMPARED_PARTS_MAX) return false;
  for (let i = aStart; i < aEnd; i = partEnd(a, i, aEnd, AMPERSAND) + 1) {
    const end = partEnd(a, i, aEnd, AMPERSAND);
    if (occurrences(a, i, end, a, aStart, aEnd) !== occurrences(a, i, end, b, bStart, bEnd)) return false;
  }
  return true;
}

function occurrences(bytes: Uint8Array, start: number, end: number, within: Uint8Array, from: number, to: number): number {
  let count = 0;
  for (let i = from; i < to; i = partEnd(within, i, to, AMPERSAND) + 1) {
    if (equalUnits(bytes, start, end, within, i, partEnd(within, i, to, AMPERSAND), true)) count++;
  }
  return count;
}

function partsOf(bytes: Uint8Array, start: number, end: number, separator: number): number {
  if (start < 0) return 0;
  let count = separator === SEMICOLON ? 0 : 1;
  for (let i = start; i < end; i++) {
    if (bytes[i] === separator) count++;
  }
  return count;
}

function partEnd(bytes: Uint8Array, i: number, end: number, separator: number): number {
  while (i < end && bytes[i] !== separator) i++;
  return i;
}

function nameEndOf(bytes: Uint8Array, i: number, end: number): number {
  while (i < end && bytes[i] !== EQUALS) i++;
  return i;
}

function isNeverIgnored(bytes: Uint8Array, start: number, end: number): boolean {
  const units = new Units(bytes, start, end);
  let name = '';
  for (let unit = units.next(); unit >= 0; unit = units.next()) {
    if (unit >= ESCAPED || name.length === NEVER_IGNORED_LENGTH_MAX) return false;
    name += String.fromCharCode(LOWER[unit]!);
  }
  return NEVER_IGNORED.includes(name);
}

function equalUnits(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number, ignoreCase: boolean): boolean {
  if (aStart < 0 || bStart < 0) return aStart < 0 && bStart < 0;
  const left = new Units(a, aStart, aEnd);
  const right = new Units(b, bStart, bEnd);
  for (;;) {
    const x = left.next();
    const y = right.next();
    if (x !== y && !(ignoreCase && x >= 0 && y >= 0 && x < ESCAPED && y < ESCAPED && LOWER[x] === LOWER[y])) return false;
    if (x < 0) return true;
  }
}

function equalIgnoringCase(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) {
    if (LOWER[a[i]!] !== LOWER[b[j]!]) return false;
  }
  return true;
}

function sameOctets(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = aStart, j = bStart; i < aEnd; i++, j++) {
    if (a[i] !== b[j]) return false;
  }
  return true;
}

function isHex(c: number): boolean {
  return (CHAR_CLASS[c]! & C_HEX) !== 0;
}

function hexDigit(c: number): number {
  return c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57;
}
