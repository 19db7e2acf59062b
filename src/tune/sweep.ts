/**
 * The sweep: proxies with different numbers of shards, one after the other, at the same rate; then the settings of
 * `io.coalesceUs` in turn. Main thread.
 *
 * Invariant: however it ends, no proxy is left running and the temporary folder is gone.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { LoadError } from '../load/load-error.js';
import type { StopRequest } from '../load/run/waker.js';
import type { Progress } from '../load/view/view.js';
import { drive, shardsText, type DrivePlan, type DriveSetting } from './drive.js';
import { sweepRate } from './model.js';
import { startProxyProcess, type ProxyProcess } from './proxy-process.js';
import { RELAY_SCRIPT } from './relay-script.js';
import { TuneError } from './tune-error.js';
import type { TuneStep } from './tune-result.js';

/** Calls that show whether any comes through, and what the first guess at a rate is made from. */
const TRIAL: DrivePlan = { ratePerS: 50, warmUpMs: 0, measuredMs: 300 };
/** Guesses at the rate: each at the rate that the one before gave, while the proxy gets warm and its calls cheaper. */
const FIRST_RATE_PER_S = 1000;
const GUESSES: readonly Omit<DrivePlan, 'ratePerS'>[] = [
  { warmUpMs: 1000, measuredMs: 500 },
  { warmUpMs: 1000, measuredMs: 500 },
  { warmUpMs: 1500, measuredMs: 800 },
];
/** A rate at which the very first step fails is halved so often. */
const HALVINGS = 2;
/** A finished INVITE and its BYE lie in the tables for this long, and each is a transaction. */
const KEPT_S = 32;
const TRANSACTIONS_PER_CALL = 2;
const TABLE_SHARE = 0.9;
/** Share of a step that warms up. */
const WARM_UP_SHARE = 0.5;
/** Rounds in which the settings of `io.coalesceUs` are compared, and the length of each drive as a share of a step. */
const COALESCE_ROUNDS = 3;
const ROUND_SHARE = 1 / 4;
/** What a proxy takes to start and stop, a drive to begin and end, and guessing the rate. */
const STEP_OVERHEAD_MS = 1500;
const DRIVE_OVERHEAD_MS = 700;
const GUESS_MS = 8000;

/** What is to be measured. */
export interface SweepJob {
  /** Everything that is not swept comes from here, but for addresses, logs and control socket. */
  readonly config: Config;
  /** Where the generator takes calls when the configuration's own script routes them; undefined: a plain relay script does. */
  readonly callee: { readonly host: string; readonly family: 4 | 6; readonly port: number } | undefined;
  /** Rising. */
  readonly counts: readonly number[];
  /** Settings of `io.coalesceUs` to compare beside the present one; empty: none. */
  readonly coalesceUs: readonly number[];
  /** Calls per second; undefined: what suits this machine. */
  readonly ratePerS: number | undefined;
  /** Length of a step, warm-up included, milliseconds. */
  readonly stepMs: number;
  readonly cores: number;
  /** The modules that the processes and threads run: `proxy-main.js` and the load thread. */
  readonly entries: { readonly proxy: URL; readonly load: URL };
}

/** Hears how it goes. */
export interface SweepListener {
  /** What is being done now, as in `2 shards: warming up`, and about which share of the whole is over (0 to 1). */
  at(words: string, done: number, progress: Progress | undefined): void;
  /** A step is over. */
  step(step: TuneStep): void;
  /** One line for the operator. */
  note(line: string): void;
}

/** What was measured. */
export interface SweepOutcome {
  readonly driver: 'batch' | 'dgram';
  readonly ratePerS: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
  readonly steps: readonly TuneStep[];
  readonly coalesceRounds: readonly (readonly TuneStep[])[];
}

/** The operator stopped it. */
export class SweepStopped extends Error {
  constructor() {
    super('stopped');
    this.name = 'SweepStopped';
  }
}

/** About how long a sweep takes, milliseconds. */
export function sweepMs({ counts, coalesceUs, stepMs }: Pick<SweepJob, 'counts' | 'coalesceUs' | 'stepMs'>): number {
  const settings = coalesceUs.length === 0 ? 0 : coalesceUs.length + 1;
  return GUESS_MS + counts.length * (stepMs + STEP_OVERHEAD_MS) + settings * (STEP_OVERHEAD_MS + (COALESCE_ROUNDS + 1) * (stepMs * ROUND_SHARE + DRIVE_OVERHEAD_MS));
}

