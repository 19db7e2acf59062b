/** The guide names what there is: a counter, a time, a flag or a key of the result that it does not know is missing there. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { addLoadFlags } from '../../../src/cli/load-flags.js';
import { LOAD_COUNTERS, LOAD_TIMES } from '../../../src/load/metrics.js';
import { BUILT_IN_SCENARIOS, DEFAULT_MIX } from '../../../src/load/scenario/built-in.js';
import { sampleResult } from './sample-result.js';

const guide = readFileSync(new URL('../../../docs/load.md', import.meta.url), 'utf8');
/** Words that stand in code marks. */
const marked = [...guide.matchAll(/`([^`\n]+)`/g)].map(([, text]) => text!).join(' ');

/** Flags whose words in `--help` say all that there is to say. */
const PLAIN = ['--sockets', '--driver', '--seed', '--t1', '--html', '--password'];

describe('docs/load.md', () => {
  it('names every counter, time and scenario', () => {
    const names = [...LOAD_COUNTERS, ...LOAD_TIMES, ...BUILT_IN_SCENARIOS].map(({ name }) => name);
    expect(names.filter((name) => !new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(marked))).toEqual([]);
  });

  it('gives the weights of the mix', () => {
    expect(guide).toContain(DEFAULT_MIX.map(({ scenario, weight }) => `${weight} % \`${scenario}\``).join(', '));
  });

  it('names every flag but the plainest', () => {
    const flags = addLoadFlags(new Command('load')).options.map(({ long }) => long ?? '');
    expect(flags.filter((flag) => !PLAIN.includes(flag) && !guide.includes(flag))).toEqual([]);
  });

  it('names every key of the result', () => {
    const { series, watch, times, ...result } = sampleResult();
    const keys = [...Object.keys(result), 'series', 'watch', 'times', ...Object.keys(series[0]!), ...Object.keys(watch[0]!), ...Object.keys(watch[0]!.threads[0]!), ...Object.keys(Object.values(times)[0]!), ...Object.keys(result.machine)];
    expect(keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(marked))).toEqual([]);
  });
});
