/**
 * What the parts of a load thread's user agents share. One object with a stable shape; `nowUs` moves with the loop. The
 * user agents read no clock and open no socket: both are handed in here.
 */
import type { MessageStore } from '../../transaction/message-store.js';
import type { TimerWheel } from '../../timer/wheel.js';
import type { LoadIo, LoadMemory } from '../io/load-io.js';
import type { Random } from '../random.js';
import type { Program } from '../scenario/program.js';
import type { CallIndex } from './call-index.js';
import type { CallTable } from './call-table.js';
import type { Endpoints } from './endpoints.js';
import type { Identity } from './identity.js';
import type { Scan } from './scanner.js';
import type { Templates } from './templates.js';
import type { UserNames } from './users.js';

/** float64 slots of one call in the set-up times; all threads of a process may share them. */
export const SETUP_SLOTS = 5;
/** When the caller sent its INVITE, the callee received it, and the callee sent its first answer beyond 100; microseconds. */
export const SETUP_SENT = 0;
export const SETUP_RECEIVED = 1;
export const SETUP_ANSWERED = 2;
/**
 * Generation of the caller's call while it is in progress, so that a callee that sees it fail knows what the caller has counted, or
 * will: the negative of it once the callee has counted a failure; 0 when the call is over.
 */
export const SETUP_CALLER = 3;
/** How long the callee's last answer to a request waited for the callee itself: from its arrival to the answer, when nothing else was to be waited for. */
export const SETUP_TURN = 4;

export interface UaContext {
  /** Socket that the message being handled came in on. */
  lastSocket: number;
  /** Microseconds of the loop's clock, as of this turn or batch. */
  nowUs: number;
  /** When what is being handled happened, on the same clock: a datagram arrived, which may be a while before `nowUs`; else `nowUs`. What is timed ends here. */
  eventUs: number;
  /** The bytes in `memory`. */
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly memory: LoadMemory;
  readonly table: CallTable;
  /** `table.slots` and `table.times`. */
  readonly slots: Int32Array;
  readonly times: Float64Array;
  readonly callIndex: CallIndex;
  readonly store: MessageStore;
  readonly io: LoadIo;
  readonly metrics: Float64Array;
  readonly wheel: TimerWheel;
  /** When the wheel began: its ticks are whole milliseconds from then on. */
  readonly wheelOriginUs: number;
  readonly program: Program;
  /** `program.code`. */
  readonly code: Int32Array;
  readonly templates: Templates;
  readonly names: UserNames;
  readonly endpoints: Endpoints;
  readonly random: Random;
  readonly identity: Identity;
  readonly scan: Scan;
  /** Sockets in all; the first `callers` of them are for callers. */
  readonly sockets: number;
  readonly callers: number;
  /** Where requests outside of a dialog go, by socket: a number of `endpoints`; -1 for callee sockets. */
  readonly targets: Int32Array;
  /** Request-URI domains, by socket. */
  readonly domains: readonly string[];
  readonly t1Ms: number;
  readonly t2Ms: number;
  /** How long an INVITE may ring, milliseconds. */
  readonly proceedingMs: number;
  /**
   * Set-up times: record `(thread * setupCalls + index)`; only those of `setupThreads` threads are there, from `setupFirst`
   * on. Behind them, FAILED_SLOTS for failed-calls.ts.
   */
  readonly setup: Float64Array;
  readonly setupCalls: number;
  readonly setupFirst: number;
  readonly setupThreads: number;
}

/** What the client and server parts ask of the agent that runs the scenarios. */
export interface CallFlow {
  /** The present step of the call is done: on with the next. */
  advance(index: number): void;
  /** Goes on at the step that the call stands at. */
  run(index: number): void;
  /** The call is over, as written. */
  complete(index: number): void;
  /** The call is over because of `cause`, a counter `L_FAIL_*`; a dialog is ended with BYE first. */
  fail(index: number, cause: number): void;
  /** The call is over and counts as nothing. */
  release(index: number): void;
}

/** Where the set-up times of the caller's call `index` of this thread are in `setup`. */
export function setupRecord({ identity, setupFirst, setupCalls }: UaContext, index: number): number {
  return ((identity.thread - setupFirst) * setupCalls + index) * SETUP_SLOTS;
}

/** Units of time that the timer wheel is run in: with ten of them a millisecond, its tick of 10 is one. */
export const WHEEL_UNITS = 10;

/** Timer nodes of a call: retransmission, and what the scenario waits for. */
export function transactionTimer(index: number): number {
  return index * 2 + 1;
}

export function scenarioTimer(index: number): number {
  return index * 2 + 2;
}

/** Arms `node` for `ms` milliseconds from now on. */
export function arm(ua: UaContext, node: number, ms: number): void {
  const wheel = ua.wheel;
  // The wheel counts from its last turn, which may be a little while ago.
  const behind = (ua.nowUs / 1000) * WHEEL_UNITS - wheel.nowMs;
  wheel.arm(node, ms * WHEEL_UNITS + (behind > 0 ? behind : 0));
}

/** When a pause of `ms` milliseconds from now on is over, microseconds: with a tick of the wheel, as all others that end in it. */
export function pauseEndUs(ua: UaContext, ms: number): number {
  return ua.wheelOriginUs + Math.ceil((ua.nowUs - ua.wheelOriginUs) / 1000 + ms) * 1000;
}
