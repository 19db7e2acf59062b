#!/usr/bin/env node
/**
 * The mutation check: puts one deliberate fault at a time into the engine, in memory, and runs the proofs against it. Every
 * fault has to be caught. `npm run mutate -- --help`.
 */
import CliTable from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import { build } from 'esbuild';
import { mkdtempSync, rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** The machinery is TypeScript beside its tests: made into one file where its packages are found, and gone after the import. */
async function load() {
  const folder = mkdtempSync(`${ROOT}node_modules/.viaduct-mutate-`);
  try {
    const outfile = `${folder}/mutation.mjs`;
    await build({
      stdin: { contents: "export * from './test/mutation/faults.ts'; export * from './test/mutation/prove.ts';", resolveDir: ROOT },
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      outfile,
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function jobs(text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 64) throw new InvalidArgumentError('Wanted is an integer from 1 to 64.');
  return value;
}

const program = new Command()
  .name('npm run mutate --')
  .description('Puts deliberate faults into the engine, one at a time and in memory only, and expects a proof to fail for each.')
  .option('--only <name>', 'only faults with this in their name, or of this case')
  .option('--list', 'list the faults and end')
  .option('--quick', 'the simulation only, not the tests that some faults need')
  .option('--jobs <n>', 'faults at a time', jobs, 2)
  .addHelpText('after', '\nExit code 1: a fault survived, its text no longer fits the source, or a proof fails without any fault.')
  .parse();
const { only, list, quick, jobs: lanes } = program.opts();

const { FAULTS, baseline, proveAll } = await load();
const chosen = only === undefined ? FAULTS : FAULTS.filter((fault) => fault.case.split(', ').includes(only) || fault.name.toLowerCase().includes(only.toLowerCase()));
if (chosen.length === 0) {
  console.error(`No fault has ${JSON.stringify(only)} in its name or as its case: see --list.`);
  process.exit(1);
}

function table(head, rows, widths) {
  const made = new CliTable({ head, colWidths: widths, wordWrap: true, style: { head: [], border: [], compact: true } });
  made.push(...rows);
  console.log(made.toString());
}

if (list) {
  table(['case', 'fault', 'where'], chosen.map((fault) => [fault.case, fault.name, fault.file]), [15, 62, 36]);
} else {
  const options = { root: ROOT, jobs: lanes, runsTests: !quick };
  process.stderr.write('Without a fault: ');
  const broken = await baseline(chosen, options);
  if (broken !== undefined) {
    process.stderr.write(`the proof fails already, so it proves nothing.\n${broken}\n`);
    process.exit(1);
  }
  process.stderr.write('all proofs hold.\n');
  const startMs = performance.now();
  const outcome = ({ fault, caughtBy, stale }) => stale ?? caughtBy ?? (quick && fault.tests !== undefined ? 'left to the tests' : 'SURVIVED');
  const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;
  const verdicts = await proveAll(chosen, {
    ...options,
    onVerdict(verdict, done) {
      process.stderr.write(`[${done}/${chosen.length}] ${verdict.fault.name}: ${outcome(verdict)} (${seconds(verdict.ms)})\n`);
    },
  });
  table(['case', 'fault', 'caught by', 'time'], verdicts.map((verdict) => [verdict.fault.case, verdict.fault.name, outcome(verdict), seconds(verdict.ms)]), [15, 44, 72, 9]);
  const stale = verdicts.filter((verdict) => verdict.stale !== undefined);
  const survivors = verdicts.filter((verdict) => verdict.stale === undefined && verdict.caughtBy === undefined && !(quick && verdict.fault.tests !== undefined));
  const caught = verdicts.filter((verdict) => verdict.caughtBy !== undefined).length;
  const left = chosen.length - caught - stale.length - survivors.length;
  console.log(`${caught} of ${chosen.length} faults caught in ${seconds(performance.now() - startMs)}${left > 0 ? `, ${left} left to the tests` : ''}.`);
  for (const { stale: problem } of stale) console.log(problem);
  for (const { fault } of survivors) console.log(`SURVIVED: ${fault.name} (${fault.file}). A test is missing.`);
  if (stale.length + survivors.length > 0) process.exitCode = 1;
}
