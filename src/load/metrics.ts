/**
 * What a load run counts and times: names, units, meaning. Every load thread has one block of float64 in shared memory,
 * written by it alone: counters first, then a histogram for each time, then unexpected statuses one by one. The coordinator reads them at any moment.
 */
import { HISTOGRAM_SLOTS, record } from './histogram.js';

export interface MetricInfo {
  readonly name: string;
  readonly help: string;
}

const counters: MetricInfo[] = [];
const times: MetricInfo[] = [];

function counter(name: string, help: string): number {
  return counters.push({ name, help }) - 1;
}

function time(name: string, help: string): number {
  return times.push({ name, help }) - 1;
}

// Calls (or registrations, messages …: one run of the scenario's caller side)
export const L_DUE = counter('due', 'calls whose time had come by the plan of arrivals');
export const L_STARTED = counter('started', 'calls begun');
export const L_SUCCEEDED = counter('succeeded', 'calls that went through their scenario as written, at both ends where both are in this process');
export const L_FAILED = counter('failed', 'calls that did not, each once, whichever end was the first to see it; the causes below add up to this');
export const L_IN_FLIGHT = counter('inFlight', 'calls in progress now, caller side');
export const L_IN_FLIGHT_UAS = counter('inFlightUas', 'calls in progress now, callee side');
export const L_ANSWERED_UAS = counter('answered', 'calls that the callee side completed');
// Why calls failed
export const L_FAIL_TIMEOUT = counter('timeout', 'no final response in 64·T1');
export const L_FAIL_STATUS = counter('unexpectedStatus', 'a final response that the scenario does not expect');
export const L_FAIL_UNRUNG = counter('neverRang', 'the final response is a right one, or 408, but no ringing (180, 183 …) came before it');
export const L_FAIL_AUTH = counter('authentication', 'challenged again with good credentials, or without any to give; a callee alone: it refused wrong credentials');
export const L_FAIL_ACK = counter('missingAck', 'the callee’s final response was never acknowledged');
export const L_FAIL_LATE = counter('neverCame', 'a request that the scenario waits for did not come in time (BYE, CANCEL …)');
export const L_FAIL_PEER = counter('endedByPeer', 'the other side ended the call before the scenario did');
export const L_FAIL_ABORTED = counter('aborted', 'still in progress when the run was stopped');
// Messages
export const L_SENT = counter('messagesSent', 'SIP messages handed to the kernel');
export const L_RECEIVED = counter('messagesReceived', 'SIP messages received');
export const L_RETRANSMITTED = counter('retransmissionsSent', 'of those sent: sent again because no answer came in time');
export const L_RETRANSMISSIONS_SEEN = counter('retransmissionsSeen', 'of those received: seen before');
export const L_UNEXPECTED = counter('unexpectedMessages', 'messages that fit no call, or come where the scenario has no place for them');
export const L_UNREADABLE = counter('unreadableMessages', 'datagrams that are no SIP message');
// Faults made on purpose
export const L_FAULT_DOUBLED = counter('faultDoubled', 'requests sent twice on purpose (--retransmit)');
export const L_FAULT_LOST = counter('faultLost', 'messages thrown away on purpose (--loss)');
export const L_FAULT_DELAYED = counter('faultDelayed', 'messages held back on purpose (--delay, --reorder)');
// The generator’s own limits: any of these makes a result invalid
export const L_SKIPPED = counter('skipped', 'calls that were due and not begun, because --concurrency was reached');
export const L_OVERRUN = counter('overrun', 'calls that began more than 100 ms after their time, or never (behind a second): the generator was too slow');
export const L_SEND_DROPPED = counter('sendDropped', 'messages that the kernel did not take');
export const L_TABLE_FULL = counter('tableFull', 'calls not begun or not answered, because the call table was full');

export const LOAD_COUNTERS: readonly MetricInfo[] = counters;

/** The causes of `failed`, in the order of reports. */
export const FAILURE_CAUSES: readonly number[] = [L_FAIL_TIMEOUT, L_FAIL_STATUS, L_FAIL_UNRUNG, L_FAIL_AUTH, L_FAIL_ACK, L_FAIL_LATE, L_FAIL_PEER, L_FAIL_ABORTED];

// Times, microseconds, each from the moment at which the call should have begun (no coordinated omission) where it says so
export const T_100 = time('invite100', 'due time of the INVITE to its 100');
export const T_180 = time('invite180', 'due time of the INVITE to its first 180 or 183');
export const T_200 = time('invite200', 'due time of the INVITE to its final response');
export const T_BYE = time('bye200', 'due time of the BYE to its final response');
export const T_REQUEST = time('request', 'due time of another request (REGISTER, OPTIONS, MESSAGE) to its final response');
export const T_CALL = time('call', 'due time of the call to its end');
export const T_ADDED = time('added', 'time that the proxy adds to call set-up: caller’s INVITE sent to callee’s INVITE received, plus callee’s 180 (or final) sent to caller’s received. Both ends in one process only');
export const T_LATENESS = time('lateness', 'how late the generator began calls: due time to INVITE handed to the kernel');

export const LOAD_TIMES: readonly MetricInfo[] = times;

/** Statuses that are counted one by one when a scenario does not expect them: `STATUS_LEAST` and so many from there on. */
export const STATUS_LEAST = 100;
export const STATUSES = 600;

const STATUSES_AT = LOAD_COUNTERS.length + LOAD_TIMES.length * HISTOGRAM_SLOTS;

/** float64 slots of one thread's block. */
export const METRICS_SLOTS = STATUSES_AT + STATUSES;

/** Where the count of `status` (100 to 699) stands in a block: calls that failed with `unexpectedStatus` because of it. */
export function statusAt(status: number): number {
  return STATUSES_AT + status - STATUS_LEAST;
}

/** Bits of a cause that name the counter. */
const CAUSE_BITS = 8;

/** The cause `L_FAIL_STATUS` together with the status that came. */
export function statusCause(status: number): number {
  return L_FAIL_STATUS | (status << CAUSE_BITS);
}

/** Counts a failed call by its cause: `L_FAIL_*`, or one of `statusCause`. */
export function countCause(block: Float64Array, cause: number): void {
  block[cause & ((1 << CAUSE_BITS) - 1)]!++;
  const status = cause >> CAUSE_BITS;
  if (status >= STATUS_LEAST && status < STATUS_LEAST + STATUSES) block[statusAt(status)]!++;
}

/** Counts a request that a callee refused for its credentials. Its caller, where there is one in this process, counts the call itself. */
export function countRefused(block: Float64Array, callers: number): void {
  if (callers > 0) return;
  block[L_FAILED]!++;
  countCause(block, L_FAIL_AUTH);
}

/** Where the histogram of a time begins in a block. */
export function timeAt(index: number): number {
  return LOAD_COUNTERS.length + index * HISTOGRAM_SLOTS;
}

/** Records `us` microseconds for the time `T_*`. */
export function recordTime(block: Float64Array, index: number, us: number): void {
  record(block, timeAt(index), us);
}
