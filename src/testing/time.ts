/** Times of a simulation as its users write them: `'32s'`, `'200ms'`, `'3min'`, or a number of milliseconds. Pure. */

/** A stretch of virtual time: milliseconds as a number, or text with a unit, such as `'500ms'`, `'32s'`, `'1.5s'`, `'3min'`. */
export type Time = number | `${number}ms` | `${number}s` | `${number}min`;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };

/** Milliseconds of a `Time`, a whole number. Throws a `RangeError` that names `what` when it is none, or below 0. */
export function toMs(time: Time, what: string): number {
  if (typeof time === 'number') {
    if (Number.isFinite(time) && time >= 0) return Math.round(time);
  } else {
    const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min)\s*$/.exec(time) ?? [];
    if (amount !== undefined && unit !== undefined) return Math.round(Number(amount) * UNIT_MS[unit]!);
  }
  throw new RangeError(`${what} must be a time such as '500ms', '32s', '3min' or a number of milliseconds from 0, not ${JSON.stringify(time)}`);
}

/** A stretch of time in words: `20 ms`, `1.5 s`. */
export function spanText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${ms / 1000} s`;
}

/** A moment of virtual time in seconds with three decimals. */
export function momentText(ms: number): string {
  return (ms / 1000).toFixed(3);
}
