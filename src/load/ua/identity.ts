/**
 * How a call is named in messages, so that what comes back finds it without a search: its place in the call table and its
 * generation stand in hexadecimal in Call-ID, branch and tags. Pure, any thread.
 *
 *     Call-ID   vl RUN SCENARIO THREAD INDEX GENERATION
 *     branch    z9hG4bK vl RUN THREAD INDEX GENERATION ORDINAL
 *     tag       v  RUN THREAD INDEX GENERATION
 *
 * RUN has 8 digits and tells runs apart, SCENARIO and THREAD 2, INDEX and GENERATION 6, ORDINAL 2 (of the call's client
 * transactions). All have a fixed width, so templates have holes and not gaps.
 */
const DIGITS = Uint8Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Value of a lower-case hexadecimal digit, 255 for any other byte. */
const VALUE = new Uint8Array(256).fill(255);
for (const [value, digit] of DIGITS.entries()) VALUE[digit] = value;

/** Calls of one thread, and generations of one place, that a name can tell apart. */
export const INDEX_LIMIT = 1 << 24;
export const GENERATION_MASK = INDEX_LIMIT - 1;
/** Digits of index and generation together, and with the ordinal. */
export const CALL_DIGITS = 12;
export const BRANCH_DIGITS = 14;
export const CALL_ID_BYTES = 26;
export const TAG_BYTES = 23;

/** The fixed parts of the names of one thread. */
export interface Identity {
  readonly run: number;
  readonly thread: number;
  /** Branch up to the index. */
  readonly branchPrefix: string;
  /** Tag up to the index. */
  readonly tagPrefix: string;
}

export function createIdentity(run: number, thread: number): Identity {
  const text = `${hex(run >>> 0, 8)}${hex(thread, 2)}`;
  return { run: run >>> 0, thread, branchPrefix: `z9hG4bKvl${text}`, tagPrefix: `v${text}` };
}

/** Call-ID up to the index. */
export function callIdPrefix(identity: Identity, scenario: number): string {
  return `vl${hex(identity.run, 8)}${hex(scenario, 2)}${hex(identity.thread, 2)}`;
}

/** `value` with `digits` hexadecimal digits. */
export function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** Writes the six digits of `value`. */
export function writeHex6(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = DIGITS[(value >>> 20) & 15]!;
  bytes[at + 1] = DIGITS[(value >>> 16) & 15]!;
  bytes[at + 2] = DIGITS[(value >>> 12) & 15]!;
  bytes[at + 3] = DIGITS[(value >>> 8) & 15]!;
  bytes[at + 4] = DIGITS[(value >>> 4) & 15]!;
  bytes[at + 5] = DIGITS[value & 15]!;
}

/** Writes the two digits of `value`. */
export function writeHex2(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = DIGITS[(value >>> 4) & 15]!;
  bytes[at + 1] = DIGITS[value & 15]!;
}

/** Reads six digits; -1 when they are none. */
export function readHex6(bytes: Uint8Array, at: number): number {
  const a = VALUE[bytes[at]!]!;
  const b = VALUE[bytes[at + 1]!]!;
  const c = VALUE[bytes[at + 2]!]!;
  const d = VALUE[bytes[at + 3]!]!;
  const e = VALUE[bytes[at + 4]!]!;
  const f = VALUE[bytes[at + 5]!]!;
  if ((a | b | c | d | e | f) > 15) return -1;
  return (a << 20) | (b << 16) | (c << 12) | (d << 8) | (e << 4) | f;
}

/** Reads two digits; -1 when they are none. */
export function readHex2(bytes: Uint8Array, at: number): number {
  const a = VALUE[bytes[at]!]!;
  const b = VALUE[bytes[at + 1]!]!;
  return (a | b) > 15 ? -1 : (a << 4) | b;
}

/** Reads eight digits as an unsigned number; -1 when they are none. */
export function readHex8(bytes: Uint8Array, at: number): number {
  const high = readHex2(bytes, at);
  const low = readHex6(bytes, at + 2);
  return high < 0 || low < 0 ? -1 : high * 0x100_0000 + low;
}
