/**
 * What comes of looking at the credentials of a request, and what to answer. Small integers with names for logs and
 * counters; nothing in them tells a secret, or whether a user exists. Any thread.
 */

/** The user knows the password, for this nonce and this count, once. */
export const V_OK = 0;
/** Everything but the hash has been looked at: find HA1 of the user, then call `finish`. Never a final result. */
export const V_PENDING = 1;
/** No Digest credentials for the realm. */
export const V_NO_CREDENTIALS = 2;
/** The right password, but a nonce that is too old, not ours or forgotten. */
export const V_STALE = 3;
/** No such user, or another password. */
export const V_WRONG_PASSWORD = 4;
/** The right password, but the nonce count was used before. */
export const V_REPLAY = 5;
/** Digest credentials that break the grammar or lack something. */
export const V_MALFORMED = 6;
/** auth-int, another qop, or none where one is required. */
export const V_UNSUPPORTED_QOP = 7;
/** An algorithm that was not offered, -sess variants and hashed user names included. */
export const V_UNSUPPORTED_ALGORITHM = 8;
/** The credentials are for another Request-URI. */
export const V_WRONG_URI = 9;

/** Names by `V_*`. */
export const VERDICT_NAMES: readonly string[] = [
  'ok',
  'pending',
  'no credentials',
  'stale nonce',
  'wrong password',
  'replay',
  'malformed credentials',
  'unsupported qop',
  'unsupported algorithm',
  'wrong uri',
];

/** The request may go on. */
export const ANSWER_NONE = 0;
/** 401 or 407 with a challenge. */
export const ANSWER_CHALLENGE = 1;
/** The same with stale=true: the client tries again by itself, without asking for a password. */
export const ANSWER_CHALLENGE_STALE = 2;
/** 400 (RFC 7616 §3.4.6, RFC 3261 §21.4.1). */
export const ANSWER_BAD_REQUEST = 3;

/**
 * `ANSWER_*` for a final verdict. A replay is answered as a stale nonce is: clients that never raise nc come along with it,
 * and whoever replays a request of somebody else gains a nonce that he cannot answer.
 */
export function answerTo(verdict: number): number {
  switch (verdict) {
    case V_OK:
      return ANSWER_NONE;
    case V_STALE:
    case V_REPLAY:
      return ANSWER_CHALLENGE_STALE;
    case V_MALFORMED:
    case V_WRONG_URI:
      return ANSWER_BAD_REQUEST;
    default:
      return ANSWER_CHALLENGE;
  }
}
