/**
 * Runs a benchmark: the one way to run any TypeScript below bench/. Node 20 cannot read TypeScript, so esbuild makes one module of
 * the file and what it imports (packages stay outside), in bench/out/, and this process runs it.
 *
 *     node bench/run.mjs bench/micro/main.ts [ARGS …]
 *
 * What a benchmark imports of src/ is built with it, always as it stands in the working tree. What it starts as a process or as a
 * worker thread is dist/: `npm run setup` builds that when it is stale, and the scripts of package.json begin with it.
 * `--cpu-prof` and other flags of Node go before bench/run.mjs.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'bench', 'out');

const [, , file, ...args] = process.argv;
if (file === undefined || file.startsWith('-')) {
  console.error('usage: node bench/run.mjs bench/FOLDER/FILE.ts [ARGS …]');
  process.exit(2);
}
const source = resolve(file);
mkdirSync(OUT, { recursive: true });
// A name of its own for each process: two runs at once do not disturb one another.
const module = join(OUT, `${basename(source, '.ts')}.${process.pid}.mjs`);
try {
  await build({
    entryPoints: [source],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    sourcemap: 'inline',
    outfile: module,
    logLevel: 'error',
  });
} catch {
  process.exit(2);
}
process.on('exit', () => rmSync(module, { force: true }));
process.setSourceMapsEnabled(true);
process.argv = [process.execPath, source, ...args];
// What a result names as its command: without the path of this folder.
process.env.VIADUCT_BENCH_FILE ??= relative(ROOT, source).split(sep).join('/');
await import(pathToFileURL(module).href);
