/**
 * IP addresses between text and words. An address is four big-endian 32-bit words (signed integers); IPv4 uses the first
 * alone and leaves the others 0, as `Endpoint` in proxy/ports.ts. Reading follows RFC 4291 §2.2, writing RFC 5952.
 */

/** Words of an address; whatever carries them will do. */
export interface Words {
  a0: number;
  a1: number;
  a2: number;
  a3: number;
}

/** Words of an address together with its family. */
export interface FamilyWords extends Words {
  /** 4 or 6; 0 when there is no address. */
  family: number;
}

/** A reusable address. */
export class AddressWords implements FamilyWords {
  family = 0;
  a0 = 0;
  a1 = 0;
  a2 = 0;
  a3 = 0;
}

/** An address that a datagram may go to, as far as its form tells. */
export const ADDRESS_OTHER = 0;
/** 0.0.0.0 or `::`. */
export const ADDRESS_UNSPECIFIED = 1;
/** 255.255.255.255. */
export const ADDRESS_BROADCAST = 2;
/** 224.0.0.0/4 or ff00::/8. */
export const ADDRESS_MULTICAST = 3;
/** 127.0.0.0/8 or ::1. */
export const ADDRESS_LOOPBACK = 4;

/** Longest text of `writeIpv4`. */
export const IPV4_TEXT_BYTES = 15;
/** Longest text of `writeIpv6`: eight groups of four digits. */
export const IPV6_TEXT_BYTES = 39;

const DOT = 0x2e;
const COLON = 0x3a;
/** The eight groups of the address at hand, in reading and in writing. */
const groups = new Uint16Array(8);

/**
 * Whether `bytes[start, end)` is a dotted quad; fills `out` if so. Each number is 0 to 255 without leading zeros, which
 * some readers take for octal.
 */
export function parseIpv4(bytes: Uint8Array, start: number, end: number, out: FamilyWords): boolean {
  let word = 0;
  let value = 0;
  let digits = 0;
  let dots = 0;
  for (let i = start; i < end; i++) {
    const c = bytes[i]!;
    if (c === DOT) {
      if (digits === 0 || ++dots > 3) return false;
      word = (word << 8) | value;
      value = 0;
      digits = 0;
    } else if (c >= 0x30 && c <= 0x39) {
      if (digits > 0 && value === 0) return false;
      value = value * 10 + (c - 0x30);
      digits++;
      if (value > 255) return false;
    } else {
      return false;
    }
  }
  if (dots !== 3 || digits === 0) return false;
  out.family = 4;
  out.a0 = (word << 8) | value;
  out.a1 = 0;
  out.a2 = 0;
  out.a3 = 0;
  return true;
}

/**
 * Whether `bytes[start, end)` is an IPv6 address without brackets, in any form of RFC 4291 §2.2 (`::` once, the last 32
 * bits as a dotted quad); fills `out` if so. Zone identifiers are refused: they mean nothing to another host.
 */
export function parseIpv6(bytes: Uint8Array, start: number, end: number, out: FamilyWords): boolean {
  let i = start;
  let count = 0;
  let gap = -1;
  if (i < end && bytes[i] === COLON) {
    if (i + 1 >= end || bytes[i + 1] !== COLON) return false;
    gap = 0;
    i += 2;
  }
  while (i < end) {
    const groupStart = i;
    let value = 0;
    while (i < end) {
      const digit = hexValue(bytes[i]!);
      if (digit < 0) break;
      if (i - groupStart === 4) return false;
      value = (value << 4) | digit;
      i++;
    }
    if (i === groupStart || count === 8) return false;
    if (i < end && bytes[i] === DOT) {
      if (count > 6 || !parseIpv4(bytes, groupStart, end, quad)) return false;
      groups[count++] = quad.a0 >>> 16;
      groups[count++] = quad.a0 & 0xffff;
      break;
    }
    groups[count++] = value;
    if (i === end) break;
    if (bytes[i] !== COLON || ++i === end) return false;
    if (bytes[i] === COLON) {
      if (gap >= 0) return false;
      gap = count;
      i++;
    }
  }
  if (gap < 0 ? count !== 8 : count > 7) return false;
  if (gap >= 0) {
    // The groups behind `::` move to the end, and zeros fill the room.
    for (let k = 1; k <= count - gap; k++) groups[8 - k] = groups[count - k]!;
    for (let k = gap; k < 8 - (count - gap); k++) groups[k] = 0;
  }
  out.family = 6;
  out.a0 = (groups[0]! << 16) | groups[1]!;
  out.a1 = (groups[2]! << 16) | groups[3]!;
  out.a2 = (groups[4]! << 16) | groups[5]!;
  out.a3 = (groups[6]! << 16) | groups[7]!;
  return true;
}

