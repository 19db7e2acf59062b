/**
 * The digests of RFC 7616 §3.4: HA1 of a user, and the response that somebody who knows it sends. Used by the verifier and
 * by whoever stores users. Bytes go in, since names and URIs are hashed as they came over the wire. Any thread.
 */
import { ALGORITHM_NAMES, HASH_DIGITS, type DigestAlgorithm, algorithmId } from './algorithms.js';
import { CREDENTIAL_VALUE_BYTES_MAX, CREDENTIALS_BYTES_MAX, type CredentialsView, P_CNONCE, P_NC, P_NONCE, P_URI } from './credentials.js';
import type { DigestHashes } from './ports.js';
import { copyUnquoted } from './quoting.js';
import { ascii } from '../sip/chars.js';

const COLON = 0x3a;
const AUTH = ascii(':auth:');

/** Longest method that is hashed, bytes: no method in use has more than a dozen. */
export const METHOD_BYTES_MAX = 256;

const encoder = new TextEncoder();

/**
 * HA1 of a user, H(username:realm:password) (RFC 7616 §3.4.2), in lower-case hexadecimal. Text is hashed in UTF-8. A user
 * name with a colon in it is a RangeError: its hash would be that of another user with another realm.
 */
export function digestHa1(hashes: DigestHashes, algorithm: DigestAlgorithm, username: string, realm: string, password: string): string {
  if (username.includes(':')) throw new RangeError('a user name of digest authentication has no colon (RFC 7616 §3.4.2)');
  return hashes.hash(algorithm, encoder.encode(`${username}:${realm}:${password}`));
}

/** Whether `text` has the form of an HA1 of `algorithm`: hexadecimal digits in either case, as many as the hash has. */
export function isHa1(text: string, algorithm: DigestAlgorithm): boolean {
  return text.length === HASH_DIGITS[algorithmId(algorithm)] && /^[0-9a-f]*$/i.test(text);
}

/** Computes responses in a scratch of its own. One a thread; not re-entrant. */
export class ResponseDigest {
  readonly #hashes: DigestHashes;
  readonly #scratch = new Uint8Array(CREDENTIALS_BYTES_MAX + METHOD_BYTES_MAX + CREDENTIAL_VALUE_BYTES_MAX);

  constructor(hashes: DigestHashes) {
    this.#hashes = hashes;
  }

  /**
   * Writes the response to expect for parsed credentials of `bytes` to `out` at 0, in lower-case hexadecimal; how many
   * digits. `ha1` is of the same algorithm and in lower case, `method` is `methodBytes[methodStart, methodEnd)` with at most
   * METHOD_BYTES_MAX bytes. With `withQop` it is the one for qop=auth, which takes nc and cnonce, and otherwise that of
   * RFC 2069 (RFC 3261 §22.4).
   */
  compute(
    bytes: Uint8Array,
    credentials: CredentialsView,
    algorithm: number,
    ha1: string,
    withQop: boolean,
    methodBytes: Uint8Array,
    methodStart: number,
    methodEnd: number,
    out: Uint8Array,
  ): number {
    const scratch = this.#scratch;
    const { starts, ends } = credentials;
    const name = ALGORITHM_NAMES[algorithm]!;

    scratch.set(methodBytes.subarray(methodStart, methodEnd), 0);
    let at = methodEnd - methodStart;
    scratch[at++] = COLON;
    at = copyUnquoted(bytes, starts[P_URI]!, ends[P_URI]!, scratch, at);
    const ha2 = this.#hashes.hash(name, scratch.subarray(0, at));

    at = putText(ha1, scratch, 0);
    scratch[at++] = COLON;
    at = copyUnquoted(bytes, starts[P_NONCE]!, ends[P_NONCE]!, scratch, at);
    if (withQop) {
      scratch[at++] = COLON;
      at = copyUnquoted(bytes, starts[P_NC]!, ends[P_NC]!, scratch, at);
      scratch[at++] = COLON;
      at = copyUnquoted(bytes, starts[P_CNONCE]!, ends[P_CNONCE]!, scratch, at);
      scratch.set(AUTH, at);
      at += AUTH.length;
    } else {
      scratch[at++] = COLON;
    }
    at = putText(ha2, scratch, at);
    const response = this.#hashes.hash(name, scratch.subarray(0, at));
    // What was derived from HA1 stays no longer than it is needed.
    scratch.fill(0, 0, at);
    return putText(response, out, 0);
  }
}

/** Writes ASCII `text` at `at`; the new offset. */
function putText(text: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  return at + text.length;
}
