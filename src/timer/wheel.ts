/**
 * Hierarchical timing wheel with intrusive lists: arming, cancelling and firing a timer are O(1) and allocate nothing.
 *
 * Timers are *nodes*, numbered 1 to `nodes`; who they belong to is the owner's arithmetic (a transaction record has two).
 * Level 0 holds one slot per tick for 4096 ticks (40.96 s at 10 ms), so that every RFC 3261 timer but Timer C is placed
 * once and never moved; level 1 holds the rest in slots of 4096 ticks, and hands a slot down when level 0 comes round.
 *
 * Invariant: a node is in at most one list, `next[node] === 0` means it is in none. All arrays start as zeroes and are
 * written only where a node is used, so a large bound costs address space, not memory. Sans-I/O: time comes in through
 * `advance`. A timer never fires early, and at most one tick late, unless more are due than one `advance` may fire: what is
 * left fires with the next ones, in the same order, and `nextDeadlineMs` is in the past until nothing is left.
 */

/** Length of a tick, milliseconds. */
export const TICK_MS = 10;

const L0_BITS = 12;
const L0_SLOTS = 1 << L0_BITS;
const L0_MASK = L0_SLOTS - 1;
const L1_SLOTS = 1 << 10;
const L1_MASK = L1_SLOTS - 1;

/** Receives the timers that are due. It may arm and cancel any node, the one that fired included. */
export interface TimerHandler {
  onTimer(node: number): void;
}

export class TimerWheel {
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** Tick at which a node is due, modulo 2^32. */
  readonly #due: Int32Array;
  /** One bit per level 0 slot that may hold a node; cleared when the slot is found empty. */
  readonly #occupied = new Int32Array(L0_SLOTS / 32);
  readonly #l0: number;
  readonly #l1: number;
  readonly #handler: TimerHandler;
  /** Most nodes that one `advance` fires or hands down. */
  readonly #most: number;
  /** How many of them the present `advance` has left. */
  #left = 0;
  /** The present tick is not through: its slot, or the slot of level 1 that is being handed down, may hold nodes. */
  #behind = false;
  /** Head of the slot of level 1 that is being handed down, 0: none. */
  #handingDown = 0;
  #originMs = 0;
  #started = false;
  /** The last tick that has been run, modulo 2^32. */
  #tick = 0;
  /** Ticks run since the origin, as a plain number: the int32 tick wraps after 248 days, this one does not. */
  #ticksRun = 0;
  #nowMs = 0;
  #armed = 0;
  /** Whether level 1 ever held a node. */
  #levelOneUsed = false;

  /**
   * @param nodes how many timers there can be; they are numbered 1 to `nodes`.
   * @param most how many one `advance` fires at most, so that a burst does not hold its caller; it has to be called again then.
   */
  constructor(nodes: number, handler: TimerHandler, most = Infinity) {
    this.#most = most;
    this.#l0 = nodes + 1;
    this.#l1 = this.#l0 + L0_SLOTS;
    const size = this.#l1 + L1_SLOTS;
    this.#next = new Int32Array(size);
    this.#prev = new Int32Array(size);
    this.#due = new Int32Array(nodes + 1);
    this.#handler = handler;
    for (let head = this.#l0; head < size; head++) {
      this.#next[head] = head;
      this.#prev[head] = head;
    }
  }

  /** Timers armed now. */
  get armed(): number {
    return this.#armed;
  }

  /** The time of the last `advance`. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The time of the first `advance`. */
  get originMs(): number {
    return this.#originMs;
  }

  isArmed(node: number): boolean {
    return this.#next[node] !== 0;
  }