/** The length of a step with which the whole takes about `wholeMs`, within bounds. */
export function stepMsFor(wholeMs: number, job: Pick<SweepJob, 'counts' | 'coalesceUs'>, leastMs: number, mostMs: number): number {
  const fixedMs = sweepMs({ ...job, stepMs: 0 });
  const perMs = sweepMs({ ...job, stepMs: 1 }) - fixedMs;
  return Math.min(mostMs, Math.max(leastMs, Math.round((wholeMs - fixedMs) / perMs / 500) * 500));
}

/**
 * Measures. `choose` picks the number of shards with which the settings of `io.coalesceUs` are compared. Rejects with SweepStopped
 * when `stop` asked for it, with a TuneError or LoadError when something does not work.
 */
export async function sweep(job: SweepJob, listener: SweepListener, stop: StopRequest, choose: (steps: readonly TuneStep[]) => number): Promise<SweepOutcome> {
  const folder = mkdtempSync(join(tmpdir(), 'viaduct-tune-'));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', removeFolder);
  const run = new Sweep(job, listener, stop, folder);
  try {
    return await run.run(choose);
  } finally {
    await run.stopAll();
    removeFolder();
    process.off('exit', removeFolder);
  }
}

class Sweep {
  private readonly proxies = new Set<ProxyProcess>();
  private readonly beganMs = performance.now();
  private readonly wholeMs: number;
  private readonly setting: DriveSetting;
  private readonly routes: string;
  private words = '';
  private driver: 'batch' | 'dgram' = 'batch';

  constructor(
    private readonly job: SweepJob,
    private readonly listener: SweepListener,
    private readonly stop: StopRequest,
    folder: string,
  ) {
    this.wholeMs = sweepMs(job);
    this.routes = job.callee === undefined ? join(folder, 'relay.ts') : job.config.routes;
    if (job.callee === undefined) writeFileSync(this.routes, RELAY_SCRIPT);
    this.setting = {
      loadEntry: job.entries.load,
      callee: job.callee ?? { host: '127.0.0.1', family: 4, port: 0 },
      cores: job.cores,
      stop,
      onProgress: (progress) => this.tell(progress),
    };
  }

