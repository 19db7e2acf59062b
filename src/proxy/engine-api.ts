/**
 * The engine's face towards its drivers (shard loop, simulator): one engine is one shard's core. Single-threaded,
 * sans-I/O: every call takes what it needs, mutates, and leaves what it wants sent in the outbox.
 */
import type { Routes } from '../script/api.js';
import type { PacketMeta } from './ports.js';

export interface EngineApi {
  /**
   * One inbound message in `bytes[start, end)` (borrowed: copied where kept). Never throws for any bytes.
   * `advance` must have been called with the present time first.
   */
  receive(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void;
  /**
   * Moves the clock to `nowMs` (monotonic, any origin, integer) and runs the timers that are due. Of very many not all: then
   * `nextDeadlineMs` is not after `nowMs`, and the next call goes on, behind messages that have come in meanwhile.
   */
  advance(nowMs: number): void;
  /** Time of the next timer in the clock of `advance`, or Infinity when none is armed. */
  nextDeadlineMs(): number;
  /** The datagram that was committed with this owner could not be sent (RFC 3261 §17.1.4, §17.2.4). */
  sendFailed(owner: number): void;
  /** Handlers that are awaiting something now: while above 0 the driver must keep its event loop turning. */
  suspended(): number;
  /** Swaps the routing script: later requests see the new one, pending handlers finish with the old. */
  setRoutes(routes: Routes): void;
  /** Transactions that have not reached their final state: what draining waits for (lingering ones do not count). */
  pending(): number;
  /** Stops taking new work: new initial requests are answered 503, pending ones go on. */
  drain(): void;
  /**
   * Called by the driver whenever a pending handler did something outside of `receive` and `advance` (a promise went
   * on), so that the outbox is flushed. Set by the driver; the engine calls it at most once until the next flush.
   */
  onWork: (() => void) | undefined;
  /**
   * Called before a pending handler does something outside of `receive` and `advance`. The driver sets the clock then
   * (`advance`), since its last call may be long ago and timers are armed from there. May be left unset where time
   * stands still between calls.
   */
  onWake: (() => void) | undefined;
}

/** An engine whose driver can go on without it, on the same memory. */
export interface AbandonableEngine extends EngineApi {
  /**
   * The engine is broken, or its server stops, and it is not called again; its memory may get another owner at once. Handlers
   * that are pending see their signal abort, can still read their request, and are refused and counted when they act.
   */
  abandon(): void;
}
