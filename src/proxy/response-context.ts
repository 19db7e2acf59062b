/**
 * The response context of a server transaction (RFC 3261 §16.7): takes the responses of its branches, forwards what has to
 * go up at once, keeps the best of the failures, cancels what is not wanted any more, and concludes when no branch is left.
 *
 * Invariants: one final response goes upstream, except further 2xx to an INVITE; nothing but those follows a final; every
 * branch gets at most one CANCEL, and only after a provisional response came on it (§9.1). Sans-I/O.
 */
import { type AnswerText, type Answers, plainAnswer } from './answers.js';
import { isBetter } from './best-response.js';
import { BranchRequests } from './branch-requests.js';
import { Challenges } from './challenges.js';
import { CF_CANCEL_SENT, CF_CANCEL_WANTED, CF_DONE, CF_LOSER, type Core, SF_CANCELLED, SF_CONCLUDE, SF_HELD, SF_IN_HANDLER, SF_SUSPENDED } from './core.js';
import type { ScriptRunner } from './script-runner.js';
import type { StatelessResponses } from './stateless-responses.js';
import { planTopViaRemoval } from './via-removal.js';
import { copyBytes } from '../sip/copy-bytes.js';
import { type MessageView } from '../sip/message.js';
import { M_CANCEL, M_INVITE } from '../sip/methods.js';
import { reasonBytes } from '../sip/reasons.js';
import { C_DROP_LAST_VIA, C_DROP_LATE_RESPONSE } from '../telemetry/counters.js';
import type { TransactionUser } from '../transaction/layer.js';
import { S_NS_TRYING } from '../transaction/machines.js';
import {
  C_NEXT,
  C_SERVER,
  F_CLASS,
  F_STATUS,
  S_BEST,
  S_BEST_BYTES,
  S_BEST_STATUS,
  S_FIRST,
  S_PENDING,
  S_REASON,
} from '../transaction/table.js';

/** What a branch counts as whose final response cannot be passed on: broken, or too long for a datagram. */
const UNUSABLE = 502;

const TRYING = plainAnswer(reasonBytes(100));

export class ResponseContexts implements TransactionUser {
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #stateless: StatelessResponses;
  #runner!: ScriptRunner;
  /** Set by the engine: the time of a held CANCEL is over, and its server transaction ends. */
  onHeldOver: (server: number) => void = () => {};
  readonly #challenges: Challenges;
  readonly #branches: BranchRequests;

  constructor(core: Core, answers: Answers, stateless: StatelessResponses) {
    this.#core = core;
    this.#answers = answers;
    this.#stateless = stateless;
    this.#challenges = new Challenges(core);
    this.#branches = new BranchRequests(core);
  }

  /** The two need each other; the engine ties them. */
  attach(runner: ScriptRunner): void {
    this.#runner = runner;
  }

  // TransactionUser

  onResponse(client: number): void {
    const core = this.#core;
    const view = core.response;
    const isInvite = core.client(client, F_CLASS) === M_INVITE;
    const server = core.client(client, C_SERVER);
    const { status } = view;
    if (server === 0) {
      // A CANCEL of ours; or its server transaction has been given back already: then a late 2xx goes up statelessly, and a
      // branch that rings at last is cancelled all the same.
      if (core.client(client, F_CLASS) !== M_CANCEL && status >= 200 && status < 300) this.#stateless.forward(view, core.layer.clientEndpoint(client).listener);
      else if (isInvite && status < 200 && core.clientHas(client, CF_CANCEL_WANTED)) this.#branches.send(client);
      return;
    }
    if (status < 200) this.#provisional(server, client, status, isInvite);
    else if (status < 300) this.#success(server, client, isInvite);
    else this.#failed(server, client, status, isInvite);
  }

  onAckDue(client: number): void {
    this.#branches.acknowledge(client);
  }

  onServerOverdue(server: number): void {
    const core = this.#core;
    if (!core.layer.serverIsOpen(server) || core.server(server, S_PENDING) > 0) return;
    this.#runner.scriptOverdue(server, 'the script has not decided in time: answered 500');
    this.#answerLocally(server, 500);
  }

  onResponseHeldOver(server: number): void {
    const core = this.#core;
    if (!core.layer.serverIsOpen(server) || core.server(server, S_PENDING) > 0) return;
    this.#runner.scriptOverdue(server, 'the script was still pending long after its branches had ended: the best response goes up');
    this.sendBest(server);
  }

  onClientTimeout(client: number): void {
    this.#endedWithout(client, 408);
  }

