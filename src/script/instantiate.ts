/**
 * Evaluates a compiled routing script in the present thread. Runs in every shard; imports no compiler.
 *
 * The text is written to a private temporary file, imported, and the file removed: a file is the one kind of module
 * that stack traces, source maps and debuggers of all Node versions agree on (with a `data:` URL the whole script
 * would stand in every frame). Each call is a new module, so a changed script is new code. Node never frees a module:
 * each reload keeps the old text in memory, some kilobytes.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, extname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Routes } from './api.js';
import type { CompiledScript } from './load.js';
import { loadProblem, ScriptLoadError, type ScriptProblem } from './load-error.js';
import { inlineMap, registerScript, routeSource } from './source-position.js';
import { validateRoutes, type RoutesProblem } from './validate-routes.js';

/**
 * Runs the top level of a compiled script and returns its handlers. Turns on source maps in this thread, so stack
 * traces name the lines of the script as it was written. Throws `ScriptLoadError` when the script throws while it
 * loads, or when its default export is not a set of handlers.
 */
export async function instantiateScript(compiled: CompiledScript): Promise<Routes> {
  const exported = await evaluateScript(compiled);
  const problems = validateRoutes(exported);
  if (problems.length > 0) throw new ScriptLoadError(problems.map((problem) => place(compiled, problem)));
  return exported as Routes;
}

/** Runs the top level of a compiled file and returns its default export. Throws `ScriptLoadError` when that throws. */
export async function evaluateScript(compiled: CompiledScript): Promise<unknown> {
  process.setSourceMapsEnabled(true);
  const dir = await temporaryFolder(compiled);
  try {
    const file = join(dir, `${basename(compiled.file, extname(compiled.file))}.mjs`);
    await writeFile(file, compiled.code, { mode: 0o600, flag: 'wx' });
    const url = pathToFileURL(file).href;
    registerScript(url, compiled.code, compiled.inputs);
    const module = (await import(url)) as { default?: unknown };
    return module.default;
  } catch (error) {
    throw new ScriptLoadError([whileLoading(compiled, error)], { cause: error });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function temporaryFolder(compiled: CompiledScript): Promise<string> {
  try {
    // mkdtemp makes the folder with mode 0700: nobody else can put a module into it.
    return await mkdtemp(join(tmpdir(), 'viaduct-script-'));
  } catch (error) {
    const message = `cannot write to the folder for temporary files ${tmpdir()} (set TMPDIR to one that is writable): ${String(error)}`;
    throw new ScriptLoadError([loadProblem(compiled.file, message)], { cause: error });
  }
}

function whileLoading(compiled: CompiledScript, error: unknown): ScriptProblem {
  const at = routeSource(error);
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const message = `the script failed while it was loaded: ${what}`;
  return at === undefined ? loadProblem(compiled.file, message) : loadProblem(at.file, message, at.line, at.column);
}

/** Where the problem stands in the source: the handler if its name is found, else `export default`. */
function place(compiled: CompiledScript, problem: RoutesProblem): ScriptProblem {
  const map = inlineMap(compiled.code);
  const text = map?.sourcesContent[map.sources.indexOf(pathToFileURL(compiled.file).href)] ?? '';
  const name = problem.handler?.replace(/[$]/g, '\\$&');
  const handler = name === undefined ? -1 : text.search(new RegExp(`(?<![\\w$.])${name}['"]?\\s*[:(,}]`, 'u'));
  const at = handler >= 0 ? handler : text.search(/^[ \t]*(?:export\s+default|export\s*\{[^}]*\bas\s+default|module\.exports\b)/m);
  if (at < 0) return loadProblem(compiled.file, problem.message);
  const before = text.slice(0, at).split('\n');
  return loadProblem(compiled.file, problem.message, before.length, (before.at(-1) ?? '').length + 1);
}
