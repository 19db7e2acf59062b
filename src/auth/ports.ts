/**
 * What digest authentication needs from outside: hashes, a keyed hash and random bytes. Handed in, so that the folder
 * stays sans-I/O and a simulator can run it with fixed values. `src/auth-node/ports.ts` is the implementation for Node.
 */
import type { DigestAlgorithm } from './algorithms.js';

/** Plain hashes of RFC 7616 §3.3. */
export interface DigestHashes {
  /** H(bytes) in lower-case hexadecimal. `bytes` are borrowed for the call. */
  hash(algorithm: DigestAlgorithm, bytes: Uint8Array): string;
}

/** What makes and checks nonces. One for all shards of a server, or of a cluster, since they share the secret. */
export interface NoncePorts {
  /**
   * A keyed hash (HMAC-SHA-256 or as strong) of `bytes` under a secret that the port alone knows: lower-case hexadecimal,
   * at least 32 digits. `bytes` are borrowed for the call.
   */
  mac(bytes: Uint8Array): string;
  /** 32 random bits, as a signed or unsigned integer. */
  random32(): number;
}

/** Everything that authentication is given. */
export interface DigestPorts extends DigestHashes, NoncePorts {}
