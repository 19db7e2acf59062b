/**
 * Makes a failing run smaller while it still fails: one call alone, fewer calls, knobs set one by one to where they do
 * nothing. What is drawn for a call does not depend on other calls or knobs, so that most steps keep the failure.
 */
import type { Violation } from './invariants.js';
import { KNOB_FLAGS, type Knobs } from './knobs.js';

export interface FailingRun {
  readonly knobs: Knobs;
  readonly violations: readonly Violation[];
}

/**
 * The smallest failing run found within `mostRuns` runs.
 *
 * @param fails runs these knobs: what they break, empty when nothing
 * @param mayGoOn asked before every run
 */
export async function shrink(
  failing: FailingRun,
  fails: (knobs: Knobs) => Promise<readonly Violation[]>,
  mostRuns: number,
  mayGoOn: () => boolean,
): Promise<FailingRun> {
  const kinds = new Set(failing.violations.map(kindOf));
  let smallest = failing;
  let runs = 0;
  const attempt = async (change: Partial<Knobs>): Promise<boolean> => {
    if (runs >= mostRuns || !mayGoOn()) return false;
    runs++;
    const knobs = { ...smallest.knobs, ...change };
    const violations = await fails(knobs);
    // Not on the way to some other fault.
    if (!violations.some((violation) => kinds.has(kindOf(violation)))) return false;
    smallest = { knobs, violations };
    return true;
  };

  const suspects = [...new Set(failing.violations.map(({ call }) => call))].filter((call) => call >= 0).slice(0, 5);
  for (const only of suspects) if (smallest.knobs.only < 0) await attempt({ only });
  // It takes several calls: as few of the first ones as will do.
  const halve = async (): Promise<void> => {
    while (smallest.knobs.calls > 1 && (await attempt({ calls: smallest.knobs.calls >>> 1 })));
  };
  if (smallest.knobs.only < 0) await halve();
  for (let progress = true; progress; ) {
    progress = false;
    for (const { knob, calm } of KNOB_FLAGS) {
      const value = smallest.knobs[knob];
      if (calm === undefined || value === calm) continue;
      if (await attempt({ [knob]: calm })) progress = true;
      else if (knob === 'shards' && value > 2 && (await attempt({ shards: 2 }))) progress = true;
    }
    if (smallest.knobs.key !== 'transaction' && (await attempt({ key: 'transaction' }))) progress = true;
  }
  return smallest;
}

/** The rule without the numbers of the case. */
function kindOf({ rule }: Violation): string {
  return rule.replaceAll(/\d+/g, '#');
}
