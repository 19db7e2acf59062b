/**
 * The benchmark of large tables: what it costs to have hundreds of thousands of transactions alive. See `--help` (options.ts).
 */
import { SCRATCH_FOLDER, RESULTS_FOLDER, writeResult } from '../results.js';
import { progress } from '../macro/show.js';
import { serveParent } from './engine-child.js';
import { CHILD_FLAG, enginePart } from './engine-part.js';
import { HELP, aliveOptions, type AliveOptions } from './options.js';
import { proxyPart } from './proxy-part.js';

async function run(options: AliveOptions): Promise<void> {
  for (const part of options.parts) {
    const startedAt = new Date().toISOString();
    const measured = part === 'proxy' ? await proxyPart(options) : await enginePart(part, options);
    progress(`written: ${writeResult(`alive-${part}`, { startedAt, ...measured }, options.quick ? SCRATCH_FOLDER : RESULTS_FOLDER)}`);
  }
}

if (process.argv[2] === CHILD_FLAG) {
  serveParent();
} else {
  process.on('SIGINT', () => process.exit(130)); // process groups end their children on exit
  process.on('SIGTERM', () => process.exit(143));
  try {
    const options = aliveOptions(process.argv.slice(2));
    if (options === undefined) process.stdout.write(HELP);
    else await run(options);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
