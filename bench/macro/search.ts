/**
 * The highest rate without a failed call, the generator on the same cores. Searches of several proxies go step by step in turns,
 * so that what disturbs the machine for a while disturbs all of them. A step that does not pass is tried once more.
 */
import type { ProcessGroup } from '../../test/e2e/process-group.js';
import { measure, type Sample } from './measure.js';
import type { MacroOptions } from './options.js';
import type { ProxyUnderTest } from './proxy.js';
import { progress } from './show.js';

/** Up or down by this much until a rate passes and one does not. */
const STRIDE = 1.5;
/** The answer is known within this. */
const PRECISION = 1.05;
const TRIES = 2;
const STEPS_MAX = 24;
/** After its last call was begun a step has this long to end; a call takes 1.1 s. */
const DRAIN_S = 5;

/** One try of one rate. */
export interface SearchStep {
  readonly ratePerS: number;
  readonly passed: boolean;
  /** Why it did not pass. */
  readonly reason: string | null;
  readonly sample: Sample;
}

/** Where a search stands. Pure; `next` until it says undefined. */
export class RateSearch {
  private best = 0;
  private worst = Infinity;
  private failures = 0;
  private steps = 0;
  private rate: number;

  /** `stride`, `precision`: ratios above 1. */
  constructor(fromPerS: number, private readonly tries = TRIES, private readonly stride = STRIDE, private readonly precision = PRECISION) {
    this.rate = fromPerS;
  }

  /** The rate to try now, calls/s; undefined: it is over. */
  next(): number | undefined {
    if (this.steps >= STEPS_MAX || this.worst / this.best <= this.precision || this.rate < 10) return undefined;
    return Math.round(this.rate / 10) * 10;
  }

  /** How the rate of `next` came out. */
  tried(passed: boolean): void {
    this.steps++;
    const rate = Math.round(this.rate / 10) * 10;
    if (!passed && ++this.failures < this.tries) return;
    this.failures = 0;
    if (passed) this.best = rate;
    else this.worst = rate;
    this.rate = this.worst === Infinity ? rate * this.stride : this.best === 0 ? rate / this.stride : Math.sqrt(this.best * this.worst);
  }

  /** Highest rate that passed; 0 when none did. */
  get bestPerS(): number {
    return this.best;
  }
}

/** All searches, in turns; steps by label. */
export async function searchHighest(group: ProcessGroup, proxies: readonly ProxyUnderTest[], options: MacroOptions): Promise<{ best: Record<string, number>; steps: Record<string, SearchStep[]> }> {
  const running = proxies.map((proxy) => ({ proxy, search: new RateSearch(options.maxFromPerS, options.quick ? 1 : TRIES, STRIDE, options.quick ? 2 : PRECISION) }));
  const steps: Record<string, SearchStep[]> = Object.fromEntries(proxies.map(({ label }) => [label, []]));
  for (let going = true; going; ) {
    going = false;
    for (const { proxy, search } of running) {
      const ratePerS = search.next();
      if (ratePerS === undefined || (options.quick && steps[proxy.label]!.length >= 2)) continue;
      going = true;
      const all = steps[proxy.label]!;
      const sample = await measure(group, proxy, { ratePerS, round: all.length + 1, seconds: options.seconds, settleS: options.settleS, drainS: DRAIN_S });
      const reason = !sample.kept ? sample.reasons[0]! : sample.failed > 0 ? `${sample.failed} calls failed` : null;
      search.tried(reason === null);
      all.push({ ratePerS, passed: reason === null, reason, sample });
      progress(`max ${proxy.label}: ${ratePerS}/s ${reason === null ? 'passed' : `did not pass (${reason})`}, p99 added ${(sample.addedP99Us / 1000).toFixed(1)} ms`);
    }
  }
  return { best: Object.fromEntries(running.map(({ proxy, search }) => [proxy.label, search.bestPerS])), steps };
}
