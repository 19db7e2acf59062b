/**
 * Turns of Node's event loop in between the blocking receives of a thread, and how much they found to do.
 */
import { performance } from 'node:perf_hooks';

/** Lets every callback that is due run once. */
export function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Tells whether the event loop had anything to do lately (a control connection, a script being compiled, a signal): the
 * thread then blocks for shorter times, so that work that takes many turns is not held up at each of them.
 */
export class EventLoopActivity {
  private events = 0;
  private busyUntilMs = 0;
  private readonly lingerMs: number;

  /** `lingerMs`: how long the loop counts as busy after its last event. */
  constructor(lingerMs: number) {
    this.lingerMs = lingerMs;
  }

  /** Call after each turn, with monotonic milliseconds. True while the loop counts as busy. */
  busy(nowMs: number): boolean {
    const { events } = performance.nodeTiming.uvMetricsInfo;
    if (events !== this.events) {
      this.events = events;
      this.busyUntilMs = nowMs + this.lingerMs;
    }
    return nowMs < this.busyUntilMs;
  }
}
