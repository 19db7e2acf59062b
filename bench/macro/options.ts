/** The flags of the macro benchmarks. */
import { parseArgs } from 'node:util';
import { numberOf, oneOf } from '../flags.js';
import { ownBuild, parseBuild, type ViaductBuild } from './viaduct.js';

export const HELP = `Measures Viaduct as a whole: a process of its own, called by \`viaduct load\` on the same machine. Linux.

npm run bench:macro -- [FLAGS]      Viaduct alone
npm run bench:peers -- [FLAGS]      Viaduct and Kamailio in turns (Debian: apt-get install kamailio sip-tester)

  --only PARTS       which parts, with commas between (default: all of them; sipp only with peers)
                       cpu     CPU per call, all threads and each, at every rate
                       max     highest rate without a failed call, generator on the same cores
                       delay   p99 of the delay that the proxy adds, at half of the highest rate
                       handover what it costs that the main thread receives and hands over: one shard that reads the
                               sockets itself, one that is handed its messages, and no shard
                       floor   what the kernel alone takes to receive those datagrams, beside the main thread's
                       sipp    CPU per call again, with SIPp as the generator
  --rates LIST       calls/s of the part cpu (default: 2000,4000,6000)
  --rounds N         rounds A B A B … of each rate (default: 3)
  --seconds N        measured time of a run (default: 8)
  --warm-up N        seconds of calls for each process before its first measured run (default: 10)
  --max-from N       rate at which the search for the highest begins (default: 6000)
  --delay-rate N     calls/s of the part delay, instead of half of the highest rate
  --viaduct BUILD    another build beside, or several; DIR[,key=value …][,--node-flag …][,label=NAME], as in
                       --viaduct dist --viaduct ../other/dist,io.coalesceUs=50,label=new
                     The builds are measured in turns; the first is what the others are divided by.
  --no-kamailio      with --viaduct in bench:peers: leave Kamailio out
  --quick            tiny inputs, to see that it works: the figures mean nothing
  --help             this text

Results go to bench/results/*.json; of --quick and --viaduct to bench/out/results/. Progress is on standard error.
`;

export const PARTS = ['cpu', 'max', 'delay', 'handover', 'floor', 'sipp'] as const;
export type Part = (typeof PARTS)[number];

export interface MacroOptions {
  readonly peers: boolean;
  readonly parts: readonly Part[];
  readonly ratesPerS: readonly number[];
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpS: number;
  /** Of each run, seconds that are not measured. */
  readonly settleS: number;
  readonly maxFromPerS: number;
  readonly delayRatePerS: number | undefined;
  readonly builds: readonly ViaductBuild[];
  /** `builds` were named: this is a comparison, not a figure of this version. */
  readonly comparison: boolean;
  readonly quick: boolean;
}

/** Throws an Error with one line when a flag is wrong; undefined: --help was asked for. */
export function macroOptions(args: readonly string[], withKamailio: boolean): MacroOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      rates: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      'warm-up': { type: 'string' },
      'max-from': { type: 'string' },
      'delay-rate': { type: 'string' },
      viaduct: { type: 'string', multiple: true },
      'no-kamailio': { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  const peers = withKamailio && !values['no-kamailio'];
  const all = PARTS.filter((part) => part !== 'sipp' || peers);
  return {
    peers,
    parts: values.only === undefined ? all : values.only.split(',').map((part) => oneOf('--only', part, PARTS)),
    ratesPerS: values.rates === undefined ? (quick ? [200] : [2000, 4000, 6000]) : values.rates.split(',').map((rate) => numberOf('--rates', rate, 10, 200_000)),
    rounds: numberOf('--rounds', values.rounds ?? (quick ? '1' : '3'), 1, 100),
    seconds: numberOf('--seconds', values.seconds ?? (quick ? '0.5' : '8'), 0.1, 3600),
    warmUpS: numberOf('--warm-up', values['warm-up'] ?? (quick ? '0' : '10'), 0, 3600),
    settleS: quick ? 0.2 : 1,
    maxFromPerS: numberOf('--max-from', values['max-from'] ?? (quick ? '200' : '6000'), 10, 200_000),
    delayRatePerS: values['delay-rate'] === undefined ? undefined : numberOf('--delay-rate', values['delay-rate'], 10, 200_000),
    builds: values.viaduct?.map(parseBuild) ?? [ownBuild()],
    comparison: values.viaduct !== undefined,
    quick,
  };
}
