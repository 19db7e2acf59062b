/**
 * Whether an authenticated user may call himself what From or To says (RFC 3261 §22.1, §10.3 step 3 and 4): a password proves who
 * somebody is, and nothing about the address that he writes into a header. Pure function, one thread at a time.
 */
import { LOWER } from '../sip/chars.js';
import { SCHEME_SIPS, type UriView } from '../sip/uri.js';
import type { DigestRealm } from './realm.js';

/**
 * `user`: the user part is that of the authenticated user. `user-and-domain`: and the host is his domain. `off`: whatever
 * stands there.
 */
export type IdentityCheck = 'off' | 'user' | 'user-and-domain';

export const IDENTITY_OK = 0;
/** Another user, or none: a URI that is no sip or sips URI has none that could be compared. */
export const IDENTITY_USER = 1;
/** The right user of another domain. */
export const IDENTITY_DOMAIN = 2;

const AT = 0x40;
const PERCENT = 0x25;
const DOT = 0x2e;

const encoder = new TextEncoder();

/**
 * Whether `uri`, parsed from `bytes`, is an address of `username`, as `DigestVerifier.username` returns it: `IDENTITY_*`. Of To
 * in a REGISTER, and of From in any other request. The domain of a user who is called `user@domain` is that one, and has
 * to be the host in every check but `off`; that of another is the realm. Escapes in the user part stand for what they
 * escape (§19.1.4), case counts in it; none counts in a domain, nor does a final dot.
 */
export function checkIdentity(check: IdentityCheck, bytes: Uint8Array, uri: UriView, username: string, realm: DigestRealm): number {
  if (check === 'off') return IDENTITY_OK;
  if (uri.scheme === 0 || uri.scheme > SCHEME_SIPS || uri.userStart < 0) return IDENTITY_USER;
  const name = encoder.encode(username);
  const at = name.lastIndexOf(AT);
  // A name of nobody at a domain, or somebody at none, is a name like any other.
  const hasDomain = at > 0 && at < name.length - 1;
  const userEnd = hasDomain ? at : name.length;
  if (!sameUser(bytes, uri.userStart, uri.userEnd, name, userEnd)) return IDENTITY_USER;
  if (hasDomain) return sameDomain(bytes, uri, name, at + 1) ? IDENTITY_OK : IDENTITY_DOMAIN;
  return check === 'user' || sameDomain(bytes, uri, realm.bytes, 0) ? IDENTITY_OK : IDENTITY_DOMAIN;
}

/** `bytes[start, end)` is a parsed user part: its escapes are whole. */
function sameUser(bytes: Uint8Array, start: number, end: number, name: Uint8Array, nameEnd: number): boolean {
  let n = 0;
  for (let i = start; i < end; i++, n++) {
    let c = bytes[i]!;
    if (c === PERCENT) {
      c = (hexValue(bytes[i + 1]!) << 4) | hexValue(bytes[i + 2]!);
      i += 2;
    }
    if (n >= nameEnd || name[n] !== c) return false;
  }
  return n === nameEnd;
}

function sameDomain(bytes: Uint8Array, uri: UriView, domain: Uint8Array, from: number): boolean {
  const hostEnd = bytes[uri.hostEnd - 1] === DOT ? uri.hostEnd - 1 : uri.hostEnd;
  const domainEnd = domain[domain.length - 1] === DOT ? domain.length - 1 : domain.length;
  if (hostEnd - uri.hostStart !== domainEnd - from) return false;
  for (let i = from; i < domainEnd; i++) {
    if (LOWER[domain[i]!] !== LOWER[bytes[uri.hostStart + i - from]!]) return false;
  }
  return true;
}

function hexValue(digit: number): number {
  return digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57;
}
