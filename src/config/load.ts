/** Reading a configuration: file and flags in, effective configuration or all problems out. Main thread. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { systemReason, ViaductError } from '../errors.js';
import { CONFIG_FILE_BYTES_MAX } from '../limits.js';
import { readDocument, type ConfigDocument, type Path } from './document.js';
import { applySets, type Overridden } from './overrides.js';
import { ConfigError, foundText, type ConfigProblem, type Origin } from './problem.js';
import { resolveSettings } from './resolve.js';
import type { Config } from './schema.js';
import { validate, type Finding } from './validate.js';

/**
 * Loads `file` with `sets` (`key=value`, as `--set` takes them) laid over it. Throws `ConfigError` with every problem, or
 * `ViaductError` VD_CONFIG_UNREADABLE.
 */
export function loadConfig(file: string, sets: readonly string[] = []): Config {
  const path = resolve(file);
  return parseConfig(readText(file, path), { file: path, shownAs: file, sets });
}

/** What belongs to a configuration text. */
export interface ParseOptions {
  /** Absolute path: relative ones in the text start at its folder, without it at the working directory. */
  readonly file?: string;
  /** Name of the text in messages. */
  readonly shownAs?: string;
  readonly sets?: readonly string[];
}

/** Like `loadConfig`, for a text. */
export function parseConfig(text: string, options: ParseOptions = {}): Config {
  const shownAs = options.shownAs ?? options.file ?? 'configuration';
  const read = readDocument(text, shownAs);
  if ('problems' in read) throw new ConfigError(read.problems);
  const { document } = read;
  const base = mapping(document, shownAs);
  const overridden = applySets(base, options.sets ?? []);
  const place = (finding: Finding): ConfigProblem => located(finding, document, overridden);
  const checked = validate(overridden.value);
  const early = [...('findings' in checked ? checked.findings.map(place) : []), ...overridden.problems];
  if ('findings' in checked || early.length > 0) throw new ConfigError(inOrder(early));

  const folder = options.file === undefined ? process.cwd() : dirname(options.file);
  const { config, findings } = resolveSettings(checked.settings, {
    file: options.file,
    folderFor: (path) => (overridden.flagFor(path) === undefined ? folder : process.cwd()),
  });
  if (findings.length > 0) throw new ConfigError(inOrder(findings.map(place)));
  return config;
}

function readText(file: string, path: string): string {
  try {
    const { size } = statSync(path);
    if (size <= CONFIG_FILE_BYTES_MAX) return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ViaductError('VD_CONFIG_UNREADABLE', { file, reason: systemReason(error) }, { cause: error });
  }
  throw new ViaductError('VD_CONFIG_UNREADABLE', { file, reason: `it is larger than ${CONFIG_FILE_BYTES_MAX} bytes` });
}

function mapping(document: ConfigDocument, file: string): Record<string, unknown> {
  const { value } = document;
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  const origin: Origin = { kind: 'file', file, line: 1, column: 1 };
  throw new ConfigError([{ path: '', origin, message: `found ${foundText(value)}`, allowed: 'key: value lines, as in routes: ./relay.ts' }]);
}

function located({ path, ofKey, message, allowed }: Finding, document: ConfigDocument, overridden: Overridden): ConfigProblem {
  const origin = overridden.flagFor(path) ?? (message === 'missing' ? document.placeOf(above(path)) : ofKey ? document.placeOfKey(path) : document.placeOf(path));
  return { path: path.join('.'), origin, message, allowed };
}

function above(path: Path): Path {
  return path.slice(0, -1);
}

/** In the order of the file, then the flags. */
function inOrder(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const rank = ({ origin }: ConfigProblem) => (origin.kind === 'flag' ? [Number.MAX_SAFE_INTEGER, 0] : [origin.line, origin.column]);
  return [...problems].sort((a, b) => rank(a)[0]! - rank(b)[0]! || rank(a)[1]! - rank(b)[1]!);
}