  /** Arms `node` to fire `delayMs` (0 or more) after the time of the last `advance`; re-arms it when armed already. */
  arm(node: number, delayMs: number): void {
    if (this.#next[node] !== 0) this.cancel(node);
    let ticks = Math.ceil((this.#nowMs - this.#originMs + delayMs) / TICK_MS) - this.#ticksRun;
    if (ticks < 1) ticks = 1;
    const due = (this.#tick + ticks) | 0;
    this.#due[node] = due;
    this.#armed++;
    this.#place(node, due, ticks);
  }

  /** Takes `node` out; nothing happens when it is not armed. */
  cancel(node: number): void {
    const next = this.#next[node]!;
    if (next === 0) return;
    const prev = this.#prev[node]!;
    this.#next[prev] = next;
    this.#prev[next] = prev;
    this.#next[node] = 0;
    this.#armed--;
  }

  /**
   * Moves time to `nowMs` (never backwards: an earlier time is taken as no change) and fires what is due, in order, as far as
   * `most` allows. What is left behind fires in later calls, also for the same time.
   */
  advance(nowMs: number): void {
    if (!this.#started) {
      this.#started = true;
      this.#originMs = nowMs;
      this.#nowMs = nowMs;
      return;
    }
    if (nowMs <= this.#nowMs) {
      if (!this.#behind) return;
      nowMs = this.#nowMs;
    }
    this.#left = this.#most;
    if (this.#behind && !this.#finishTick()) {
      this.#nowMs = nowMs;
      return;
    }
    let ticks = Math.floor((nowMs - this.#originMs) / TICK_MS) - this.#ticksRun;
    // Time moves tick by tick while timers fire, so that a timer armed by another one counts from when that was due.
    while (ticks > 0) {
      const idle = this.#armed === 0 ? ticks : this.#idleTicks(ticks);
      this.#skip(idle);
      ticks -= idle;
      if (ticks === 0) break;
      this.#skip(1);
      ticks--;
      this.#nowMs = Math.max(this.#nowMs, this.#originMs + this.#ticksRun * TICK_MS);
      if ((this.#tick & L0_MASK) === 0 && this.#levelOneUsed) this.#handingDown = this.#l1 + ((this.#tick >>> L0_BITS) & L1_MASK);
      if (!this.#finishTick()) break;
    }
    this.#nowMs = nowMs;
  }

  /** When the next timer is due, in the time of `advance`; Infinity when none is armed. May be early, never late. */
  nextDeadlineMs(): number {
    if (this.#armed === 0) return Infinity;
    if (this.#behind) return this.#originMs + this.#ticksRun * TICK_MS;
    const ticks = this.#idleTicks(L0_SLOTS) + 1;
    return this.#originMs + (this.#ticksRun + ticks) * TICK_MS;
  }

  #skip(ticks: number): void {
    this.#tick = (this.#tick + ticks) | 0;
    this.#ticksRun += ticks;
  }

  /** How many of the next `limit` ticks surely do nothing: no occupied slot, no hand-down of level 1. */
  #idleTicks(limit: number): number {
    const from = (this.#tick + 1) & L0_MASK;
    // Up to the next hand-down only; the tick that hands down is run, not skipped.
    const most = Math.min(limit, from === 0 ? 0 : L0_SLOTS - from);
    let slot = from;
    const end = from + most;
    while (slot < end) {
      const word = this.#occupied[slot >>> 5]! >>> (slot & 31);
      if (word !== 0) {
        slot += 31 - Math.clz32(word & -word);
        if (slot >= end) return most;
        const head = this.#l0 + slot;
        if (this.#next[head] !== head) return slot - from;
        this.#occupied[slot >>> 5]! &= ~(1 << (slot & 31));
        slot++;
      } else {
        slot = (slot | 31) + 1;
      }
    }
    return most;
  }

  #place(node: number, due: number, ticks: number): void {
    let head: number;
    if (ticks < L0_SLOTS) {
      const slot = due & L0_MASK;
      head = this.#l0 + slot;
      this.#occupied[slot >>> 5]! |= 1 << (slot & 31);
    } else {
      // Farther than level 1 reaches: the last slot, from which it is placed again.
      const turns = Math.min((ticks + (this.#tick & L0_MASK)) >>> L0_BITS, L1_MASK);
      head = this.#l1 + (((this.#tick >>> L0_BITS) + turns) & L1_MASK);
      this.#levelOneUsed = true;
    }
    const last = this.#prev[head]!;
    this.#next[last] = node;
    this.#prev[node] = last;
    this.#next[node] = head;
    this.#prev[head] = node;
  }

  /** Runs the present tick to its end. False when `most` was reached before: the tick is left behind. */
  #finishTick(): boolean {
    this.#behind = !((this.#handingDown === 0 || this.#handDown()) && this.#run(this.#tick & L0_MASK));
    return !this.#behind;
  }

  /** Hands a slot of level 1 down. False when `most` was reached before its end. */
  #handDown(): boolean {
    const head = this.#handingDown;
    for (let node = this.#next[head]!; node !== head; node = this.#next[head]!) {
      if (this.#left === 0) return false;
      this.#left--;
      const next = this.#next[node]!;
      this.#next[head] = next;
      this.#prev[next] = head;
      const due = this.#due[node]!;
      // Never back into this slot: it is a whole turn of level 1 away, and nothing is placed that far.
      this.#place(node, due, Math.max(0, (due - this.#tick) | 0));
    }
    this.#handingDown = 0;
    return true;
  }

  /** Fires a slot of level 0. False when `most` was reached before its end. */
  #run(slot: number): boolean {
    const head = this.#l0 + slot;
    // A handler that arms for "now" lands in a later tick (ticks >= 1), so this list only shrinks.
    for (let node = this.#next[head]!; node !== head; node = this.#next[head]!) {
      if (this.#left === 0) return false;
      this.#left--;
      this.cancel(node);
      this.#handler.onTimer(node);
    }
    this.#occupied[slot >>> 5]! &= ~(1 << (slot & 31));
    return true;
  }
}
