/**
 * Forwards one request to one target (RFC 3261 §16.6): as a branch of its response context, or statelessly (§16.11) for an
 * ACK and for a CANCEL whose transaction is not here. Sans-I/O.
 */
import { hashBranch } from './branch.js';
import { ForwardParams } from './composer.js';
import { type Core, SF_CANCELLED, SF_SEEN_BEFORE } from './core.js';
import type { EditPlan } from './edit-plan.js';
import { FIRST_VISIT, type LoopDetection } from './loop-detection.js';
import { BreadthShares, EXHAUSTED, incomingBreadth } from './max-breadth.js';
import { HOP_NO_LISTENER, HOP_OK, NextHop, resolveUri, resolveView } from './next-hop.js';
import { findRoute, foundRoute, planRemoval } from './route-set.js';
import type { TargetCache } from './target-cache.js';
import type { Target } from '../script/api.js';
import type { RequestContext } from '../script/request-context.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { writeUint } from '../sip/numbers.js';
import { C_BREADTH_EXCEEDED, C_DROP_OUTBOX_FULL, C_REQUESTS_OUT } from '../telemetry/counters.js';
import { hasUniqueBranch, hashRequestUri } from '../transaction/upstream-key.js';
import { C_INDEX, C_NEXT, C_SERVER, F_CLASS, F_KEY_HI, F_KEY_LO, S_FIRST, S_NEXT_INDEX, S_PENDING } from '../transaction/table.js';

/** Digits of the Max-Forwards that goes out, by the one that came in. */
const HOPS_TEXT: readonly Uint8Array[] = Array.from({ length: 256 }, (_, hops) => {
  const text = new Uint8Array(3);
  return text.subarray(0, writeUint(text, 0, Math.max(0, hops - 1)));
});

/** What came of a target. */
export const FORWARDED = 0;
/** The hop cannot be reached: `fault` says why (`HOP_*`). */
export const FORWARD_FAULT = 1;
/** A table, the store or the send queue is full. */
export const FORWARD_FULL = 2;
/** The message would be longer than a datagram may be. */
export const FORWARD_TOO_LONG = 3;
/** Max-Breadth allows no further branch. */
export const FORWARD_NO_BREADTH = 4;

export class Forwarder {
  /** Why the last target could not be reached, `HOP_*`. */
  fault = HOP_OK;
  readonly #core: Core;
  readonly #targets: TargetCache;
  readonly #loops: LoopDetection;
  readonly #params = new ForwardParams();
  readonly #hop = new NextHop();
  readonly #breadth = new BreadthShares();
  /** Digits of a Max-Breadth that is written in place of the one that came. */
  readonly #breadthText = new Uint8Array(16);

  constructor(core: Core, targets: TargetCache, loops: LoopDetection) {
    this.#core = core;
    this.#targets = targets;
    this.#loops = loops;
  }

  /** To be called before `addBranch` for the targets of one relay, `count` of them: what they share. */
  begin(context: RequestContext, count: number): void {
    const core = this.#core;
    const { server, view } = context;
    const { options } = core;
    const targets = Math.min(count, options.limits.targets - core.server(server, S_NEXT_INDEX));
    const pending = core.server(server, S_PENDING);
    this.#breadth.divide(incomingBreadth(view, options.maxBreadth), pending, Math.max(1, targets));
    this.#mark(context, count > 1 || pending > 0, core.serverHas(server, SF_SEEN_BEFORE));
  }

