/** The guide names what there is: a flag or a key of the result that it does not know is missing there. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { tuneCommand } from '../../../src/cli/tune.js';
import { TUNE_FORMAT, type TuneResult, type TuneStep } from '../../../src/tune/tune-result.js';

const guide = readFileSync(new URL('../../../docs/tuning.md', import.meta.url), 'utf8');
const marked = [...guide.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text!).join(' ');

/** By their types, every key is here. */
const RESULT: Readonly<Record<keyof TuneResult | keyof TuneStep | keyof TuneResult['prediction'] | keyof TuneStep['cpuUsPerCall'] | keyof TuneResult['prediction']['machines'][number], true>> = {
  format: true, version: true, command: true, startedAt: true, machine: true, cores: true, config: true, script: true, driver: true, present: true, ratePerS: true, warmUpS: true, measuredS: true, steps: true,
  coalesceRounds: true, prediction: true, recommendation: true, notes: true, shards: true, coalesceUs: true, askedPerS: true, reachedPerS: true, calls: true, failed: true, failurePercent: true, cpuUsPerCall: true,
  addedP50Us: true, addedP99Us: true, crowded: true, othersCores: true, usable: true, remarks: true, mainLimitPerS: true, shardLimitPerS: true, shardsUntilMain: true, machines: true, main: true, other: true, total: true,
  generator: true, limitPerS: true, bottleneck: true, estimated: true,
};

describe('docs/tuning.md', () => {
  it('names every flag', () => {
    const flags = tuneCommand().options.map(({ long }) => long ?? '').filter((flag) => flag !== '--config');
    expect(flags.filter((flag) => !guide.includes(flag))).toEqual([]);
  });

  it('names every key of the result, and its format', () => {
    expect(Object.keys(RESULT).filter((key) => !new RegExp(`\\b${key}\\b`).test(marked))).toEqual([]);
    expect(marked).toContain(TUNE_FORMAT);
  });
});
