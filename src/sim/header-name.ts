/**
 * Header names as tests compare them. A table of its own, apart from the engine's: a mistake in that one shall show. Not for hot
 * places. Pure.
 */

const COMPACT: Readonly<Record<string, string>> = {
  v: 'via',
  f: 'from',
  t: 'to',
  i: 'call-id',
  m: 'contact',
  l: 'content-length',
  c: 'content-type',
  s: 'subject',
  k: 'supported',
  e: 'content-encoding',
  r: 'refer-to',
  o: 'event',
  u: 'allow-events',
  x: 'session-expires',
};

/** A header name for comparing: long form, lower case. */
export function canonicalName(name: string): string {
  const lower = name.trim().toLowerCase();
  return COMPACT[lower] ?? lower;
}
