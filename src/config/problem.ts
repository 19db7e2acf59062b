/** What is wrong with a configuration, as data: the loader collects all of it before it gives up. Pure. */
import { CONFIG_PROBLEMS_MAX, FOUND_TEXT_CHARS_MAX } from '../limits.js';

/** Where a value came from: a place in the file, or a flag of the command line. */
export type Origin =
  | { readonly kind: 'file'; readonly file: string; /** 1-based; 0: the file as a whole. */ readonly line: number; readonly column: number }
  | { readonly kind: 'flag'; /** As typed: `--set shards=many`. */ readonly flag: string };

/** One problem. */
export interface ConfigProblem {
  /** Path of the setting, `listen.0.bind`; empty for the file as a whole. */
  readonly path: string;
  readonly origin: Origin;
  /** What is wrong, in a few words; what was found belongs here. */
  readonly message: string;
  /** What would be right; undefined when the message says all. */
  readonly allowed?: string;
  /** Lines of the file with a mark under the place, for syntax errors. */
  readonly excerpt?: string;
}

/** A configuration that cannot be used. `message` is `formatProblems(problems)`. */
export class ConfigError extends Error {
  readonly code = 'VD_CONFIG_INVALID';
  /** At least one, in the order of the file, flags last. */
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(formatProblems(problems));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** All problems for a terminal, one a line: `file:line:column: path: found …; allowed: …`. */
export function formatProblems(problems: readonly ConfigProblem[]): string {
  const lines = problems.slice(0, CONFIG_PROBLEMS_MAX).map(formatProblem);
  const more = problems.length - CONFIG_PROBLEMS_MAX;
  if (more > 0) lines.push(`… and ${more} more`);
  return lines.join('\n');
}

function formatProblem(problem: ConfigProblem): string {
  const { path, message, allowed, excerpt } = problem;
  const what = path === '' ? message : `${path}: ${message}`;
  const line = `${formatOrigin(problem.origin)}: ${what}${allowed === undefined ? '' : `; allowed: ${allowed}`}`;
  return excerpt === undefined ? line : `${line}\n${excerpt}`;
}

function formatOrigin(origin: Origin): string {
  if (origin.kind === 'flag') return origin.flag;
  return origin.line === 0 ? origin.file : `${origin.file}:${origin.line}:${origin.column}`;
}

/** A value for a message: as JSON, cut to a readable length. */
export function foundText(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${value.length}`;
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? 'nothing');
  return text.length <= FOUND_TEXT_CHARS_MAX ? text : `${text.slice(0, FOUND_TEXT_CHARS_MAX)}…`;
}