  /** Adds a branch for `target` to the server transaction of `context` and sends the request on it, once `begin` was called. */
  addBranch(context: RequestContext, target: Target | undefined): number {
    const core = this.#core;
    const { server } = context;
    // Every target counts, one that cannot be reached too: that bounds how often a failure handler can try.
    const index = core.server(server, S_NEXT_INDEX);
    core.setServer(server, S_NEXT_INDEX, index + 1);
    const breadth = this.#breadth.next;
    if (breadth === EXHAUSTED) {
      core.counters[C_BREADTH_EXCEEDED]!++;
      return FORWARD_NO_BREADTH;
    }
    const hop = this.#aim(context, target);
    if (hop.fault !== HOP_OK) return FORWARD_FAULT;
    hashBranch(core.branchHasher, core.server(server, F_KEY_LO), core.server(server, F_KEY_HI), index);
    const lo = core.branchHasher.lo;
    const hi = core.branchHasher.hi;
    const composed = this.#compose(context, hop, index, lo, hi, breadth);
    if (composed !== FORWARDED) return composed;
    const client = core.layer.createClient(lo, hi, core.server(server, F_CLASS));
    if (client === 0) return FORWARD_FULL;
    core.layer.setClientEndpoint(client, hop.to);
    if (!core.layer.sendRequest(client, core.composer.start, core.composer.end)) {
      core.layer.endClient(client);
      return FORWARD_FULL;
    }
    core.setClient(client, C_SERVER, server);
    core.setClient(client, C_INDEX, index);
    core.setClient(client, C_NEXT, core.server(server, S_FIRST));
    core.setServer(server, S_FIRST, client);
    core.setServer(server, S_PENDING, core.server(server, S_PENDING) + 1);
    this.#breadth.taken();
    return FORWARDED;
  }

  /** Forwards statelessly: no transaction, a branch that follows from the upstream key and the target's index. */
  stateless(context: RequestContext, target: Target | undefined, index: number): number {
    const core = this.#core;
    const hop = this.#aim(context, target);
    if (hop.fault !== HOP_OK) return FORWARD_FAULT;
    this.#mark(context, false, this.#loops.examine(context.view, context.origin) !== FIRST_VISIT);
    hashBranch(core.branchHasher, context.keyLo, context.keyHi, index);
    const composed = this.#compose(context, hop, index, core.branchHasher.lo, core.branchHasher.hi, 0);
    if (composed !== FORWARDED) return composed;
    if (!core.arena.commit(core.composer.start, core.composer.end, hop.to, -1)) {
      core.counters[C_DROP_OUTBOX_FULL]!++;
      return FORWARD_FULL;
    }
    core.counters[C_REQUESTS_OUT]!++;
    return FORWARDED;
  }

  /** True while further branches make sense: no final response sent, no CANCEL come. */
  isOpen(server: number): boolean {
    return this.#core.layer.serverIsOpen(server) && !this.#core.serverHas(server, SF_CANCELLED);
  }

  /** What stands in our Via beside the branch. */
  #mark(context: RequestContext, forks: boolean, seenBefore: boolean): void {
    const params = this.#params;
    const { view } = context;
    params.hasUriWord = !hasUniqueBranch(view.topVia);
    if (params.hasUriWord) params.uriWord = hashRequestUri(this.#core.branchHasher, view.bytes, view.uriStart, view.uriEnd);
    params.hasLoopPart = forks || seenBefore;
    if (forks) params.loopPart = this.#loops.forkPart(view);
    else if (seenBefore) params.loopPart = this.#loops.sourcePart(view, context.origin);
  }

  /**
   * Next hop and Request-URI of a target (§16.5, §16.6 steps 2, 6 and 7), left in the parameters for `#compose`. The order:
   * an explicit next hop, else the top Route value left, else the Request-URI.
   */
  #aim(context: RequestContext, target: Target | undefined): NextHop {
    const { listeners } = this.#core;
    const params = this.#params;
    const { view, routeSet } = context;
    params.uriBytes = undefined;
    params.uriStart = 0;
    params.uriEnd = 0;
    params.lastRoute = undefined;
    params.lastRouteStart = 0;
    params.lastRouteEnd = 0;
    if (routeSet.fromStrict) this.#setUri(view.bytes, routeSet.uriStart, routeSet.uriEnd);
    if (context.uriBytes !== undefined) this.#setUri(context.uriBytes, 0, context.uriBytes.length);

