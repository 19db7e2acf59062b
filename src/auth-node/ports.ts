/**
 * Hashes, keyed hash and random bytes of digest authentication by `node:crypto`. The secret stays in a KeyObject, which
 * neither an inspection nor a log shows. Any thread; each has its own.
 */
import { createHmac, createSecretKey, hash, randomFillSync } from 'node:crypto';
import type { DigestAlgorithm } from '../auth/algorithms.js';
import type { DigestPorts } from '../auth/ports.js';

/** Names of the algorithms in OpenSSL. */
const OPENSSL_NAMES: Readonly<Record<DigestAlgorithm, string>> = { MD5: 'md5', 'SHA-256': 'sha256', 'SHA-512-256': 'sha512-256' };

/** Shortest secret that a nonce may be keyed with, bytes: a shorter one could be guessed. */
export const NONCE_SECRET_BYTES_MIN = 16;

/** Random words fetched at a time: a call for four bytes costs as much as one for thousands. */
const RANDOM_WORDS = 1024;

/**
 * Ports keyed with `secret`, which is copied. All shards of a server get the same one. A RangeError without the secret in it
 * when that is shorter than NONCE_SECRET_BYTES_MIN.
 */
export function nodeDigestPorts(secret: Uint8Array): DigestPorts {
  if (secret.length < NONCE_SECRET_BYTES_MIN) {
    throw new RangeError(`the secret of nonces has ${secret.length} bytes: at least ${NONCE_SECRET_BYTES_MIN} are needed`);
  }
  const key = createSecretKey(secret);
  const words = new Int32Array(RANDOM_WORDS);
  let left = 0;
  return {
    hash: (algorithm, bytes) => hash(OPENSSL_NAMES[algorithm], bytes, 'hex'),
    mac: (bytes) => createHmac('sha256', key).update(bytes).digest('hex'),
    random32: () => {
      if (left === 0) {
        randomFillSync(words);
        left = RANDOM_WORDS;
      }
      const word = words[--left]!;
      // A word that has been handed out is not kept.
      words[left] = 0;
      return word;
    },
  };
}
