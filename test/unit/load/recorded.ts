/** Blocks and histograms with values in them, for tests. */
import { Histogram, HISTOGRAM_SLOTS, record } from '../../../src/load/histogram.js';
import { METRICS_SLOTS, recordTime } from '../../../src/load/metrics.js';
import { Snapshot } from '../../../src/load/report/snapshot.js';

/** A histogram of these values. */
export function histogramOf(us: readonly number[]): Histogram {
  const slots = new Float64Array(HISTOGRAM_SLOTS);
  for (const value of us) record(slots, 0, value);
  const histogram = new Histogram();
  histogram.add(slots, 0);
  return histogram;
}

/** A reading of one thread at `atMs`: counters by `L_*`, times by `T_*`. */
export function snapshotOf(atMs: number, counters: Readonly<Record<number, number>>, times: Readonly<Record<number, readonly number[]>> = {}): Snapshot {
  const block = new Float64Array(METRICS_SLOTS);
  for (const [index, value] of Object.entries(counters)) block[Number(index)] = value;
  for (const [index, values] of Object.entries(times)) for (const us of values) recordTime(block, Number(index), us);
  return Snapshot.take([block], atMs);
}
