/**
 * The marks that we leave in messages and read back: the branch of our Via, and the parameter of our Record-Route URI.
 *
 * ```
 * branch        z9hG4bKvd NN SS II HHHHHHHHHHHHHHHH     node, shard, target index (hex), keyed hash (hex)
 *               …~UUUUUUUU                              the same of an RFC 2543 request: keyed hash of its Request-URI
 * Via           ;vdl=LLLLLLLL                           loop part (loop-detection.ts), where one is needed
 * Record-Route  ;vd=NNSS                                node, shard
 * ```
 * The hash is keyed with the shared secret and made of the upstream transaction's key and the target index, so that it can
 * be computed again without a transaction: for a CANCEL whose transaction is gone, for an INVITE that is sent again after
 * a crash, and to prove that a late response belongs to a request of ours. The key of an RFC 2543 request takes in its
 * Request-URI, which a response does not repeat: its hash goes along behind the branch.
 *
 * The loop part is no part of the branch. It depends on what the script does (does it fork?), and a branch may only depend on
 * the request, or a CANCEL that is forwarded without a transaction could not be given the branch of its INVITE. Sans-I/O.
 */
import type { KeyHasher } from '../transaction/key.js';

/** `z9hG4bKvd` */
const PREFIX = [0x7a, 0x39, 0x68, 0x47, 0x34, 0x62, 0x4b, 0x76, 0x64];
/** Bytes of a branch of ours. */
export const BRANCH_BYTES = PREFIX.length + 6 + 16;
/** Stands in front of the hash of the Request-URI. */
const TILDE = 0x7e;
/** Bytes that the hash of the Request-URI takes behind a branch. */
const URI_WORD_BYTES = 9;
/** `;vdl=` */
const LOOP_MARK = [0x3b, 0x76, 0x64, 0x6c, 0x3d];
/** Bytes of the loop part as a Via parameter. */
export const LOOP_MARK_BYTES = LOOP_MARK.length + 8;
/** `;vd=` */
const MARK = [0x3b, 0x76, 0x64, 0x3d];
/** Bytes of the Record-Route mark. */
export const ROUTE_MARK_BYTES = MARK.length + 4;

/** A branch of ours taken apart. */
export class BranchView {
  node = 0;
  shard = 0;
  index = 0;
  lo = 0;
  hi = 0;
  /** Of an RFC 2543 request: `uriWord` is the hash of its Request-URI. */
  hasUriWord = false;
  uriWord = 0;
}

/** Writes a branch at `at`; returns the new offset. `lo` and `hi` are the hash of `hashBranch`. */
export function writeBranch(bytes: Uint8Array, at: number, node: number, shard: number, index: number, lo: number, hi: number): number {
  for (let i = 0; i < PREFIX.length; i++) bytes[at + i] = PREFIX[i]!;
  at = writeHexByte(bytes, at + PREFIX.length, node);
  at = writeHexByte(bytes, at, shard);
  at = writeHexByte(bytes, at, index);
  at = writeHexWord(bytes, at, hi);
  return writeHexWord(bytes, at, lo);
}

/** Writes the hash of an RFC 2543 request's Request-URI behind its branch; returns the new offset. */
export function writeUriWord(bytes: Uint8Array, at: number, uriWord: number): number {
  bytes[at] = TILDE;
  return writeHexWord(bytes, at + 1, uriWord);
}

/** Reads a branch; false when it does not have the form of ours. Any node is accepted: see `BranchView.node`. */
export function readBranch(bytes: Uint8Array, start: number, end: number, out: BranchView): boolean {
  out.hasUriWord = false;
  if (end - start !== BRANCH_BYTES) {
    if (end - start !== BRANCH_BYTES + URI_WORD_BYTES) return false;
    end -= URI_WORD_BYTES;
    if (bytes[end] !== TILDE || !isHexWord(bytes, end + 1)) return false;
    out.hasUriWord = true;
    out.uriWord = readHexWord(bytes, end + 1);
  }
  for (let i = 0; i < PREFIX.length; i++) if (bytes[start + i] !== PREFIX[i]) return false;
  let at = start + PREFIX.length;
  for (let i = at; i < end; i++) if (HEX[bytes[i]!] === NO_HEX) return false;
  out.node = readHexByte(bytes, at);
  out.shard = readHexByte(bytes, at + 2);
  out.index = readHexByte(bytes, at + 4);
  at += 6;
  out.hi = readHexWord(bytes, at);
  out.lo = readHexWord(bytes, at + 8);
  return true;
}

