/**
 * The engine alone with 6,000, 60,000 and 600,000 transactions alive: memory of a transaction, CPU per call at each size, longest
 * time that it keeps its thread. On virtual time, a process for each size, the sizes in turns.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { figure, figureOf, type Figure } from '../results.js';
import { ratioOfRounds } from '../statistics.js';
import { figureText, printTable, progress } from '../macro/show.js';
import type { FromChild, ToChild } from './engine-child.js';
import type { AliveOptions } from './options.js';
import type { Mix, StageOptions } from './shard-stage.js';

/** Of a hundred calls. */
const MIX: Mix = { answered: 80, refused: 15, cancelled: 5 };
const ALL_ANSWERED: Mix = { answered: 100, refused: 0, cancelled: 0 };
const ALL_REFUSED: Mix = { answered: 0, refused: 100, cancelled: 0 };
const RING_MS = 3000;
const STORE_BYTES = 1 << 30;
/** Live INVITEs: of the smaller and the larger size. */
const LIVE = [6_000, 60_000] as const;

/** Bytes: wanted, and not above. */
const FINISHED_GOALS = ['600', '1,200'];
const LIVE_GOALS = ['3,000', '5,000'];

/** One answer of a child, with what it was asked. */
export interface Step {
  readonly size: string;
  readonly step: string;
  readonly answer: FromChild;
}

/** What the part hands over. */
export interface EngineResult {
  readonly figures: Record<string, Figure>;
  readonly raw: { readonly mix: Mix; readonly ringMs: number; readonly steps: readonly Step[] };
}

/** One of the parts that need no network. */
export async function enginePart(part: 'memory' | 'cpu' | 'burst', options: AliveOptions): Promise<EngineResult> {
  const run = new Run(options);
  await run[part]();
  return { figures: run.figures, raw: { mix: MIX, ringMs: RING_MS, steps: run.steps } };
}

class Run {
  readonly figures: Record<string, Figure> = {};
  readonly steps: Step[] = [];
  readonly #sizes: readonly number[];
  readonly #options: AliveOptions;

  constructor(options: AliveOptions) {
    this.#options = options;
    this.#sizes = options.sizes;
  }

