/**
 * A realm (RFC 3261 §22.1): the text that a challenge shows, that HA1 hashes are made with and that nonces are bound to.
 * Made once for each domain, immutable. Any thread.
 */

/** Longest realm, bytes in UTF-8. */
export const REALM_BYTES_MAX = 255;

export class DigestRealm {
  readonly name: string;
  /** The name in UTF-8, without quotes and escapes. */
  readonly bytes: Uint8Array;

  /** A RangeError when the name is empty, longer than REALM_BYTES_MAX bytes or has control characters in it. */
  constructor(name: string) {
    this.name = name;
    this.bytes = new TextEncoder().encode(name);
    if (this.bytes.length === 0 || this.bytes.length > REALM_BYTES_MAX) {
      throw new RangeError(`a realm has 1 to ${REALM_BYTES_MAX} bytes: this one has ${this.bytes.length}`);
    }
    if (this.bytes.some((byte) => byte < 0x20 || byte === 0x7f)) throw new RangeError('a realm has no control characters');
  }
}
