/** Values of the benchmarks' flags. Each throws an Error with one line: the flag, what was found and what is allowed. */

/** A number from `least` to `most`. */
export function numberOf(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= least && value <= most)) throw new Error(`${flag}: found ${JSON.stringify(text)}; allowed: a number from ${least} to ${most}`);
  return value;
}

/** One of `names`. */
export function oneOf<Name extends string>(flag: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found === undefined) throw new Error(`${flag}: found ${JSON.stringify(text)}; allowed: ${names.join(', ')}`);
  return found;
}