  /** Bytes of one more transaction: the difference of two sizes, each in a process of its own, after a collection. */
  async memory(): Promise<void> {
    const [small, large] = [this.#sizes.at(-2) ?? this.#sizes[0]!, this.#sizes.at(-1)!];
    const finished = async (name: string, mix: Mix, per: (answer: FromChild) => number, share = 1): Promise<void> => {
      const ends: FromChild[] = [];
      for (const alive of [small, large]) {
        ends.push(await this.#once(`${name} ${alive}`, { ...this.#stage(alive * share), mix, ringMs: 0 }, [{ do: 'run', calls: this.#options.warmUpCalls }, { do: 'fill' }]));
      }
      this.#difference(`memory.finished.${name}`, ends[0]!, ends[1]!, per);
    };
    await finished('answered', ALL_ANSWERED, ({ servers }) => servers);
    // A refused INVITE is kept longest at its branch: Timer D, 32 s, where its server transaction has T4, 5 s.
    await finished('refused', ALL_REFUSED, ({ clients }) => clients, 5 / 32);
    await finished('mix', MIX, ({ servers }) => servers);
    for (const [name, failureHandler] of [['relay', false], ['failure', true]] as const) {
      const ends: FromChild[] = [];
      for (const live of LIVE) {
        const calls = Math.ceil((live * this.#options.scale) / 64) * 64;
        ends.push(await this.#once(`live ${name} ${calls}`, { ...this.#stage(small), ringMs: 0, failureHandler }, [{ do: 'run', calls: this.#options.warmUpCalls }, { do: 'ring', calls }]));
      }
      this.#difference(`memory.live.${name}`, ends[0]!, ends[1]!, ({ ringing }) => ringing);
    }
    const row = (title: string, name: string, goals: readonly string[]): string[] => [title, figureText(this.figures[`memory.${name}`]), ...goals];
    printTable('Memory, bytes a transaction with its branch', ['', 'bytes', 'goal', 'not above'], [
      row('finished, all calls answered', 'finished.answered', FINISHED_GOALS),
      row('finished, all calls refused', 'finished.refused', FINISHED_GOALS),
      row('finished, mixed calls', 'finished.mix', FINISHED_GOALS),
      row('ringing INVITE', 'live.relay', LIVE_GOALS),
      row('ringing INVITE, script with a failure handler', 'live.failure', LIVE_GOALS),
    ]);
  }

  /** CPU per call with every size alive, in turns, and the longest times meanwhile. */
  async cpu(): Promise<void> {
    const children: { readonly name: string; readonly child: Child; readonly cpu: number[]; readonly answers: FromChild[] }[] = [];
    const largest = this.#sizes.at(-1)!;
    // A script with a failure handler keeps an object on the heap for each call that rings.
    const stages = [...this.#sizes.map((alive) => ({ name: String(alive), options: this.#stage(alive) })), { name: `${largest}.failure`, options: { ...this.#stage(largest), failureHandler: true } }];
    for (const { name, options } of stages) {
      const child = new Child();
      children.push({ name, child, cpu: [], answers: [] });
      await child.ask({ do: 'make', options });
      await child.ask({ do: 'run', calls: this.#options.warmUpCalls });
      const { servers, clients, ringing, rate } = await child.ask({ do: 'fill' });
      progress(`CPU: ${servers} server and ${clients} client transactions alive, ${ringing} calls ring, ${Math.round(rate)} calls/s of virtual time`);
    }
    for (let round = 1; round <= this.#options.rounds; round++) {
      for (const { name, child, cpu, answers } of children) {
        const answer = await child.ask({ do: 'run', calls: this.#options.roundCalls });
        this.#note(name, `round ${round}`, answer);
        cpu.push(answer.cpuNs / 1000 / answer.calls);
        answers.push(answer);
      }
      progress(`CPU, round ${round} of ${this.#options.rounds}: ${children.map(({ name, cpu }) => `${cpu.at(-1)!.toFixed(2)} µs/call with ${name}`).join(', ')}`);
    }
    const first = children[0]!;
    for (const { name, child, cpu, answers } of children) {
      this.figures[`cpu.${name}`] = figureOf('µs/call', cpu);
      this.figures[`pause.${name}.timers`] = figureOf('ms', answers.map(({ longestAdvanceMs }) => longestAdvanceMs));
      this.figures[`pause.${name}.batch`] = figureOf('ms', answers.map(({ longestBatchMs }) => longestBatchMs));
      this.figures[`pause.${name}.gc`] = figureOf('ms', answers.map(({ longestGcMs }) => longestGcMs));
      this.figures[`gc.${name}`] = figureOf('µs/call', answers.map(({ gcMs, calls }) => (gcMs * 1000) / calls));
      if (name !== first.name) {
        const { median, min, max } = ratioOfRounds(cpu, first.cpu);
        this.figures[`cpu.${name}/${first.name}`] = { unit: 'ratio', value: median, min, max };
      }
      child.end();
    }
    const row = (title: string, figureOfName: (name: string) => string): string[] => [title, ...children.map(({ name }) => figureText(this.figures[figureOfName(name)]))];
    const head = children.map(({ name }) => Number.parseInt(name, 10).toLocaleString('en-US') + (name.endsWith('failure') ? ', failure handler' : ''));
    printTable('Engine by transactions alive: median (least to most)', ['', ...head], [
      row('CPU, µs per call', (name) => `cpu.${name}`),
      row(`  ÷ with ${head[0]!}`, (name) => `cpu.${name}/${first.name}`),
      row('collector, µs per call', (name) => `gc.${name}`),
      row('longest collection, ms', (name) => `pause.${name}.gc`),
      row('longest batch of 64 messages, ms', (name) => `pause.${name}.batch`),
      row('longest run of timers, ms', (name) => `pause.${name}.timers`),
    ]);
  }

  /** All transactions finish within a second, and so end within a second: in steps of a timer tick, and after the thread was held. */
  async burst(): Promise<void> {
    const alive = this.#sizes.at(-1)!;
    const calls = Math.ceil(alive / 2 / 64) * 64;
    for (const [name, stepMs] of [['burst', 10], ['late', 60_000]] as const) {
      const longest: number[] = [];
      const child = new Child();
      await child.ask({ do: 'make', options: { ...this.#stage(alive), mix: ALL_ANSWERED, ringMs: 0 } });
      for (let round = 0; round < Math.min(3, this.#options.rounds); round++) {
        const answer = await child.ask({ do: 'burst', calls, stepMs });
        this.#note(String(alive), name, answer);
        longest.push(answer.longestAdvanceMs);
        progress(`${name}: ${2 * calls} transactions end in a second, the engine kept its thread ${answer.longestAdvanceMs.toFixed(1)} ms at most`);
      }
      child.end();
      this.figures[`pause.${alive}.${name}`] = figureOf('ms', longest);
    }
    printTable(`${alive.toLocaleString('en-US')} transactions end within a second: how long the engine keeps its thread`, ['', 'ms', 'goal', 'not above'], [
      ['looking after its timers every 10 ms', figureText(this.figures[`pause.${alive}.burst`]), '10', '30'],
      ['coming so late that all are due at once', figureText(this.figures[`pause.${alive}.late`]), '10', '30'],
    ]);
  }

  #stage(alive: number): StageOptions {
    return { alive, mix: MIX, ringMs: RING_MS, failureHandler: false, transactions: this.#options.tableRows, storeBytes: STORE_BYTES };
  }

  async #once(step: string, options: StageOptions, messages: readonly ToChild[]): Promise<FromChild> {
    const child = new Child();
    let answer = await child.ask({ do: 'make', options });
    for (const message of messages) answer = await child.ask(message);
    child.end();
    this.#note(String(options.alive), step, answer);
    progress(`memory, ${step}: ${(answer.rss / 1e6).toFixed(0)} MB resident, ${answer.servers} server and ${answer.clients} client transactions`);
    return answer;
  }

  #difference(name: string, small: FromChild, large: FromChild, per: (answer: FromChild) => number): void {
    this.figures[name] = figure('bytes', Math.round((large.rss - small.rss) / Math.max(1, per(large) - per(small))));
  }

  #note(size: string, step: string, answer: FromChild): void {
    this.steps.push({ size, step, answer });
  }
}

/** A process that stands for one size. */
class Child {
  readonly #process: ChildProcess;

  constructor() {
    this.#process = fork(fileURLToPath(import.meta.url), [CHILD_FLAG], { execArgv: ['--expose-gc', '--enable-source-maps'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  async ask(message: ToChild): Promise<FromChild> {
    this.#process.send(message);
    const failed = new AbortController();
    const [answer] = (await Promise.race([
      once(this.#process, 'message', { signal: failed.signal }),
      once(this.#process, 'exit', { signal: failed.signal }).then(([code]) => {
        throw new Error(`the process of this size has ended (exit code ${code}) at ${JSON.stringify(message)}`);
      }),
    ])) as [FromChild];
    failed.abort();
    return answer;
  }

  end(): void {
    this.#process.disconnect();
  }
}

/** The argument by which this module, started again, becomes a child. */
export const CHILD_FLAG = '--child';
