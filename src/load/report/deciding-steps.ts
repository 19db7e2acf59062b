/** Which steps of a search decided it, and whether they could: a p99 of a few calls is noise. Pure. */
import { countText, rateText } from '../units.js';
import type { FindMaxResult, FindMaxStep } from './result.js';

/** Calls that a p99 needs to mean something: ten lie beyond it. */
export const P99_CALLS = 1000;

/** Of the steps that did not pass and count, the one with the lowest rate: what the search found its bound at. */
export function limitingStep(steps: readonly FindMaxStep[]): FindMaxStep | undefined {
  return steps.filter(({ passed, repeated }) => !passed && repeated !== true).reduce<FindMaxStep | undefined>((least, step) => (least === undefined || step.askedPerS < least.askedPerS ? step : least), undefined);
}

/** The steps on both sides of the answer that had too few calls for their p99: the best that passed, and the one that p99 ended. */
export function shortSteps({ bestPerS, steps }: Pick<FindMaxResult, 'bestPerS' | 'steps'>): FindMaxStep[] {
  const limiting = limitingStep(steps);
  const deciding = [steps.findLast(({ passed, askedPerS }) => passed && askedPerS === bestPerS), limiting?.limit === 'p99' ? limiting : undefined];
  return deciding.filter((step) => step !== undefined).filter(({ calls }) => calls < P99_CALLS);
}

/** How to say that these steps had too few: `the steps at 25/s (50 calls) and 31/s (62 calls) had too few calls for a p99`. */
export function shortText(short: readonly FindMaxStep[]): string {
  const named = short.map(({ askedPerS, calls }) => `${rateText(askedPerS)} (${calls === 1 ? '1 call' : `${countText(calls)} calls`})`);
  return `the ${named.length === 1 ? 'step' : 'steps'} at ${named.join(' and ')} had too few calls for a p99, which takes ${countText(P99_CALLS)}: give steps a longer --duration`;
}

/** Why a search says little about the target, in words; empty: it does not. */
export function searchProblems({ bestPerS, limit, steps }: Pick<FindMaxResult, 'bestPerS' | 'limit' | 'steps'>): string[] {
  if (limit === 'interrupted') return bestPerS > 0 ? [] : ['the search was stopped before a rate had passed'];
  // A search whose upper end is the generator has found out about the generator.
  if (limit === 'generator') return [`the generator was the limit at ${rateText(Math.min(...steps.filter((step) => step.limit === 'generator' && step.repeated !== true).map(({ askedPerS }) => askedPerS)))}, so the target may bear more: use more --threads, or another machine`];
  const short = limit === 'p99' ? shortSteps({ bestPerS, steps }) : [];
  return [...(bestPerS > 0 ? [] : ['no rate passed']), ...(short.length > 0 ? [shortText(short)] : [])];
}
