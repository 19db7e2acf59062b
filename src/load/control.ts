/**
 * How the coordinator (main thread) steers the load threads, and what both say to each other. The steady part is a few
 * float64 cells in shared memory for each thread; the rest are messages of a worker's port.
 */
import type { LoadOptions } from './options.js';

/** What the thread is to do, one of `RUN_*`. Written by the coordinator. */
export const CTL_STATE = 0;
/** Calls per second of this thread, a fraction too. Written by the coordinator, many times a second on a ramp. */
export const CTL_RATE = 1;
/** Calls that this thread may still begin; Infinity: any number. Written by the coordinator before RUN_GO, counted down by the thread. */
export const CTL_BUDGET = 2;
/** float64 cells of one thread. */
export const CTL_SLOTS = 8;

/** Sockets are open; nothing is begun. */
export const RUN_WAIT = 0;
/** Calls begin at the rate. */
export const RUN_GO = 1;
/** No call begins any more, those in progress go on; the thread says `idle` once, when none is left. RUN_GO may follow again (`--find-max`), with a new rate and budget. */
export const RUN_DRAIN = 2;
/** What is in progress is given up and counted as aborted; the thread ends. */
export const RUN_STOP = 3;

/** `workerData` of a load thread. */
export interface LoadThreadInit {
  readonly thread: number;
  readonly threads: number;
  readonly options: LoadOptions;
  /** SharedArrayBuffer of METRICS_SLOTS float64. */
  readonly metrics: SharedArrayBuffer;
  /** SharedArrayBuffer of CTL_SLOTS float64. */
  readonly control: SharedArrayBuffer;
  /** 32 random bits, the same for all threads of a run: stand in its Call-IDs. Absent: made of seed and process id. */
  readonly run?: number;
  /** SharedArrayBuffer of `setupBytes(options)` bytes (ua/build.ts), for `T_ADDED` of calls that another thread answers. Absent: only of those that the calling thread answers itself. */
  readonly setup?: SharedArrayBuffer;
  /** Make calls to itself first, so that its code is fast by the time the run begins (warm-up.ts). */
  readonly warmUp?: boolean;
}

/** What a load thread says. `error` is one line for the operator; the thread ends behind it. */
export type LoadThreadMessage =
  | { readonly type: 'ready'; readonly uac: readonly string[]; readonly uas: readonly string[] }
  | { readonly type: 'idle' }
  | { readonly type: 'error'; readonly line: string };
