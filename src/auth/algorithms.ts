/**
 * Digest algorithms of RFC 7616 §3.3 and RFC 8760 §2.1 as small integers, with the names that the wire and the hash port
 * know them by. The `-sess` variants are not among them: a server that does not offer them need not accept them. Any thread.
 */
import { ascii, equalsIgnoreCase } from '../sip/chars.js';

export type DigestAlgorithm = 'MD5' | 'SHA-256' | 'SHA-512-256';

/** An algorithm that is none of ours. */
export const ALG_UNKNOWN = -1;
export const ALG_MD5 = 0;
export const ALG_SHA_256 = 1;
export const ALG_SHA_512_256 = 2;

/** Wire names by `ALG_*`. */
export const ALGORITHM_NAMES: readonly DigestAlgorithm[] = ['MD5', 'SHA-256', 'SHA-512-256'];

/** Hexadecimal digits in a hash, by `ALG_*`. */
export const HASH_DIGITS: readonly number[] = [32, 64, 64];

/** Longest hash in hexadecimal digits. */
export const HASH_DIGITS_MAX = 64;

const LOWER_NAMES: readonly Uint8Array[] = ALGORITHM_NAMES.map((name) => ascii(name.toLowerCase()));

/** `ALG_*` of the name in `bytes[start, end)`, in any case (RFC 3261 §7.3.1); ALG_UNKNOWN for any other. */
export function algorithmOf(bytes: Uint8Array, start: number, end: number): number {
  for (let id = 0; id < LOWER_NAMES.length; id++) {
    if (equalsIgnoreCase(bytes, start, end, LOWER_NAMES[id]!)) return id;
  }
  return ALG_UNKNOWN;
}

/** `ALG_*` of a wire name. */
export function algorithmId(name: DigestAlgorithm): number {
  return ALGORITHM_NAMES.indexOf(name);
}
