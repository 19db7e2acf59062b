/**
 * The engine: one shard's proxy core (RFC 3261 §16) behind the face that drivers see. Takes a message, finds out what it
 * is, and hands it to the part that knows: transaction layer, script runner, response contexts.
 *
 * Invariants: nothing here throws for any bytes; every message is forwarded, answered, absorbed, or dropped and counted;
 * a retransmission is recognised by its key alone, before it is parsed. Sans-I/O; one engine a shard, single-threaded.
 */
import { Answers, plainAnswer } from './answers.js';
import { Core, type EnginePorts, SF_SEEN_BEFORE } from './core.js';
import { EarlyCancels } from './early-cancels.js';
import type { EngineApi } from './engine-api.js';
import { Forwarder } from './forwarder.js';
import { FIRST_VISIT, LOOPED, LoopDetection } from './loop-detection.js';
import {
  PACKET_REQUEST,
  PACKET_REQUEST_2543,
  PACKET_RESPONSE,
  PACKET_RESPONSE_FOREIGN,
  PACKET_UNKNOWN,
  type EngineOptions,
  type PacketMeta,
} from './ports.js';
import { Refusals, unsupported } from './refusals.js';
import { ResponseContexts } from './response-context.js';
import { preprocess } from './route-set.js';
import { ScriptRunner } from './script-runner.js';
import { StatelessResponses } from './stateless-responses.js';
import { TargetCache } from './target-cache.js';
import { hasNextVia } from './via-removal.js';
import { ViaFix, copyEndpoint, replyEndpoint } from './via-fix.js';
import type { Routes } from '../script/api.js';
import type { RequestContext } from '../script/request-context.js';
import { CHAR_CLASS, C_TOKEN, ascii } from '../sip/chars.js';
import { M_ACK, M_CANCEL, M_INVITE, methodId } from '../sip/methods.js';
import { PE_NONE } from '../sip/parse-error.js';
import { reasonBytes } from '../sip/reasons.js';
import {
  COUNTERS,
  C_ACKS_DROPPED,
  C_ACKS_UNMATCHED,
  C_CANCELS_HELD_MATCHED,
  C_CANCELS_MATCHED,
  C_CANCELS_UNMATCHED,
  C_DROP_FORGED_RESPONSE,
  C_DROP_LAST_VIA,
  C_DROP_MALFORMED_REQUEST,
  C_DROP_MALFORMED_RESPONSE,
  C_DROP_TOO_LONG,
  C_LOOPS_DETECTED,
  C_MERGED_REQUESTS,
  C_OFFERS_MATCHED,
  C_OFFERS_OUT,
  C_REQUESTS_IN,
  C_RESPONSES_IN,
} from '../telemetry/counters.js';
import { TransactionLayer } from '../transaction/layer.js';
import { C_SERVER, S_REQUEST, S_REQUEST_BYTES } from '../transaction/table.js';
import { methodClass } from '../transaction/upstream-key.js';

const LOOP_DETECTED = plainAnswer(reasonBytes(482));
const MERGED_REQUEST = plainAnswer(ascii('Merged Request'));
const TOO_MANY_HOPS = plainAnswer(reasonBytes(483));
const OK = plainAnswer(reasonBytes(200));
const REQUEST_TERMINATED = plainAnswer(reasonBytes(487));
const DRAINING = { ...plainAnswer(ascii('Shutting Down')), headers: ascii('Retry-After: 5\r\n') };

/** Beyond any offset: the place of an edit that is not there. */
const NOWHERE = 0x7fffffff;

export class Engine implements EngineApi {
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #contexts: ResponseContexts;
  readonly #stateless: StatelessResponses;
  readonly #early: EarlyCancels;
  readonly #loops: LoopDetection;
  readonly #refusals: Refusals;
  readonly #runner: ScriptRunner;
  readonly #viaFix = new ViaFix();
  #draining = false;

