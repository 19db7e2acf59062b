/**
 * CANCELs that came before their INVITE: the network has put the two out of order, or the INVITE is lost and comes again.
 * Such a CANCEL is held for a short time without an answer. When its INVITE comes in that time, the caller has what it
 * wanted before anything rings; when it does not, the CANCEL goes on to the script as one that matched nothing.
 *
 * Invariants: a held CANCEL is a non-INVITE server transaction in Trying, so that its retransmissions are absorbed and a
 * timer ends it; no more than `limits.heldCancels` are held at a time, and no more are newly held in a second: a flood of
 * CANCELs costs no memory beyond that. Sans-I/O.
 */
import type { Core } from './core.js';
import { SF_HELD } from './core.js';
import type { RequestContext } from '../script/request-context.js';
import { M_CANCEL } from '../sip/methods.js';
import { C_CANCELS_HELD, C_CANCELS_HELD_NOW, C_CANCELS_NOT_HELD } from '../telemetry/counters.js';

const WINDOW_MS = 1000;

export class EarlyCancels {
  readonly #core: Core;
  /** Held CANCELs by their server transaction. */
  readonly #held = new Map<number, RequestContext>();
  #windowMs = -Infinity;
  #inWindow = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /**
   * Holds the CANCEL of `context`, whose message is in the store and its context's own. True when it is held: the context
   * is kept here until `take` or `expired`. False when holding is off or a bound is reached.
   */
  hold(context: RequestContext): boolean {
    const core = this.#core;
    const { earlyCancelMs, limits } = core.options;
    if (earlyCancelMs === 0) return false;
    const { nowMs } = core.layer.wheel;
    if (nowMs - this.#windowMs >= WINDOW_MS) {
      this.#windowMs = nowMs;
      this.#inWindow = 0;
    }
    const server = this.#held.size < limits.heldCancels && this.#inWindow < limits.heldCancels
      ? core.layer.createServer(context.keyLo, context.keyHi, M_CANCEL)
      : 0;
    if (server === 0) {
      core.counters[C_CANCELS_NOT_HELD]!++;
      return false;
    }
    this.#inWindow++;
    core.counters[C_CANCELS_HELD]!++;
    core.layer.setServerEndpoint(server, context.replyTo);
    core.flagServer(server, SF_HELD);
    core.layer.boundHold(server, earlyCancelMs);
    this.#held.set(server, context);
    this.#countNow();
    return true;
  }

  /** The server transaction of a held CANCEL with the key of this INVITE, or 0. Costs nothing while none is held. */
  find(keyLo: number, keyHi: number): number {
    if (this.#held.size === 0) return 0;
    const core = this.#core;
    const server = core.layer.servers.find(keyLo, keyHi, M_CANCEL);
    return server !== 0 && core.serverHas(server, SF_HELD) ? server : 0;
  }

  /** Lets go of a held CANCEL, whose transaction stays: to be answered there, or over. The context is the caller's again. */
  take(server: number): RequestContext | undefined {
    const context = this.#held.get(server);
    this.#core.unflagServer(server, SF_HELD);
    this.#held.delete(server);
    this.#countNow();
    return context;
  }

  #countNow(): void {
    this.#core.counters[C_CANCELS_HELD_NOW] = this.#held.size;
  }
}
