/** Ratios of proxies that were measured in turns. Pure. */
import type { Figure } from '../results.js';
import { ratioOfRounds } from '../statistics.js';

/** Adds `FIRST/LABEL` for each label but the first: the ratio round by round, of the rounds in which both are valid. */
export function addRatios<S extends { readonly proxy: string; readonly round: number; readonly valid: boolean }>(figures: Record<string, Figure>, labels: readonly string[], samples: readonly S[], of: (sample: S) => number): void {
  const byRound = (label: string): number[] => {
    const rounds: number[] = [];
    for (const sample of samples) if (sample.proxy === label && sample.valid) rounds[sample.round - 1] = of(sample);
    return Array.from(rounds);
  };
  const first = labels[0]!;
  const mine = byRound(first);
  for (const label of labels.slice(1)) {
    const theirs = byRound(label);
    if (!mine.some((value, i) => Number.isFinite(value) && Number.isFinite(theirs[i]))) continue;
    const { median, min, max } = ratioOfRounds(mine, theirs);
    figures[`${first}/${label}`] = { unit: 'ratio', value: median, min, max };
  }
}
