/** CPU per call at given rates: the proxies in turns, all of them up through all rounds. */
import type { ProcessGroup } from '../../test/e2e/process-group.js';
import { figureOf, type Figure } from '../results.js';
import { addRatios } from './ratios.js';
import { measure, type Sample } from './measure.js';
import type { MacroOptions } from './options.js';
import type { ProxyUnderTest } from './proxy.js';
import { progress, runLine } from './show.js';

/** One rate, all rounds. `samples` are in the order of measuring. */
export async function cpuAtRate(group: ProcessGroup, proxies: readonly ProxyUnderTest[], options: MacroOptions, ratePerS: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (let round = 1; round <= options.rounds; round++) {
    for (const proxy of proxies) {
      const sample = await measure(group, proxy, { ratePerS, round, seconds: options.seconds, settleS: options.settleS });
      samples.push(sample);
      progress(`cpu ${ratePerS}/s, round ${round} of ${options.rounds}, ${runLine(sample)}`);
    }
  }
  return samples;
}

/**
 * The figures of one rate: for each proxy `LABEL.cpu`, `LABEL.cpu.ROLE` and what else was counted, and for each but the first
 * `FIRST/LABEL`, the ratio of their CPU round by round. Runs that are not valid are left out; a figure without any is missing.
 */
export function cpuFigures(samples: readonly Sample[], labels: readonly string[]): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const label of labels) {
    const valid = samples.filter(({ proxy, valid: good }) => proxy === label && good);
    if (valid.length === 0) continue;
    const add = (name: string, unit: string, of: (sample: Sample) => number): void => void (figures[`${label}.${name}`] = figureOf(unit, valid.map(of)));
    add('cpu', 'µs/call', ({ cpuUsPerCall }) => cpuUsPerCall);
    for (const role of Object.keys(valid[0]!.roles)) {
      add(`cpu.${role}`, 'µs/call', ({ roles }) => roles[role]?.cpuUsPerCall ?? 0);
      add(`sleeps.${role}`, '/call', ({ roles }) => roles[role]?.sleepsPerCall ?? 0);
      add(`preemptions.${role}`, '/call', ({ roles }) => roles[role]?.preemptionsPerCall ?? 0);
    }
    add('generator', 'µs/call', ({ generatorCpuUsPerCall }) => generatorCpuUsPerCall);
    add('added.p99', 'µs', ({ addedP99Us }) => addedP99Us);
    add('memory', 'bytes', ({ memoryBytes }) => memoryBytes);
    if (valid.every(({ counters }) => counters !== null)) {
      add('datagrams.call', '/call', ({ counters }) => counters!.datagramsInPerCall);
      add('datagrams.main', '/batch', ({ counters }) => counters!.datagramsPerMainBatch);
      add('datagrams.shard', '/batch', ({ counters }) => counters!.datagramsPerShardBatch);
      add('main.datagram', 'µs/datagram', ({ counters, roles }) => (roles['main']?.cpuUsPerCall ?? 0) / Math.max(1, counters!.datagramsInPerCall));
    }
  }
  addRatios(figures, labels, samples, ({ cpuUsPerCall }) => cpuUsPerCall);
  return figures;
}
