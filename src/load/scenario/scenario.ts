/**
 * What a load scenario is: the public form, in which the built-in ones are written too. Plain data, no behaviour; a
 * scenario is compiled once (compile.ts) and never looked at while calls run.
 *
 * A scenario says what the caller does and what the callee does, step by step. What SIP itself asks for is not a step
 * and happens by itself: retransmissions, absorbing repeated messages, ACK, CANCEL answered 200 and its INVITE 487,
 * tags, route sets, and an answer to a digest challenge.
 */

/** Methods that a scenario can send and wait for. ACK and CANCEL are no steps: see `SendStep.cancelAfter`. */
export type ScenarioMethod = 'INVITE' | 'BYE' | 'REGISTER' | 'OPTIONS' | 'MESSAGE' | 'INFO' | 'UPDATE' | 'SUBSCRIBE' | 'NOTIFY' | 'REFER' | 'PUBLISH';

/**
 * A time: `ring`, `hold` and `cancel` are the run's own (`--ring`, `--hold`, `--cancel-after`); `2s`, `250ms` fixed;
 * `1s-3s` anything between, evenly; `exp:2s` exponential with that mean, cut at ten times of it.
 */
export type ScenarioTime = string;

/** Header fields and body that a step adds to its message. */
export interface MessageParts {
  /**
   * Header lines, `Name: value` each. `{callId}`, `{user}` (who calls), `{peer}` (who is called) and `{number}` (the
   * CSeq number) stand for those of the call, in messages of the caller. The headers that make the message (Via, From, To, Call-ID, CSeq,
   * Contact, Content-Length, Max-Forwards, Route) are the generator's own.
   */
  readonly headers?: readonly string[];
  /** `sdp`: a small session description; or text with its type. The same words in braces as in `headers`. */
  readonly body?: 'sdp' | { readonly type: string; readonly text: string };
  /** Fills the body up to this many bytes (1 to 60,000), for large messages. Only with `body`. */
  readonly bodyBytes?: number;
}

/** Sends a request and waits for its final response. After the first INVITE was accepted, requests belong to its dialog. */
export interface SendStep extends MessageParts {
  readonly send: ScenarioMethod;
  /** Final responses that are right; 200 when absent. Any other one ends the call as failed (`unexpectedStatus`). */
  readonly expect?: number | readonly number[];
  /**
   * INVITE only: send CANCEL after this time, but not before a provisional response (RFC 3261 §9.1), which may be the 100 of a
   * proxy that has reached nobody; see `mustRing`. Expect 487 then.
   */
  readonly cancelAfter?: ScenarioTime;
  /**
   * INVITE only: a provisional response other than 100 (180, 183 …) has to come. `cancelAfter` counts from the first one, and a final
   * response that is right, or 408, but comes without one, ends the call as failed (`neverRang`).
   */
  readonly mustRing?: boolean;
}

/** Does nothing for a while. Latency of the next step counts from the end of it. */
export interface PauseStep {
  readonly pause: ScenarioTime;
}

/**
 * Waits for a request. A callee's first step is one of them: it says which requests begin a call. `CANCEL` ends a
 * ringing call: 200 and 487 go out by themselves, and the call is over when the 487 was acknowledged.
 */
export interface ReceiveStep {
  readonly receive: ScenarioMethod | 'CANCEL';
  /** How long to wait before the call counts as failed (`neverCame`). Absent: longer than the times of the run can make it. */
  readonly within?: ScenarioTime;
}

/** Answers the request that was received last. Behind a final answer to an INVITE the call goes on once it was acknowledged. */
export interface ReplyStep extends MessageParts {
  /** 100 to 699. */
  readonly reply: number;
  /** Reason phrase; the usual one when absent. */
  readonly reason?: string;
}

/**
 * Answers the request with a digest challenge, unless it carries the right credentials of a user of the run: then the
 * next step follows. Credentials that are wrong get 403.
 */
export interface ChallengeStep {
  readonly challenge: 401 | 407;
  /** The domain of the run when absent. */
  readonly realm?: string;
  /** `MD5` when absent. */
  readonly algorithm?: 'MD5' | 'SHA-256' | 'SHA-512-256';
  /** `auth` when absent; `none` is the old form of RFC 2069. */
  readonly qop?: 'auth' | 'none';
}

export type CallerStep = SendStep | PauseStep | ReceiveStep | ReplyStep;
export type CalleeStep = ReceiveStep | ReplyStep | ChallengeStep | PauseStep | SendStep;

/** A scenario. */
export interface Scenario {
  /** Short: it stands in reports. Letters, digits, `-` and `_`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** 1 to 64 steps. */
  readonly caller: readonly CallerStep[];
  /** Up to 64 steps, the first a `receive`. Absent: for calls to another callee than this generator's. */
  readonly callee?: readonly CalleeStep[];
}

/**
 * Names the type of a scenario, so that an editor completes and checks it. Returns it as it is; it is checked when the
 * run starts.
 *
 * ```ts
 * import { defineScenario } from 'viaduct/load';
 *
 * export default defineScenario({
 *   name: 'short-call',
 *   summary: 'a call that the callee ends',
 *   caller: [{ send: 'INVITE', body: 'sdp' }, { receive: 'BYE' }, { reply: 200 }],
 *   callee: [
 *     { receive: 'INVITE' }, { reply: 180 }, { pause: 'ring' }, { reply: 200, body: 'sdp' },
 *     { pause: 'hold' }, { send: 'BYE' },
 *   ],
 * });
 * ```
 */
export function defineScenario(scenario: Scenario): Scenario {
  return scenario;
}
