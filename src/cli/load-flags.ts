/** The flags of `viaduct load`: their words, defaults and groups. What they come to is decided in `load-options.ts`. */
import { type Command, Option } from 'commander';
import type { BindAddress } from '../config/address.js';
import type { Duration, LoadOptions, ScenarioShare } from '../load/options.js';
import type { Threshold } from '../load/report/thresholds.js';
import { domain, duration, fileName, integer, listenAddress, mix, pageName, percent, rate, repeated, target, threshold, timeMs, weighted, type TargetText } from './load-values.js';

/** Of --coalesce, milliseconds: the default, and the most. */
const DEFAULT_COALESCE_MS = 1;
const COALESCE_MOST_MS = 10;

/** What commander makes of the flags. */
export interface LoadFlags {
  readonly role: LoadOptions['role'];
  readonly target?: TargetText;
  readonly listen?: BindAddress;
  readonly rate?: number;
  readonly duration?: number;
  readonly calls?: number;
  readonly ramp: number;
  readonly warmUp?: number;
  readonly arrivals: LoadOptions['arrivals'];
  readonly concurrency: number;
  readonly findMax?: boolean;
  readonly maxFailures?: number;
  readonly maxP99?: number;
  readonly scenario?: readonly ScenarioShare[];
  readonly mix?: readonly ScenarioShare[];
  readonly ring: Duration;
  readonly hold: Duration;
  readonly cancelAfter: Duration;
  readonly users: string;
  readonly password: string;
  readonly domain?: string;
  readonly t1: number;
  readonly retransmit: number;
  readonly loss: number;
  readonly delay: number;
  readonly reorder: number;
  readonly threads?: number;
  readonly sockets: number;
  readonly driver: LoadOptions['driver'];
  /** Milliseconds. */
  readonly coalesce: number;
  readonly seed?: number;
  readonly json?: string;
  readonly html?: string;
  readonly failIf?: readonly Threshold[];
  readonly watchPid?: readonly number[];
  readonly compare?: readonly string[];
  readonly quiet?: boolean;
}

