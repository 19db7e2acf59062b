/**
 * What becomes of a request that has been parsed: into the store, to be dealt with here, or on to another shard. Sans-I/O.
 */
import type { Core } from './core.js';
import type { PacketMeta } from './ports.js';
import type { RequestContexts } from './request-contexts.js';
import type { ViaFix } from './via-fix.js';
import type { RequestContext } from '../script/request-context.js';
import { C_OFFERS_OUT } from '../telemetry/counters.js';

/** Beyond any offset: the place of an edit that is not there. */
const NOWHERE = 0x7fffffff;

export class Intake {
  readonly #core: Core;
  readonly #requests: RequestContexts;
  readonly #viaFix: ViaFix;

  constructor(core: Core, requests: RequestContexts, viaFix: ViaFix) {
    this.#core = core;
    this.#requests = requests;
    this.#viaFix = viaFix;
  }

  /** Copies the request into the store with what the server transport adds to its top Via; the view moves along. */
  ingest(context: RequestContext): boolean {
    const { arena, plan } = this.#core;
    const { view } = context;
    plan.clear();
    this.#viaFix.plan(view.topVia, context.origin, plan);
    const block = arena.store.allocate(view.end - view.start + plan.insertBytes);
    if (block === 0) return false;
    plan.apply(arena.bytes, view.start, view.end, block);
    const at1 = plan.count > 0 ? plan.at[0]! : NOWHERE;
    const grow1 = plan.count > 0 ? plan.textBytes[0]! - plan.remove[0]! : 0;
    const at2 = plan.count > 1 ? plan.at[1]! : NOWHERE;
    const grow2 = plan.count > 1 ? plan.textBytes[1]! - plan.remove[1]! : 0;
    view.rebase(arena.bytes, block - view.start, at1, grow1, at2, grow2);
    context.block = block;
    return true;
  }

  /**
   * Offers a CANCEL or ACK that has no transaction here to the next shard; after a round through all of them it counts as
   * unmatched where it ends, after at most `rounds` hops. True when it went on its way.
   */
  offer(context: RequestContext, meta: PacketMeta, rounds: number): boolean {
    const core = this.#core;
    const { shard, shards } = core.options;
    if (meta.hops >= rounds) return false;
    const { view } = context;
    if (!core.arena.offer((shard + 1) % shards, view.start, view.end, meta)) return false;
    core.counters[C_OFFERS_OUT]!++;
    this.#requests.giveBack(context);
    return true;
  }
}
