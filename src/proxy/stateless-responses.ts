/**
 * Responses whose transaction is gone (RFC 3261 §16.11, and RFC 6026 for late 2xx): after Timer M, after a shard restart,
 * or those of a request that was forwarded statelessly. Our branch proves that the request went through us: it is computed
 * again from the next Via and compared. What does not prove itself is dropped and counted. Sans-I/O.
 */
import { BranchView, hashBranch, readBranch } from './branch.js';
import type { Core } from './core.js';
import { createEndpoint, viaEndpoint } from './via-fix.js';
import { nextVia, planTopViaRemoval } from './via-removal.js';
import type { MessageView } from '../sip/message.js';
import { M_INVITE } from '../sip/methods.js';
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
import { hashUpstreamKey, methodClass } from '../transaction/upstream-key.js';

export class StatelessResponses {
  readonly #core: Core;
  readonly #branch = new BranchView();
  readonly #via = new ViaView();
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
    if (parseVia(view.bytes, nextVia.start, nextVia.end, this.#via) !== 0 || !this.#proves(view.bytes)) {
      counters[C_DROP_FORGED_RESPONSE]!++;
      return;
    }
    const server = this.#serverOf(view);
    if (server !== 0 && !this.#mayPass(server, view)) return;
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

  /** Whether the branch is what we would have made of the next Via. */
  #proves(bytes: Uint8Array): boolean {
    const { upstreamHasher, branchHasher } = this.#core;
    if (this.#via.branchStart < 0) return false;
    hashUpstreamKey(upstreamHasher, bytes, this.#via);
    hashBranch(branchHasher, upstreamHasher.lo, upstreamHasher.hi, this.#branch.index);
    return branchHasher.lo === this.#branch.lo && branchHasher.hi === this.#branch.hi;
  }
}
