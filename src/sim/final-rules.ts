/** What must hold of a request when its call is over, and what the rules of a simulation are made of. */
import type { ReceivedRequest, SentRequest } from './call-record.js';
import { M_CANCEL, M_INVITE, METHODS } from './message-reader.js';
import type { RetransmissionTimes } from './retransmissions.js';

/** A rule that was broken. */
export interface Violation {
  readonly call: number;
  readonly atMs: number;
  readonly rule: string;
}

export interface InvariantSettings extends RetransmissionTimes {
  readonly timerCMs: number;
  readonly timerDMs: number;
  /** How long a CANCEL waits for its INVITE. */
  readonly earlyCancelMs: number;
  /** How long a CANCEL may be on its way among shards. */
  readonly offersMs: number;
  /** Shards crash: what a shard may forget, and what it then does again, is not held against it. */
  readonly hasCrashes: boolean;
  /** Whether the script of this call neither waits nor tries again nor answers: then failures go up at once. */
  readonly isPrompt: (call: number) => boolean;
  /** Whether the script of this call decides at once and hangs then: a failure goes up 64·T1 behind the last branch at most. */
  readonly isLeftAlone: (call: number) => boolean;
  /** Where broken rules are collected, so that several proxies have one list. */
  readonly violations: Violation[];
}

/** What is wrong with a request that came to the proxy, `''` if nothing is. `isPrompt`, `isLeftAlone`: see `InvariantSettings`. */
export function problemOfReceived(request: ReceivedRequest, isPrompt: boolean, isLeftAlone: boolean, settings: InvariantSettings): string {
  const { method, finalStatus, finalMs, again, branches } = request;
  const name = METHODS[method]!;
  if (finalStatus === 0) {
    // A request other than INVITE may stay without a final response: RFC 4320 forbids the 408 that would say so.
    return method === M_INVITE || method === M_CANCEL ? `a ${name} never got a final response` : '';
  }
  if (again !== undefined && !request.isAcked) {
    const missing = again.missing(Infinity);
    if (missing !== '') return `of a failure: ${missing}`;
  }
  if (request.dueRepeats > 0) return `a ${name} came again, and its final response did not go again`;
  if (method !== M_INVITE || finalStatus < 300 || branches.length === 0 || !(isPrompt || isLeftAlone)) return '';
  let endMs = 0;
  for (const branch of branches) endMs = Math.max(endMs, branch.endMs(settings.t1Ms));
  // Timer C and the CANCEL that it sends are checked with the branch.
  const waitMs = isLeftAlone ? 64 * settings.t1Ms : 0;
  if (finalMs <= endMs + waitMs + 2 * settings.lateMs) return '';
  return `the final ${finalStatus} came ${finalMs - endMs} ms after the last branch had ended`;
}

/** What is wrong with a request that the proxy sent, `''` if nothing is. */
export function problemOfSent(request: SentRequest, settings: InvariantSettings): string {
  if (request.finalStatus !== 0) return '';
  const missing = request.again.missing(Infinity);
  if (missing !== '') return `of ${METHODS[request.method]}: ${missing}`;
  return request.method === M_INVITE ? problemOfCancel(request, Infinity, settings) : '';
}

/**
 * A branch that nobody wants any more is cancelled as soon as it has rung, and one that rings too long by Timer C.
 * `untilMs`: when its final response came.
 */
export function problemOfCancel(invite: SentRequest, untilMs: number, settings: InvariantSettings): string {
  const { t1Ms, lateMs, timerCMs } = settings;
  if (invite.cancelMs < Infinity || invite.provisionalMs === Infinity) return '';
  const unwantedMs = Math.max(invite.unwantedMs, invite.provisionalMs);
  const dueMs = Math.min(unwantedMs, invite.ringingMs + timerCMs);
  if (!(untilMs > dueMs + lateMs)) return '';
  // What rings after Timer B is nobody's branch any more.
  if (invite.firstMs + 64 * t1Ms <= invite.provisionalMs) return '';
  return unwantedMs === dueMs ? 'a ringing branch that nobody wants was not cancelled' : 'Timer C did not end a ringing branch';
}
