/** What a phone does by itself. Pure: turns what a test says into numbers, and refuses what makes no sense. */
import { refuseUnknown } from './failure.js';
import { type Time, toMs } from './time.js';

/**
 * What a phone does by itself when an INVITE comes. Times count from the INVITE. With `rings`, `earlyMedia`, `answers`,
 * `rejects` or `busy` the phone is automatic: it also answers BYE, OPTIONS and every other request with 200, and re-INVITEs of
 * its dialogs. Without any of them the test answers by hand.
 */
export interface Behaviour {
  /** Sends 180 after this time. */
  readonly rings?: Time;
  /** Sends 183 with an SDP after this time. */
  readonly earlyMedia?: Time;
  /** Answers with 200 after this time. */
  readonly answers?: Time;
  /** Answers with this status instead, at once or `after` a time. */
  readonly rejects?: number | { readonly status: number; readonly after?: Time };
  /** Answers with 486 at once. */
  readonly busy?: boolean;
  /** Once a call is acknowledged, hangs up after this time. */
  readonly hangsUp?: Time;
  /** Says nothing to anything, as if it had been switched off. */
  readonly silent?: boolean;
  /**
   * What it does about a CANCEL, automatic or not: `ends` (the default) answers it with 200 and the INVITE with 487; `answers` was
   * just picked up: 200 to both; `ignores` answers the CANCEL and leaves the INVITE as it is; `byHand` leaves both to the test.
   */
  readonly whenCancelled?: 'ends' | 'answers' | 'ignores' | 'byHand';
}

/** A behaviour in numbers; -1: never. */
export interface CalleePlan {
  readonly isAutomatic: boolean;
  readonly isSilent: boolean;
  readonly ringsMs: number;
  readonly earlyMediaMs: number;
  readonly finalMs: number;
  readonly finalStatus: number;
  readonly hangsUpMs: number;
  readonly whenCancelled: 'ends' | 'answers' | 'ignores' | 'byHand';
}

/** Names of the options. */
export const BEHAVIOUR_OPTIONS: readonly string[] = ['rings', 'earlyMedia', 'answers', 'rejects', 'busy', 'hangsUp', 'silent', 'whenCancelled'];

/** Reads a behaviour. Throws for one that contradicts itself. */
export function calleePlan(behaviour: Behaviour, what: string): CalleePlan {
  refuseUnknown(what, behaviour, BEHAVIOUR_OPTIONS);
  const { rings, earlyMedia, answers, rejects, busy = false, hangsUp, silent = false, whenCancelled = 'ends' } = behaviour;
  const finals = [answers !== undefined && 'answers', rejects !== undefined && 'rejects', busy && 'busy', silent && 'silent'].filter((one) => one !== false);
  if (finals.length > 1) throw new TypeError(`${what} can have only one of ${finals.join(' and ')}`);
  const rejection = rejects === undefined ? undefined : typeof rejects === 'number' ? { status: rejects } : rejects;
  if (rejection !== undefined && !(rejection.status >= 300 && rejection.status <= 699)) throw new RangeError(`${what}: "rejects" wants a status from 300 to 699, not ${rejection.status}`);
  const time = (name: string, value: Time | undefined): number => (value === undefined ? -1 : toMs(value, `${what}: ${name}`));
  return {
    isAutomatic: [rings, earlyMedia, answers, rejects].some((one) => one !== undefined) || busy,
    isSilent: silent,
    ringsMs: time('rings', rings),
    earlyMediaMs: time('earlyMedia', earlyMedia),
    finalMs: rejection !== undefined ? toMs(rejection.after ?? 0, `${what}: rejects.after`) : busy ? 0 : time('answers', answers),
    finalStatus: rejection?.status ?? (busy ? 486 : 200),
    hangsUpMs: time('hangsUp', hangsUp),
    whenCancelled,
  };
}