    let hop: NextHop | undefined;
    const uri = typeof target === 'string' ? target : target?.uri;
    if (uri !== undefined) {
      const cached = this.#targets.get(uri);
      this.#setUri(cached.bytes, 0, cached.bytes.length);
      hop = cached.hop;
    }
    const nextHop = typeof target === 'object' ? target.nextHop : undefined;
    if (nextHop !== undefined) {
      hop = this.#targets.get(nextHop).hop;
    } else if (routeSet.left > 0 && findRoute(view, routeSet.own)) {
      hop = this.#hop;
      resolveUri(view.bytes, foundRoute.uriStart, foundRoute.uriEnd, hop);
      if (hop.fault === HOP_OK && hop.looseRouter === 0) this.#aimAtStrictRouter(context);
    } else if (hop === undefined) {
      hop = this.#hop;
      if (params.uriBytes === undefined) resolveView(view.bytes, view.uri, hop);
      else resolveUri(params.uriBytes, params.uriStart, params.uriEnd, hop);
    }
    this.fault = hop.fault;
    if (hop.fault === HOP_OK && !listeners.choose(hop.to, context.origin.listener)) {
      this.fault = HOP_NO_LISTENER;
      this.#hop.fault = HOP_NO_LISTENER;
      return this.#hop;
    }
    return hop;
  }

  #setUri(bytes: Uint8Array, start: number, end: number): void {
    const params = this.#params;
    params.uriBytes = bytes;
    params.uriStart = start;
    params.uriEnd = end;
  }

  /** The Request-URI moves to the end of the Route set, the strict router's URI takes its place (§16.6 step 6). */
  #aimAtStrictRouter(context: RequestContext): void {
    const params = this.#params;
    const { view } = context;
    if (params.uriBytes === undefined) {
      params.lastRoute = view.bytes;
      params.lastRouteStart = view.uriStart;
      params.lastRouteEnd = view.uriEnd;
    } else {
      params.lastRoute = params.uriBytes;
      params.lastRouteStart = params.uriStart;
      params.lastRouteEnd = params.uriEnd;
    }
    this.#setUri(view.bytes, foundRoute.uriStart, foundRoute.uriEnd);
  }

  /** `breadth`: its Max-Breadth, or none of our business when it is not above 0. */
  #compose(context: RequestContext, hop: NextHop, index: number, lo: number, hi: number, breadth: number): number {
    const core = this.#core;
    const params = this.#params;
    const { plan } = core;
    this.#planEdits(context, plan);
    params.breadth = 0;
    if (breadth > 0) {
      if (context.view.maxBreadth < 0) params.breadth = breadth;
      else if (breadth !== context.view.breadth) this.#planBreadth(context.view, breadth, plan);
    }
    params.listener = hop.to.listener;
    params.inbound = context.origin.listener;
    params.index = index;
    params.lo = lo;
    params.hi = hi;
    params.shard = context.homeShard;
    params.recordRoute = context.recordRouted;
    if (core.composer.forwardRequest(context.view, params, plan)) return FORWARDED;
    return core.composer.start < 0 ? FORWARD_FULL : FORWARD_TOO_LONG;
  }

  #planBreadth(view: MessageView, breadth: number, plan: EditPlan): void {
    const slot = view.maxBreadth * FIELD_STRIDE;
    const start = view.fields[slot + FIELD_VALUE]!;
    plan.add(start, view.fields[slot + FIELD_END]! - start, this.#breadthText, writeUint(this.#breadthText, 0, breadth));
  }

  /** Edits that forwarding makes to the header: Max-Forwards, Route, and what the script changed. */
  #planEdits(context: RequestContext, plan: EditPlan): void {
    const { view, routeSet } = context;
    plan.clear();
    if (view.maxForwards >= 0) {
      const slot = view.maxForwards * FIELD_STRIDE;
      const start = view.fields[slot + FIELD_VALUE]!;
      const text = HOPS_TEXT[view.hops]!;
      plan.add(start, view.fields[slot + FIELD_END]! - start, text, text.length);
    }
    if (routeSet.count > 0) {
      const strict = this.#params.lastRoute !== undefined ? 1 : 0;
      planRemoval(view, routeSet.own + strict, routeSet.count, routeSet.fromStrict ? routeSet.count - 1 : -1, plan);
    }
    context.changedHeaders?.plan(plan);
  }
}
