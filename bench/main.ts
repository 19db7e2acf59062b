/**
 * `npm run bench`: all micro benchmarks, then Viaduct as a whole, then with many transactions alive. Each part is a program of its own that can be run alone and writes
 * results of its own; what it is called with here stands in them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { ROOT } from './results.js';

const PARTS = [
  { file: 'bench/micro/main.ts', command: 'npm run bench:micro' },
  { file: 'bench/alloc/main.ts', command: 'npm run bench:alloc' },
  { file: 'bench/macro/main.ts', command: 'npm run bench:macro' },
  { file: 'bench/alive/main.ts', command: 'npm run bench:alive' },
];

const HELP = `Measures Viaduct: its parts by themselves, what it allocates, then the whole proxy, then many transactions.

npm run bench                    some twenty minutes, on a machine that does nothing else
npm run bench -- --quick         tiny inputs, to see that everything works

The parts alone, each with flags of its own (--help):
${PARTS.map(({ command }) => `  ${command}`).join('\n')}
  npm run bench:peers            beside Kamailio
  npm run bench:shards           how many shards this machine wants, and bigger ones
`;

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } } });
if (values.help) process.stdout.write(HELP);
else {
  for (const { file, command } of PARTS) {
    process.stderr.write(`\n== ${command}\n`);
    const child = spawn(process.execPath, ['bench/run.mjs', file, ...(values.quick ? ['--quick'] : [])], {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, VIADUCT_BENCH_COMMAND: command },
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) process.exit(code ?? 1);
  }
}