/** Hashes an upstream transaction key and a target index into the branch hash, left in `hasher.lo` and `hasher.hi`. */
export function hashBranch(hasher: KeyHasher, upstreamLo: number, upstreamHi: number, index: number): void {
  hasher.hashWords(upstreamLo, upstreamHi, index);
}

/** Writes the loop part as a Via parameter; returns the new offset. */
export function writeLoopMark(bytes: Uint8Array, at: number, loopPart: number): number {
  for (let i = 0; i < LOOP_MARK.length; i++) bytes[at + i] = LOOP_MARK[i]!;
  return writeHexWord(bytes, at + LOOP_MARK.length, loopPart);
}

/** Offset of the digits of a loop part among the Via parameters `bytes[start, end)`, or -1. `readHexWord` reads it. */
export function findLoopMark(bytes: Uint8Array, start: number, end: number): number {
  const last = end - LOOP_MARK_BYTES;
  for (let i = start; i <= last; i++) {
    if (bytes[i] !== 0x3b || bytes[i + 1] !== 0x76 || bytes[i + 2] !== 0x64 || bytes[i + 3] !== 0x6c || bytes[i + 4] !== 0x3d) continue;
    return isHexWord(bytes, i + LOOP_MARK.length) ? i + LOOP_MARK.length : -1;
  }
  return -1;
}

/** Writes the Record-Route parameter; returns the new offset. */
export function writeRouteMark(bytes: Uint8Array, at: number, node: number, shard: number): number {
  for (let i = 0; i < MARK.length; i++) bytes[at + i] = MARK[i]!;
  at = writeHexByte(bytes, at + MARK.length, node);
  return writeHexByte(bytes, at, shard);
}

/** Finds our mark in a Route value `bytes[start, end)`: node·256 + shard, or -1. */
export function findRouteMark(bytes: Uint8Array, start: number, end: number): number {
  const last = end - ROUTE_MARK_BYTES;
  for (let i = start; i <= last; i++) {
    if (bytes[i] !== 0x3b || bytes[i + 1] !== 0x76 || bytes[i + 2] !== 0x64 || bytes[i + 3] !== 0x3d) continue;
    const at = i + MARK.length;
    if (HEX[bytes[at]!] === NO_HEX || HEX[bytes[at + 1]!] === NO_HEX || HEX[bytes[at + 2]!] === NO_HEX || HEX[bytes[at + 3]!] === NO_HEX) return -1;
    return (readHexByte(bytes, at) << 8) | readHexByte(bytes, at + 2);
  }
  return -1;
}

const NO_HEX = 255;
/** Value of a lower-case hex digit, NO_HEX for anything else. */
const HEX = new Uint8Array(256).fill(NO_HEX);
for (let i = 0; i < 10; i++) HEX[0x30 + i] = i;
for (let i = 0; i < 6; i++) HEX[0x61 + i] = 10 + i;

/** Digits by value. */
const DIGIT = new Uint8Array(16);
for (let i = 0; i < 16; i++) DIGIT[i] = i < 10 ? 0x30 + i : 0x57 + i;

function writeHexByte(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = DIGIT[(value >>> 4) & 15]!;
  bytes[at + 1] = DIGIT[value & 15]!;
  return at + 2;
}

function writeHexWord(bytes: Uint8Array, at: number, value: number): number {
  for (let i = 7; i >= 0; i--) {
    bytes[at + i] = DIGIT[value & 15]!;
    value >>>= 4;
  }
  return at + 8;
}

function readHexByte(bytes: Uint8Array, at: number): number {
  return (HEX[bytes[at]!]! << 4) | HEX[bytes[at + 1]!]!;
}

function isHexWord(bytes: Uint8Array, at: number): boolean {
  for (let i = at; i < at + 8; i++) if (HEX[bytes[i]!] === NO_HEX) return false;
  return true;
}

/** The eight lower-case digits at `at` as int32: the sign bit is a bit like any other. */
export function readHexWord(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; i < 8; i++) value = (value << 4) | HEX[bytes[at + i]!]!;
  return value;
}
