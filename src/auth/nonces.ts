/**
 * Stateless nonces: time of issue and random bits, with a keyed hash over them, the realm and, if so set, the address that was
 * challenged. Nothing is stored for a challenge, so a flood of strangers fills nothing; and any shard that has the secret
 * knows the nonces of all others. Any thread, an instance each.
 *
 *   TTTTTTTTTTTT RRRRRRRRRRRRRRRR MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM      (hexadecimal, without the spaces)
 *   issued, ms   random           first 128 bits of mac(label, issued and random, address, realm)
 *
 * Times are milliseconds of one time line that all shards share, that never steps back, and that goes on where it was after a
 * restart with the same secret: that of the wall clock at start, say, counted on with a monotonic clock.
 */
import type { AddressWords } from '../sip/address-text.js';
import { ascii } from '../sip/chars.js';
import { readHex32, writeHex32 } from '../sip/numbers.js';
import { sameDigits } from './constant-time.js';
import type { NoncePorts } from './ports.js';
import { REALM_BYTES_MAX, type DigestRealm } from './realm.js';

/** Characters of a nonce. */
export const NONCE_CHARS = 60;

// What `check` returns.
/** Ours and young enough. */
export const NONCE_VALID = 0;
/** Ours, but older than its lifetime. */
export const NONCE_EXPIRED = 1;
/** Not ours, for another realm or address, or from the future. */
export const NONCE_FOREIGN = 2;

/** Defaults are for the caller to set: RFC 7616 §5.5 names no figure; minutes are usual. */
export interface NonceSettings {
  /** How long a nonce is good for, 1,000 to 86,400,000 ms. */
  readonly lifetimeMs: number;
  /** Whether a nonce is good only for the address that was challenged (not its port, which a NAT may change). */
  readonly bindToSource: boolean;
}

/** A shard may have read its clock a little before the one that issued the nonce. */
const SKEW_MS = 2_000;

const ISSUED_CHARS = 12;
const MAC_AT = 28;
const MAC_CHARS = NONCE_CHARS - MAC_AT;
const TWO_32 = 0x1_0000_0000;
const ISSUED_MS_MAX = 0xffff_ffff_ffff;

/** Keeps these hashes apart from whatever else the same secret may be used for. */
const LABEL = ascii('viaduct digest nonce:');
const SOURCE_BYTES = 17;
const TEXT_AT = LABEL.length;
const SOURCE_AT = TEXT_AT + MAC_AT;
const REALM_AT = SOURCE_AT + SOURCE_BYTES;

export class Nonces {
  /** Of the nonce that `check` found to be ours: its time of issue, and 64 unforgeable bits that tell it from all others. */
  issuedMs = 0;
  tag0 = 0;
  tag1 = 0;

  readonly #ports: NoncePorts;
  readonly #lifetimeMs: number;
  readonly #bindToSource: boolean;
  readonly #input = new Uint8Array(REALM_AT + REALM_BYTES_MAX);
  readonly #mac = new Uint8Array(MAC_CHARS);

  /** A RangeError when the lifetime is out of its range. */
  constructor(ports: NoncePorts, settings: NonceSettings) {
    if (!(settings.lifetimeMs >= 1_000 && settings.lifetimeMs <= 86_400_000)) {
      throw new RangeError(`the lifetime of nonces is ${settings.lifetimeMs} ms: 1000 to 86400000 are allowed`);
    }
    this.#ports = ports;
    this.#lifetimeMs = settings.lifetimeMs;
    this.#bindToSource = settings.bindToSource;
    this.#input.set(LABEL, 0);
  }

  /** Writes a new nonce at `at`; the offset behind it. `source` is whom the challenge goes to; null when nobody knows. */
  issue(realm: DigestRealm, nowMs: number, source: AddressWords | null, out: Uint8Array, at: number): number {
    const issuedMs = Math.min(Math.max(Math.floor(nowMs), 0), ISSUED_MS_MAX);
    // 48 bits in twelve digits: the lower 32 and, in front of them, the upper 16.
    const upper = Math.floor(issuedMs / TWO_32);
    for (let i = 0; i < 4; i++) out[at + i] = hexDigit((upper >>> (12 - 4 * i)) & 15);
    writeHex32(out, at + ISSUED_CHARS - 8, issuedMs % TWO_32);
    writeHex32(out, at + ISSUED_CHARS, this.#ports.random32());
    writeHex32(out, at + ISSUED_CHARS + 8, this.#ports.random32());
    this.#computeMac(out, at, realm, source);
    out.set(this.#mac, at + MAC_AT);
    return at + NONCE_CHARS;
  }

  /** What `bytes[start, end)` is as a nonce of `realm` for `source` at `nowMs`: `NONCE_*`. */
  check(bytes: Uint8Array, start: number, end: number, realm: DigestRealm, nowMs: number, source: AddressWords | null): number {
    if (end - start !== NONCE_CHARS) return NONCE_FOREIGN;
    this.#computeMac(bytes, start, realm, source);
    if (!sameDigits(this.#mac, 0, bytes, start + MAC_AT, MAC_CHARS)) return NONCE_FOREIGN;
    // The keyed hash covers the text: only what we wrote comes here, so it has digits where they belong.
    const lower = readHex32(bytes, start + ISSUED_CHARS - 8, end);
    let upper = 0;
    for (let i = start; i < start + 4; i++) upper = upper * 16 + (bytes[i]! <= 0x39 ? bytes[i]! - 0x30 : bytes[i]! - 0x57);
    this.issuedMs = upper * TWO_32 + lower;
    this.tag0 = readHex32(this.#mac, 0, MAC_CHARS) | 0;
    this.tag1 = readHex32(this.#mac, 8, MAC_CHARS) | 0;
    if (this.issuedMs > nowMs + SKEW_MS) return NONCE_FOREIGN;
    return nowMs - this.issuedMs > this.#lifetimeMs ? NONCE_EXPIRED : NONCE_VALID;
  }

  /** The keyed hash over the first part of the nonce at `at`, into `#mac`. */
  #computeMac(bytes: Uint8Array, at: number, realm: DigestRealm, source: AddressWords | null): void {
    const input = this.#input;
    for (let i = 0; i < MAC_AT; i++) input[TEXT_AT + i] = bytes[at + i]!;
    input.fill(0, SOURCE_AT, REALM_AT);
    if (this.#bindToSource && source !== null) {
      input[SOURCE_AT] = source.family;
      putWord(input, SOURCE_AT + 1, source.a0);
      if (source.family === 6) {
        putWord(input, SOURCE_AT + 5, source.a1);
        putWord(input, SOURCE_AT + 9, source.a2);
        putWord(input, SOURCE_AT + 13, source.a3);
      }
    }
    input.set(realm.bytes, REALM_AT);
    const mac = this.#ports.mac(input.subarray(0, REALM_AT + realm.bytes.length));
    for (let i = 0; i < MAC_CHARS; i++) this.#mac[i] = mac.charCodeAt(i);
  }
}

function putWord(out: Uint8Array, at: number, word: number): void {
  out[at] = word >>> 24;
  out[at + 1] = word >>> 16;
  out[at + 2] = word >>> 8;
  out[at + 3] = word;
}

function hexDigit(value: number): number {
  return value < 10 ? 0x30 + value : 0x57 + value;
}
