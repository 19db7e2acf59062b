/**
 * `--set key=value`: single values laid over the plain values of the file, before anything is checked. Pure.
 */
import { z } from 'zod';
import { readValue, type Path, type PathStep } from './document.js';
import { foundText, type ConfigProblem, type Origin } from './problem.js';
import { configSchema } from './schema.js';
import { childOf, defaultOf, itemOf, schemaAt, shapeOf, unwrap, wordsOf } from './schema-walk.js';
import { unknownKey } from './unknown-key.js';

/** What the flags did. */
export interface Overridden {
  readonly value: Record<string, unknown>;
  /** The flag that set the value at `path`, or something that it is part of. */
  flagFor(path: Path): Origin | undefined;
  readonly problems: ConfigProblem[];
}

/** Lays `sets` (each `key=value`, in order) over `base`, which is changed. */
export function applySets(base: Record<string, unknown>, sets: readonly string[]): Overridden {
  const flags = new Map<string, Origin>();
  const problems: ConfigProblem[] = [];
  for (const set of sets) {
    const equals = set.indexOf('=');
    const origin: Origin = { kind: 'flag', flag: `--set ${isSecret(set.slice(0, equals)) ? `${set.slice(0, equals)}=…` : set}` };
    if (equals < 1) {
      problems.push({ path: '', origin, message: `found ${foundText(set)}`, allowed: 'key=value, as in --set shards=2' });
      continue;
    }
    const key = set.slice(0, equals);
    const problem = setValue(base, key.split('.'), set.slice(equals + 1));
    if (problem === undefined) flags.set(key, origin);
    else problems.push({ ...problem, origin });
  }
  return {
    value: base,
    flagFor: (path) => {
      for (let length = path.length; length > 0; length--) {
        const origin = flags.get(path.slice(0, length).join('.'));
        if (origin !== undefined) return origin;
      }
      return undefined;
    },
    problems,
  };
}

function isSecret(path: string): boolean {
  const schema = schemaAt(path.split('.'));
  return schema !== undefined && wordsOf(schema)?.secret === true;
}

type Refusal = Omit<ConfigProblem, 'origin'>;

/** Walks down from `root`, making what is missing, and sets the value; what is wrong with the path otherwise. */
function setValue(root: Record<string, unknown>, steps: readonly string[], text: string): Refusal | undefined {
  let schema: z.core.$ZodType = configSchema;
  let holder: unknown = root;
  for (const [depth, step] of steps.entries()) {
    const path = steps.slice(0, depth + 1).join('.');
    const above = steps.slice(0, depth).join('.');
    const place = stepInto(schema, holder, step);
    if (place === undefined) {
      if (shapeOf(schema) !== undefined) return { path, ...unknownKey(schema, step) };
      const length = Array.isArray(holder) ? holder.length : 0;
      return { path, message: `found ${foundText(step)}`, allowed: `an index from 0 to ${length}: ${above} has ${length} entries, and the next one is added` };
    }
    schema = place.schema;
    const container = holder as Record<PathStep, unknown>;
    if (depth === steps.length - 1) container[place.step] = parseText(schema, text);
    else if (shapeOf(schema) === undefined && itemOf(schema) === undefined) {
      return { path: steps.join('.'), message: `${path} has no parts`, allowed: `--set ${path}=…, ${wordsOf(schema)?.allowed ?? ''}` };
    } else holder = container[place.step] = containerFor(schema, container[place.step]);
  }
  return undefined;
}

/** The schema below and the step in its right type; undefined when the step leads nowhere. */
function stepInto(schema: z.core.$ZodType, holder: unknown, step: string): { readonly schema: z.core.$ZodType; readonly step: PathStep } | undefined {
  const below = childOf(schema, step);
  if (below === undefined) return undefined;
  if (!Array.isArray(holder)) return { schema: below, step };
  return /^\d{1,4}$/.test(step) && Number(step) <= holder.length ? { schema: below, step: Number(step) } : undefined;
}

/** The mapping or list to go down into: the one that is there, the default, or a shorthand written out. */
function containerFor(schema: z.core.$ZodType, present: unknown): unknown {
  const short = wordsOf(schema)?.shorthand;
  if (typeof present === 'string' && short !== undefined) return { [short]: present };
  if (itemOf(schema) !== undefined) return Array.isArray(present) ? present : structuredClone(defaultOf(schema) ?? []);
  return typeof present === 'object' && present !== null && !Array.isArray(present) ? present : {};
}

/** Text is taken as it stands; anything else is read as YAML would. */
function parseText(schema: z.core.$ZodType, text: string): unknown {
  if (text === '' || unwrap(schema) instanceof z.ZodString) return text;
  const read = readValue(text);
  return read === undefined ? text : read.value;
}
