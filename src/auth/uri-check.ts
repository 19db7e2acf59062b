/**
 * Whether the `uri` of digest credentials is the Request-URI (RFC 7616 §3.4.6, RFC 3261 §22.4): a right response proves that
 * somebody wanted the request at that `uri`, and nothing about another. Pure function on borrowed bytes; one thread at a time.
 */
import { LOWER } from '../sip/chars.js';
import { SCHEME_SIPS, UriView, parseUri } from '../sip/uri.js';
import { GE_NONE } from '../sip/parse-error.js';

/**
 * `exact`: the same octets. `lenient`: for sip and sips the same user, octet by octet, and the same host in any case, with or
 * without a final dot; port, parameters and headers may differ, since clients leave them out or a proxy adds some. Other
 * schemes as `exact`. `off`: no check, for servers behind a border element that rewrites Request-URIs.
 */
export type UriCheck = 'exact' | 'lenient' | 'off';

const credentialUri = new UriView();
const requestUri = new UriView();

const DOT = 0x2e;

/** Whether `a[aStart, aEnd)`, the uri of credentials, goes with the Request-URI `b[bStart, bEnd)`. */
export function uriMatches(check: UriCheck, a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (check === 'off' || same(a, aStart, aEnd, b, bStart, bEnd)) return true;
  if (check === 'exact') return false;
  if (parseUri(a, aStart, aEnd, credentialUri) !== GE_NONE || parseUri(b, bStart, bEnd, requestUri) !== GE_NONE) return false;
  const x = credentialUri;
  const y = requestUri;
  return (
    x.scheme === y.scheme &&
    x.scheme <= SCHEME_SIPS &&
    same(a, x.userStart, x.userEnd, b, y.userStart, y.userEnd) &&
    sameHost(a, x.hostStart, x.hostEnd, b, y.hostStart, y.hostEnd)
  );
}

/** Two absent parts, -1 to -1, are the same. */
function same(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart || aStart < 0 !== bStart < 0) return false;
  for (let i = 0; i < aEnd - aStart; i++) {
    if (a[aStart + i] !== b[bStart + i]) return false;
  }
  return true;
}

function sameHost(a: Uint8Array, aStart: number, aEnd: number, b: Uint8Array, bStart: number, bEnd: number): boolean {
  if (a[aEnd - 1] === DOT) aEnd--;
  if (b[bEnd - 1] === DOT) bEnd--;
  if (aEnd - aStart !== bEnd - bStart) return false;
  for (let i = 0; i < aEnd - aStart; i++) {
    if (LOWER[a[aStart + i]!] !== LOWER[b[bStart + i]!]) return false;
  }
  return true;
}
