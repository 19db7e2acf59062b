/**
 * The key of an upstream transaction by RFC 3261 §17.2.3: top Via branch and sent-by. The method is no part of it, since
 * CANCEL and ACK are to meet their INVITE; the tables keep it beside the key (`methodClass`). Sans-I/O.
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
