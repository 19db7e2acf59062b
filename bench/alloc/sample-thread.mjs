/**
 * Preloaded into a proxy (`node --import`): samples what its thread allocates for a while, as VIADUCT_ALLOC says in JSON: `afterMs`,
 * `forMs` and the `folder` where each thread leaves its profile. Runs in every thread of the process.
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread, threadId } from 'node:worker_threads';

/** Mean distance of two samples, bytes. */
const SAMPLING_INTERVAL_BYTES = 512;

async function sample({ afterMs, forMs, folder }) {
  await sleep(afterMs, undefined, { ref: false });
  const session = new Session();
  session.connect();
  await session.post('HeapProfiler.startSampling', {
    samplingInterval: SAMPLING_INTERVAL_BYTES,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await sleep(forMs, undefined, { ref: false });
  const { profile } = await session.post('HeapProfiler.stopSampling');
  session.disconnect();
  writeFileSync(join(folder, `${isMainThread ? 'main' : `worker-${threadId}`}.json`), JSON.stringify(profile));
}

if (process.env.VIADUCT_ALLOC !== undefined) void sample(JSON.parse(process.env.VIADUCT_ALLOC));
