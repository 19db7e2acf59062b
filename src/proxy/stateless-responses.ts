/**
 * Responses whose transaction is gone (RFC 3261 §16.11, and RFC 6026 for late 2xx): after Timer M, after a shard restart,
 * or those of a request that was forwarded statelessly. Our branch proves that the request went through us: it is computed
 * again from the next Via and compared
 * (for an RFC 2543 request: from the fields that the response shares with it, and a word behind the branch). What does not prove itself is dropped and counted. Sans-I/O.
 */
import { BranchView, hashBranch, readBranch } from './branch.js';
import type { Core } from './core.js';
import { createEndpoint, viaEndpoint } from './via-fix.js';
import { nextVia, planTopViaRemoval } from './via-removal.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { M_CANCEL, M_INVITE } from '../sip/methods.js';
import { NameAddrView, parseNameAddr } from '../sip/name-addr.js';
import { ViaView, parseVia } from '../sip/via.js';
import {
  C_DROP_BAD_ADDRESS,
  C_DROP_FORGED_RESPONSE,
  C_DROP_LAST_VIA,
  C_DROP_LATE_RESPONSE,
  C_DROP_OUTBOX_FULL,
  C_RESPONSES_OUT,
  C_STATELESS_RESPONSES,
} from '../telemetry/counters.js';
import { hashUpstreamKey, hashUpstreamKey2543, methodClass } from '../transaction/upstream-key.js';

/** A transaction other than INVITE waits for its answer this many T1 (Timer F). */
const LATE_AFTER_T1 = 64;

export class StatelessResponses {
  readonly #core: Core;
  readonly #branch = new BranchView();
  readonly #via = new ViaView();
  readonly #from = new NameAddrView();
  readonly #to = createEndpoint();
  /** Set by the engine: the 2xx in `core.response` is the answer to this transaction, though its branch is gone. */
  onLateSuccess: (server: number) => void = () => {};

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Forwards the response of `view` (validated, in the arena) by its next Via, if its branch is one of ours. It leaves by
   * the `listener` that it came in by, where the address family allows.
   */
  forward(view: MessageView, listener: number): void {
    const core = this.#core;
    const { counters, plan } = core;
    const { topVia } = view;
    plan.clear();
    if (!readBranch(view.bytes, topVia.branchStart, topVia.branchEnd, this.#branch)) {
      counters[C_DROP_FORGED_RESPONSE]!++;
      return;
    }
    if (!planTopViaRemoval(view, plan)) {
      counters[C_DROP_LAST_VIA]!++;
      return;
    }
    if (parseVia(view.bytes, nextVia.start, nextVia.end, this.#via) !== 0 || !this.#proves(view)) {
      counters[C_DROP_FORGED_RESPONSE]!++;
      return;
    }
    const server = this.#serverOf(view);
    if (server !== 0 ? !this.#mayPass(server, view) : this.#isTooLate(view)) {
      if (server === 0) counters[C_DROP_LATE_RESPONSE]!++;
      return;
    }
    if (!viaEndpoint(this.#via, this.#to) || !core.listeners.choose(this.#to, listener)) {
      counters[C_DROP_BAD_ADDRESS]!++;
      return;
    }
    if (!core.composer.forwardResponse(view, plan, 0)) return;
    if (!core.arena.commit(core.composer.start, core.composer.end, this.#to, -1)) {
      counters[C_DROP_OUTBOX_FULL]!++;
      return;
    }
    counters[C_STATELESS_RESPONSES]!++;
    counters[C_RESPONSES_OUT]!++;
  }

  /** The server transaction of the branch, when only the branch has ended; 0 when both are gone. `#proves` left the key. */
  #serverOf(view: MessageView): number {
    const { upstreamHasher, layer } = this.#core;
    const cls = methodClass(view.cseqMethod, view.bytes, view.cseqMethodStart, view.cseqMethodEnd);
    return layer.servers.find(upstreamHasher.lo, upstreamHasher.hi, cls);
  }

  /**
   * A branch that wakes up after its timer ended it: nothing but a 2xx to an INVITE goes up any more, since the transaction
   * has counted the branch as failed. Where the caller still waits, that 2xx answers the transaction.
   */
  #mayPass(server: number, view: MessageView): boolean {
    const core = this.#core;
    if (view.cseqMethod !== M_INVITE || view.status < 200 || view.status > 299) {
      core.counters[C_DROP_LATE_RESPONSE]!++;
      return false;
    }
    if (!core.layer.serverIsOpen(server)) return true;
    this.onLateSuccess(server);
    return false;
  }

  /**
   * A response to a request other than INVITE whose transaction has had its time: nobody waits for it any more, and it would
   * only add to the storm of such (RFC 4320 §4.2). Within 64·T1 of our start the transaction may be one that a crash took;
   * of another node's we know nothing; a CANCEL may have been forwarded without a transaction (RFC 3261 §16.10).
   */
  #isTooLate(view: MessageView): boolean {
    if (view.cseqMethod === M_INVITE || view.cseqMethod === M_CANCEL) return false;
    const { layer, options } = this.#core;
    return this.#branch.node === options.node && layer.wheel.nowMs - layer.wheel.originMs >= LATE_AFTER_T1 * options.timers.t1Ms;
  }

  /** Whether the branch is what we would have made of the next Via. */
  #proves(view: MessageView): boolean {
    const { upstreamHasher, branchHasher } = this.#core;
    if (this.#branch.hasUriWord) {
      if (!this.#hash2543(view)) return false;
    } else {
      if (this.#via.branchStart < 0) return false;
      hashUpstreamKey(upstreamHasher, view.bytes, this.#via);
    }
    hashBranch(branchHasher, upstreamHasher.lo, upstreamHasher.hi, this.#branch.index);
    return branchHasher.lo === this.#branch.lo && branchHasher.hi === this.#branch.hi;
  }

  /** The key of an RFC 2543 request, out of its response. False when From does not parse. */
  #hash2543(view: MessageView): boolean {
    const { bytes, fields } = view;
    if (view.from < 0) return false;
    const slot = view.from * FIELD_STRIDE;
    const from = this.#from;
    if (parseNameAddr(bytes, fields[slot + FIELD_VALUE]!, fields[slot + FIELD_END]!, from) !== 0) return false;
    const callId = view.callId * FIELD_STRIDE;
    hashUpstreamKey2543(
      this.#core.upstreamHasher, this.#branch.uriWord, bytes, this.#via, from.tagStart, from.tagEnd,
      fields[callId + FIELD_VALUE]!, fields[callId + FIELD_END]!, view.cseqNumber,
    );
    return true;
  }
}
