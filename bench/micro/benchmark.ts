/**
 * What a micro benchmark is made of. A group measures one part of the proxy; it runs in a process of its own, so that no other
 * one's types are in the caches of its compiled code. Every figure is nanoseconds for one operation.
 */
import { Bench } from 'tinybench';
import { summarize } from '../statistics.js';

/** How much is measured. */
export interface Scale {
  /** Tiny inputs: shows that a benchmark still runs, and says nothing about speed. */
  readonly isQuick: boolean;
  /** Time for one task in one round, milliseconds. */
  readonly taskMs: number;
  /** Rounds through all tasks of a group. */
  readonly rounds: number;
}

export const FULL_SCALE: Scale = { isQuick: false, taskMs: 60, rounds: 5 };
export const QUICK_SCALE: Scale = { isQuick: true, taskMs: 0, rounds: 1 };

/** A figure of a group: median of the rounds' medians, with the least and the most. */
export interface Row {
  /** Unique within its group: what is done, to what. */
  readonly name: string;
  readonly ns: number;
  readonly minNs: number;
  readonly maxNs: number;
  /** One value a round. */
  readonly roundsNs: readonly number[];
  /** Length of the message that an operation handles, where it handles one. */
  readonly bytes?: number;
}

/** One thing to be timed. */
export interface Task {
  readonly name: string;
  /** Operations in one call of `run`: enough of them that reading the clock does not count. */
  readonly operations: number;
  readonly run: () => void | Promise<void>;
  readonly bytes?: number;
}

/** A part of the proxy that is measured. */
export interface Group {
  /** What `--only` takes: kebab-case. */
  readonly name: string;
  /** One line on what its figures are. */
  readonly about: string;
  measure(scale: Scale): Promise<Row[]>;
}

/** A group of tasks that are timed by the clock. `tasks` is called in the process that measures. */
export function groupOfTasks(name: string, about: string, tasks: (scale: Scale) => readonly Task[]): Group {
  return { name, about, measure: (scale) => timeTasks(tasks(scale), scale) };
}

/** Times all tasks in turns, `scale.rounds` times, so that what disturbs the machine for a while falls on all of them. */
export async function timeTasks(tasks: readonly Task[], scale: Scale): Promise<Row[]> {
  const samples = tasks.map((): number[] => []);
  for (let round = 0; round < scale.rounds; round++) {
    const warmup = round === 0 && !scale.isQuick;
    const bench = new Bench({ time: scale.taskMs, iterations: scale.isQuick ? 2 : 16, warmup, warmupTime: scale.taskMs, throws: true });
    for (const { name, run } of tasks) bench.add(name, run);
    await bench.run();
    for (const [i, { result }] of bench.tasks.entries()) {
      if (!('latency' in result)) throw new Error(`${tasks[i]!.name} was not measured: ${result.state}`);
      samples[i]!.push((result.latency.p50 * 1e6) / tasks[i]!.operations);
    }
  }
  return tasks.map(({ name, bytes }, i) => row(name, samples[i]!, bytes));
}

/** The row of a task that was measured `roundsNs.length` times. */
export function row(name: string, roundsNs: readonly number[], bytes?: number): Row {
  const { median, min, max } = summarize(roundsNs);
  return { name, ns: median, minNs: min, maxNs: max, roundsNs, ...(bytes === undefined ? {} : { bytes }) };
}

/** Takes a value, so that the compiler cannot do without computing it. */
export function consume(value: number): void {
  consumed = (consumed + value) | 0;
}

/** What has been consumed so far: printed nowhere, but it could be. */
export let consumed = 0;
