/**
 * Lets a load thread make some thousand calls to itself before it says that it is ready. V8 translates code once it has run
 * for a while; without this the first calls of a run would have that time in their latencies, and at high rates the thread would
 * begin late. The calls go over loopback, between sockets that are closed again, with memory and figures of their own. Load thread.
 */
import { CTL_BUDGET, CTL_RATE, CTL_SLOTS, CTL_STATE, RUN_DRAIN, RUN_GO, RUN_STOP, type LoadThreadInit, type LoadThreadMessage } from './control.js';
import { METRICS_SLOTS } from './metrics.js';
import type { Duration, LoadOptions } from './options.js';

const CALLS = 4000;
const CALLS_PER_S = 16_000;
/** Scenarios of one's own may have times in them that no option shortens: what is in progress after this is given up, milliseconds. */
const LIMIT_MS = 600;
const LOOK_EVERY_MS = 10;
const USERS_MOST = 100;
const AT_ONCE: Duration = { kind: 'fixed', ms: 0 };

/** Runs a thread's whole life, as `runLoadThread`. */
export type RunThread = (init: LoadThreadInit, post: (message: LoadThreadMessage) => void) => Promise<void>;

/** Resolves when the thread is warm. What goes wrong here goes wrong in the run itself too, which tells the operator. */
export async function warmUp(options: LoadOptions, run: RunThread): Promise<void> {
  const control = new SharedArrayBuffer(CTL_SLOTS * 8);
  const cells = new Float64Array(control);
  cells[CTL_RATE] = CALLS_PER_S;
  cells[CTL_BUDGET] = CALLS;
  cells[CTL_STATE] = RUN_GO;
  const beganMs = performance.now();
  const looking = setInterval(() => {
    const late = performance.now() - beganMs >= LIMIT_MS;
    if (late) cells[CTL_STATE] = RUN_STOP;
    else if (cells[CTL_BUDGET] === 0) cells[CTL_STATE] = RUN_DRAIN;
  }, LOOK_EVERY_MS);
  try {
    await run(
      { thread: 0, threads: 1, options: shortened(options), metrics: new SharedArrayBuffer(METRICS_SLOTS * 8), control },
      ({ type }) => {
        if (type === 'idle') cells[CTL_STATE] = RUN_STOP;
      },
    );
  } finally {
    clearInterval(looking);
  }
}

/** The same scenarios, straight to itself and without waiting. */
function shortened(options: LoadOptions): LoadOptions {
  const { users } = options;
  const { family } = options.target ?? options.listen;
  const host = family === 6 ? '::1' : '127.0.0.1';
  return {
    ...options,
    role: 'both',
    target: { host, family, port: 0 },
    listen: { host, family, port: 0 },
    callerHost: host,
    socketsPerThread: 1,
    threads: 1,
    concurrency: 1000,
    ring: AT_ONCE,
    hold: AT_ONCE,
    cancelAfter: AT_ONCE,
    users: users.kind === 'list' ? { kind: 'list', list: users.list.slice(0, USERS_MOST) } : { ...users, count: Math.min(USERS_MOST, users.count) },
    faults: { retransmitPercent: 0, lossPercent: 0, delayMs: 0, reorderPercent: 0 },
  };
}
