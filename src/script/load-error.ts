/**
 * What can be wrong with a routing script before it routes anything, as data: the loader throws it, the checker lists
 * it. Bad operator input, so every problem names its place and says in plain words what is wrong.
 */

/** One problem of a routing script. */
export interface ScriptProblem {
  /** Absolute path of the file that the problem is in. */
  readonly file: string;
  /** 1-based; 0 when the problem concerns the file as a whole. */
  readonly line: number;
  /** 1-based; 0 when `line` is 0. */
  readonly column: number;
  readonly message: string;
  /** `VD_SCRIPT_LOAD`, or `TS1234` for a finding of the type checker. */
  readonly code: string;
}

/** Code of every problem that keeps a script from loading. */
export const VD_SCRIPT_LOAD = 'VD_SCRIPT_LOAD';

/** A routing script that cannot be loaded. `message` lists every problem, one a line, each with its place. */
export class ScriptLoadError extends Error {
  readonly code = VD_SCRIPT_LOAD;
  /** At least one. */
  readonly problems: readonly ScriptProblem[];
  constructor(problems: readonly ScriptProblem[], options?: ErrorOptions) {
    super(problems.map(formatProblem).join('\n'), options);
    this.name = 'ScriptLoadError';
    this.problems = problems;
  }
}

/** A load problem at a place; without a line it concerns the whole file. */
export function loadProblem(file: string, message: string, line = 0, column = 0): ScriptProblem {
  return { file, line, column, message, code: VD_SCRIPT_LOAD };
}

/** `file:line:column: message`, the form that editors and terminals turn into a link. */
export function formatProblem(problem: ScriptProblem): string {
  const place = problem.line > 0 ? `${problem.file}:${problem.line}:${problem.column}` : problem.file;
  const code = problem.code === VD_SCRIPT_LOAD ? '' : ` (${problem.code})`;
  return `${place}: ${problem.message}${code}`;
}
