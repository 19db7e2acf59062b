/**
 * Which of several final responses goes upstream (RFC 3261 §16.7 step 6): a 6xx above all, then the lowest class; among
 * 4xx those that tell the caller how to try again. A 408 or 487 that only says that nobody answered, a 440 for a target
 * that was not tried, and a 503 come last in their class. Pure.
 */

/** Order of preference: the lower, the better. */
export function responseRank(status: number): number {
  if (status >= 600) return 0;
  const base = Math.floor(status / 100) * 100;
  switch (status) {
    case 401:
    case 407:
      return base;
    case 415:
    case 420:
    case 484:
      return base + 1;
    case 408:
    case 440:
    case 487:
    case 503:
      return base + 3;
    default:
      return base + 2;
  }
}

/** 487 of a cancelled request: behind a 6xx, before anything else. */
const RANK_CANCELLED = 1;

/**
 * True when a response with `status` beats the best one so far; `best` is 0 when there is none. On a tie the first stays.
 * `cancelled`: the caller has cancelled, and wants to hear of that rather than that one of several branches was busy.
 */
export function isBetter(status: number, best: number, cancelled: boolean): boolean {
  return best === 0 || rankOf(status, cancelled) < rankOf(best, cancelled);
}

function rankOf(status: number, cancelled: boolean): number {
  return cancelled && status === 487 ? RANK_CANCELLED : responseRank(status);
}