/** The dotted quad inside of the IPv6 address at hand. */
const quad = new AddressWords();

/** Writes `a0` as a dotted quad at `at`; the new offset. At most `IPV4_TEXT_BYTES`. */
export function writeIpv4(bytes: Uint8Array, at: number, words: Words): number {
  return writeQuad(bytes, at, words.a0);
}

/**
 * Writes an IPv6 address without brackets at `at` in the form of RFC 5952; the new offset. The longest run of zero groups
 * is shortened, the first of equals; an IPv4-mapped address ends in a dotted quad. At most `IPV6_TEXT_BYTES`.
 */
export function writeIpv6(bytes: Uint8Array, at: number, words: Words): number {
  if (isMapped(words)) {
    bytes[at] = COLON;
    bytes[at + 1] = COLON;
    bytes.fill(0x66, at + 2, at + 6);
    bytes[at + 6] = COLON;
    return writeQuad(bytes, at + 7, words.a3);
  }
  groups[0] = words.a0 >>> 16;
  groups[1] = words.a0;
  groups[2] = words.a1 >>> 16;
  groups[3] = words.a1;
  groups[4] = words.a2 >>> 16;
  groups[5] = words.a2;
  groups[6] = words.a3 >>> 16;
  groups[7] = words.a3;
  let runStart = -1;
  let runLength = 1;
  for (let k = 0; k < 8; k++) {
    let zeros = 0;
    while (k + zeros < 8 && groups[k + zeros] === 0) zeros++;
    if (zeros > runLength) {
      runStart = k;
      runLength = zeros;
    }
    k += zeros;
  }
  let k = 0;
  while (k < 8) {
    if (k === runStart) {
      bytes[at++] = COLON;
      bytes[at++] = COLON;
      k += runLength;
      continue;
    }
    if (k > 0 && k !== runStart + runLength) bytes[at++] = COLON;
    at = writeGroup(bytes, at, groups[k]!);
    k++;
  }
  return at;
}

/** Writes an address as the host of a URI or a sent-by: IPv6 in brackets; the new offset. At most `IPV6_TEXT_BYTES` + 2. */
export function writeHost(bytes: Uint8Array, at: number, address: FamilyWords): number {
  if (address.family !== 6) return writeQuad(bytes, at, address.a0);
  bytes[at] = 0x5b;
  at = writeIpv6(bytes, at + 1, address);
  bytes[at] = 0x5d;
  return at + 1;
}

/** Kind of an address, `ADDRESS_*`. An IPv4-mapped IPv6 address is what the IPv4 address in it is. */
export function classify(address: FamilyWords): number {
  if (address.family === 4) return classifyIpv4(address.a0);
  if (isMapped(address)) return classifyIpv4(address.a3);
  if (address.a0 >>> 24 === 0xff) return ADDRESS_MULTICAST;
  if ((address.a0 | address.a1 | address.a2) === 0) {
    if (address.a3 === 0) return ADDRESS_UNSPECIFIED;
    if (address.a3 === 1) return ADDRESS_LOOPBACK;
  }
  return ADDRESS_OTHER;
}

function classifyIpv4(word: number): number {
  if (word === 0) return ADDRESS_UNSPECIFIED;
  if (word === -1 || word === 0xffffffff) return ADDRESS_BROADCAST;
  if (word >>> 28 === 0xe) return ADDRESS_MULTICAST;
  if (word >>> 24 === 127) return ADDRESS_LOOPBACK;
  return ADDRESS_OTHER;
}

function isMapped(words: Words): boolean {
  return (words.a0 | words.a1) === 0 && words.a2 === 0xffff;
}

function hexValue(c: number): number {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const lower = c | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

function writeQuad(bytes: Uint8Array, at: number, word: number): number {
  for (let shift = 24; shift >= 0; shift -= 8) {
    let value = (word >>> shift) & 0xff;
    if (value >= 100) {
      const hundreds = value >= 200 ? 2 : 1;
      bytes[at++] = 0x30 + hundreds;
      value -= hundreds * 100;
      const tens = (value / 10) | 0;
      bytes[at++] = 0x30 + tens;
      value -= tens * 10;
    } else if (value >= 10) {
      const tens = (value / 10) | 0;
      bytes[at++] = 0x30 + tens;
      value -= tens * 10;
    }
    bytes[at++] = 0x30 + value;
    if (shift > 0) bytes[at++] = DOT;
  }
  return at;
}

function writeGroup(bytes: Uint8Array, at: number, group: number): number {
  let shift = group >= 0x1000 ? 12 : group >= 0x100 ? 8 : group >= 0x10 ? 4 : 0;
  for (; shift >= 0; shift -= 4) {
    const digit = (group >>> shift) & 15;
    bytes[at++] = digit < 10 ? 0x30 + digit : 0x57 + digit;
  }
  return at;
}
