/** What `viaduct tune` does: puts flags, sweep, views and files together. Main thread. */
import { accessSync, constants, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { formatBind, type BindAddress } from '../config/address.js';
import { editSettings, type SettingChange } from '../config/edit.js';
import { loadConfig } from '../config/load.js';
import { configSchema, type Config } from '../config/schema.js';
import { systemReason } from '../errors.js';
import { SHARDS_MAX } from '../limits.js';
import { thisMachine } from '../load/report/machine.js';
import { StopRequest } from '../load/run/waker.js';
import { screenOf } from '../load/view/style.js';
import { VERSION } from '../telemetry/version.js';
import { resultOf, shardsForThisMachine } from '../tune/advice.js';
import { diffLines } from '../tune/line-diff.js';
import { canMeasureThreads, slowGovernor } from '../tune/machine-notes.js';
import { sweepCounts } from '../tune/model.js';
import { killProxies } from '../tune/proxy-process.js';
import { stepMsFor, sweep, SweepStopped, type SweepJob } from '../tune/sweep.js';
import { TuneError } from '../tune/tune-error.js';
import type { TuneResult } from '../tune/tune-result.js';
import { diffText, tuneText } from '../tune/tune-text.js';
import { tuneView, type TuneView } from '../tune/tune-view.js';
import { refuseUnwritableConfig, writeConfig } from '../tune/write-config.js';
import { commandLine } from './load-action.js';
import { DEFAULT_CONFIG_FILE } from './options.js';

const ENTRIES = { proxy: new URL('../tune/proxy-main.js', import.meta.url), load: new URL('../load/thread.js', import.meta.url) };
/** What the whole takes when nobody says how long a step is, and the bounds of a step. */
const WHOLE_MS = 60_000;
const STEP_LEAST_MS = 4000;
const STEP_MOST_MS = 15_000;
const INTERRUPTED_EXIT_CODE = 130;

/** What commander makes of the flags. */
export interface TuneFlags {
  readonly config?: string;
  readonly shards?: readonly number[];
  readonly coalesce: readonly number[];
  readonly rate?: number;
  /** Milliseconds. */
  readonly seconds?: number;
  readonly routes?: BindAddress;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: string;
}

/** The configuration that is to be changed, as it was when the sweep began. */
interface ConfigText {
  readonly file: string;
  readonly text: string;
}

/** Measures, prints, and changes the configuration when it may. */
export async function tune(argument: string | undefined, flags: TuneFlags): Promise<void> {
  refuseContradictions(argument, flags);
  const file = argument ?? flags.config;
  const config = loadConfig(file ?? DEFAULT_CONFIG_FILE);
  const toChange = file === undefined || flags.dryRun === true ? undefined : changeable(file);
  if (flags.json !== undefined && flags.json !== '-') refuseUnwritable(flags.json);
  if (!canMeasureThreads()) throw new TuneError('VD_TUNE_UNSUPPORTED', 'viaduct tune needs the CPU time of single threads from /proc/thread-self/schedstat, which this system does not have (Linux only)');
  const result = await measure(jobOf(config, flags), config, flags);
  if (result === undefined) {
    process.stderr.write('viaduct: stopped; nothing was written\n');
    process.exitCode = INTERRUPTED_EXIT_CODE;
    return;
  }
  const text = flags.json === '-' ? process.stderr : process.stdout;
  text.write(tuneText(result, screenOf(text, process.env)));
  writeJson(result, flags.json);
  await apply(result, file, toChange, flags, text);
}

function refuseContradictions(argument: string | undefined, { config, routes, dryRun, yes }: TuneFlags): void {
  if (argument !== undefined && config !== undefined && argument !== config) throw usage(`found two configurations, ${argument} and --config ${config}; allowed: one`);
  // What is bound to 127.0.0.1, as the proxies are, reaches nothing else.
  if (routes !== undefined && (routes.port === 0 || !routes.host.startsWith('127.'))) throw usage(`--routes: found ${formatBind(routes).replace('udp:', '')}; allowed: an address of this machine’s loopback and a port, as in 127.0.0.1:5070`);
  if (dryRun === true && yes === true) throw usage('--dry-run changes nothing and --yes changes without asking: use one of them');
}

/** Reads what is to be changed, and refuses now what could not be written after a minute of measuring. */
function changeable(file: string): ConfigText {
  refuseUnwritableConfig(file);
  const text = readFileSync(file, 'utf8');
  const tried = editSettings(text, [{ path: ['shards'], value: SHARDS_MAX }]);
  if ('refusal' in tried) throw refused(file, tried.refusal);
  return { file, text };
}

function refused(file: string, refusal: string): TuneError {
  return new TuneError('VD_TUNE_WRITE', `${file} has to be changed by hand: ${refusal}; viaduct tune --dry-run only measures and prints`);
}

function jobOf(config: Config, { shards, coalesce, rate, seconds, routes }: TuneFlags): SweepJob {
  const cores = availableParallelism();
  // Where the schema takes 0, the engine can run in the main thread.
  const counts = shards ?? sweepCounts(cores, SHARDS_MAX, configSchema.shape.shards.safeParse(0).success);
  const coalesceUs = config.io.driver === 'dgram' ? [] : coalesce.filter((us) => us !== config.io.coalesceUs);
  return { config, callee: routes, counts, coalesceUs, ratePerS: rate, stepMs: seconds ?? stepMsFor(WHOLE_MS, { counts, coalesceUs }, STEP_LEAST_MS, STEP_MOST_MS), cores, entries: ENTRIES };
}

/** The result; undefined when the operator stopped it. */
async function measure(job: SweepJob, config: Config, { routes }: TuneFlags): Promise<TuneResult | undefined> {
  const stop = new StopRequest();
  const view = tuneView(() => screenOf(process.stderr, process.env), (text) => void process.stderr.write(text), () => performance.now());
  const onSignal = (): void => {
    if (stop.requested) return exitAtOnce(view);
    view.note('stopping; Ctrl+C again stops at once');
    stop.request();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const startedAt = new Date().toISOString();
  try {
    const outcome = await sweep(job, view, stop, (steps) => shardsForThisMachine(steps, job.cores));
    const command = commandLine(process.argv.slice(2));
    return resultOf(outcome, { version: VERSION, command, startedAt, machine: thisMachine(), cores: job.cores, config, ownRoutes: routes !== undefined, governor: slowGovernor() });
  } catch (error) {
    if (error instanceof SweepStopped || stop.requested) return undefined;
    throw error;
  } finally {
    view.end();
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

function exitAtOnce(view: TuneView): void {
  view.end();
  killProxies();
  process.exit(INTERRUPTED_EXIT_CODE);
}

/** Shows the change, and makes it when it may. */
async function apply(result: TuneResult, file: string | undefined, toChange: ConfigText | undefined, { dryRun, yes }: TuneFlags, out: NodeJS.WriteStream): Promise<void> {
  const changes = changesOf(result);
  if (changes.length === 0) return void out.write(`\nThe configuration says so already: nothing to change.\n`);
  if (file === undefined) return void out.write('\nNothing was written: name a configuration to have it changed, as in viaduct tune site.yaml.\n');
  const before = toChange?.text ?? readFileSync(file, 'utf8');
  const edited = editSettings(before, changes);
  if ('refusal' in edited) throw refused(file, edited.refusal);
  out.write(`\n${diffText(file, diffLines(before, edited.text), screenOf(out, process.env))}\n`);
  if (toChange === undefined || dryRun === true) return void out.write('Nothing was written (--dry-run).\n');
  if (yes !== true && !(await agreed(file))) return void out.write(`Nothing was written${process.stdin.isTTY ? '' : ': --yes writes without asking'}.\n`);
  writeConfig(file, before, edited.text);
  out.write(`Written: ${file}. It takes a restart of viaduct run.\n`);
}

function changesOf({ recommendation: { shards, coalesceUs }, present }: TuneResult): SettingChange[] {
  return [
    ...(shards === present.shards ? [] : [{ path: ['shards'], value: shards } as const]),
    ...(coalesceUs === null ? [] : [{ path: ['io', 'coalesceUs'], value: coalesceUs } as const]),
  ];
}

/** Asks on a terminal; elsewhere nobody is there to agree. */
async function agreed(file: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^\s*y(es)?\s*$/i.test(await terminal.question(`Write this into ${file}? [y/N] `, { signal: interrupted(terminal) }));
  } catch (error) {
    if (error instanceof Error && error.name === 'AbortError') return false;
    throw error;
  } finally {
    terminal.close();
  }
}

/** Ctrl+C and the end of the input mean no. */
function interrupted(terminal: ReturnType<typeof createInterface>): AbortSignal {
  const controller = new AbortController();
  terminal.once('SIGINT', () => controller.abort()).once('close', () => controller.abort());
  return controller.signal;
}

function writeJson(result: TuneResult, file: string | undefined): void {
  if (file === undefined) return;
  const text = `${JSON.stringify(result, null, 1)}\n`;
  if (file === '-') return void process.stdout.write(text);
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function refuseUnwritable(file: string): void {
  try {
    const known = statSync(file, { throwIfNoEntry: false });
    if (known?.isDirectory() === true) throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' });
    // A pipe or a device is written as it is; a file may still be made.
    accessSync(known === undefined ? dirname(resolve(file)) : file, constants.W_OK);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function unwritable(file: string, error: unknown): TuneError {
  return new TuneError('VD_TUNE_FILE', `cannot write ${file}: ${systemReason(error)}`, { cause: error });
}

function usage(message: string): TuneError {
  return new TuneError('VD_TUNE_USAGE', message);
}
