/**
 * Ends worker threads at every moment of their start, some of it while they load native code. How: `terminate` ends each
 * of many threads, `exit MS` ends the process that long after its thread began to run.
 */
import { Worker } from 'node:worker_threads';
import { shareNativeLoading, whileEnding } from '../../dist/net/native-loading.js';

const libc = new URL('../../dist/net/libc.js', import.meta.url).href;
const thread = new URL(`data:text/javascript,import { loadLibc } from ${JSON.stringify(libc)}; loadLibc();`);
const [how, afterMs] = process.argv.slice(2);

/** Busy, because a timer comes too late to hit the moment. */
function busyFor(ms) {
  for (const startMs = performance.now(); performance.now() - startMs < ms;);
}

async function startThread() {
  const worker = new Worker(thread);
  await new Promise((resolve) => worker.once('online', resolve));
  return worker;
}

shareNativeLoading();
if (how === 'exit') {
  await startThread();
  busyFor(Number(afterMs));
  process.exit(0);
}
for (let i = 0; i < 100; i++) {
  const worker = await startThread();
  busyFor((i % 50) / 3);
  await whileEnding(() => worker.terminate());
}
console.log('ended');
