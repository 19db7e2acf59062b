/**
 * The engine: one shard's proxy core (RFC 3261 §16) behind the face that drivers see. Takes a message, finds out what it
 * is, and hands it to the part that knows: transaction layer, script runner, response contexts.
 *
 * Invariants: nothing here throws for any bytes; every message is forwarded, answered, absorbed, or dropped and counted;
 * a retransmission is recognised by its key alone, before it is parsed. Sans-I/O; one engine a shard, single-threaded.
 */
import { Answers, plainAnswer } from './answers.js';
import { CancelRequests } from './cancel-requests.js';
import { Core, type EnginePorts, SF_SEEN_BEFORE } from './core.js';
import type { AbandonableEngine } from './engine-api.js';
import { Forwarder } from './forwarder.js';
import { Intake } from './intake.js';
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
import { LOOP_DETECTED, Refusals, TOO_MANY_HOPS, unsupported } from './refusals.js';
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
  C_DROP_FORGED_RESPONSE,
  C_DROP_LAST_VIA,
  C_DROP_MALFORMED_REQUEST,
  C_DROP_MALFORMED_RESPONSE,
  C_DROP_TOO_LONG,
  C_LOOPS_DETECTED,
  C_MERGED_REQUESTS,
  C_OFFERS_MATCHED,
  C_REQUESTS_IN,
  C_RESPONSES_IN,
} from '../telemetry/counters.js';
import { TransactionLayer } from '../transaction/layer.js';
import { C_SERVER, S_REQUEST, S_REQUEST_BYTES } from '../transaction/table.js';
import { methodClass } from '../transaction/upstream-key.js';

const MERGED_REQUEST = plainAnswer(ascii('Merged Request'));
const DRAINING = { ...plainAnswer(ascii('Shutting Down')), headers: ascii('Retry-After: 5\r\n') };

export class Engine implements AbandonableEngine {
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #contexts: ResponseContexts;
  readonly #stateless: StatelessResponses;
  readonly #cancels: CancelRequests;
  readonly #intake: Intake;
  readonly #loops: LoopDetection;
  readonly #refusals: Refusals;
  readonly #runner: ScriptRunner;
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
    const viaFix = new ViaFix();
    this.#refusals = new Refusals(core, this.#answers, this.#contexts, this.#runner, viaFix);
    this.#intake = new Intake(core, this.#runner.requests, viaFix);
    this.#cancels = new CancelRequests(core, this.#answers, this.#contexts, this.#runner, this.#intake, this.#refusals, this.#loops);
    this.#contexts.onHeldOver = (server) => { this.#cancels.heldOver(server); };
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

  abandon(): void {
    this.#runner.abandon();
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
    if (fault === PE_NONE && view.isRequest) fault = view.validateRequest(meta.topVia);
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
    else if (view.method === M_CANCEL) this.#cancels.receive(context, meta);
    else this.#newTransaction(context);
  }

  /** A request that starts a server transaction. */
  #newTransaction(context: RequestContext): void {
    const core = this.#core;
    const { view } = context;
    if (!this.#intake.ingest(context)) {
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
    if (view.method === M_INVITE && this.#cancels.endEarly(context)) return;
    if (view.hops === 0) {
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
      if (!context.looseRouted && this.#intake.offer(context, meta, core.options.shards - 1)) return;
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
    if (looped || view.hops === 0 || !this.#intake.ingest(context)) {
      core.counters[C_ACKS_DROPPED]!++;
      this.#runner.requests.giveBack(context);
      return;
    }
    context.ownsBlock = true;
    // The message has moved, and with it the one thing in a Route set that is a place.
    if (context.routeSet.fromStrict) preprocess(view, core.listeners, context.routeSet);
    this.#runner.runRequest(context);
  }

  #response(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    const core = this.#core;
    const at = core.arena.take(bytes, start, end);
    const view = core.response;
    if (at < 0 || view.parse(core.arena.bytes, at, at + end - start) !== PE_NONE || view.isRequest || view.validateResponse(meta.topVia) !== PE_NONE) {
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
}
