/**
 * The contexts of requests on their way through script handlers: made, kept while later handlers of a transaction may need
 * them, taken back. Sans-I/O.
 */
import { type Core, SF_KEPT } from './core.js';
import { preprocess } from './route-set.js';
import { copyEndpoint } from './via-fix.js';
import type { ScriptHost } from '../script/host.js';
import { RequestContext, RequestParts } from '../script/request-context.js';
import { F_KEY_HI, F_KEY_LO, S_REQUEST, S_REQUEST_BYTES } from '../transaction/table.js';

/** Beyond any offset: no edit. */
const NOWHERE = 0x7fffffff;

/** Parts of contexts kept for use again. */
const POOL_MAX = 1024;

export class RequestContexts {
  readonly #core: Core;
  readonly #host: ScriptHost;
  /** Parts of contexts that are over. */
  readonly #pool: RequestParts[] = [];
  /** Contexts that later handlers of a transaction, or pending ones, need. */
  readonly #kept = new Map<number, RequestContext>();

  constructor(core: Core, host: ScriptHost) {
    this.#core = core;
    this.#host = host;
  }

  /** The context kept for a server transaction. */
  kept(server: number): RequestContext | undefined {
    return this.#kept.get(server);
  }

  /** A context for a message that is about to be parsed. */
  acquire(): RequestContext {
    return new RequestContext(this.#host, this.#parts());
  }

  /** Closes a context and takes its parts back, and its block if it owns one. */
  giveBack(context: RequestContext): void {
    if (context.ownsBlock) this.#core.arena.store.free(context.block);
    this.#takeBack(context.close());
  }

  #parts(): RequestParts {
    return this.#pool.pop() ?? new RequestParts(this.#core.options.limits.headers);
  }

  #takeBack(parts: RequestParts | undefined): void {
    if (parts !== undefined && this.#pool.length < POOL_MAX) this.#pool.push(parts);
  }

  /** Moves the message of a pending handler out of the store, to the heap: it can still be read, and nothing of ours holds it. */
  moveOut(context: RequestContext): void {
    const { arena } = this.#core;
    const { view } = context;
    if (view.bytes !== arena.bytes) return;
    this.#move(context, view.bytes.slice(view.start, view.end), 0);
    if (!context.ownsBlock) return;
    arena.store.free(context.block);
    context.ownsBlock = false;
    context.block = 0;
  }

  /**
   * The engine is gone, and its memory with it: every context that a handler may hold reads a copy of its own from here on,
   * and is dead. (The others that are out, without a transaction or with one that is over, have such a copy already.)
   */
  abandon(): void {
    for (const context of this.#kept.values()) {
      if (context.parked) {
        // No handler is pending, so nobody has a right to it any more.
        context.abort();
        context.close();
        continue;
      }
      const { view } = context;
      context.dead = true;
      context.abort();
      this.#move(context, view.bytes.slice(view.start, view.end), 0);
    }
    this.#kept.clear();
  }

  /** Brings a message that was moved out into scratch, to be sent from there within this call. False when it was not. */
  bringBack(context: RequestContext): boolean {
    const { arena } = this.#core;
    const { view } = context;
    if (view.bytes === arena.bytes) return false;
    const at = arena.take(view.bytes, view.start, view.end);
    if (at < 0) return false;
    this.#move(context, arena.bytes, at);
    return true;
  }

  /** The same message at another place. */
  #move(context: RequestContext, bytes: Uint8Array, start: number): void {
    const { view } = context;
    view.rebase(bytes, start - view.start, NOWHERE, 0, NOWHERE, 0);
    preprocess(view, this.#core.listeners, context.routeSet);
  }

  /** Keeps a context for later handlers of its transaction. */
  keep(server: number, context: RequestContext): void {
    this.#core.flagServer(server, SF_KEPT);
    this.#kept.set(server, context);
  }

  /**
   * Keeps a context that no handler has in its hands: until one reads it, it does without its parts. Its transaction is open,
   * with the request in the store.
   */
  keepParked(server: number, context: RequestContext): void {
    this.keep(server, context);
    this.park(context);
  }

  /** Takes the parts of a kept context back until somebody reads it. */
  park(context: RequestContext): void {
    if (context.ownsBlock || context.block === 0) return;
    this.#takeBack(context.park());
  }

  /** Parts for a parked context that is being read: see `ScriptHost`. */
  wake(context: RequestContext): RequestParts {
    const parts = this.#parts();
    this.#read(parts, context.server, context.block);
    parts.origin.port = context.parkedPort;
    return parts;
  }

  /** Lets go of a kept context. */
  unkeep(server: number): void {
    this.#core.unflagServer(server, SF_KEPT);
    this.#kept.delete(server);
  }

  /** A context that no later handler needs. */
  unkeepAndGiveBack(server: number, context: RequestContext): void {
    if (this.#core.serverHas(server, SF_KEPT)) this.unkeep(server);
    this.giveBack(context);
  }

  /** A context for a transaction whose first one was given back: the script was changed in between. */
  restore(server: number): RequestContext | undefined {
    const core = this.#core;
    const block = core.server(server, S_REQUEST);
    if (block === 0) return undefined;
    const parts = this.#parts();
    this.#read(parts, server, block);
    const context = new RequestContext(this.#host, parts);
    context.server = server;
    context.block = block;
    context.keyLo = core.server(server, F_KEY_LO);
    context.keyHi = core.server(server, F_KEY_HI);
    context.homeShard = core.options.shard;
    this.keep(server, context);
    return context;
  }

  /** Reads the stored request of a server transaction into `parts`. */
  #read(parts: RequestParts, server: number, block: number): void {
    const core = this.#core;
    const { view, origin, replyTo, routeSet } = parts;
    view.parse(core.arena.bytes, block, block + core.server(server, S_REQUEST_BYTES));
    view.validateRequest();
    copyEndpoint(core.layer.serverEndpoint(server), replyTo);
    copyEndpoint(replyTo, origin);
    preprocess(view, core.listeners, routeSet);
  }
}
