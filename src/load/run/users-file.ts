/** Users and their passwords from a CSV file. Main thread. */
import { readFileSync } from 'node:fs';
import { systemReason } from '../../errors.js';
import { LoadError } from '../load-error.js';
import type { LoadUser } from '../options.js';

const USERS_MOST = 1_000_000;
/** First words of a line that names the columns. */
const HEADINGS = new Set(['name', 'user', 'username', 'sequential', 'random']);

/**
 * Reads `name,password` lines; a semicolon separates as well, quotes may stand around a cell, what follows the second cell
 * is ignored, as are empty lines, lines that begin with `#` and a first line of headings. A missing password is empty.
 */
export function readUsers(file: string): LoadUser[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new LoadError('VD_LOAD_FILE', `--users: cannot read ${file}: ${systemReason(error)}`, { cause: error });
  }
  return parseUsers(text, file);
}

/** The same from a text; `file` is its name in messages. */
export function parseUsers(text: string, file: string): LoadUser[] {
  const users: LoadUser[] = [];
  /** By name: where it stands. */
  const lines = new Map<string, number>();
  let isFirst = true;
  for (const [index, line] of text.replace(/^\uFEFF/, '').split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const cells = cellsOf(trimmed);
    if (cells === undefined) throw new LoadError('VD_LOAD_FILE', `${file}:${index + 1}: --users: found a quote that does not end its cell; wanted is NAME,PASSWORD, each with quotes around it or without any`);
    const [name = '', password = ''] = cells;
    const isHeading = isFirst && HEADINGS.has(name.toLowerCase());
    isFirst = false;
    if (isHeading) continue;
    if (name === '') throw new LoadError('VD_LOAD_FILE', `${file}:${index + 1}: --users: found no name; wanted is NAME,PASSWORD`);
    const before = lines.get(name);
    if (before !== undefined) throw new LoadError('VD_LOAD_FILE', `${file}:${index + 1}: --users: found ${JSON.stringify(name)} in lines ${before} and ${index + 1}; allowed: each name once`);
    lines.set(name, index + 1);
    if (users.push({ name, password }) > USERS_MOST) throw new LoadError('VD_LOAD_FILE', `${file}:${index + 1}: --users: more than ${USERS_MOST} users`);
  }
  if (users.length === 0) throw new LoadError('VD_LOAD_FILE', `--users: ${file} names no user; wanted are lines NAME,PASSWORD`);
  return users;
}

/** The cells of a line; undefined when one begins with a quote that does not end it. */
function cellsOf(line: string): string[] | undefined {
  const cells: string[] = [];
  // A quoted cell may hold separators, and a quote that is doubled.
  for (const [, quoted, plain] of line.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,;]*))\s*(?:[,;]|$)/g)) {
    if (plain?.startsWith('"') === true) return undefined;
    cells.push(quoted === undefined ? plain!.trim() : quoted.replaceAll('""', '"'));
  }
  return cells;
}
