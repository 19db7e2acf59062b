/**
 * Runs the handlers of a routing script and does what they ask for: relay, reply. Suspends a transaction while a handler
 * of it is pending, and keeps a script's mistakes from being the proxy's: what throws is counted, logged and answered 500.
 *
 * Invariants: the request handler runs once a transaction; a handler that is pending holds its transaction, not the shard;
 * what it does after its transaction was answered or cancelled is refused and counted. Sans-I/O.
 */
import { type Answers } from './answers.js';
import { type Core, SF_CANCELLED, SF_CONCLUDE, SF_IN_HANDLER, SF_KEPT, SF_SUSPENDED } from './core.js';
import { type EditPlan } from './edit-plan.js';
import { type Forwarder } from './forwarder.js';
import { Relays } from './relays.js';
import { RequestContexts } from './request-contexts.js';
import type { ResponseContexts } from './response-context.js';
import { answerText, plain } from './script-answer.js';
import { ScriptFaults, isThenable } from './script-faults.js';
import { copyEndpoint, createEndpoint } from './via-fix.js';
import { type ReplyOptions, type ScriptLog, type Target } from '../script/api.js';
import { FailureContext } from '../script/failure-context.js';
import type { ScriptHost } from '../script/host.js';
import { ReplyContext } from '../script/reply-context.js';
import { type RequestContext, type RequestParts, callIdOf } from '../script/request-context.js';
import { textOf } from '../script/text.js';
import type { MessageView } from '../sip/message.js';
import { M_ACK, M_CANCEL, M_INVITE } from '../sip/methods.js';
import { reasonPhrase } from '../sip/reasons.js';
import { C_ACKS_DROPPED, C_SCRIPT_LATE, C_SCRIPT_NO_ACTION, C_SCRIPT_RUNS, C_SCRIPT_SUSPENDED } from '../telemetry/counters.js';
import { F_KEY_HI, F_KEY_LO, F_STATUS, S_NEXT_INDEX, S_PENDING, S_REQUEST, S_REQUEST_BYTES } from '../transaction/table.js';

export class ScriptRunner implements ScriptHost {
  /** Set by the engine: something was done outside of its calls. */
  onWork: (() => void) | undefined;
  /** Set by the engine: sets the clock before something is done outside of its calls. */
  onWake: (() => void) | undefined;
  /** How deep in calls of the engine this is: 0 when a promise of a script went on by itself. */
  depth = 0;
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #relays: Relays;
  readonly #contexts: ResponseContexts;
  /** Contexts of requests: the engine takes one for each message that it parses. */
  readonly requests: RequestContexts;
  /** Where the response at hand came from. */
  readonly #replyOrigin = createEndpoint();
  readonly #faults: ScriptFaults;
  /** The list for a relay to one target, made once: a relay that a failure handler makes comes when the list has been read. */
  readonly #alone: (Target | undefined)[] = [undefined];
  /** Context of the handler that runs right now. */
  #running: RequestContext | undefined;
  #suspended = 0;
  /** The engine is gone: whatever a handler still does has no effect. */
  #abandoned = false;

  constructor(core: Core, answers: Answers, forwarder: Forwarder, contexts: ResponseContexts) {
    this.#core = core;
    this.#answers = answers;
    this.#contexts = contexts;
    this.#faults = new ScriptFaults(core);
    this.#relays = new Relays(core, answers, forwarder, contexts, this.#faults);
    this.requests = new RequestContexts(core, this);
  }

  get suspended(): number {
    return this.#suspended;
  }

  get hasFailureHandler(): boolean {
    return this.#core.routes.failure !== undefined;
  }

  // Handlers

  /** Runs the request handler. The context is the runner's from here on. */
  runRequest(context: RequestContext): void {
    const core = this.#core;
    const { server } = context;
    core.counters[C_SCRIPT_RUNS]!++;
    if (server !== 0) core.flagServer(server, SF_IN_HANDLER);
    const outer = this.#running;
    this.#running = context;
    let result: unknown;
    try {
      result = core.routes.request(context);
    } catch (error) {
      this.#handlerFailed('request', error, context);
    }
    if (!isThenable(result) && !context.acted && !context.dead) this.#withoutAction(context);
    this.#running = outer;
    if (isThenable(result)) this.#suspend(context, 'request', result);
    else this.#requestDone(context);
  }