  onClientOverdue(client: number): void {
    const core = this.#core;
    if (!core.clientHas(client, CF_CANCEL_SENT)) {
      // Timer C (§16.8): a branch that has rung this long is cancelled, and ends by what it answers to that.
      this.#branches.send(client);
      return;
    }
    // Cancelled, and silent since: treated as if 487 had come, or 408 when it was not the caller who wanted it so.
    this.#endedWithout(client, 408);
    core.layer.endClient(client);
  }

  onClientSlow(client: number): void {
    const core = this.#core;
    const server = core.client(client, C_SERVER);
    // RFC 4320 §4.1: 100 when nothing has been said so long, and no sooner.
    if (server === 0 || core.layer.serverState(server) !== S_NS_TRYING) return;
    const view = this.#runner.requestView(server);
    if (view !== undefined) this.#answers.inTransaction(server, view, 100, TRYING);
  }

  onClientSendFailed(client: number): void {
    // Counts as a 503 of the next hop (§16.9), which goes up as 500 (§16.7 step 6).
    this.#endedWithout(client, 500);
  }

  onClientEnd(client: number): void {
    const core = this.#core;
    const server = core.client(client, C_SERVER);
    if (server === 0) return;
    let cursor = core.server(server, S_FIRST);
    if (cursor === client) {
      core.setServer(server, S_FIRST, core.client(client, C_NEXT));
      return;
    }
    while (cursor !== 0) {
      const next = core.client(cursor, C_NEXT);
      if (next === client) {
        core.setClient(cursor, C_NEXT, core.client(client, C_NEXT));
        return;
      }
      cursor = next;
    }
  }

  onServerEnd(server: number): void {
    const core = this.#core;
    for (let client = core.server(server, S_FIRST); client !== 0; client = core.client(client, C_NEXT)) core.setClient(client, C_SERVER, 0);
    this.#forget(server);
    core.merged?.forget(server);
    if (core.serverHas(server, SF_HELD)) this.onHeldOver(server);
  }

  // For the engine and the script runner

  /**
   * A CANCEL matched this INVITE server transaction (§9.2, §16.10). `cancel` is its message, for the Reason in it. What
   * still rings is cancelled; where there is nothing to wait for, the caller has its 487 at once.
   */
  cancelByCaller(server: number, cancel: MessageView): void {
    const core = this.#core;
    if (!core.layer.serverIsOpen(server)) return;
    const first = !core.serverHas(server, SF_CANCELLED);
    core.flagServer(server, SF_CANCELLED);
    if (!first) return;
    this.#branches.keepReason(server, cancel);
    this.#branches.all(server, 0);
    this.#runner.cancelled(server, cancel);
    if (core.server(server, S_PENDING) === 0 && core.layer.serverIsOpen(server)) this.#answerLocally(server, 487);
  }

  /** The 2xx in `core.response` came on a branch that had been given up; the caller still waits. */
  lateSuccess(server: number): void {
    if (this.#forward(server, 0)) this.finish(server);
  }

  /** A target could not even be tried: counts as a branch that answered `status`. */
  noteLocal(server: number, status: number): void {
    const core = this.#core;
    if (!isBetter(status, core.server(server, S_BEST_STATUS), core.serverHas(server, SF_CANCELLED))) return;
    this.#setBest(server, status, 0, 0);
  }

  /**
   * Concludes if no branch is left: at once, when the running handler has returned, or when a pending one has ended, for
   * which the best response waits 64·T1 at most (32·T1 for another request than INVITE, see the layer).
   */
  settle(server: number): void {
    const core = this.#core;
    if (core.server(server, S_PENDING) > 0 || !core.layer.serverIsOpen(server)) return;
    if (core.serverHas(server, SF_IN_HANDLER)) {
      core.flagServer(server, SF_CONCLUDE);
      return;
    }
    if (this.#awaitsFailureHandler(server)) {
      core.flagServer(server, SF_CONCLUDE);
      core.layer.boundHeldResponse(server);
      return;
    }
    core.unflagServer(server, SF_CONCLUDE);
    const status = core.server(server, S_BEST_STATUS);
    if (core.serverHas(server, SF_CANCELLED)) {
      if (core.server(server, S_BEST) === 0) this.#answerLocally(server, 487);
      else this.sendBest(server);
      return;
    }
    if (status >= 300 && this.#runner.hasFailureHandler && !this.#isSilentTimeout(server)) {
      this.#runner.runFailure(server, status);
      return;
    }
    this.sendBest(server);
  }

  /** Sends the best response upstream. */
  sendBest(server: number): void {
    const core = this.#core;
    if (!core.layer.serverIsOpen(server)) return;
    const status = core.server(server, S_BEST_STATUS);
    if (status === 408 && core.server(server, F_CLASS) !== M_INVITE) {
      this.#endSilently(server);
      return;
    }
    if (core.server(server, S_BEST) !== 0) {
      this.loadBest(server);
      if (!this.#forward(server, core.response.status === 503 ? 500 : 0)) {
        this.#answerLocally(server, UNUSABLE);
        return;
      }
    } else {
      this.#answerLocally(server, status === 0 ? 408 : status);
    }
    this.finish(server);
  }

  /**
   * RFC 4320 §4.2: no 408 goes up to a request other than INVITE, since nobody waits for one that comes after the time that
   * it tells of. One of a branch may come before: then the request that comes again is absorbed until the time is over.
   * Behind it what the network has delayed is still absorbed: the request, which would run the script anew, and the answer,
   * which would go up statelessly.
   */
  #endSilently(server: number): void {
    const { layer } = this.#core;
    if (!this.#isSilentTimeout(server)) {
      layer.boundDecision(server);
      return;
    }
    layer.lapse(server);
    this.#forget(server);
  }

