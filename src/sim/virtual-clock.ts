/**
 * Virtual time of a simulation: a queue of events ordered by time, then by the order in which they were scheduled.
 *
 * Nothing happens between two events: `nowMs` jumps from one to the next, so 32 seconds of timers cost as much as they
 * have events. Times are whole milliseconds. An event knows its place in the heap, so that cancelling or moving one is
 * real (no dead entries wait for their time), and an object that has one timer can be its own event.
 */

/** Something that happens at a virtual time. Scheduled at most once at a time; it may schedule itself again in `fire`. */
export abstract class ClockEvent {
  /** When it fires, or fired last, in ms. */
  declare timeMs: number;
  /** Order among events of the same millisecond. Owned by the clock. */
  declare order: number;
  /** Place in the clock's heap, -1 when not scheduled. Owned by the clock. */
  declare heapIndex: number;

  constructor() {
    // Declared above and set here: fields that the language defines cost a call for each of the millions of packets.
    this.timeMs = 0;
    this.order = 0;
    this.heapIndex = -1;
  }

  /** Called by the clock when `nowMs` has reached `timeMs`; the event is no longer scheduled then. */
  abstract fire(): void;
}

/** An event that calls a function: for code where one closure more does not matter. */
export class CallbackEvent extends ClockEvent {
  readonly #callback: () => void;
  constructor(callback: () => void) {
    super();
    this.#callback = callback;
  }
  override fire(): void {
    this.#callback();
  }
}

/** A queue of events and the present time. Deterministic: the same schedule gives the same order. */
export class VirtualClock {
  /** The present, whole ms. */
  nowMs: number;
  /** Events fired so far: a measure of work, and a bound for runaway simulations. */
  fired = 0;
  private readonly heap: ClockEvent[] = [];
  private nextOrder = 0;

  constructor(startMs = 0) {
    this.nowMs = startMs;
  }

  /** Events waiting. */
  get size(): number {
    return this.heap.length;
  }

  /** Schedules `event` at `timeMs` (the past counts as now), moving it when it is scheduled already. */
  schedule(event: ClockEvent, timeMs: number): void {
    if (event.heapIndex >= 0) this.cancel(event);
    event.timeMs = timeMs > this.nowMs ? timeMs : this.nowMs;
    event.order = this.nextOrder++;
    this.heap.push(event);
    this.siftUp(this.heap.length - 1, event);
  }

  /** Takes `event` out of the queue; nothing happens when it is not in it. */
  cancel(event: ClockEvent): void {
    const at = event.heapIndex;
    if (at < 0) return;
    event.heapIndex = -1;
    const last = this.heap.pop()!;
    if (last === event) return;
    if (this.siftUp(at, last) === at) this.siftDown(at, last);
  }

  /** Time of the next event, Infinity when there is none. */
  nextMs(): number {
    const first = this.heap[0];
    return first === undefined ? Infinity : first.timeMs;
  }

  /** Fires the next event and moves the time to it. False when there is none. */
  step(): boolean {
    const first = this.heap[0];
    if (first === undefined) return false;
    const last = this.heap.pop()!;
    if (last !== first) this.siftDown(0, last);
    first.heapIndex = -1;
    this.nowMs = first.timeMs;
    this.fired++;
    first.fire();
    return true;
  }

  /** Fires everything up to and at `timeMs`, then sets the time to it. */
  runTo(timeMs: number): void {
    while (this.nextMs() <= timeMs) this.step();
    if (timeMs > this.nowMs) this.nowMs = timeMs;
  }

  /** Places `event` at or above `at`; the index where it ended. */
  private siftUp(at: number, event: ClockEvent): number {
    const heap = this.heap;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt]!;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      parent.heapIndex = at;
      at = parentAt;
    }
    heap[at] = event;
    event.heapIndex = at;
    return at;
  }

  private siftDown(at: number, event: ClockEvent): void {
    const heap = this.heap;
    const count = heap.length;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= count) break;
      let child = heap[childAt]!;
      if (childAt + 1 < count) {
        const right = heap[childAt + 1]!;
        if (isBefore(right, child)) {
          child = right;
          childAt++;
        }
      }
      if (!isBefore(child, event)) break;
      heap[at] = child;
      child.heapIndex = at;
      at = childAt;
    }
    heap[at] = event;
    event.heapIndex = at;
  }
}

function isBefore(a: ClockEvent, b: ClockEvent): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.order < b.order);
}