  constructor(options: EngineOptions, ports: EnginePorts, routes: Routes) {
    // The block may be that of a shard that died: what it counted stays, what it had is gone.
    COUNTERS.forEach(({ kind }, index) => { if (kind === 'gauge') ports.counters[index] = 0; });
    const core = new Core(options, ports, routes);
    this.#core = core;
    this.#answers = new Answers(core);
    this.#stateless = new StatelessResponses(core);
    this.#contexts = new ResponseContexts(core, this.#answers, this.#stateless);
    core.layer = new TransactionLayer(core.arena, ports.counters, options.timers, options.limits, this.#contexts);
    this.#loops = new LoopDetection(core);
    this.#runner = new ScriptRunner(core, this.#answers, new Forwarder(core, new TargetCache(), this.#loops), this.#contexts);
    this.#contexts.attach(this.#runner);
    this.#refusals = new Refusals(core, this.#answers, this.#contexts, this.#runner, this.#viaFix);
    this.#early = new EarlyCancels(core);
    this.#contexts.onHeldOver = (server) => { this.#heldOver(server); };
    this.#stateless.onLateSuccess = (server) => { this.#contexts.lateSuccess(server); };
  }

  get onWork(): (() => void) | undefined {
    return this.#runner.onWork;
  }

  set onWork(onWork: (() => void) | undefined) {
    this.#runner.onWork = onWork;
  }

  get onWake(): (() => void) | undefined {
    return this.#runner.onWake;
  }

  set onWake(onWake: (() => void) | undefined) {
    this.#runner.onWake = onWake;
  }

  receive(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    this.#runner.depth++;
    this.#dispatch(bytes, start, end, meta);
    this.#runner.depth--;
  }

  advance(nowMs: number): void {
    this.#runner.depth++;
    this.#core.layer.wheel.advance(nowMs);
    this.#runner.depth--;
  }

  nextDeadlineMs(): number {
    return this.#core.layer.wheel.nextDeadlineMs();
  }

  sendFailed(owner: number): void {
    this.#runner.depth++;
    this.#core.layer.sendFailed(owner);
    this.#runner.depth--;
  }

  suspended(): number {
    return this.#runner.suspended;
  }

  setRoutes(routes: Routes): void {
    this.#core.routes = routes;
  }

  pending(): number {
    return this.#core.layer.open;
  }

  drain(): void {
    this.#draining = true;
  }

  /** Bytes of the message store in use, rounded up to its size classes: 0 when no transaction is left. */
  get storedBytes(): number {
    return this.#core.arena.store.usedBytes;
  }

  #dispatch(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    const core = this.#core;
    switch (meta.kind) {
      case PACKET_REQUEST:
      case PACKET_REQUEST_2543:
        if (meta.hops === 0) core.counters[C_REQUESTS_IN]!++;
        if (!this.#known(bytes, start, end, meta)) this.#newRequest(bytes, start, end, meta);
        return;
      case PACKET_RESPONSE:
        core.counters[C_RESPONSES_IN]!++;
        this.#response(bytes, start, end, meta);
        return;
      case PACKET_RESPONSE_FOREIGN:
        core.counters[C_RESPONSES_IN]!++;
        core.counters[C_DROP_FORGED_RESPONSE]!++;
        return;
      default:
        this.#newRequest(bytes, start, end, meta);
    }
  }

  /** Retransmissions, and the ACK to a non-2xx, by their key alone. True when the message is dealt with. */
  #known(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): boolean {
    const { layer } = this.#core;
    let methodEnd = start;
    while (methodEnd < end && (CHAR_CLASS[bytes[methodEnd]!]! & C_TOKEN) !== 0) methodEnd++;
    const method = methodId(bytes, start, methodEnd);
    const server = layer.servers.find(meta.keyLo, meta.keyHi, methodClass(method, bytes, start, methodEnd));
    if (server === 0) return false;
    if (method === M_ACK) {
      if (!layer.ack(server)) return false;
      if (meta.hops > 0) this.#core.counters[C_OFFERS_MATCHED]!++;
      return true;
    }
    layer.requestAgain(server);
    return true;
  }

