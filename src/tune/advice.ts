/** From what a sweep measured to what to set: predictions for this machine and others, the recommendation, notes. Pure. */
import type { Config } from '../config/schema.js';
import { SHARDS_MAX } from '../limits.js';
import type { Machine } from '../load/report/result.js';
import { shardsText } from './drive.js';
import { betterCoalesce, costWith, handsOver, mean, recommend, saturationPerS, shardsUntilMain, type CallCost, type CoalesceFigures } from './model.js';
import type { SweepOutcome } from './sweep.js';
import { TUNE_FORMAT, type TuneResult, type TuneStep } from './tune-result.js';

/** Cores of the machines that predictions are made for, besides this one. */
const MACHINE_CORES = [4, 8, 16, 32];
/** Cores that others keep busy, as a share of all, from which on figures are doubted. */
const OTHERS_SHARE = 0.1;

/** What one gives up for it. */
const WITHOUT_SHARDS =
  'Without shards the engine and the script run in the main thread: no time goes into handing messages over, but a script that computes for long holds up all traffic, control and signals too, and one that ends its process ends the proxy. With --shards 1,2 only numbers with shards are compared';

/** What a result is made of besides the measurements. */
export interface AdviceFacts {
  readonly version: string;
  readonly command: string;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly cores: number;
  readonly config: Config;
  /** The configuration's own script routed the calls. */
  readonly ownRoutes: boolean;
  /** The frequency governor, when it is not `performance`. */
  readonly governor: string | undefined;
}

/** The costs of the steps that mean something. */
export function costsOf(steps: readonly TuneStep[]): CallCost[] {
  return steps
    .filter(({ usable }) => usable)
    .map(({ shards, cpuUsPerCall: { main, shards: each, other } }) => ({ shards, mainUs: main, shardsUs: each.reduce((sum, us) => sum + us, 0), otherUs: other }));
}

/** The number of shards for this machine, from the steps so far. */
export function shardsForThisMachine(steps: readonly TuneStep[], cores: number): number {
  return recommend(costsOf(steps), cores, SHARDS_MAX).shards;
}

/** The whole result. */
export function resultOf(outcome: SweepOutcome, facts: AdviceFacts): TuneResult {
  const { steps, coalesceRounds, driver, ratePerS, warmUpMs, measuredMs } = outcome;
  const { cores, config } = facts;
  const costs = costsOf(steps);
  const here = recommend(costs, cores, SHARDS_MAX);
  const machines = [here, ...MACHINE_CORES.filter((other) => other !== cores).map((other) => recommend(costs, other, SHARDS_MAX))];
  const feeding = costs.filter(handsOver);
  // The figures of the main thread are those beside as many shards as it can feed.
  const feeds = feeding.length > 0 ? shardsUntilMain(feeding, SHARDS_MAX) : here.shards;
  const cost = costWith(feeding.length > 0 ? feeding : costs, feeds);
  return {
    format: TUNE_FORMAT,
    version: facts.version,
    command: facts.command,
    startedAt: facts.startedAt,
    machine: facts.machine,
    cores,
    config: config.file ?? null,
    script: facts.ownRoutes ? config.routes : 'relay',
    driver,
    present: { shards: config.shards, coalesceUs: config.io.coalesceUs },
    ratePerS,
    warmUpS: warmUpMs / 1000,
    measuredS: measuredMs / 1000,
    steps,
    coalesceRounds,
    prediction: {
      mainLimitPerS: feeds === 0 || handsOver(cost) ? Math.round(saturationPerS(cost.mainUs)) : 0,
      shardLimitPerS: feeds > 0 ? Math.round(saturationPerS(cost.shardsUs)) : 0,
      shardsUntilMain: feeds,
      machines: machines.map((prediction) => ({ ...prediction, limitPerS: Math.round(prediction.limitPerS) })),
    },
    recommendation: { shards: here.shards, coalesceUs: betterCoalesce(coalesceFigures(coalesceRounds), config.io.coalesceUs, !coalesceRounds.flat().some(({ crowded }) => crowded))?.coalesceUs ?? null },
    notes: [...(here.shards === 0 ? [WITHOUT_SHARDS] : []), ...notesOf(outcome, facts)],
  };
}

/** The rounds by setting. Settings with a round that means nothing are left out. */
export function coalesceFigures(rounds: readonly (readonly TuneStep[])[]): CoalesceFigures[] {
  const settings = [...new Set(rounds.flatMap((steps) => steps.map(({ coalesceUs }) => coalesceUs)))].sort((a, b) => a - b);
  return settings.flatMap((coalesceUs) => {
    const steps = rounds.flatMap((round) => round.filter((step) => step.coalesceUs === coalesceUs));
    if (!steps.every(({ usable }) => usable)) return [];
    return [{ coalesceUs, totalUs: steps.map(({ cpuUsPerCall }) => cpuUsPerCall.total), addedP99Us: steps.map(({ addedP99Us }) => addedP99Us ?? 0) }];
  });
}

function notesOf({ steps, coalesceRounds }: SweepOutcome, { cores, governor, machine }: AdviceFacts): string[] {
  const notes: string[] = [];
  const crowded = steps.filter((step) => step.crowded);
  if (crowded.length > 0) {
    const most = Math.max(...crowded.map(({ shards }) => shards)) + 2;
    notes.push(
      `${crowded.length === steps.length ? 'This machine is too small for a sweep' : 'The largest steps do not fit on this machine'}: generator, main thread and shards are up to ${most} threads on ${cores} ${cores === 1 ? 'core' : 'cores'}, so rates and delays are those of all of them together. What is recommended rests on the CPU time of each thread, which is the thread's own`,
    );
  }
  if (cores < machine.cores) notes.push(`this process may use ${cores} of the ${machine.cores} cores`);
  const others = mean([...steps, ...coalesceRounds.flat()].map(({ othersCores }) => othersCores));
  if (others > OTHERS_SHARE * machine.cores) notes.push(`other processes kept ${others.toFixed(1)} of ${machine.cores} cores busy meanwhile: measure again when they do not`);
  if (governor !== undefined) notes.push(`the CPU frequency governor is ${governor}: with performance, figures are steadier and often better`);
  for (const { shards, usable, remarks } of steps) if (remarks.length > 0) notes.push(`with ${shardsText(shards)}: ${remarks.join('; ')}${usable ? '' : '; this step is left out of what is recommended'}`);
  return notes;
}