/** Flags that go by groups in `--help`. */
const GROUPS: readonly { readonly title: string; readonly flags: readonly Option[] }[] = [
  {
    title: 'Who and where:',
    flags: [
      new Option('--role <role>', 'both: caller and callee in this process; uac: caller alone; uas: callee alone').choices(['both', 'uac', 'uas']).default('both'),
      new Option('--target <host:port>', 'where calls go: the proxy (default: 127.0.0.1:5060)').argParser(target),
      new Option('--listen <address:port>', 'where the callee takes calls; with more --threads and --sockets the ports from there on (default: 127.0.0.1:5070)').argParser(listenAddress),
    ],
  },
  {
    title: 'How much:',
    flags: [
      new Option('-r, --rate <calls/s>', 'calls begun per second, whether answers come or not (default: 100; with --find-max the rate to begin with, 500)').argParser(rate),
      new Option('-d, --duration <time>', 'the measured time (default: 20s; with --find-max of each step, 5s; for a callee alone no end)').argParser(timeMs(100)),
      new Option('-n, --calls <number>', 'calls to begin, those of the warm-up included; ends when they are over, or with --duration').argParser(integer(1, 1e9)),
      new Option('--ramp <time>', 'let the rate rise evenly from nothing over this time').argParser(timeMs(0)).default(0, 'none'),
      new Option('--warm-up <time>', 'run this long before the figures begin (default: none; with --find-max 2s)').argParser(timeMs(0)),
      new Option('--arrivals <kind>', 'how calls follow each other: at random, as people call, or one like the other').choices(['poisson', 'even']).default('poisson'),
      new Option('--concurrency <calls>', 'calls in progress at most; those due beyond are skipped, and the result is invalid').argParser(integer(1, 10_000_000)).default(100_000),
    ],
  },
  {
    title: 'The highest rate:',
    flags: [
      new Option('--find-max', 'search for the highest rate within these bounds: doubled until it fails, then in between'),
      new Option('--max-failures <percent>', 'failures have to stay under this (default: 0.01%)').argParser(percent),
      new Option('--max-p99 <time>', 'p99 of the main time has to stay under this (default: 20ms)').argParser(timeMs(0.001)),
    ],
  },
  {
    title: 'What happens in a call:',
    flags: [
      new Option('-s, --scenario <name|file[,weight]>', 'a scenario by its name (below) or a TypeScript file of your own; may be repeated, with weights (default: call)').argParser(repeated(weighted)),
      new Option('--mix <name=weight,…>', 'the same in one flag: --mix call=8,cancel=2').argParser(mix),
      new Option('--ring <time>', 'how long it rings: 2s, 1s-3s (any in between) or exp:2s (exponential)').argParser(duration).default({ kind: 'fixed', ms: 100 }, '100ms'),
      new Option('--hold <time>', 'how long a call is held').argParser(duration).default({ kind: 'fixed', ms: 1000 }, '1s'),
      new Option('--cancel-after <time>', 'scenario cancel: how long it rings before').argParser(duration).default({ kind: 'uniform', minMs: 100, maxMs: 500 }, '100ms-500ms'),
      new Option('--users <number|file.csv>', 'users to call and be called: user0, user1 …; or lines NAME,PASSWORD of a file').default('1000'),
      new Option('--password <text>', 'generated users have this and their number: secret0, secret1 …').default('secret'),
      new Option('--domain <name>', 'domain of their addresses; {callee} is the callee socket of the calling thread (default: the target)').argParser(domain),
      new Option('--t1 <time>', 'timer T1 of SIP; a request is given up after 64 of it').argParser(timeMs(1)).default(500, '500ms'),
    ],
  },
  {
    title: 'Faults on purpose, on this side:',
    flags: [
      new Option('--retransmit <percent>', 'requests that are sent twice').argParser(percent).default(0, 'none'),
      new Option('--loss <percent>', 'messages that are thrown away, in both directions').argParser(percent).default(0, 'none'),
      new Option('--delay <time>', 'how long every message sent is held back').argParser(timeMs(0)).default(0, 'none'),
      new Option('--reorder <percent>', 'messages that later ones overtake').argParser(percent).default(0, 'none'),
    ],
  },
  {
    title: 'How it works:',
    flags: [
      new Option('--threads <number>', 'load threads (default: one for every four cores)').argParser(integer(1, 64)),
      new Option('--sockets <number>', 'caller and callee sockets of each thread').argParser(integer(1, 1000)).default(1),
      new Option('--driver <driver>', 'how datagrams are sent and received; auto takes batch where it works').choices(['auto', 'batch', 'dgram']).default('auto'),
      new Option('--coalesce <time>', 'where many messages come, let them gather this long before they are read, which saves CPU; times are by the kernel’s stamps all the same; 0s: never').argParser(timeMs(0, COALESCE_MOST_MS)).default(DEFAULT_COALESCE_MS, '1ms'),
      new Option('--seed <number>', 'repeats the random choices of a run (default: a new one every time, which the result names)').argParser(integer(0, 0xffffffff)),
    ],
  },
  {
    title: 'What you get:',
    flags: [
      new Option('--json <file>', 'write the result for machines; - is standard output').argParser(fileName),
      new Option('--html <file>', 'write the result as one page with charts').argParser(pageName),
      new Option('--fail-if <condition>', "exit with 1 when it comes true, as in 'p99 > 20ms'; may be repeated").argParser(repeated(threshold)),
      new Option('--watch-pid <pid>', 'CPU per call, memory and threads of this process and its children; may be repeated').argParser(repeated(integer(1, 4_194_304))),
      new Option('--compare <files...>', 'no run: print two results of --json side by side'),
      new Option('-q, --quiet', 'print nothing but errors and thresholds that failed'),
    ],
  },
];

/** The flags that the operator has typed, `--rate` each. */
export function flagsGiven(command: Command): string[] {
  return command.options.filter((option) => command.getOptionValueSource(option.attributeName()) === 'cli').map(({ long, flags }) => long ?? flags);
}

/** Adds the flags to a command. */
export function addLoadFlags(command: Command): Command {
  for (const { title, flags } of GROUPS) for (const flag of flags) command.addOption(flag.helpGroup(title));
  return command;
}