  #newRequest(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    const core = this.#core;
    const at = core.arena.take(bytes, start, end);
    if (at < 0) {
      core.counters[C_DROP_TOO_LONG]!++;
      return;
    }
    const context = this.#runner.requests.acquire();
    const { view } = context;
    let fault = view.parse(core.arena.bytes, at, at + end - start);
    if (fault === PE_NONE && view.isRequest) fault = view.validateRequest();
    if (fault !== PE_NONE || !view.isRequest) {
      this.#refusals.malformed(view, fault, meta);
      this.#runner.requests.giveBack(context);
      return;
    }
    if (meta.kind === PACKET_UNKNOWN) {
      // Valid here, but not to the router: without a key it could not be told from others.
      core.counters[C_DROP_MALFORMED_REQUEST]!++;
      this.#runner.requests.giveBack(context);
      return;
    }
    const { shard, shards } = core.options;
    context.keyLo = meta.keyLo;
    context.keyHi = meta.keyHi;
    // An offer goes from shard to shard in order: going back as many as have looked leads to the first.
    context.homeShard = (shard + shards - (meta.hops % shards)) % shards;
    copyEndpoint(meta, context.origin);
    replyEndpoint(view.topVia, meta, context.replyTo);
    if (view.method === M_ACK) this.#newAck(context, meta);
    else if (view.method === M_CANCEL) this.#newCancel(context, meta);
    else this.#newTransaction(context);
  }

  /** A request that starts a server transaction. */
  #newTransaction(context: RequestContext): void {
    const core = this.#core;
    const { view } = context;
    if (!this.#ingest(context)) {
      this.#refusals.overload(context);
      return;
    }
    const cls = methodClass(view.method, view.bytes, view.methodStart, view.methodEnd);
    const server = core.layer.createServer(context.keyLo, context.keyHi, cls);
    if (server === 0) {
      context.ownsBlock = true;
      this.#refusals.overload(context);
      return;
    }
    context.server = server;
    core.layer.setServerEndpoint(server, context.replyTo);
    core.setServer(server, S_REQUEST, context.block);
    core.setServer(server, S_REQUEST_BYTES, view.end - view.start);
    const visit = this.#loops.examine(view, context.origin);
    if (visit !== FIRST_VISIT) core.flagServer(server, SF_SEEN_BEFORE);
    const cancel = view.method === M_INVITE ? this.#early.find(context.keyLo, context.keyHi) : 0;
    if (cancel !== 0) {
      this.#cancelledBefore(context, cancel);
    } else if (view.hops === 0) {
      this.#refusals.inTransaction(context, 483, TOO_MANY_HOPS);
    } else if (visit === LOOPED) {
      core.counters[C_LOOPS_DETECTED]!++;
      this.#refusals.inTransaction(context, 482, LOOP_DETECTED);
    } else if (view.proxyRequire >= 0) {
      this.#refusals.inTransaction(context, 420, { ...plainAnswer(reasonBytes(420)), headers: unsupported(view) });
    } else if (visit === FIRST_VISIT && core.merged?.isMerged(server, view) === true) {
      core.counters[C_MERGED_REQUESTS]!++;
      this.#refusals.inTransaction(context, 482, MERGED_REQUEST);
    } else if (this.#draining && view.toTagStart < 0) {
      this.#refusals.inTransaction(context, 503, DRAINING);
    } else {
      preprocess(view, core.listeners, context.routeSet);
      this.#runner.runRequest(context);
    }
  }

  /** An ACK that matched no INVITE here: to a 2xx, or it belongs to another shard's transaction. It is never answered. */
  #newAck(context: RequestContext, meta: PacketMeta): void {
    const core = this.#core;
    const { view } = context;
    preprocess(view, core.listeners, context.routeSet);
    // An INVITE that is here all the same is Accepted: the ACK to its 2xx carries its branch, and goes on.
    if (core.layer.servers.find(context.keyLo, context.keyHi, M_INVITE) === 0) {
      // The ACK to a 2xx follows our Record-Route; one that does not may be the ACK to a final response of another shard.
      if (!context.looseRouted && this.#offer(context, meta, core.options.shards - 1)) return;
      // To a failure of ours that was sent without a transaction, or whose transaction is gone (§8.2.7): it ends here.
      if (this.#answers.hasOurToTag(view, context.keyLo, context.keyHi)) {
        core.counters[C_ACKS_DROPPED]!++;
        this.#runner.requests.giveBack(context);
        return;
      }
    }
    core.counters[C_ACKS_UNMATCHED]!++;
    const looped = this.#loops.examine(view, context.origin) === LOOPED;
    if (looped) core.counters[C_LOOPS_DETECTED]!++;
    if (looped || view.hops === 0 || !this.#ingest(context)) {
      core.counters[C_ACKS_DROPPED]!++;
      this.#runner.requests.giveBack(context);
      return;
    }
    context.ownsBlock = true;
    preprocess(view, core.listeners, context.routeSet);
    this.#runner.runRequest(context);
  }

  /** A CANCEL (§9.2, §16.10). */
  #newCancel(context: RequestContext, meta: PacketMeta): void {
    const core = this.#core;
    const { layer, options } = core;
    const { view } = context;
    const invite = layer.servers.find(context.keyLo, context.keyHi, M_INVITE);
    // Where it may be held its round ends where it began, since there its INVITE would come.
    let rounds = options.earlyCancelMs > 0 && options.shards > 1 ? options.shards : options.shards - 1;
    // Beyond that its time is over, and this is the second and last round (`#heldOver`).
    const again = meta.hops > options.shards;
    if (again) rounds = 2 * options.shards;
    // A CANCEL of another request is answered as well, and has no effect (§9.2).
    const found = invite !== 0 ? invite : layer.servers.findOther(context.keyLo, context.keyHi, M_CANCEL);
    if (found === 0 && this.#offer(context, meta, rounds)) return;
    if (!this.#ingest(context)) {
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
  #heldOver(server: number): void {
    const context = this.#early.take(server);
    if (context === undefined) return;
    const { shards } = this.#core.options;
    if (shards > 1) {
      // Hops are counted on from the first round, which tells the two apart and keeps the home shard of the CANCEL.
      const { keyLo, keyHi } = context;
      const meta: PacketMeta = { ...context.origin, keyLo, keyHi, kind: PACKET_REQUEST, hops: shards };
      if (this.#offer(context, meta, 2 * shards)) return;
    }
    this.#unmatchedCancel(context);
  }

  /** An INVITE whose CANCEL is held: 200 to that, 487 to the INVITE, and nobody ever hears of it. */
  #cancelledBefore(invite: RequestContext, cancel: number): void {
    const { counters } = this.#core;
    counters[C_CANCELS_MATCHED]!++;
    counters[C_CANCELS_HELD_MATCHED]!++;
    const held = this.#early.take(cancel);
    if (held !== undefined) {
      this.#contexts.answer(cancel, held.view, 200, OK);
      this.#runner.requests.giveBack(held);
    }
    this.#contexts.answer(invite.server, invite.view, 487, REQUEST_TERMINATED);
    this.#runner.requests.giveBack(invite);
  }

  /**
   * Offers a CANCEL or ACK that has no transaction here to the next shard; after a round through all of them it counts as
   * unmatched where it ends, after at most `rounds` hops. True when it went on its way.
   */
  #offer(context: RequestContext, meta: PacketMeta, rounds: number): boolean {
    const core = this.#core;
    const { shard, shards } = core.options;
    if (meta.hops >= rounds) return false;
    const { view } = context;
    if (!core.arena.offer((shard + 1) % shards, view.start, view.end, meta)) return false;
    core.counters[C_OFFERS_OUT]!++;
    this.#runner.requests.giveBack(context);
    return true;
  }

  #response(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    const core = this.#core;
    const at = core.arena.take(bytes, start, end);
    const view = core.response;
    if (at < 0 || view.parse(core.arena.bytes, at, at + end - start) !== PE_NONE || view.isRequest || view.validateResponse() !== PE_NONE) {
      core.counters[C_DROP_MALFORMED_RESPONSE]!++;
      return;
    }
    this.#runner.setReplySource(meta);
    const cls = methodClass(view.cseqMethod, view.bytes, view.cseqMethodStart, view.cseqMethodEnd);
    const client = core.layer.clients.find(meta.keyLo, meta.keyHi, cls);
    if (client === 0) {
      this.#stateless.forward(view, meta.listener);
    } else if (core.client(client, C_SERVER) !== 0 && !hasNextVia(view)) {
      // For us, but the request was not ours (§16.7 step 3): the branch goes on waiting.
      core.counters[C_DROP_LAST_VIA]!++;
    } else {
      core.layer.response(client, view.status);
    }
  }

  /** Copies the request into the store with what the server transport adds to its top Via; the view moves along. */
  #ingest(context: RequestContext): boolean {
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

}
