/**
 * What a real proxy allocates under load, thread by thread, and how long its collections take: one run with `--trace-gc`, and one with
 * the sampling profiler in every thread for the functions that do it.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { measure } from '../macro/measure.js';
import { ownBuild, startViaduct } from '../macro/viaduct.js';
import { ROOT } from '../results.js';
import { ProcessGroup } from '../../test/e2e/process-group.js';
import { sitesOf, type AllocationSite } from './sites.js';
import { collectionsIn, type IsolateCollections } from './trace-gc.js';

/** How a run is made. */
export interface LoadPlan {
  readonly ratePerS: number;
  readonly warmUpS: number;
  readonly seconds: number;
}

export interface ThreadCollections extends IsolateCollections {
  readonly bytesPerCall: number;
  readonly pauseUsPerCall: number;
}

/** Collections of each thread under load; the shard and the main thread are the two that allocate most. */
export async function processCollections({ ratePerS, warmUpS, seconds }: LoadPlan): Promise<ThreadCollections[]> {
  const group = new ProcessGroup('bench-gc');
  try {
    const proxy = await startViaduct(group, { ...ownBuild(), nodeFlags: ['--trace-gc'] });
    await measure(group, proxy, { ratePerS, round: 0, seconds: warmUpS, settleS: 0 });
    const before = proxy.output().length;
    const sample = await measure(group, proxy, { ratePerS, round: 1, seconds, settleS: 0 });
    // The spare thread, which tidies up after its start and allocates nothing, has no part in a call.
    const collections = collectionsIn(proxy.output().slice(before)).filter(({ allocatedBytes }) => allocatedBytes > 0);
    await proxy.stop();
    const callsPerMs = sample.reachedPerS / 1000;
    return collections.map((isolate) => ({
      ...isolate,
      bytesPerCall: isolate.allocatedBytes / isolate.spanMs / callsPerMs,
      pauseUsPerCall: (isolate.pausedMs * 1000) / isolate.spanMs / callsPerMs,
    }));
  } finally {
    await group.dispose();
  }
}

/** Functions that allocate, by thread: `main` and the workers, of which one is the spare. Bytes per call. */
export async function processSites({ ratePerS, warmUpS, seconds }: LoadPlan): Promise<Map<string, AllocationSite[]>> {
  const group = new ProcessGroup('bench-sites');
  try {
    const folder = group.newFolder('profiles');
    const preload = pathToFileURL(join(ROOT, 'bench/alloc/sample-thread.mjs')).href;
    process.env['VIADUCT_ALLOC'] = JSON.stringify({ afterMs: warmUpS * 1000, forMs: seconds * 1000, folder });
    const proxy = await startViaduct(group, { ...ownBuild(), nodeFlags: ['--import', preload] });
    delete process.env['VIADUCT_ALLOC'];
    const { reachedPerS } = await measure(group, proxy, { ratePerS, round: 0, seconds: warmUpS + seconds + 2, settleS: 0 });
    await proxy.stop();
    const threads = new Map<string, AllocationSite[]>();
    for (const file of readdirSync(folder).sort()) {
      const sites = sitesOf(readFileSync(join(folder, file), 'utf8'), ROOT);
      threads.set(file.replace('.json', ''), sites.map((site) => ({ ...site, bytes: site.bytes / seconds / reachedPerS })));
    }
    return threads;
  } finally {
    await group.dispose();
  }
}
