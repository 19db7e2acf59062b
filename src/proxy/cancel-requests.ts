/**
 * CANCEL requests as they come in (RFC 3261 §9.2, §16.10): matched here, offered to the other shards, held for an INVITE that
 * the network has delayed, or left to the script.
 *
 * Invariant: a CANCEL goes round the shards at most twice, the second time when its hold has ended. Sans-I/O.
 */
import { type Answers, plainAnswer } from './answers.js';
import type { Core } from './core.js';
import { EarlyCancels } from './early-cancels.js';
import type { Intake } from './intake.js';
import { LOOPED, type LoopDetection } from './loop-detection.js';
import { PACKET_REQUEST, type PacketMeta } from './ports.js';
import { LOOP_DETECTED, type Refusals, TOO_MANY_HOPS } from './refusals.js';
import type { ResponseContexts } from './response-context.js';
import { preprocess } from './route-set.js';
import type { ScriptRunner } from './script-runner.js';
import type { RequestContext } from '../script/request-context.js';
import { M_CANCEL, M_INVITE } from '../sip/methods.js';
import { reasonBytes } from '../sip/reasons.js';
import {
  C_CANCELS_HELD_MATCHED,
  C_CANCELS_MATCHED,
  C_CANCELS_UNMATCHED,
  C_LOOPS_DETECTED,
  C_OFFERS_MATCHED,
} from '../telemetry/counters.js';

const OK = plainAnswer(reasonBytes(200));
const REQUEST_TERMINATED = plainAnswer(reasonBytes(487));

export class CancelRequests {
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #contexts: ResponseContexts;
  readonly #runner: ScriptRunner;
  readonly #intake: Intake;
  readonly #refusals: Refusals;
  readonly #loops: LoopDetection;
  readonly #early: EarlyCancels;

  constructor(core: Core, answers: Answers, contexts: ResponseContexts, runner: ScriptRunner, intake: Intake, refusals: Refusals, loops: LoopDetection) {
    this.#core = core;
    this.#answers = answers;
    this.#contexts = contexts;
    this.#runner = runner;
    this.#intake = intake;
    this.#refusals = refusals;
    this.#loops = loops;
    this.#early = new EarlyCancels(core);
  }

  /** A CANCEL that came (§9.2, §16.10), from the network or from another shard. The context is taken over. */
  receive(context: RequestContext, meta: PacketMeta): void {
    const core = this.#core;
    const { layer, options } = core;
    const { view } = context;
    const invite = layer.servers.find(context.keyLo, context.keyHi, M_INVITE);
    // Where it may be held its round ends where it began, since there its INVITE would come.
    let rounds = options.earlyCancelMs > 0 && options.shards > 1 ? options.shards : options.shards - 1;
    // Beyond that its time is over, and this is the second and last round (`heldOver`).
    const again = meta.hops > options.shards;
    if (again) rounds = 2 * options.shards;
    // A CANCEL of another request is answered as well, and has no effect (§9.2).
    const found = invite !== 0 ? invite : layer.servers.findOther(context.keyLo, context.keyHi, M_CANCEL);
    if (found === 0 && this.#intake.offer(context, meta, rounds)) return;
    if (!this.#intake.ingest(context)) {
      this.#refusals.overload(context);
      return;
    }
    context.ownsBlock = true;
    if (found === 0) {
      if (again || context.homeShard !== options.shard || !this.#early.hold(context)) this.#unmatchedCancel(context);
      return;
    }
    core.counters[C_CANCELS_MATCHED]!++;
    if (meta.hops > 0) core.counters[C_OFFERS_MATCHED]!++;
    const server = layer.createServer(context.keyLo, context.keyHi, M_CANCEL);
    if (server === 0) {
      this.#answers.stateless(view, 200, OK, context.keyLo, context.keyHi, context.replyTo, core.noEdits);
    } else {
      layer.setServerEndpoint(server, context.replyTo);
      this.#contexts.answer(server, view, 200, OK);
    }
    if (invite !== 0) this.#contexts.cancelByCaller(invite, view);
    this.#runner.requests.giveBack(context);
  }

  /** A CANCEL that matches nothing: the script decides (§16.10). Its context owns its block. */
  #unmatchedCancel(context: RequestContext): void {
    const core = this.#core;
    const { view } = context;
    core.counters[C_CANCELS_UNMATCHED]!++;
    preprocess(view, core.listeners, context.routeSet);
    const looped = this.#loops.examine(view, context.origin) === LOOPED;
    if (looped) core.counters[C_LOOPS_DETECTED]!++;
    if (looped || view.hops === 0) {
      const status = looped ? 482 : 483;
      this.#answers.stateless(view, status, looped ? LOOP_DETECTED : TOO_MANY_HOPS, context.keyLo, context.keyHi, context.replyTo, core.noEdits);
      this.#runner.requests.giveBack(context);
      return;
    }
    this.#runner.runRequest(context);
  }

  /**
   * No INVITE came here for a held CANCEL, whose server transaction ends. It may have come to another shard, where its
   * Route led it, after the CANCEL had been there: a second round finds it, and ends here like the first.
   */
  heldOver(server: number): void {
    const context = this.#early.take(server);
    if (context === undefined) return;
    const { shards } = this.#core.options;
    if (shards > 1) {
      // Hops are counted on from the first round, which tells the two apart and keeps the home shard of the CANCEL.
      const { keyLo, keyHi } = context;
      const meta: PacketMeta = { ...context.origin, keyLo, keyHi, kind: PACKET_REQUEST, hops: shards, topVia: undefined };
      if (this.#intake.offer(context, meta, 2 * shards)) return;
    }
    this.#unmatchedCancel(context);
  }

  /**
   * A new INVITE with a server transaction. True when its CANCEL is held: 200 to that, 487 to the INVITE, whose context is taken
   * over, and nobody ever hears of it.
   */
  endEarly(invite: RequestContext): boolean {
    const { counters } = this.#core;
    const cancel = this.#early.find(invite.keyLo, invite.keyHi);
    if (cancel === 0) return false;
    counters[C_CANCELS_MATCHED]!++;
    counters[C_CANCELS_HELD_MATCHED]!++;
    const held = this.#early.take(cancel);
    if (held !== undefined) {
      this.#contexts.answer(cancel, held.view, 200, OK);
      this.#runner.requests.giveBack(held);
    }
    this.#contexts.answer(invite.server, invite.view, 487, REQUEST_TERMINATED);
    this.#runner.requests.giveBack(invite);
    return true;
  }
}
