/**
 * Lets virtual time go on: fires one event after the other and gives the promises of scripts their turn in between, until
 * something has happened or a time is reached. Nothing moves between two calls: a test acts, then waits.
 *
 * The one place of the simulator that touches the real event loop: a turn of it is what lets promise chains of any length
 * come to rest. It reads no clock, except in `settle`, which waits for real work.
 */
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers';
import type { World } from '../sim/world.js';

/** Taken when the module loads, so that a test which fakes timers later does not stop the simulation. */
const realSetImmediate = setImmediate;
const realNow = performance.now.bind(performance);

/** Events of one wait. A simulation that is still busy then does something forever. */
const MOST_EVENTS = 500_000;

/** Turns of the event loop after an event that promises may go on from: enough for a `Response.json()` of a stubbed fetch. */
const TURNS = 4;

export class Driver {
  /** Virtual delays that ended and were not followed by a turn yet. */
  woken = false;
  readonly #world: World;
  /** What is being waited for, to say so when a second wait begins meanwhile. */
  #waiting: string | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /**
   * Fires events until `done()`, or until virtual time is `limitMs`. True when it is done. Throws when another wait is under
   * way, and for a simulation that never comes to rest.
   */
  async until(what: string, done: () => boolean, limitMs: number): Promise<boolean> {
    if (this.#waiting !== undefined) {
      throw new Error(`"${what}" began while "${this.#waiting}" is not over: put an await before that one (waits go one after the other, so Promise.all does not fit)`);
    }
    this.#waiting = what;
    try {
      return await this.#run(what, done, limitMs);
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Gives pending promises their turn, without letting time go on. */
  async turn(): Promise<void> {
    const { viaduct } = this.#world;
    this.woken = false;
    viaduct.catchUp();
    const turns = viaduct.suspended() > 0 ? TURNS : 1;
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => realSetImmediate(resolve));
    viaduct.isRestless = false;
    viaduct.rearm();
  }

  /** Waits in real time, up to `timeoutMs`, until no handler of the script is pending. True when that is so. */
  async settle(timeoutMs: number): Promise<boolean> {
    const endMs = realNow() + timeoutMs;
    while (this.#world.viaduct.suspended() > 0 && realNow() < endMs) await this.turn();
    return this.#world.viaduct.suspended() === 0;
  }

  async #run(what: string, done: () => boolean, limitMs: number): Promise<boolean> {
    const { clock, viaduct } = this.#world;
    await this.turn();
    for (let events = 0; !done(); events++) {
      if (events >= MOST_EVENTS) {
        throw new Error(`${what}: still busy after ${MOST_EVENTS} events, at ${clock.nowMs / 1000} s of virtual time: something repeats forever`);
      }
      if (clock.nextMs() > limitMs) {
        if (limitMs < Infinity) clock.runTo(limitMs);
        return false;
      }
      if (!clock.step()) return false;
      if (this.woken || viaduct.isRestless || viaduct.suspended() > 0) await this.turn();
    }
    return true;
  }
}
