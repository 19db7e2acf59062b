/**
 * Runs a proof against an engine with a fault in it. The quick proof is simulation: the bundle of `quick-proof.ts`, made with
 * the faulted text, in a thread that is ended when it hangs. The long proof is the hand-written tests of the area, in a
 * vitest of their own. Nothing is written to the tree.
 */
import { type Plugin, build } from 'esbuild';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type Fault, StaleFault, applyFault, editsOf } from './fault.js';

/** Longest time of a quick proof; one without a fault takes two seconds. */
const QUICK_LIMIT_MS = 20_000;
/** Longest time of the tests of one area. */
const TESTS_LIMIT_MS = 120_000;

/** What came of a fault. `caughtBy` is absent when it survived. */
export interface Verdict {
  readonly fault: Fault;
  readonly caughtBy?: string;
  /** The text of the fault fits its source no more, or does not compile. */
  readonly stale?: string;
  readonly ms: number;
}

export interface ProofOptions {
  /** Root of the repository, with a slash at its end. */
  readonly root: string;
  /** Faults at a time. */
  readonly jobs: number;
  /** Whether a fault that the simulation lets through goes on to the tests that it names. */
  readonly runsTests: boolean;
  /** A fault is done: for progress. */
  onVerdict?(verdict: Verdict, done: number): void;
}

/** Proves all faults, `jobs` at a time; verdicts in the order of the faults. */
export async function proveAll(faults: readonly Fault[], options: ProofOptions): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  let next = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < faults.length; index = next++) {
      const verdict = await prove(faults[index]!, options);
      verdicts[index] = verdict;
      done++;
      options.onVerdict?.(verdict, done);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, lane));
  return verdicts;
}

async function prove(fault: Fault, { root, runsTests }: ProofOptions): Promise<Verdict> {
  const startMs = performance.now();
  const verdict = (rest: Partial<Verdict>): Verdict => ({ fault, ...rest, ms: performance.now() - startMs });
  let code: string;
  try {
    code = await bundle(root, fault);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return verdict({ stale: error instanceof StaleFault ? problem : `fault "${fault.name}" does not compile: ${problem}` });
  }
  // What the simulation cannot see costs no time there, unless it is asked for everything.
  let caughtBy = fault.tests === undefined || runsTests ? await quickly(code) : undefined;
  if (caughtBy === undefined && runsTests && fault.tests !== undefined) caughtBy = await byTests(root, fault.tests, fault);
  return verdict(caughtBy === undefined ? {} : { caughtBy });
}

/** Without any fault both proofs have to hold: what fails here, or undefined. */
export async function baseline(faults: readonly Fault[], { root, runsTests }: ProofOptions): Promise<string | undefined> {
  const quick = await quickly(await bundle(root, undefined));
  if (quick !== undefined || !runsTests) return quick;
  const tests = [...new Set(faults.flatMap((fault) => fault.tests ?? []))];
  return tests.length === 0 ? undefined : byTests(root, tests, undefined);
}

/** The quick proof as one script for a worker. Throws `StaleFault`. */
async function bundle(root: string, fault: Fault | undefined): Promise<string> {
  // Before esbuild, whose errors hide ours.
  const texts = new Map<string, string>();
  for (const file of fault === undefined ? [] : editsOf(fault).keys()) texts.set(file, applyFault(fault!, file, readFileSync(`${root}${file}`, 'utf8')));
  const used = new Set<string>();
  const plugin: Plugin = {
    name: 'viaduct-fault',
    setup(setup) {
      setup.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = path.slice(root.length).replaceAll('\\', '/');
        const contents = texts.get(file);
        if (contents === undefined) return undefined;
        used.add(file);
        return { contents, loader: 'ts' };
      });
    },
  };
  const contents = `
    import { parentPort } from 'node:worker_threads';
    import { quickProof } from './test/mutation/quick-proof.ts';
    quickProof().then((broken) => parentPort.postMessage(broken ?? ''));
  `;
  const result = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    format: 'cjs',
    platform: 'node',
    write: false,
    logLevel: 'silent',
    plugins: [plugin],
  });
  for (const file of texts.keys()) if (!used.has(file)) throw new StaleFault(`fault "${fault!.name}" is in ${file}, which the simulation does not use`);
  return result.outputFiles[0]!.text;
}

/** What the quick proof found; undefined when all its rules hold. */
function quickly(code: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 768 } });
    const finish = (found: string | undefined): void => {
      clearTimeout(timer);
      resolve(found);
      void worker.terminate();
    };
    const timer = setTimeout(() => { finish('simulation: it never ends'); }, QUICK_LIMIT_MS);
    worker.once('message', (found: string) => { finish(found === '' ? undefined : `simulation, ${found}`); });
    worker.once('error', (error: unknown) => { finish(`simulation: ${error instanceof Error ? error.message : String(error)}`); });
  });
}

interface JsonReport {
  readonly success: boolean;
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** The first test that fails; undefined when all pass. */
function byTests(root: string, tests: readonly string[], fault: Fault | undefined): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const env: NodeJS.ProcessEnv = { ...process.env, ...(fault === undefined ? {} : { VIADUCT_FAULT: JSON.stringify(fault) }) };
    // Within a vitest this one must not take itself for a part of the other.
    for (const name of Object.keys(env)) if (name.startsWith('VITEST')) delete env[name];
    const args = [`${root}node_modules/vitest/vitest.mjs`, 'run', '-c', `${root}test/mutation/vitest.config.ts`, ...tests.map((test) => `test/${test}`)];
    const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let errors = '';
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      child.kill('SIGKILL');
    }, TESTS_LIMIT_MS);
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString(); });
    child.stderr.on('data', (chunk: Buffer) => { errors += chunk.toString(); });
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(timer);
      if (hangs) {
        resolve('tests: they never end');
        return;
      }
      const json = output.slice(output.indexOf('{"'));
      let report: JsonReport;
      try {
        report = JSON.parse(json) as JsonReport;
      } catch {
        reject(new Error(`vitest gave no report:\n${output}${errors}`));
        return;
      }
      if (report.numTotalTests === 0 && report.testResults.length === 0) reject(new Error(`no tests match ${tests.join(', ')}:\n${errors}`));
      const failed = report.testResults.flatMap(({ assertionResults }) => assertionResults).find(({ status }) => status === 'failed');
      if (failed !== undefined) resolve(`test "${failed.fullName}"`);
      else if (report.success) resolve(undefined);
      else resolve(`tests: ${report.testResults.find(({ status }) => status === 'failed')?.message.split('\n')[0] ?? 'failed'}`);
    });
  });
}
