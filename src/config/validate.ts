/** Plain values against the schema: either settings, or every problem in words an operator can act on. Pure. */
import type { z } from 'zod';
import type { Path, PathStep } from './document.js';
import { foundText } from './problem.js';
import { configSchema, type Settings } from './schema.js';
import { schemaAt, shapeOf, wordsOf } from './schema-walk.js';
import { unknownKey } from './unknown-key.js';

/** A problem that has no place yet. */
export interface Finding {
  readonly path: Path;
  /** It concerns the key, not the value. */
  readonly ofKey: boolean;
  readonly message: string;
  readonly allowed: string;
}

/** Checks `value`, the plain value of a whole configuration. */
export function validate(value: unknown): { readonly settings: Settings } | { readonly findings: Finding[] } {
  const result = configSchema.safeParse(withoutEmptySections(value));
  if (result.success) return { settings: result.data };
  const byText = new Map<string, Finding>();
  // A number may be out of bounds and no power of two: one problem to its reader.
  for (const finding of result.error.issues.flatMap((issue) => findingsOf(issue, value))) byText.set(JSON.stringify(finding), finding);
  return { findings: [...byText.values()] };
}

/** `timers:` with every line below it commented out means the section's defaults. */
function withoutEmptySections(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key, inner]) => {
      const schema = schemaAt([key]);
      return inner !== null || schema === undefined || shapeOf(schema) === undefined;
    }),
  );
}

function findingsOf(issue: z.core.$ZodIssue, root: unknown): Finding[] {
  const path = reachable(root, issue.path.filter((step) => typeof step !== 'symbol'));
  const schema = schemaAt(path) ?? configSchema;
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: [...path, key], ofKey: true, ...unknownKey(schema, key) }));
  }
  const words = wordsOf(schema);
  const allowed = words?.allowed ?? `a mapping with the keys ${Object.keys(shapeOf(schema) ?? {}).join(', ')}`;
  const found = valueAt(root, path);
  if (found === undefined) return [{ path, ofKey: false, message: 'missing', allowed }];
  const shown = words?.secret === true ? 'a value that is not shown' : foundText(found);
  return [{ path, ofKey: false, message: `found ${shown}`, allowed }];
}

/** A shorthand stands for a mapping that is not in the file: its problems belong to the shorthand. */
function reachable(root: unknown, path: readonly PathStep[]): Path {
  for (let length = 1; length < path.length; length++) {
    const value = valueAt(root, path.slice(0, length));
    if (value !== undefined && (typeof value !== 'object' || value === null)) return path.slice(0, length);
  }
  return path;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PathStep, unknown>)[step];
  }
  return value;
}
