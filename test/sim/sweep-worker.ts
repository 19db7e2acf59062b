/** A process of the sweep: simulates the runs that it is sent, one after the other. Bundled by the test. */
import type { Knobs } from '../../src/sim/knobs.js';
import { describe, simulate } from '../../src/sim/simulate.js';

export interface SweepOutcome {
  readonly calls: number;
  readonly datagrams: number;
  /** `''`, or the rules broken with their ladder. */
  readonly failure: string;
}

process.on('message', (knobs: Partial<Knobs>) => {
  void simulate(knobs).then((result) => {
    const outcome: SweepOutcome = { calls: result.knobs.calls, datagrams: result.datagrams, failure: result.violations.length === 0 ? '' : describe(result) };
    process.send!(outcome);
  });
});
