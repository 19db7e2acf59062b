/**
 * Scenarios as the user agents run them: one array of small integers for all scenarios of a run, and the specifications
 * of the messages that its steps send. Constants and shapes, any thread.
 */
import type { Duration } from '../options.js';
import type { MessageParts } from './scenario.js';

/** int32 slots of one step in `Program.code`. */
export const OP_SLOTS = 6;
/** Slot 0: what to do. */
export const OP_CODE = 0;

/** The scenario is through. */
export const OP_END = 0;
/** Sends request OP_MESSAGE, expects what OP_EXPECT says; OP_CANCEL: duration until CANCEL, or -1; OP_RING: 1 when it has to ring, and OP_CANCEL counts from then on. */
export const OP_SEND = 1;
/** Waits for duration OP_DURATION. */
export const OP_PAUSE = 2;
/** Waits for a request with method OP_METHOD, for duration OP_DURATION at most. */
export const OP_RECEIVE = 3;
/** Answers with reply OP_MESSAGE, whose status is OP_STATUS. */
export const OP_REPLY = 4;
/** Challenges with reply OP_MESSAGE (OP_STATUS 401 or 407) unless good credentials are there; challenge OP_CHALLENGE says how. */
export const OP_CHALLENGE_REPLY = 5;

/** `M_*` of the request that is sent, awaited or answered. */
export const OP_METHOD = 1;
/** Index into `Program.requests` (OP_SEND) or `Program.replies`. */
export const OP_MESSAGE = 2;
export const OP_EXPECT = 3;
export const OP_STATUS = 3;
export const OP_CANCEL = 4;
export const OP_CHALLENGE = 4;
export const OP_DURATION = 4;
export const OP_RING = 5;

/** What a request is made of. An INVITE has an ACK and a CANCEL that go with it: the two specifications behind its own. */
export interface RequestSpec {
  readonly scenario: number;
  readonly side: 'caller' | 'callee';
  readonly method: string;
  /** Sent within the dialog that an earlier INVITE made. */
  readonly inDialog: boolean;
  readonly parts: MessageParts;
}

/** Distance of an INVITE's ACK and CANCEL from it in `Program.requests`. */
export const SPEC_ACK = 1;
export const SPEC_CANCEL = 2;

/** What an answer is made of, beside what it takes from its request. */
export interface ReplySpec {
  readonly status: number;
  readonly reason: string;
  /** It answers an INVITE: with Contact, below 300. */
  readonly forInvite: boolean;
  readonly parts: MessageParts;
}

/** The nonce of every challenge: the generator tests digest, it keeps nobody out. */
export const CHALLENGE_NONCE = '76696164756374206c6f61642067656e';

/** How a callee challenges. */
export interface ChallengeSpec {
  readonly status: 401 | 407;
  readonly realm: string;
  readonly algorithm: 'MD5' | 'SHA-256' | 'SHA-512-256';
  readonly qop: 'auth' | 'none';
}

/** One scenario in a program: where its sides begin in `code`, -1 for a callee side that it does not have. */
export interface ProgramEntry {
  readonly name: string;
  readonly weight: number;
  readonly callerAt: number;
  readonly calleeAt: number;
  /** `M_*` of the request that begins its callee side; 0: none. */
  readonly calleeMethod: number;
  /** The callee sends requests of its own, so that it has to remember its dialog. */
  readonly calleeSends: boolean;
}

export interface Program {
  readonly code: Int32Array;
  readonly entries: readonly ProgramEntry[];
  readonly requests: readonly RequestSpec[];
  readonly replies: readonly ReplySpec[];
  readonly durations: readonly Duration[];
  /** By OP_EXPECT: 1 at each status that is right. 700 long. */
  readonly expects: readonly Uint8Array[];
  readonly challenges: readonly ChallengeSpec[];
  /** Where the steps begin that end the dialog of a call that has failed, for both sides. */
  readonly callerByeAt: number;
  readonly calleeByeAt: number;
  /** Index into `requests` of their BYE. */
  readonly callerBye: number;
}
