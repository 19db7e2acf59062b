/**
 * Merged requests (RFC 3261 §8.2.2.2): a fork upstream has sent the same request here along two ways. The second one is
 * refused (482), or one call would ring every phone twice. Needs all requests of a Call-ID in one shard: this is for
 * `sharding.key: call-id`.
 *
 * The same request means: no To tag, equal From tag, Call-ID, CSeq, Request-URI and Route set, while the first one has not
 * failed. Request-URI and Route set count because this is a proxy: to fork one call to two of its users, or to two gateways
 * behind it, is legitimate; and who has had a failure may try again. A request that has been here before comes by another way
 * because we sent it: that is a spiral or a loop, and not for this.
 *
 * Invariant: at most one entry a server transaction, which goes when the transaction ends; so the bound of that table
 * is the bound here. Rows of integers by server transaction, nothing allocated per message. Sans-I/O.
 */
import { H_ROUTE } from '../sip/header-names.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import type { KeyHasher } from '../transaction/key.js';
import { methodClass } from '../transaction/upstream-key.js';

/** Set before the key, so that it is like no other of the same hasher. */
const MERGED_DOMAIN = 0x38323232;

const ROW = 4;
const R_LO = 0;
const R_HI = 1;
/** Next server transaction in the bucket. */
const R_NEXT = 2;
/** 1 while the transaction has an entry. */
const R_PRESENT = 3;

export class MergedRequests {
  readonly #hasher: KeyHasher;
  readonly #rows: Int32Array;
  readonly #buckets: Int32Array;
  readonly #mask: number;

  /** @param capacity server transactions, whose ids are 1 to `capacity` */
  constructor(hasher: KeyHasher, capacity: number) {
    this.#hasher = hasher;
    this.#rows = new Int32Array((capacity + 1) * ROW);
    let buckets = 1024;
    while (buckets < capacity) buckets *= 2;
    this.#buckets = new Int32Array(buckets);
    this.#mask = buckets - 1;
  }

  /**
   * Notes the validated request of a new server transaction. True when it is a merged one: then it is not noted, and the
   * transaction that was here first keeps its place.
   */
  isMerged(server: number, view: MessageView): boolean {
    if (view.toTagStart >= 0) return false;
    this.#hash(view);
    const { lo, hi } = this.#hasher;
    const rows = this.#rows;
    const bucket = lo & this.#mask;
    for (let id = this.#buckets[bucket]!; id !== 0; id = rows[id * ROW + R_NEXT]!) {
      if (rows[id * ROW + R_LO] === lo && rows[id * ROW + R_HI] === hi) return true;
    }
    const at = server * ROW;
    rows[at + R_LO] = lo;
    rows[at + R_HI] = hi;
    rows[at + R_NEXT] = this.#buckets[bucket]!;
    rows[at + R_PRESENT] = 1;
    this.#buckets[bucket] = server;
    return false;
  }

  /** The server transaction ends, or has ended in a failure. */
  forget(server: number): void {
    const rows = this.#rows;
    const at = server * ROW;
    if (rows[at + R_PRESENT] === 0) return;
    rows[at + R_PRESENT] = 0;
    const bucket = rows[at + R_LO]! & this.#mask;
    let cursor = this.#buckets[bucket]!;
    if (cursor === server) {
      this.#buckets[bucket] = rows[at + R_NEXT]!;
      return;
    }
    while (rows[cursor * ROW + R_NEXT] !== server) cursor = rows[cursor * ROW + R_NEXT]!;
    rows[cursor * ROW + R_NEXT] = rows[at + R_NEXT]!;
  }

  #hash(view: MessageView): void {
    const { bytes, fields } = view;
    const hasher = this.#hasher;
    hasher.begin();
    hasher.addWord(MERGED_DOMAIN);
    hasher.addBytes(bytes, view.uriStart, view.uriEnd);
    if (view.fromTagStart >= 0) hasher.addBytes(bytes, view.fromTagStart, view.fromTagEnd);
    else hasher.addWord(0);
    for (let field = view.route; field >= 0; field = view.nextField(H_ROUTE, field)) {
      hasher.addBytes(bytes, fields[field * FIELD_STRIDE + FIELD_VALUE]!, fields[field * FIELD_STRIDE + FIELD_END]!);
    }
    const callId = view.callId * FIELD_STRIDE;
    hasher.addBytes(bytes, fields[callId + FIELD_VALUE]!, fields[callId + FIELD_END]!);
    hasher.addWord(view.cseqNumber);
    hasher.addWord(methodClass(view.method, bytes, view.methodStart, view.methodEnd));
    hasher.finish();
  }
}
