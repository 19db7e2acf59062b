/**
 * The key of an upstream transaction by RFC 3261 §17.2.3: top Via branch and sent-by, or for an RFC 2543 request, whose
 * branch says nothing, the fields that its CANCEL and ACK share with it. The method is no part of the key, since those are
 * to meet their INVITE; the tables keep it beside the key (`methodClass`). Sans-I/O.
 */
import { M_ACK, M_INVITE, M_UNKNOWN } from '../sip/methods.js';
import type { ViaView } from '../sip/via.js';
import type { KeyHasher } from './key.js';

/** Default port of sent-by (§18.2.2, UDP and TCP). */
const DEFAULT_PORT = 5060;

/** Leaves the key in `hasher.lo` and `hasher.hi`. Host names count in any case, an absent port as 5060. */
export function hashUpstreamKey(hasher: KeyHasher, bytes: Uint8Array, via: ViaView): void {
  hasher.begin();
  hasher.addBytes(bytes, via.branchStart, via.branchEnd);
  hasher.addLowerCase(bytes, via.hostStart, via.hostEnd);
  hasher.addWord(via.port === 0 ? DEFAULT_PORT : via.port);
  hasher.finish();
}

/** `z9hG4bK` */
const COOKIE_BYTES = 7;

/**
 * Whether the branch tells the transaction. A branch that is the magic cookie and nothing else is no unique one
 * (RFC 4475 §3.3.1): such a request is matched by the RFC 2543 rules.
 */
export function hasUniqueBranch(via: ViaView): boolean {
  return via.hasCookie !== 0 && via.branchEnd - via.branchStart > COOKIE_BYTES;
}

/** Set before the Request-URI, so that its hash is like no other of the same hasher. */
const URI_DOMAIN = 0x32353433;

/**
 * Hash of a Request-URI as one word: its part in the key of an RFC 2543 request. Apart from the rest, because a response
 * does not carry the Request-URI: this word stands in our branch instead. `hasher` is the one for what goes out.
 */
export function hashRequestUri(hasher: KeyHasher, bytes: Uint8Array, start: number, end: number): number {
  hasher.begin();
  hasher.addWord(URI_DOMAIN);
  hasher.addBytes(bytes, start, end);
  hasher.finish();
  return hasher.lo;
}

/**
 * Leaves the key of an RFC 2543 request in `hasher.lo` and `hasher.hi`: Request-URI (as `hashRequestUri` has it), From tag,
 * Call-ID, CSeq number, and `via`, its top Via. From tag and branch count as empty when they are absent (start -1).
 */
export function hashUpstreamKey2543(
  hasher: KeyHasher,
  uriWord: number,
  bytes: Uint8Array,
  via: ViaView,
  fromTagStart: number,
  fromTagEnd: number,
  callIdStart: number,
  callIdEnd: number,
  cseqNumber: number,
): void {
  hasher.begin();
  hasher.addWord(uriWord);
  if (fromTagStart >= 0) hasher.addBytes(bytes, fromTagStart, fromTagEnd);
  else hasher.addWord(0);
  hasher.addBytes(bytes, callIdStart, callIdEnd);
  hasher.addWord(cseqNumber);
  hasher.addLowerCase(bytes, via.hostStart, via.hostEnd);
  hasher.addWord(via.port === 0 ? DEFAULT_PORT : via.port);
  if (via.branchStart >= 0) hasher.addBytes(bytes, via.branchStart, via.branchEnd);
  hasher.finish();
}

/**
 * The method part of a transaction key: ACK belongs to its INVITE, every other method is its own. A method without a
 * number is told from others by a plain hash of its name, above all numbered ones.
 */
export function methodClass(method: number, bytes: Uint8Array, start: number, end: number): number {
  if (method === M_ACK) return M_INVITE;
  if (method !== M_UNKNOWN) return method;
  let hash = 0;
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) & 0xffffff;
  return 0x1000000 | hash;
}
