/**
 * What a script's `relay` does: branches for its targets, in the transaction of the request or statelessly. Sans-I/O.
 */
import type { Answers } from './answers.js';
import type { Core } from './core.js';
import { FORWARDED, FORWARD_FAULT, FORWARD_NO_BREADTH, FORWARD_TOO_LONG, type Forwarder } from './forwarder.js';
import { HOP_PROBLEM, HOP_STATUS } from './next-hop.js';
import type { ResponseContexts } from './response-context.js';
import { plain } from './script-answer.js';
import type { ScriptFaults } from './script-faults.js';
import type { Target } from '../script/api.js';
import type { RequestContext } from '../script/request-context.js';
import { M_ACK, M_CANCEL, M_INVITE } from '../sip/methods.js';
import { C_ACKS_DROPPED, C_SCRIPT_LATE } from '../telemetry/counters.js';
import { F_STATUS, S_NEXT_INDEX } from '../transaction/table.js';

/** The answer to a request that its script relays to an empty list of targets (RFC 3261 §16.5). */
const NO_TARGETS = 480;

export class Relays {
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #forwarder: Forwarder;
  readonly #contexts: ResponseContexts;
  readonly #faults: ScriptFaults;

  constructor(core: Core, answers: Answers, forwarder: Forwarder, contexts: ResponseContexts, faults: ScriptFaults) {
    this.#core = core;
    this.#answers = answers;
    this.#forwarder = forwarder;
    this.#contexts = contexts;
    this.#faults = faults;
  }

  /**
   * Adds a branch for each target; undefined stands for the Route set or Request-URI. False when none was sent. A target that
   * cannot be tried counts as a branch that failed.
   */
  inTransaction(context: RequestContext, targets: readonly (Target | undefined)[]): boolean {
    const core = this.#core;
    const { server } = context;
    if (context.dead || !this.#forwarder.isOpen(server)) {
      core.counters[C_SCRIPT_LATE]!++;
      return false;
    }
    // A failure handler that knows of nobody else leaves it at the best response.
    if (targets.length === 0 && context.live) return false;
    context.acted = true;
    if (targets.length === 0) this.#contexts.noteLocal(server, NO_TARGETS);
    let sent = false;
    this.#forwarder.begin(context, targets.length);
    for (const one of targets) {
      if (core.server(server, S_NEXT_INDEX) >= core.options.limits.targets) {
        this.#contexts.noteLocal(server, 500);
        break;
      }
      const outcome = this.#forwarder.addBranch(context, one);
      if (outcome === FORWARDED) sent = true;
      else this.#contexts.noteLocal(server, this.#statusOf(outcome, context, one));
    }
    if (sent && context.view.method === M_INVITE && core.server(server, F_STATUS) === 0) this.trying(context);
    if (sent) {
      core.layer.unboundDecision(server);
      core.layer.unboundHeldResponse(server);
    } else {
      this.#contexts.settle(server);
    }
    return sent;
  }

  /**
   * Forwards a request that has no transaction. An ACK goes to one target. A CANCEL goes to all, each with the branch that the
   * INVITE had there: after a crash nobody knows any more which of them ring. False when nothing was sent.
   */
  stateless(context: RequestContext, targets: readonly (Target | undefined)[]): boolean {
    const core = this.#core;
    if (context.dead) {
      core.counters[C_SCRIPT_LATE]!++;
      return false;
    }
    if (targets.length === 0) return false;
    context.acted = true;
    const { method } = context.view;
    const count = method === M_CANCEL ? Math.min(targets.length, core.options.limits.targets) : 1;
    let sent = false;
    let status = 0;
    for (let index = 0; index < count; index++) {
      const outcome = this.#forwarder.stateless(context, targets[index], index);
      if (outcome === FORWARDED) sent = true;
      else if (method !== M_ACK) status = this.#statusOf(outcome, context, targets[index]);
    }
    if (!sent) {
      if (method === M_ACK) core.counters[C_ACKS_DROPPED]!++;
      else this.#answers.stateless(context.view, status, plain(status), context.keyLo, context.keyHi, context.replyTo, core.noEdits);
    }
    return sent;
  }

  /** Status of a target that could not be tried; what the operator has to know about it is logged. */
  #statusOf(outcome: number, context: RequestContext, target: Target | undefined): number {
    if (outcome === FORWARD_FAULT) {
      const { fault } = this.#forwarder;
      this.#faults.warn(context, `a target cannot be reached: ${HOP_PROBLEM[fault]!}`, { target: target ?? context.uri.toString() });
      return HOP_STATUS[fault]!;
    }
    if (outcome === FORWARD_NO_BREADTH) return 440;
    return outcome === FORWARD_TOO_LONG ? 513 : 503;
  }

  /** 100 Trying, so that the caller stops sending its INVITE again (§16.2). */
  trying(context: RequestContext): void {
    this.#answers.inTransaction(context.server, context.view, 100, plain(100));
  }
}
