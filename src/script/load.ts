/**
 * Loads routing scripts: `compileScript` turns the operator's TypeScript or JavaScript into one text, once, in the main
 * thread; `instantiateScript` (in a file of its own, free of the compiler) evaluates that text in every shard.
 *
 * Invariant: whatever is wrong with a script comes out as one `ScriptLoadError` that names the places.
 */
import { stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SourceMapPayload } from 'node:module';
import type { BuildFailure, BuildResult, Message } from 'esbuild';
import { bundleBanner, PLACE_DEFINES, scriptPlugin } from './bundle.js';
import { loadProblem, ScriptLoadError, type ScriptProblem } from './load-error.js';
import { withInlineMap } from './source-position.js';

export { instantiateScript } from './instantiate.js';
export { formatProblem, ScriptLoadError, type ScriptProblem } from './load-error.js';
export { routeSource, type ScriptPlace } from './source-position.js';

/** A routing script as one text. Plain data: it is posted to shards as it is. */
export interface CompiledScript {
  /** Absolute path of the script. */
  readonly file: string;
  /** ES module with its source map inline. Imports nothing but modules of Node and absolute URLs. */
  readonly code: string;
  /** Absolute paths of all files that went into `code`, the script itself included: what a reload watches. */
  readonly inputs: readonly string[];
}

/** What a file is called in error messages, and how it ends. */
export interface ScriptWords {
  readonly noun: string;
  readonly ending: string;
}

const ROUTING_SCRIPT: ScriptWords = { noun: 'routing script', ending: 'export default defineRoutes({ … })' };

const EXTENSIONS = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** Compilations under way: with the last one the compiler's child process ends too. */
let compiling = 0;

/**
 * Compiles the routing script `file` (relative paths: to the working directory). Types are removed, not checked:
 * `checkScript` does that. `words` name another kind of file than a routing script. Reads the files anew each time. Throws `ScriptLoadError`.
 */
export async function compileScript(file: string, words: ScriptWords = ROUTING_SCRIPT): Promise<CompiledScript> {
  const path = resolve(file);
  await requireFile(path, words);
  const result = await bundle(path);
  const code = result.outputFiles.find((output) => output.path.endsWith('.mjs'))?.text ?? '';
  const map = JSON.parse(result.outputFiles.find((output) => output.path.endsWith('.map'))?.text ?? '{}') as SourceMapPayload;
  const dir = dirname(path);
  map.sources = map.sources.map((source) => pathToFileURL(resolve(dir, source)).href);
  const inputs = Object.keys(result.metafile.inputs).map((input) => resolve(dir, input));
  const [output] = Object.values(result.metafile.outputs).filter((candidate) => candidate.entryPoint !== undefined);
  if (output !== undefined && !output.exports.includes('default')) {
    throw new ScriptLoadError([loadProblem(path, `no default export: a ${words.noun} ends in \`${words.ending}\``)]);
  }
  return { file: path, code: withInlineMap(code, map), inputs };
}

async function requireFile(path: string, { noun }: ScriptWords): Promise<void> {
  try {
    if (!(await stat(path)).isFile()) throw new ScriptLoadError([loadProblem(path, `the ${noun} must be a file`)]);
  } catch (error) {
    if (error instanceof ScriptLoadError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file' : code === 'EACCES' ? 'permission denied' : String(error);
    throw new ScriptLoadError([loadProblem(path, `cannot read the ${noun}: ${why}`)], { cause: error });
  }
  if (!EXTENSIONS.includes(extname(path))) {
    throw new ScriptLoadError([loadProblem(path, `a ${noun} ends in ${EXTENSIONS.join(', ')}, this one in "${extname(path)}"`)]);
  }
}

type Bundle = BuildResult<{ metafile: true; write: false }>;

async function bundle(path: string): Promise<Bundle> {
  // Loaded here because the compiler is only needed in the main thread, and only now.
  const esbuild = await import('esbuild');
  compiling++;
  try {
    return await esbuild.build({
      entryPoints: [path],
      absWorkingDir: dirname(path),
      outfile: `${basename(path, extname(path))}.bundle.mjs`,
      write: false,
      bundle: true,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      charset: 'utf8',
      sourcemap: 'external',
      logLevel: 'silent',
      // Packages resolve by Node's own conditions and fields only, without those that bundlers add.
      conditions: [],
      mainFields: ['main'],
      // A script reads the same wherever it lies: no tsconfig.json above it changes what it means.
      tsconfigRaw: '{}',
      define: PLACE_DEFINES,
      banner: { js: bundleBanner(path) },
      plugins: [scriptPlugin],
    });
  } catch (error) {
    if (isBuildFailure(error)) throw new ScriptLoadError(error.errors.map((message) => toProblem(path, message)), { cause: error });
    throw error;
  } finally {
    compiling--;
    // The child of esbuild would not keep this process alive, but a proxy that runs for months need not carry it.
    if (compiling === 0) await esbuild.stop();
  }
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors) && error.errors.length > 0;
}

function toProblem(path: string, message: Message): ScriptProblem {
  const { location, text } = message;
  if (location === null) return loadProblem(path, text);
  return loadProblem(resolve(dirname(path), location.file), text, location.line, location.column + 1);
}
