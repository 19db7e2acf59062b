/**
 * `checkScript`: everything that is wrong with a routing script, without running a proxy. The TypeScript compiler
 * checks its types against this installation's API; then the script is loaded for trial in a thread of its own.
 *
 * The rules are fixed here and not read from a tsconfig.json, so that a script means the same on every machine.
 */
import { statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { CompilerOptions, Diagnostic, default as TypeScript } from 'typescript';
import { CHECK_WORKER_URL, INSTALLATION_DIR, PUBLIC_TYPES_FILE } from './installation.js';
import { compileScript, ScriptLoadError, type CompiledScript } from './load.js';
import { loadProblem, type ScriptProblem } from './load-error.js';

/** A top level that has not finished after this long is reported as a problem. */
const TRIAL_MS = 15_000;

/**
 * Type-checks (strict) and loads `file` for trial. Resolves to the problems found, sorted by place; empty when the
 * script is good. JavaScript gets a syntax check and the trial only. Never rejects because of the script.
 */
export async function checkScript(file: string): Promise<ScriptProblem[]> {
  const path = resolve(file);
  let compiled: CompiledScript;
  try {
    compiled = await compileScript(path);
  } catch (error) {
    if (!(error instanceof ScriptLoadError)) throw error;
    const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
    return merged(isFile ? await typeProblems(path) : [], error.problems);
  }
  const trial = tryToLoad(compiled);
  return merged(await typeProblems(path), await trial);
}

/** TypeScript's words for an import that leads nowhere: the loader's say more. */
const IMPORT_NOT_FOUND = new Set(['TS2307', 'TS2882']);

/** Both lists, sorted by place; of two that speak of the same line, the one that says more. */
function merged(types: readonly ScriptProblem[], load: readonly ScriptProblem[]): ScriptProblem[] {
  const shared = (one: ScriptProblem, others: readonly ScriptProblem[]) =>
    one.line > 0 && others.some((other) => other.file === one.file && other.line === one.line);
  const keptTypes = types.filter((problem) => !(IMPORT_NOT_FOUND.has(problem.code) && shared(problem, load)));
  const keptLoad = load.filter((problem) => !shared(problem, keptTypes));
  return [...keptTypes, ...keptLoad].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column));
}

/** A package that brings no types is `any` to the script, which is nothing the script could have done better. */
const UNTYPED_PACKAGE = 7016;

async function typeProblems(path: string): Promise<ScriptProblem[]> {
  // Loaded here because it is large and nothing but this function needs it.
  const { default: ts } = await import('typescript');
  const nodeTypes = nodeTypesFor(path);
  const program = ts.createProgram({ rootNames: [path], options: checkerOptions(ts, nodeTypes) });
  const diagnostics = [...program.getGlobalDiagnostics(), ...program.getOptionsDiagnostics()];
  for (const source of program.getSourceFiles()) {
    if (source.isDeclarationFile || program.isSourceFileFromExternalLibrary(source)) continue;
    diagnostics.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source));
  }
  return diagnostics
    .filter((diagnostic) => diagnostic.category === ts.DiagnosticCategory.Error)
    .filter((diagnostic) => diagnostic.code !== UNTYPED_PACKAGE && (nodeTypes !== undefined || !namesNode(ts, diagnostic)))
    .map((diagnostic) => toProblem(ts, path, diagnostic));
}

function checkerOptions(ts: typeof TypeScript, nodeTypes: string | undefined): CompilerOptions {
  return {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    // Without the types of Node, those of the browser know the globals that both have (URL, fetch, setTimeout …).
    lib: nodeTypes === undefined ? ['lib.es2023.d.ts', 'lib.dom.d.ts'] : ['lib.es2023.d.ts'],
    module: ts.ModuleKind.ESNext,
    // The resolution that matches the bundler's: extensions may be left out, `.js` may stand for `.ts`.
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    allowImportingTsExtensions: true,
    resolveJsonModule: true,
    isolatedModules: true,
    allowJs: true,
    checkJs: false,
    skipLibCheck: true,
    types: nodeTypes === undefined ? [] : ['node'],
    typeRoots: nodeTypes === undefined ? [] : [dirname(nodeTypes)],
    paths: { viaduct: [PUBLIC_TYPES_FILE] },
  };
}

/** Folder of `@types/node`: the script's own if it has one, else this installation's, else none. */
function nodeTypesFor(path: string): string | undefined {
  for (const from of [path, join(INSTALLATION_DIR, 'package.json')]) {
    try {
      return dirname(createRequire(from).resolve('@types/node/package.json'));
    } catch {
      // Not to be found from there: try the next.
    }
  }
  return undefined;
}

/** Without the types of Node, an import of its modules or a global of its own cannot be judged: no problem then. */
function namesNode(ts: typeof TypeScript, diagnostic: Diagnostic): boolean {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
  return /'node:|@types\/node/.test(text);
}

function toProblem(ts: typeof TypeScript, path: string, diagnostic: Diagnostic): ScriptProblem {
  const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
  const code = `TS${diagnostic.code}`;
  if (diagnostic.file === undefined) return { file: path, line: 0, column: 0, message, code };
  const { line, character } = diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start ?? 0);
  return { file: resolve(diagnostic.file.fileName), line: line + 1, column: character + 1, message, code };
}

async function tryToLoad(compiled: CompiledScript): Promise<readonly ScriptProblem[]> {
  // A thread that is ended halfway cannot clean up: its temporary files lie in a folder that is removed here.
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-check-'));
  try {
    return await trialIn(compiled, { ...process.env, TMPDIR: dir, TEMP: dir });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function trialIn(compiled: CompiledScript, env: NodeJS.ProcessEnv): Promise<readonly ScriptProblem[]> {
  return new Promise((done) => {
    // What the script prints while it loads is not part of the answer.
    const worker = new Worker(CHECK_WORKER_URL, { workerData: compiled, env, stdout: true, stderr: true });
    const finish = (result: string | readonly ScriptProblem[]) => {
      clearTimeout(timer);
      worker.removeAllListeners();
      void worker.terminate().then(() => done(typeof result === 'string' ? [loadProblem(compiled.file, result)] : result));
    };
    const timer = setTimeout(
      () => finish(`the script has not finished loading after ${TRIAL_MS / 1000} s: its top level loops or waits`),
      TRIAL_MS,
    );
    worker.on('message', (problems: readonly ScriptProblem[]) => finish(problems));
    worker.on('error', (error) => finish(`the script failed while it was loaded: ${String(error)}`));
    worker.on('exit', (code) =>
      finish(
        code === 13
          ? 'the script never finishes loading: an await at its top level waits for something that cannot come'
          : `the script ended its thread while it was loaded (exit code ${code})`,
      ),
    );
  });
}
