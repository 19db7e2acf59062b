/**
 * Results of benchmarks, on disk: bench/results/NAME.json says what was measured, where, from which commit, by which command,
 * and has every raw figure. docs/benchmarks.md and the table of the README are made from these files, so a figure that is in no
 * result is in no page. One format for all benchmarks, `viaduct-bench/1`.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { thisMachine } from '../src/load/report/machine.js';
import type { Machine } from '../src/load/report/result.js';
import { summarize, type Summary } from './statistics.js';

/** Name and version of the format. */
export const BENCH_FORMAT = 'viaduct-bench/1';

/** One figure: a number with its unit, or the summary of a few samples of it. */
export interface Figure {
  /** As it is printed: `µs`, `µs/call`, `calls/s`, `bytes`, `ratio`. */
  readonly unit: string;
  /** The number; of several samples their median. */
  readonly value: number;
  readonly min?: number;
  readonly max?: number;
  /** All samples, in the order of measuring. */
  readonly samples?: readonly number[];
}

/** What a benchmark hands over. */
export interface Measured {
  /** The command that repeats it; without it the command of this process, see `thisCommand`. */
  readonly command?: string;
  /** ISO 8601; without it when this process began. */
  readonly startedAt?: string;
  /** The figures that pages quote, by name: `'cpu.4000.viaduct'`, `'parse.invite'`. */
  readonly figures: Readonly<Record<string, Figure>>;
  /** Everything they were made from: JSON, of any shape. */
  readonly raw: unknown;
}

/** A result as the file has it. */
export interface BenchResult {
  readonly format: typeof BENCH_FORMAT;
  readonly name: string;
  readonly command: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly machine: Machine;
  /** Commit of the working tree, and whether there were changes beside results and pages made from them; null outside of git. */
  readonly commit: string | null;
  readonly dirty: boolean;
  readonly figures: Readonly<Record<string, Figure>>;
  readonly raw: unknown;
}

/** The folder of this package, with a slash at its end or not; found from wherever this file was bundled to. */
export const ROOT = packageFolder(dirname(fileURLToPath(import.meta.url)));

/** Where committed results are. */
export const RESULTS_FOLDER = join(ROOT, 'bench', 'results');

/** Where results of runs go that say nothing about speed (`--quick`); not committed. */
export const SCRATCH_FOLDER = join(ROOT, 'bench', 'out', 'results');

/** A figure of one number. */
export function figure(unit: string, value: number): Figure {
  return { unit, value };
}

/** A figure of a few samples: the median, with the least and the most. Throws a RangeError without samples. */
export function figureOf(unit: string, samples: readonly number[]): Figure {
  const { median, min, max }: Summary = summarize(samples);
  return { unit, value: median, min, max, samples };
}

/**
 * Writes `FOLDER/NAME.json`, replacing what is there, and returns the path. `name` is kebab-case. Pass SCRATCH_FOLDER for a run
 * with tiny inputs, so that it replaces no real result.
 */
export function writeResult(name: string, measured: Measured, folder = RESULTS_FOLDER): string {
  const result: BenchResult = {
    format: BENCH_FORMAT,
    name,
    command: measured.command ?? thisCommand(),
    startedAt: measured.startedAt ?? new Date(performance.timeOrigin).toISOString(),
    endedAt: new Date().toISOString(),
    machine: thisMachine(),
    ...workingTree(),
    figures: measured.figures,
    raw: measured.raw,
  };
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.json`);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(result, undefined, 1)}\n`);
  renameSync(`${path}.tmp`, path);
  return path;
}

/** Reads a result; undefined when there is none of that name, an Error when the file is something else. */
export function readResult(name: string, folder = RESULTS_FOLDER): BenchResult | undefined {
  const path = join(folder, `${name}.json`);
  if (!existsSync(path)) return undefined;
  const result = JSON.parse(readFileSync(path, 'utf8')) as Partial<BenchResult>;
  if (result.format !== BENCH_FORMAT || result.name !== name) throw new Error(`${path} is no ${BENCH_FORMAT} of the name ${name}`);
  return result as BenchResult;
}

/**
 * How this process was started, as one would type it in the package's folder: `node bench/run.mjs bench/micro/main.ts --quick`, or
 * with the npm script that VIADUCT_BENCH_COMMAND names: `npm run bench -- --quick`.
 */
export function thisCommand(): string {
  const args = process.argv.slice(2);
  const script = process.env.VIADUCT_BENCH_COMMAND;
  if (script !== undefined) return [script, ...(args.length > 0 ? ['--', ...args] : [])].join(' ');
  return ['node', 'bench/run.mjs', process.env.VIADUCT_BENCH_FILE ?? '(unknown)', ...args].join(' ');
}

/** Commit of the working tree and whether it had changes of its own. */
export function workingTree(root = ROOT): Pick<BenchResult, 'commit' | 'dirty'> {
  try {
    // Results and the pages made from them change while benchmarks run, and change nothing that is measured.
    const changes = git(root, ['status', '--porcelain', '--', '.', ':!bench/results', ':!docs', ':!README.md']);
    return { commit: git(root, ['rev-parse', 'HEAD']), dirty: changes !== '' };
  } catch {
    return { commit: null, dirty: false };
  }
}

function git(root: string, args: readonly string[]): string {
  return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
}

function packageFolder(from: string): string {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (folder === dirname(folder)) throw new Error(`there is no package.json above ${from}`);
  }
}
