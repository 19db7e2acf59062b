/**
 * The micro benchmarks: `npm run bench:micro -- --only parser`. Each group runs in a process of its own; what comes out is printed as
 * a table and kept as a result, `micro`.
 */
import { fork } from 'node:child_process';
import { Command, Option } from 'commander';
import { figureOf, ROOT, SCRATCH_FOLDER, writeResult, type Figure } from '../results.js';
import { significant } from '../statistics.js';
import type { Group, Row } from './benchmark.js';
import { GROUPS } from './groups.js';

/** What a group may take at most. */
const GROUP_TIMEOUT_MS = 180_000;

interface Options {
  readonly only?: readonly string[];
  readonly quick?: boolean;
  readonly save: boolean;
}

const program = new Command('npm run bench:micro --')
  .description('Times the parts of the proxy by themselves, in nanoseconds an operation.')
  .addOption(new Option('--only <names...>', 'these groups alone; nothing is kept then').choices(GROUPS.map(({ name }) => name)))
  .option('--quick', 'tiny inputs: shows that everything runs, the figures say nothing')
  .option('--no-save', 'keep no result in bench/results/')
  .addHelpText('after', `\nGroups:\n${GROUPS.map(({ name, about }) => `  ${name.padEnd(20)} ${about}`).join('\n')}`)
  .parse();
const options: Options = program.opts();

const chosen = GROUPS.filter(({ name }) => options.only?.includes(name) ?? true);
const measured: { group: string; rows: readonly Row[] }[] = [];
try {
  for (const [i, group] of chosen.entries()) {
    console.error(`[${i + 1}/${chosen.length}] ${group.name} …`);
    const rows = await measureApart(group);
    measured.push({ group: group.name, rows });
    print(group, rows);
  }
  if (options.save && options.only === undefined) {
    const path = writeResult('micro', { figures: figuresOf(measured), raw: measured }, options.quick === true ? SCRATCH_FOLDER : undefined);
    console.error(`kept in ${path.slice(ROOT.length + 1)}`);
  }
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

/** Rows of a group, measured in a process of its own. */
async function measureApart(group: Group): Promise<Row[]> {
  const child = fork('bench/run.mjs', ['bench/micro/group-process.ts', group.name, options.quick === true ? 'quick' : 'full'], {
    cwd: ROOT,
    timeout: GROUP_TIMEOUT_MS,
    execArgv: [],
  });
  return new Promise((resolve, reject) => {
    let rows: Row[] | undefined;
    child.on('message', (message) => { rows = message as Row[]; });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (rows !== undefined && code === 0) resolve(rows);
      else reject(new Error(`the process of ${group.name} ended with ${signal ?? `exit code ${code}`} before it was through`));
    });
  });
}

function print(group: Group, rows: readonly Row[]): void {
  const lines = rows.map(({ name, ns, minNs, maxNs, bytes }) => [
    name,
    String(significant(ns)),
    `${significant(minNs)} to ${significant(maxNs)}`,
    bytes === undefined ? '' : String(significant(ns / bytes)),
  ]);
  const head = [group.name, 'ns', 'least to most', lines.some((line) => line[3] !== '') ? 'ns a byte' : ''];
  const widths = head.map((cell, column) => Math.max(cell.length, ...lines.map((line) => line[column]!.length)));
  console.log(`\n${group.about}`);
  for (const line of [head, ...lines]) {
    console.log(line.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ').trimEnd());
  }
}

/** `parser.parse-and-validate-bye-298-bytes`: what pages quote. */
function figuresOf(groups: readonly { group: string; rows: readonly Row[] }[]): Record<string, Figure> {
  const figures: Record<string, Figure> = {};
  for (const { group, rows } of groups) {
    for (const { name, roundsNs } of rows) {
      const key = name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replace(/^-|-$/g, '');
      figures[`${group}.${key}`] = figureOf('ns', roundsNs.map((ns) => significant(ns, 4)));
    }
  }
  return figures;
}
