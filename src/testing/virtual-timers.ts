/**
 * Puts virtual timers in the place of the global ones while a simulation lasts, for scripts that use `setTimeout`,
 * `AbortSignal.timeout` or `Date.now` themselves. One simulation at a time has them.
 */
import type { ClockEvent } from '../sim/virtual-clock.js';

/** What the timers are armed in. */
export interface TimerSource {
  readonly nowMs: number;
  after(ms: number, what: () => void): ClockEvent;
  cancel(event: ClockEvent | undefined): void;
}

type Callback = (...args: unknown[]) => void;

/** What `setTimeout` of Node returns, as far as scripts use it. */
class VirtualTimer {
  event: ClockEvent | undefined;
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  hasRef(): boolean {
    return true;
  }
}

/** Puts the real timers back, while they are replaced. */
let restoreReal: (() => void) | undefined;

/**
 * Replaces the global timers; the function that it returns puts the real ones back. A simulation that was left without its end,
 * because its test failed, loses them to the next.
 */
export function installVirtualTimers(source: TimerSource): () => void {
  restoreReal?.();
  const timers = new Set<VirtualTimer>();
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, setInterval: globalThis.setInterval, clearInterval: globalThis.clearInterval };
  const realNow = Date.now;
  const realSignalTimeout = AbortSignal.timeout.bind(AbortSignal);
  const startMs = realNow() - source.nowMs;

  const arm = (callback: Callback, ms: number, args: unknown[], repeats: boolean): VirtualTimer => {
    const timer = new VirtualTimer();
    const everyMs = Math.max(1, Math.round(Number(ms) || 0));
    const set = (): void => {
      timer.event = source.after(everyMs, () => {
        if (repeats) set();
        else timers.delete(timer);
        callback(...args);
      });
    };
    timers.add(timer);
    set();
    return timer;
  };
  const clear = (timer: unknown): void => {
    if (!(timer instanceof VirtualTimer)) return;
    source.cancel(timer.event);
    timers.delete(timer);
  };
  Object.assign(globalThis, {
    setTimeout: (callback: Callback, ms = 0, ...args: unknown[]) => arm(callback, ms, args, false),
    setInterval: (callback: Callback, ms = 0, ...args: unknown[]) => arm(callback, ms, args, true),
    clearTimeout: clear,
    clearInterval: clear,
  });
  Date.now = () => startMs + source.nowMs;
  AbortSignal.timeout = (ms: number) => {
    const controller = new AbortController();
    arm(() => { controller.abort(new DOMException('The operation was aborted due to timeout', 'TimeoutError')); }, ms, [], false);
    return controller.signal;
  };
  const restore = (): void => {
    if (restoreReal !== restore) return;
    restoreReal = undefined;
    for (const timer of timers) source.cancel(timer.event);
    Object.assign(globalThis, real);
    Date.now = realNow;
    AbortSignal.timeout = realSignalTimeout;
  };
  restoreReal = restore;
  return restore;
}