  /** Reads the best response back into `core.response`; false when it is one of our own. */
  loadBest(server: number): boolean {
    const core = this.#core;
    const block = core.server(server, S_BEST);
    if (block === 0) return false;
    core.response.parse(core.arena.bytes, block, block + core.server(server, S_BEST_BYTES));
    core.response.validateResponse();
    return true;
  }

  /**
   * Answers with a final response of our own. A transaction whose answer cannot be built (no datagram would hold it) is
   * given up, since nothing else would ever end it. False when nothing was sent.
   */
  answer(server: number, view: MessageView, status: number, text: AnswerText): boolean {
    const { layer } = this.#core;
    if (this.#answers.inTransaction(server, view, status, text)) {
      this.finish(server);
      return true;
    }
    if (layer.serverIsOpen(server)) layer.endServer(server);
    return false;
  }

  /** A final response has gone upstream: what was kept for it is given back, what still rings is cancelled. */
  finish(server: number): void {
    if (this.#core.layer.serverIsOpen(server)) return;
    // The Reason of those that lost is that another one has taken the call: not so when it was refused (RFC 3326).
    if (this.#core.server(server, S_PENDING) > 0) this.#branches.all(server, this.#core.server(server, F_STATUS) < 300 ? CF_LOSER : 0);
    if (this.#core.server(server, F_STATUS) >= 300) this.#core.merged?.forget(server);
    this.#forget(server);
  }

  #provisional(server: number, client: number, status: number, isInvite: boolean): void {
    const core = this.#core;
    if (isInvite) {
      if (core.clientHas(client, CF_CANCEL_WANTED) && !core.clientHas(client, CF_CANCEL_SENT)) this.#branches.send(client);
      if (status > 100 && !core.clientHas(client, CF_CANCEL_SENT)) core.layer.restartTimerC(client);
    }
    // RFC 4320 §4.1: no provisional response but our own 100 to a request other than INVITE.
    if (status === 100 || !isInvite) return;
    if (!core.layer.serverIsOpen(server)) {
      core.counters[C_DROP_LATE_RESPONSE]!++;
      return;
    }
    this.#forward(server, 0);
  }

  #success(server: number, client: number, isInvite: boolean): void {
    const core = this.#core;
    // No longer pending: a 2xx that came again, another dialog behind a fork, or a 2xx behind a failure.
    const first = this.#branchDone(server, client);
    const wasOpen = core.layer.serverIsOpen(server);
    if (!isInvite && !wasOpen) {
      core.counters[C_DROP_LATE_RESPONSE]!++;
      return;
    }
    if (isInvite && !core.layer.mayRespond(server, core.response.status)) {
      // Behind a final response of the script's own: the call exists all the same, and its caller has to know (§16.7 step 5).
      this.#stateless.forward(core.response, core.layer.serverEndpoint(server).listener);
      return;
    }
    if (this.#forward(server, 0)) {
      if (wasOpen) this.finish(server);
      return;
    }
    if (!first || !core.layer.serverIsOpen(server)) return;
    this.noteLocal(server, UNUSABLE);
    this.settle(server);
  }

  #failed(server: number, client: number, status: number, isInvite: boolean): void {
    const core = this.#core;
    this.#branchDone(server, client);
    if (!core.layer.serverIsOpen(server)) return;
    if (status >= 600 && isInvite) this.#branches.all(server, 0);
    const pending = core.server(server, S_PENDING);
    const isWanted = isInvite || status !== 408;
    if (pending === 0 && isWanted && core.server(server, S_BEST_STATUS) === 0 && this.#mayForwardAtOnce(server)) {
      if (this.#forward(server, status === 503 ? 500 : 0)) this.finish(server);
      else this.#answerLocally(server, UNUSABLE);
      return;
    }
    this.#keepBest(server, status);
    if (pending === 0) this.settle(server);
  }

  /** The handler that relayed is still pending, and a failure handler is to run behind it: not behind a silent timeout. */
  #awaitsFailureHandler(server: number): boolean {
    const core = this.#core;
    const isAwaited = core.serverHas(server, SF_SUSPENDED) && this.#runner.hasFailureHandler && !core.serverHas(server, SF_CANCELLED);
    return isAwaited && !this.#isSilentTimeout(server);
  }