  async run(choose: (steps: readonly TuneStep[]) => number): Promise<SweepOutcome> {
    const { counts, stepMs } = this.job;
    const plan = { warmUpMs: Math.round(stepMs * WARM_UP_SHARE), measuredMs: Math.round(stepMs * (1 - WARM_UP_SHARE)) };
    let ratePerS = this.job.ratePerS;
    const steps: TuneStep[] = [];
    for (const shards of counts) {
      const first = steps.length === 0;
      this.say(`${shardsText(shards)}: starting`);
      const proxy = await this.start(shards, this.job.config.io.coalesceUs);
      if (first) await this.tryCalls(proxy, shards);
      ratePerS ??= await this.guessRate(proxy, shards);
      let step = await this.measure(proxy, shards, this.job.config.io.coalesceUs, { ...plan, ratePerS });
      for (let halved = 0; first && this.job.ratePerS === undefined && step.remarks.length > 0 && halved < HALVINGS; halved++) {
        ratePerS = Math.ceil(ratePerS / 2);
        this.listener.note(`${step.remarks.join('; ')}: once more with ${ratePerS} calls/s`);
        step = await this.measure(proxy, shards, this.job.config.io.coalesceUs, { ...plan, ratePerS });
      }
      steps.push(step);
      this.listener.step(step);
      await this.end(proxy);
    }
    if (!steps.some(({ usable }) => usable)) throw new TuneError('VD_TUNE_CALLS', `too many calls failed at ${ratePerS ?? 0} calls/s for a result: measure with a lower --rate, or when the machine has less to do`);
    const coalesceRounds = this.job.coalesceUs.length === 0 || this.driver === 'dgram' ? [] : await this.compareCoalesce(choose(steps), ratePerS ?? 0);
    return { driver: this.driver, ratePerS: ratePerS ?? 0, ...plan, steps, coalesceRounds };
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.proxies].map((proxy) => this.end(proxy)));
  }

  /** A few calls, so that a script which sends them elsewhere is found out at once, and not by thousands that fail. */
  private async tryCalls(proxy: ProxyProcess, shards: number): Promise<void> {
    this.say('a few calls to try');
    const { callee, config } = this.job;
    const hint = callee === undefined ? '' : `: the script ${config.routes} has to send new calls to ${callee.host}:${callee.port}, where the generator takes them`;
    try {
      const step = await drive(this.setting, proxy, shards, config.io.coalesceUs, TRIAL);
      this.refuseStopped();
      if (step.calls > step.failed) return;
      throw new TuneError('VD_TUNE_CALLS', `no call came through the proxy${hint}`);
    } catch (error) {
      if (error instanceof LoadError && error.code === 'VD_LOAD_UNREACHABLE') throw new TuneError('VD_TUNE_CALLS', `no call came through the proxy${hint}`, { cause: error });
      throw error;
    }
  }

  /** A rate that keeps every thread busy and none too busy. */
  private async guessRate(proxy: ProxyProcess, shards: number): Promise<number> {
    let rate = FIRST_RATE_PER_S;
    for (const plan of GUESSES) {
      this.say('looking for a rate');
      const { cpuUsPerCall: cpu } = await drive(this.setting, proxy, shards, this.job.config.io.coalesceUs, { ...plan, ratePerS: rate });
      this.refuseStopped();
      const { limits } = this.job.config;
      rate = sweepRate({
        cores: this.job.cores,
        cost: { shards, mainUs: cpu.main, shardsUs: sum(cpu.shards), otherUs: cpu.other },
        generatorUs: cpu.generator,
        tableCalls: (TABLE_SHARE * Math.max(1, shards) * Math.min(limits.transactions, limits.branches)) / TRANSACTIONS_PER_CALL,
        drivenS: Math.min(KEPT_S, (GUESS_MS + this.job.stepMs) / 1000),
      });
    }
    return rate;
  }

  private async measure(proxy: ProxyProcess, shards: number, coalesceUs: number, plan: DrivePlan, words = ''): Promise<TuneStep> {
    this.say(`${shardsText(shards)}${words}`);
    const step = await drive(this.setting, proxy, shards, coalesceUs, plan);
    this.refuseStopped();
    return step;
  }

  /** Each setting has a proxy of its own, all warm, and they are driven in turn: what disturbs the machine disturbs all alike. */
  private async compareCoalesce(shards: number, ratePerS: number): Promise<TuneStep[][]> {
    const present = this.job.config.io.coalesceUs;
    const settings = [...new Set([present, ...this.job.coalesceUs])].sort((a, b) => a - b);
    const roundMs = this.job.stepMs * ROUND_SHARE;
    const plan: DrivePlan = { ratePerS, warmUpMs: Math.round(roundMs * 0.4), measuredMs: Math.round(roundMs * 0.6) };
    const rounds: TuneStep[][] = [];
    this.say('starting proxies with other settings of io.coalesceUs');
    const proxies: (readonly [coalesceUs: number, proxy: ProxyProcess])[] = [];
    for (const coalesceUs of settings) proxies.push([coalesceUs, await this.start(shards, coalesceUs)]);
    for (let round = 0; round <= COALESCE_ROUNDS; round++) {
      const steps: TuneStep[] = [];
      // There and back: none always comes first.
      for (const [coalesceUs, proxy] of round % 2 === 0 ? proxies : proxies.toReversed()) steps.push(await this.measure(proxy, shards, coalesceUs, plan, `, coalesceUs ${coalesceUs}${round === 0 ? ', warming up' : `, round ${round}`}`));
      // Round 0 warms up.
      if (round > 0) rounds.push(steps);
    }
    return rounds;
  }

  private async start(shards: number, coalesceUs: number): Promise<ProxyProcess> {
    this.refuseStopped();
    const { config, entries } = this.job;
    const proxy = await startProxyProcess(
      {
        ...config,
        listen: [{ host: '127.0.0.1', family: 4, port: 0, advertise: undefined }],
        shards,
        routes: this.routes,
        io: { ...config.io, coalesceUs },
        log: { level: 'silent', format: 'json' },
        control: { socket: undefined },
        shutdown: { drainMs: 0 },
      },
      entries.proxy,
    );
    this.proxies.add(proxy);
    this.driver = proxy.driver;
    this.refuseStopped();
    return proxy;
  }

  private async end(proxy: ProxyProcess): Promise<void> {
    await proxy.stop();
    this.proxies.delete(proxy);
  }

  private refuseStopped(): void {
    if (this.stop.requested) throw new SweepStopped();
  }

  private say(words: string): void {
    this.words = words;
    this.tell(undefined);
  }

  private tell(progress: Progress | undefined): void {
    const done = Math.min(0.99, (performance.now() - this.beganMs) / this.wholeMs);
    this.listener.at(this.words, done, progress);
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
