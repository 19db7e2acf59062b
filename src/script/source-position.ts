/**
 * From a thrown error to the line of the operator's own script: log lines and load errors point at the `.ts` file that
 * somebody can open, never at the bundle that was evaluated. One registry a thread; `instantiateScript` fills it.
 *
 * Stack traces come in two forms. Node maps frames itself once source maps are on, but a program that installs its own
 * `Error.prepareStackTrace` turns that off; so a frame that still points into the bundle is mapped here.
 */
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** A place in a script. */
export interface ScriptPlace {
  /** Absolute path. */
  readonly file: string;
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
}

interface LoadedScript {
  readonly moduleUrl: string;
  readonly code: string;
  /** Every file of the bundle, in the two spellings that stack traces use. */
  readonly files: readonly { readonly path: string; readonly url: string }[];
  map: SourceMap | undefined;
}

/** Scripts whose handlers may still be running: a reload leaves old ones pending, a bound keeps reloads from piling up. */
const LOADED_SCRIPTS = 8;
const loaded: LoadedScript[] = [];

const INLINE_MAP = '//# sourceMappingURL=data:application/json;base64,';

/** `code` with `map` appended as an inline source map. */
export function withInlineMap(code: string, map: SourceMapPayload): string {
  return `${code}\n${INLINE_MAP}${Buffer.from(JSON.stringify(map)).toString('base64')}\n`;
}

/** The inline source map of a compiled script, `undefined` when there is none. */
export function inlineMap(code: string): SourceMapPayload | undefined {
  const at = code.lastIndexOf(INLINE_MAP);
  if (at < 0) return undefined;
  return JSON.parse(Buffer.from(code.slice(at + INLINE_MAP.length), 'base64').toString()) as SourceMapPayload;
}

/** Remembers that `moduleUrl` is the evaluated form of a script made of the files `inputs` (absolute paths). */
export function registerScript(moduleUrl: string, code: string, inputs: readonly string[]): void {
  const files = inputs.map((path) => ({ path, url: pathToFileURL(path).href }));
  loaded.push({ moduleUrl, code, files, map: undefined });
  if (loaded.length > LOADED_SCRIPTS) loaded.shift();
}

/**
 * The innermost line of an operator's script in the stack of `error`: where the script threw, or where it called the
 * word of the API that threw. `undefined` when no frame belongs to a script loaded in this thread.
 */
export function routeSource(error: unknown): ScriptPlace | undefined {
  const stack = typeof error === 'object' && error !== null && 'stack' in error ? error.stack : undefined;
  if (typeof stack !== 'string') return undefined;
  for (const frame of stack.split('\n')) {
    // The newest script first: after a reload the same file name means the newest text.
    for (let i = loaded.length - 1; i >= 0; i--) {
      const place = placeInFrame(frame, loaded[i]);
      if (place !== undefined) return place;
    }
  }
  return undefined;
}

function placeInFrame(frame: string, script: LoadedScript | undefined): ScriptPlace | undefined {
  if (script === undefined) return undefined;
  const inBundle = positionAfter(frame, script.moduleUrl);
  if (inBundle !== undefined) {
    script.map ??= new SourceMap(inlineMap(script.code) ?? EMPTY_MAP);
    const entry = script.map.findEntry(inBundle.line - 1, Math.max(0, inBundle.column - 1));
    if (!('originalSource' in entry) || !entry.originalSource.startsWith('file:')) return undefined;
    return { file: fileURLToPath(entry.originalSource), line: entry.originalLine + 1, column: entry.originalColumn + 1 };
  }
  for (const { path, url } of script.files) {
    const position = positionAfter(frame, url) ?? positionAfter(frame, path);
    if (position !== undefined) return { file: path, ...position };
  }
  return undefined;
}

/** `:line:column`, or `:line` alone, that follows `name` in a stack frame. */
function positionAfter(frame: string, name: string): { line: number; column: number } | undefined {
  const at = frame.indexOf(`${name}:`);
  if (at < 0) return undefined;
  const match = /^:(\d+)(?::(\d+))?/.exec(frame.slice(at + name.length));
  return match === null ? undefined : { line: Number(match[1]), column: Number(match[2] ?? 1) };
}

const EMPTY_MAP: SourceMapPayload = {
  version: 3,
  file: '',
  sources: [],
  sourcesContent: [],
  names: [],
  mappings: '',
  sourceRoot: '',
};