  /** Nothing else can want a say in which failure goes up. */
  #mayForwardAtOnce(server: number): boolean {
    const core = this.#core;
    return (!this.#runner.hasFailureHandler || core.serverHas(server, SF_CANCELLED)) && !core.serverHas(server, SF_IN_HANDLER);
  }

  /** One branch less is pending. False when it had ended before. */
  #branchDone(server: number, client: number): boolean {
    const core = this.#core;
    if (core.clientHas(client, CF_DONE)) return false;
    core.flagClient(client, CF_DONE);
    core.setServer(server, S_PENDING, core.server(server, S_PENDING) - 1);
    return true;
  }

  /** A branch ended without a final response. */
  #endedWithout(client: number, status: number): void {
    const core = this.#core;
    const server = core.client(client, C_SERVER);
    if (server === 0) return;
    if (!this.#branchDone(server, client)) return;
    if (!core.layer.serverIsOpen(server)) return;
    this.noteLocal(server, core.serverHas(server, SF_CANCELLED) ? 487 : status);
    this.settle(server);
  }

  #isSilentTimeout(server: number): boolean {
    const core = this.#core;
    return core.server(server, S_BEST_STATUS) === 408 && core.server(server, S_BEST) === 0 && core.server(server, F_CLASS) !== M_INVITE;
  }

  #answerLocally(server: number, status: number): void {
    const view = this.#runner.requestView(server);
    if (view !== undefined) this.answer(server, view, status, plainAnswer(reasonBytes(status)));
    else this.#core.layer.endServer(server);
  }

  /**
   * Forwards `core.response` upstream (§16.7 steps 3, 8 and 9); `status` replaces its status when it is not 0. False when
   * nothing went up: dropped by the script (a provisional one), late, broken or too long.
   */
  #forward(server: number, status: number): boolean {
    const core = this.#core;
    const view = core.response;
    const { plan } = core;
    plan.clear();
    if (!planTopViaRemoval(view, plan)) {
      core.counters[C_DROP_LAST_VIA]!++;
      return false;
    }
    if (!this.#runner.runReply(server, plan)) return false;
    if (view.status === 401 || view.status === 407) this.#challenges.add(server);
    const sent = status === 0 ? view.status : status;
    if (!core.layer.mayRespond(server, sent)) {
      core.counters[C_DROP_LATE_RESPONSE]!++;
      return false;
    }
    return core.composer.forwardResponse(view, plan, status) && core.layer.respond(server, sent, core.composer.start, core.composer.end);
  }

  #keepBest(server: number, status: number): void {
    const core = this.#core;
    const view = core.response;
    const best = core.server(server, S_BEST_STATUS);
    if (status === 401 || status === 407) this.#challenges.keep(server);
    if (!isBetter(status, best, core.serverHas(server, SF_CANCELLED)) && !(core.server(server, S_BEST) === 0 && best === status)) return;
    const length = view.end - view.start;
    const block = core.arena.store.allocate(length);
    if (block !== 0) copyBytes(core.arena.bytes, view.start, view.end, block);
    // Without room for the bytes the status is kept, and sent as an answer of our own.
    this.#setBest(server, status, block, block === 0 ? 0 : length);
  }

  #setBest(server: number, status: number, block: number, length: number): void {
    const core = this.#core;
    core.arena.store.free(core.server(server, S_BEST));
    core.setServer(server, S_BEST_STATUS, status);
    core.setServer(server, S_BEST, block);
    core.setServer(server, S_BEST_BYTES, length);
  }

  #forget(server: number): void {
    const core = this.#core;
    const { store } = core.arena;
    this.#setBest(server, core.server(server, S_BEST_STATUS), 0, 0);
    store.free(core.server(server, S_REASON));
    core.setServer(server, S_REASON, 0);
    this.#challenges.forget(server);
    this.#runner.release(server);
  }
}
