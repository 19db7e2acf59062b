/** Axes: from values to pixels, with ticks that people can read. Pure. */

export interface Scale {
  readonly ticks: readonly number[];
  /** From a value to its place, 0 (least) to 1 (most). */
  at(value: number): number;
}

/** From zero to a round number above `most`, with about `wanted` ticks. */
export function linearScale(most: number, wanted = 5): Scale {
  if (most <= 0) return { ticks: [0, 1], at: (value) => Math.min(1, Math.max(0, value)) };
  const step = roundStep(most / wanted);
  const end = Math.ceil(most / step - 1e-9) * step;
  const count = Math.round(end / step);
  return { ticks: Array.from({ length: count + 1 }, (_, i) => i * step), at: (value) => Math.min(1, Math.max(0, value / end)) };
}

/** Logarithmic, between 1, 2 or 5 times a power of ten at or under `least` and one at or above `most`. Both have to be above zero. */
export function logScale(least: number, most: number): Scale {
  const low = [5, 2, 1].map((factor) => factor * decadeOf(least)).find((end) => end <= least * (1 + 1e-9)) ?? decadeOf(least);
  const high = [1, 2, 5, 10].map((factor) => factor * decadeOf(most)).find((end) => end >= most * (1 - 1e-9)) ?? 10 * decadeOf(most);
  const span = Math.log(Math.max(high, low * 2) / low);
  const ticks: number[] = [];
  // Beyond three decades the powers of ten are enough.
  const factors = span > Math.log(1500) ? [1] : [1, 2, 5];
  for (let power = decadeOf(low); power <= high * 1.0001; power *= 10) {
    for (const factor of factors) if (power * factor >= low * 0.9999 && power * factor <= high * 1.0001) ticks.push(power * factor);
  }
  return { ticks, at: (value) => Math.min(1, Math.max(0, Math.log(Math.max(value, low) / low) / span)) };
}

/** The power of ten at or under a value. */
function decadeOf(value: number): number {
  return 10 ** Math.floor(Math.log10(value) + 1e-9);
}

/** From zero to a time, seconds, with ticks on whole seconds, minutes or hours. */
export function timeScale(toS: number, wanted = 10): Scale {
  const span = Math.max(1e-3, toS);
  const step = TIME_STEPS_S.find((candidate) => span / candidate <= wanted) ?? Math.ceil(span / wanted / 86_400) * 86_400;
  const ticks: number[] = [];
  for (let at = 0; at <= toS + 1e-9; at += step) ticks.push(at);
  return { ticks, at: (value) => Math.min(1, Math.max(0, value / span)) };
}

const TIME_STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400];

function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return ([1, 2, 5].find((factor) => factor * power >= step * (1 - 1e-9)) ?? 10) * power;
}
