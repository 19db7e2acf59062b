/** How a command tells what went wrong. */
import { ConfigError } from '../config/problem.js';
import { errorRow } from '../errors.js';

/** Prints `error` on standard error, for people; returns the exit code. */
export function reportError(error: unknown): number {
  const row = errorRow(error);
  process.stderr.write(`${textOf(error)}\n`);
  if (process.env['VIADUCT_DEBUG'] === '1' && error instanceof Error) process.stderr.write(`${error.stack ?? ''}\n`);
  else if (row === undefined) process.stderr.write('viaduct: this error is not known; VIADUCT_DEBUG=1 shows where it came from\n');
  return row?.exitCode ?? 1;
}

function textOf(error: unknown): string {
  // Lines that begin with their place are links in most terminals and editors: nothing stands before them.
  if (error instanceof ConfigError) return `${error.message}\n${countOf(error.problems.length, 'the configuration')}`;
  return `viaduct: ${error instanceof Error ? error.message : String(error)}`;
}

/** `viaduct: 3 problems in …`. */
export function countOf(problems: number, where: string): string {
  return `viaduct: ${problems} ${problems === 1 ? 'problem' : 'problems'} in ${where}`;
}
