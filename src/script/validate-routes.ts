/**
 * Validates what a routing script exports by default. Pure: it gets a value that it does not trust and returns what
 * is wrong with it, in words for the person who wrote the script.
 */
import type { Routes } from './api.js';

/** Every handler that a script may have. `satisfies` ties the list to the API: a new handler must be added here. */
const HANDLERS = { request: true, reply: true, failure: true, cancel: true } satisfies Record<keyof Routes, true>;

/** Names of the handlers, in the order of the API. */
export const HANDLER_NAMES: readonly string[] = Object.keys(HANDLERS);

export interface RoutesProblem {
  readonly message: string;
  /** The property that is wrong, `undefined` when it is the export as a whole. */
  readonly handler: string | undefined;
}

/** What is wrong with `value` as the default export of a script; empty when it is a `Routes`. Never throws. */
export function validateRoutes(value: unknown): RoutesProblem[] {
  if (typeof value !== 'object' || value === null) {
    const found = value === null ? 'null' : describe(value);
    return [{ message: `the default export must be defineRoutes({ request(req) { … } }), but it is ${found}`, handler: undefined }];
  }
  const problems: RoutesProblem[] = [];
  const routes = value as Record<string, unknown>;
  for (const name of Object.keys(routes)) {
    if (HANDLER_NAMES.includes(name)) continue;
    const near = nearest(name);
    const hint = near === undefined ? `the handlers are ${HANDLER_NAMES.join(', ')}` : `did you mean "${near}"?`;
    problems.push({ message: `unknown handler "${name}": ${hint}`, handler: name });
  }
  for (const name of HANDLER_NAMES) {
    const handler = routes[name];
    if (handler === undefined) {
      if (name === 'request') problems.push({ message: 'the handler "request" is missing: it is the one that every script needs', handler: undefined });
    } else if (typeof handler !== 'function') {
      problems.push({ message: `the handler "${name}" must be a function, but it is ${describe(handler)}`, handler: name });
    }
  }
  return problems;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'undefined') return 'undefined';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** The handler name that a misspelled one most likely stands for. */
function nearest(name: string): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of HANDLER_NAMES) {
    const distance = editDistance(plain(name), candidate);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** `onReply`, `failure_route` and the like: OpenSIPS habits that should lead to the right name. */
function plain(name: string): string {
  return name.toLowerCase().replace(/^on_?|_?route$|_/g, '');
}

/** Levenshtein distance. Names are cut to 40 characters: nothing longer is a misspelled handler. */
function editDistance(from: string, to: string): number {
  const left = from.slice(0, 40);
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (left[i - 1] === to[j - 1] ? 0 : 1);
      row.push(Math.min(substitution, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1));
    }
    previous = row;
  }
  return previous[to.length] ?? 0;
}
