/**
 * `npm run bench`: all micro benchmarks, then Viaduct as a whole, then with many transactions alive. Each part is a program of its own that can be run alone and writes
 * results of its own; what it is called with here stands in them. With `--quick` every benchmark there is, several at a time: the guard
 * that keeps them from rotting.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { kamailioVersion } from './peers/kamailio.js';
import { ROOT } from './results.js';

interface Part {
  readonly name: string;
  /** Part of `npm run bench` without flags, in this order. */
  readonly own: boolean;
}

/** The longest first, as far as their order is free. */
const PARTS: readonly Part[] = [
  { name: 'micro', own: true },
  { name: 'alloc', own: true },
  { name: 'macro', own: true },
  { name: 'alive', own: true },
  { name: 'peers', own: false },
  { name: 'load', own: false },
  { name: 'shards', own: false },
];

/** Programs at a time with `--quick`: they mostly wait. */
const AT_A_TIME = 3;

const HELP = `Measures Viaduct: its parts by themselves, what it allocates, then the whole proxy, then many transactions.

npm run bench                    some twenty minutes, on a machine that does nothing else
npm run bench -- --quick         every benchmark with tiny inputs, to see that it works: a minute or two

The parts alone, each with flags of its own (--help):
${PARTS.filter(({ own }) => own).map(({ name }) => `  npm run bench:${name}`).join('\n')}
  npm run bench:peers            beside Kamailio
  npm run bench:load             the load generator, beside SIPp
  npm run bench:shards           how many shards this machine wants, and bigger ones
`;

/** Runs a part. With `quick` its output is returned, else it goes to the terminal. */
async function run({ name }: Part, quick: boolean): Promise<{ readonly code: number; readonly output: string }> {
  const child = spawn(process.execPath, ['bench/run.mjs', `bench/${name}/main.ts`, ...(quick ? ['--quick'] : [])], {
    cwd: ROOT,
    stdio: quick ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    env: { ...process.env, VIADUCT_BENCH_COMMAND: `npm run bench:${name}` },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code: code ?? 1, output };
}

async function runQuickly(): Promise<void> {
  const waiting = PARTS.filter((part) => part.name !== 'peers' || kamailioIsThere());
  // Those that take longest begin first.
  waiting.sort((a, b) => Number(a.name === 'micro' || a.name === 'shards') - Number(b.name === 'micro' || b.name === 'shards'));
  const worker = async (): Promise<void> => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      const began = performance.now();
      const { code, output } = await run(part, true);
      process.stderr.write(`bench:${part.name}: ${code === 0 ? 'works' : `FAILED (exit ${code})`}, ${Math.round((performance.now() - began) / 1000)} s\n${code === 0 ? '' : output}`);
      if (code !== 0) process.exitCode = 1;
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
}

/** Without Kamailio its part is left out, or fails where peers are required (continuous integration). */
function kamailioIsThere(): boolean {
  try {
    kamailioVersion();
    return true;
  } catch (error) {
    process.stderr.write(`bench:peers: left out: ${error instanceof Error ? error.message : String(error)}\n`);
    if (process.env['VIADUCT_REQUIRE_PEERS'] === '1') process.exitCode = 1;
    return false;
  }
}

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h', default: false } } });
if (values.help) process.stdout.write(HELP);
else if (values.quick) await runQuickly();
else {
  for (const part of PARTS.filter(({ own }) => own)) {
    process.stderr.write(`\n== npm run bench:${part.name}\n`);
    const { code } = await run(part, false);
    if (code !== 0) process.exit(code);
  }
}
