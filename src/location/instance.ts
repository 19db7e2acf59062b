/**
 * Instances of a user (RFC 5626 §4.1) and the public GRUUs that name them (RFC 5627 §3.2): `sip:user@host;gr=INSTANCE`. A public GRUU
 * is made of the address-of-record and the instance id alone, so nothing has to be kept for it. Sans-I/O, any thread.
 */
import { CHAR_CLASS, C_HEX, C_URI_PARAM, LOWER, ascii } from '../sip/chars.js';

const PERCENT = 0x25;
const HEX_DIGITS = '0123456789ABCDEF';
const UUID = ascii('urn:uuid:');

/** Whether two instance ids are one: octet by octet, but for UUIDs, whose letters have no case (RFC 4122 §3). */
export function isSameInstance(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  const isUuid = startsWith(a, UUID);
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !(isUuid && LOWER[a[i]!] === LOWER[b[i]!])) return false;
  }
  return true;
}

/** The public GRUU of an instance of `aor` (`user@host`), as a SIP URI. */
export function publicGruu(aor: string, instance: Uint8Array): string {
  let gr = '';
  for (const c of instance) {
    gr += (CHAR_CLASS[c]! & C_URI_PARAM) !== 0 ? String.fromCharCode(c) : `%${HEX_DIGITS[c >>> 4]!}${HEX_DIGITS[c & 15]!}`;
  }
  return `sip:${aor};gr=${gr}`;
}

/** The instance id that the value of a `gr` parameter names, as it stands in a URI. */
export function instanceOfGr(gr: string): Uint8Array {
  const escaped = ascii(gr);
  const instance = new Uint8Array(escaped.length);
  let length = 0;
  for (let i = 0; i < escaped.length; i++) {
    let c = escaped[i]!;
    if (c === PERCENT && i + 2 < escaped.length && (CHAR_CLASS[escaped[i + 1]!]! & CHAR_CLASS[escaped[i + 2]!]! & C_HEX) !== 0) {
      c = Number.parseInt(gr.slice(i + 1, i + 3), 16);
      i += 2;
    }
    instance[length++] = c;
  }
  return instance.subarray(0, length);
}

function startsWith(bytes: Uint8Array, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    if (i >= bytes.length || LOWER[bytes[i]!] !== lower[i]) return false;
  }
  return true;
}