  /** Runs the failure handler for the best response so far. */
  runFailure(server: number, status: number): void {
    const core = this.#core;
    const { routes } = core;
    const context = this.requests.kept(server) ?? this.requests.restore(server);
    const attempts = core.server(server, S_NEXT_INDEX);
    if (routes.failure === undefined || context === undefined || core.serverHas(server, SF_SUSPENDED) || attempts >= core.options.limits.targets) {
      // A handler that is pending has seen its branches fail: what it does from here on comes too late.
      this.#contexts.sendBest(server);
      return;
    }
    const fromPeer = this.#contexts.loadBest(server);
    const { response } = core;
    const reason = fromPeer ? textOf(response.bytes, response.reasonStart, response.reasonEnd) : reasonPhrase(status);
    context.live = true;
    context.acted = false;
    core.flagServer(server, SF_IN_HANDLER);
    const outer = this.#running;
    this.#running = context;
    let result: unknown;
    try {
      result = routes.failure(new FailureContext(context, status, reason, !fromPeer));
    } catch (error) {
      this.#handlerFailed('failure', error, context);
    }
    this.#running = outer;
    if (isThenable(result)) this.#suspend(context, 'failure', result);
    else this.#failureDone(context);
  }

  /** Runs the reply handler, if there is one, on `core.response`; its changes go into `plan`. False: the script dropped it. */
  runReply(server: number, plan: EditPlan): boolean {
    const core = this.#core;
    const { routes } = core;
    if (routes.reply === undefined) return true;
    const state = this.requests.kept(server)?.state ?? {};
    const reply = new ReplyContext(this, core.response, this.#replyOrigin, state, core.server(server, F_KEY_LO), core.server(server, F_KEY_HI));
    try {
      this.#faults.watch('reply', routes.reply(reply), core.response);
    } catch (error) {
      this.#faults.report('reply', error, callIdOf(core.response));
    }
    if (!reply.dropped) reply.changedHeaders?.plan(plan);
    reply.close();
    return !reply.dropped;
  }

  /** Tells the reply handler's view where the response at hand came from. */
  setReplySource(from: Parameters<typeof copyEndpoint>[0]): void {
    if (this.#core.routes.reply !== undefined) copyEndpoint(from, this.#replyOrigin);
  }

  /** The caller cancelled: tells a pending handler by its signal, and runs the cancel handler. */
  cancelled(server: number, cancel: MessageView): void {
    const core = this.#core;
    const kept = this.requests.kept(server);
    kept?.abort();
    const { routes } = core;
    if (routes.cancel === undefined) return;
    const context = kept ?? this.requests.restore(server);
    if (context === undefined) return;
    const wasDead = context.dead;
    try {
      this.#faults.watch('cancel', routes.cancel(context), cancel);
    } catch (error) {
      this.#faults.report('cancel', error, callIdOf(cancel));
    }
    context.dead = wasDead;
    if (this.requests.kept(server) === context && !core.serverHas(server, SF_SUSPENDED | SF_IN_HANDLER)) this.requests.park(context);
  }

  /** See `AbandonableEngine.abandon`. */
  abandon(): void {
    this.#abandoned = true;
    this.onWork = undefined;
    this.onWake = undefined;
    this.requests.abandon();
  }

  /** A pending handler has used up its time: an error of the script. */
  scriptOverdue(server: number, problem: string): void {
    const kept = this.requests.kept(server);
    if (kept !== undefined) this.#faults.report('pending', new Error(problem), callIdOf(kept.view));
  }

  /** The view of a transaction's request, for an answer of our own; undefined when the request is not kept any more. */
  requestView(server: number): MessageView | undefined {
    const core = this.#core;
    const kept = this.requests.kept(server);
    if (kept !== undefined && !kept.parked) return kept.view;
    const block = core.server(server, S_REQUEST);
    if (block === 0) return undefined;
    core.stored.parse(core.arena.bytes, block, block + core.server(server, S_REQUEST_BYTES));
    core.stored.findToTag();
    return core.stored;
  }

  /**
   * The transaction needs its request no more: the block goes back, or stays with a handler that runs right now. A pending
   * handler keeps a copy on the heap: it may never end, and then the collector takes it with the promise.
   */
  release(server: number): void {
    const core = this.#core;
    const block = core.server(server, S_REQUEST);
    if (block !== 0) {
      core.setServer(server, S_REQUEST, 0);
      if (core.serverHas(server, SF_SUSPENDED | SF_IN_HANDLER)) {
        const context = this.#running?.server === server ? this.#running : this.requests.kept(server);
        if (context !== undefined) {
          context.ownsBlock = true;
          context.dead = true;
          context.abort();
          if (core.serverHas(server, SF_KEPT)) this.requests.unkeep(server);
          if (context !== this.#running) this.requests.moveOut(context);
          return;
        }
      }
      core.arena.store.free(block);
    }
    if (!core.serverHas(server, SF_KEPT)) return;
    const context = this.requests.kept(server);
    this.requests.unkeep(server);
    if (context === undefined) return;
    context.abort();
    this.requests.giveBack(context);
  }

  // ScriptHost

  wake(context: RequestContext): RequestParts {
    return this.requests.wake(context);
  }

  refuseLate(): false {
    this.#core.counters[C_SCRIPT_LATE]!++;
    return false;
  }

  relay(context: RequestContext, target: Target | readonly Target[] | undefined): boolean {
    if (this.#abandoned) return this.refuseLate();
    this.#wake();
    let targets: readonly (Target | undefined)[] = this.#alone;
    if (isList(target)) targets = target;
    else this.#alone[0] = target;
    let sent: boolean;
    if (context.server === 0) {
      const isOut = this.requests.bringBack(context);
      sent = this.#relays.stateless(context, targets);
      if (isOut) this.requests.moveOut(context);
    } else {
      sent = this.#relays.inTransaction(context, targets);
    }
    this.#alone[0] = undefined;
    this.#tellDriver();
    return sent;
  }

  reply(context: RequestContext, status: number, reason: string | undefined, options: ReplyOptions | undefined): boolean {
    const core = this.#core;
    const text = answerText(status, reason, options);
    if (this.#abandoned) return this.refuseLate();
    this.#wake();
    if (context.server === 0) {
      if (context.dead || context.acted || context.view.method === M_ACK) return false;
      context.acted = true;
      const isOut = this.requests.bringBack(context);
      this.#answers.stateless(context.view, status, text, context.keyLo, context.keyHi, context.replyTo, core.noEdits);
      if (isOut) this.requests.moveOut(context);
      this.#tellDriver();
      return true;
    }
    const { server } = context;
    if (context.dead || !core.layer.serverIsOpen(server) || core.serverHas(server, SF_CANCELLED)) {
      core.counters[C_SCRIPT_LATE]!++;
      return false;
    }
    const sent = this.#answers.inTransaction(server, context.view, status, text);
    if (sent && status >= 200) {
      context.acted = true;
      this.#contexts.finish(server);
    }
    this.#tellDriver();
    return sent;
  }

  scriptLog(view: MessageView, keyLo: number, keyHi: number): ScriptLog {
    const { log, options } = this.#core;
    const about = { shard: options.shard, callId: callIdOf(view), transaction: keyText(keyLo, keyHi) };
    return {
      error: (text, fields) => { log.error({ ...about, ...fields }, text); },
      warn: (text, fields) => { log.warn({ ...about, ...fields }, text); },
      info: (text, fields) => { log.info({ ...about, ...fields }, text); },
      debug: (text, fields) => { log.debug({ ...about, ...fields }, text); },
    };
  }

  #suspend(context: RequestContext, handler: 'request' | 'failure', pending: PromiseLike<unknown>): void {
    const core = this.#core;
    const { server } = context;
    if (server !== 0) {
      core.unflagServer(server, SF_IN_HANDLER);
      if (!context.dead) {
        core.flagServer(server, SF_SUSPENDED);
        this.requests.keep(server, context);
        if (core.layer.serverIsOpen(server) && core.server(server, S_PENDING) === 0) {
          // Behind branches that have ended there is a response that waits.
          if (handler === 'failure') core.layer.boundHeldResponse(server);
          else if (!core.serverHas(server, SF_CONCLUDE)) core.layer.boundDecision(server);
        }
        if (context.view.method === M_INVITE && core.server(server, F_STATUS) === 0) this.#relays.trying(context);
        if (core.serverHas(server, SF_CONCLUDE)) this.#contexts.settle(server);
      }
    }
    // Nothing else would end what is over, or has no transaction: its handler shall not hold the block of the store.
    if (server === 0 || context.dead) this.requests.moveOut(context);
    this.#suspended++;
    core.counters[C_SCRIPT_SUSPENDED] = this.#suspended;
    // Through a promise of ours: a thenable of a script may throw, or settle twice.
    Promise.resolve(pending).then(
      () => { this.#resumed(context, handler); },
      (error: unknown) => {
        if (context.server === 0 && !this.#abandoned) this.requests.bringBack(context);
        this.#handlerFailed(handler, error, context);
        this.#resumed(context, handler);
      },
    );
  }

  /** A pending handler has come to its end. */
  #resumed(context: RequestContext, handler: 'request' | 'failure'): void {
    if (this.#abandoned) return;
    const core = this.#core;
    this.#wake();
    this.#suspended--;
    core.counters[C_SCRIPT_SUSPENDED] = this.#suspended;
    if (context.server === 0) this.requests.bringBack(context);
    if (handler === 'request' && !context.acted && !context.dead) this.#withoutAction(context);
    if (context.server !== 0 && !context.dead) core.unflagServer(context.server, SF_SUSPENDED);
    if (handler === 'request') this.#requestDone(context);
    else this.#failureDone(context);
    this.#tellDriver();
  }

  #requestDone(context: RequestContext): void {
    const core = this.#core;
    const { server } = context;
    // Dead: a final response went out while the handler ran, and the transaction has let go of the context.
    if (server === 0 || context.dead) {
      this.requests.giveBack(context);
      return;
    }
    core.unflagServer(server, SF_IN_HANDLER);
    if (this.#laterHandlers()) this.requests.keepParked(server, context);
    else this.requests.unkeepAndGiveBack(server, context);
    if (core.serverHas(server, SF_CONCLUDE)) this.#contexts.settle(server);
  }

  #failureDone(context: RequestContext): void {
    const core = this.#core;
    const { server } = context;
    if (context.dead) {
      this.requests.giveBack(context);
      return;
    }
    core.unflagServer(server, SF_IN_HANDLER);
    this.requests.keepParked(server, context);
    if (core.serverHas(server, SF_CONCLUDE)) this.#contexts.settle(server);
    else if (core.server(server, S_PENDING) === 0 && core.layer.serverIsOpen(server)) this.#contexts.sendBest(server);
  }

  /** A request handler that ended without relay or reply: an error of the script, unless the request wants no answer. */
  #withoutAction(context: RequestContext): void {
    const core = this.#core;
    const { method } = context.view;
    if (method === M_ACK) {
      core.counters[C_ACKS_DROPPED]!++;
      return;
    }
    if (context.server !== 0 && core.serverHas(context.server, SF_CANCELLED)) return;
    core.counters[C_SCRIPT_NO_ACTION]!++;
    this.#faults.warn(context, 'the request handler ended without relay() or reply(): answered 500', {});
    if (context.server === 0) {
      const status = method === M_CANCEL ? 481 : 500;
      this.#answers.stateless(context.view, status, plain(status), context.keyLo, context.keyHi, context.replyTo, core.noEdits);
      return;
    }
    this.#contexts.answer(context.server, context.view, 500, plain(500));
  }

  #handlerFailed(handler: string, error: unknown, context: RequestContext): void {
    this.#faults.report(handler, error, callIdOf(context.view));
    if (handler !== 'request' || context.acted || context.dead || this.#abandoned) return;
    context.acted = true;
    if (context.server === 0) {
      if (context.view.method !== M_ACK) {
        this.#answers.stateless(context.view, 500, plain(500), context.keyLo, context.keyHi, context.replyTo, this.#core.noEdits);
      }
      return;
    }
    this.#contexts.answer(context.server, context.view, 500, plain(500));
  }

  /** Whether contexts outlive the request handler. */
  #laterHandlers(): boolean {
    const { routes } = this.#core;
    return routes.failure !== undefined || routes.reply !== undefined || routes.cancel !== undefined;
  }

  /** A script went on by itself: time has passed since the clock was set last, and timers may be due first. */
  #wake(): void {
    if (this.depth === 0) this.onWake?.();
  }

  #tellDriver(): void {
    if (this.depth === 0) this.onWork?.();
  }
}

function isList(target: Target | readonly Target[] | undefined): target is readonly Target[] {
  return Array.isArray(target);
}

/** A transaction key as logs show it: 16 hex digits, the same for an INVITE, its ACK and its CANCEL. */
function keyText(lo: number, hi: number): string {
  return (hi >>> 0).toString(16).padStart(8, '0') + (lo >>> 0).toString(16).padStart(8, '0');
}
