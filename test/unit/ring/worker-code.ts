/** Runs TypeScript of a test in a real worker thread, on every Node that we support: bundled in memory, no file written. */
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** Starts `source` (imports relative to this folder) with `workerData`; rejects when the worker throws. */
export function runWorker(source: string, workerData: unknown): Promise<unknown> {
  const built = buildSync({
    stdin: { contents: source, resolveDir: FOLDER, loader: 'ts' },
    bundle: true, write: false, platform: 'node', format: 'cjs', external: ['koffi'],
    // The bundle is evaluated, not loaded from a file: import.meta.url has to be told where packages are found from.
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  });
  const worker = new Worker(built.outputFiles[0]!.text, { eval: true, workerData });
  return new Promise((resolve, reject) => {
    let message: unknown;
    worker.on('message', (value) => { message = value; });
    worker.on('error', reject);
    worker.on('exit', () => { resolve(message); });
  });
}
