/**
 * The benchmark of large tables: what it costs to have hundreds of thousands of transactions alive. See `--help` (options.ts).
 */
import { SCRATCH_FOLDER, RESULTS_FOLDER, writeResult, type Measured } from '../results.js';
import { progress } from '../macro/show.js';
import { serveParent } from './engine-child.js';
import { CHILD_FLAG, enginePart } from './engine-part.js';
import { HELP, aliveOptions, type AliveOptions } from './options.js';
import { proxyPart } from './proxy-part.js';

async function run(options: AliveOptions): Promise<void> {
  const write = (part: string, measured: Measured): void => {
    progress(`written: ${writeResult(`alive-${part}`, measured, options.quick ? SCRATCH_FOLDER : RESULTS_FOLDER)}`);
  };
  if (options.parts.includes('engine')) write('engine', await enginePart(options));
  if (options.parts.includes('proxy')) write('proxy', await proxyPart(options));
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
