/** The flags of the load generator's benchmarks. */
import { parseArgs } from 'node:util';
import { numberOf } from '../flags.js';

export const HELP = `Measures the load generator itself: caller straight to callee over loopback, no proxy in between. Linux.

npm run bench:load -- [FLAGS]

  --only PARTS       which parts, with commas between (default: all of them; sipp is left out where SIPp is missing)
                       sipp    CPU per call, caller plus callee, in turns with SIPp's two processes (Debian: sip-tester)
                       max     the rate of --max-rate and half of it on two threads: failures, lateness of arrivals
                       hold    calls in progress, held: memory per call
  --rates LIST       calls/s of the part sipp (default: 2000,5000,10000)
  --max-rate N       calls/s of the part max (default: 25000)
  --calls N          calls of the part hold (default: 100000)
  --hold N           seconds that all of them are in progress (default: 60)
  --rounds N         rounds A B, B A, … (default: 3)
  --seconds N        measured time of a run (default: 8)
  --warm-up N        seconds of calls in each process before its measured time (default: 10)
  --quick            tiny inputs, to see that it works: the figures mean nothing
  --help             this text

VIADUCT_SIPP names another SIPp. Results go to bench/results/load-*.json, those of --quick to bench/out/results/. Progress is on
standard error. A run in which one side did not keep its rate or had failures is shown, and left out of the figures.
`;

export const PARTS = ['sipp', 'max', 'hold'] as const;
export type Part = (typeof PARTS)[number];

export interface LoadBenchOptions {
  readonly parts: readonly Part[];
  /** The parts were named: one that cannot run is an error then. */
  readonly chosen: boolean;
  readonly ratesPerS: readonly number[];
  readonly maxRatePerS: number;
  readonly calls: number;
  readonly holdS: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpS: number;
  readonly quick: boolean;
}

/** Throws an Error with one line when a flag is wrong; undefined: --help was asked for. */
export function loadBenchOptions(args: readonly string[]): LoadBenchOptions | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: text, rates: text, 'max-rate': text, calls: text, hold: text, rounds: text, seconds: text, 'warm-up': text,
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  const given = (full: string, tiny: string, value: string | undefined): string => value ?? (quick ? tiny : full);
  return {
    parts: values.only === undefined ? PARTS : values.only.split(',').map(part),
    chosen: values.only !== undefined,
    ratesPerS: given('2000,5000,10000', '200', values.rates).split(',').map((rate) => numberOf('--rates', rate, 10, 200_000)),
    maxRatePerS: numberOf('--max-rate', given('25000', '400', values['max-rate']), 10, 1_000_000),
    calls: numberOf('--calls', given('100000', '500', values.calls), 1, 1_000_000),
    holdS: numberOf('--hold', given('60', '1', values.hold), 1, 3600),
    rounds: numberOf('--rounds', given('3', '1', values.rounds), 1, 100),
    seconds: numberOf('--seconds', given('8', '1', values.seconds), 1, 3600),
    warmUpS: numberOf('--warm-up', given('10', '1', values['warm-up']), 1, 3600),
    quick,
  };
}

function part(text: string): Part {
  const found = PARTS.find((name) => name === text);
  if (found === undefined) throw new Error(`--only: found ${JSON.stringify(text)}; allowed: ${PARTS.join(', ')}`);
  return found;
}
