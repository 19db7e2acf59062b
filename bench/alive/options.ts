/** The flags of the benchmark of large tables. */
import { parseArgs } from 'node:util';
import { numberOf, oneOf } from '../flags.js';

export const HELP = `What many transactions cost: memory of each, CPU per call, longest pauses, with up to 600,000 alive.

npm run bench:alive -- [FLAGS]

  --only PARTS      which parts, with commas between (default: all). The first three are the engine alone, on virtual time
                      memory   bytes of a finished and of a live transaction
                      cpu      CPU per call with few and with many alive, in turns; longest pauses meanwhile
                      burst    longest pause when all end within a second
                      proxy    a proxy of one shard, called by \`viaduct load\` (Linux)
  --sizes LIST      server transactions alive (default: 6000,60000,600000; proxy:
                    30000,600000); ratios are to the first
  --rounds N        rounds A B A B … of the sizes (default: 5); proxy: 3
  --calls N         cpu: calls of a round (default: 20000)
  --rate N          proxy: calls/s (default: 4000). Finished transactions stay 64·T1; T1 is set so that as many as asked are alive
  --seconds N       proxy: measured time of a round (default: 5)
  --quick           tiny inputs, to see that it works: the figures mean nothing
  --help            this text

Results go to bench/results/alive-PART.json; of --quick to bench/out/results/. Progress is on standard error.
`;

export const PARTS = ['memory', 'cpu', 'burst', 'proxy'] as const;
export type Part = (typeof PARTS)[number];

export interface AliveOptions {
  readonly parts: readonly Part[];
  /** Rising. */
  readonly sizes: readonly number[];
  /** Those of the part proxy. */
  readonly proxySizes: readonly number[];
  readonly rounds: number;
  readonly proxyRounds: number;
  readonly roundCalls: number;
  readonly warmUpCalls: number;
  /** By how much less than usual is measured where no flag says so. */
  readonly scale: number;
  /** Rows of the server and of the client table. */
  readonly tableRows: number;
  readonly ratePerS: number;
  readonly seconds: number;
  readonly quick: boolean;
}

/** Throws an Error with one line when a flag is wrong; undefined: --help was asked for. */
export function aliveOptions(args: readonly string[]): AliveOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      sizes: { type: 'string' },
      rounds: { type: 'string' },
      calls: { type: 'string' },
      rate: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  const sizes = values.sizes === undefined ? (quick ? [640, 1_280] : [6_000, 60_000, 600_000]) : values.sizes.split(',').map((size) => numberOf('--sizes', size, 100, 2_000_000));
  if (sizes.some((size, i) => i > 0 && size <= sizes[i - 1]!)) throw new Error(`--sizes: found ${sizes.join(',')}; allowed: rising numbers`);
  return {
    parts: values.only === undefined ? PARTS : values.only.split(',').map((part) => oneOf('--only', part, PARTS)),
    sizes,
    // To fill a proxy takes minutes: by default only two. With fewer than 30,000 T1 would be so short that messages are sent again.
    proxySizes: values.sizes === undefined && !quick ? [30_000, 600_000] : sizes,
    rounds: numberOf('--rounds', values.rounds ?? (quick ? '1' : '5'), 1, 100),
    proxyRounds: numberOf('--rounds', values.rounds ?? (quick ? '1' : '3'), 1, 100),
    roundCalls: numberOf('--calls', values.calls ?? (quick ? '640' : '20000'), 64, 10_000_000),
    warmUpCalls: quick ? 1_000 : 30_000,
    scale: quick ? 0.02 : 1,
    // As free as a table should be: buckets are as many as rows.
    tableRows: Math.max(20_000, Math.ceil(sizes.at(-1)! * 1.5)),
    ratePerS: numberOf('--rate', values.rate ?? (quick ? '100' : '4000'), 10, 100_000),
    seconds: numberOf('--seconds', values.seconds ?? (quick ? '1' : '5'), 1, 3600),
    quick,
  };
}
