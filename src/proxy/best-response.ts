/**
 * Which of several final responses goes upstream (RFC 3261 §16.7 step 6): a 6xx above all, then the lowest class; among
 * 4xx those that tell the caller how to try again. A 408 or 487 that only says that nobody answered, and a 503, come last
 * in their class. Pure.
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
    case 487:
    case 503:
      return base + 3;
    default:
      return base + 2;
  }
}

/** True when a response with `status` beats the best one so far; `best` is 0 when there is none. On a tie the first stays. */
export function isBetter(status: number, best: number): boolean {
  return best === 0 || responseRank(status) < responseRank(best);
}
