/** Finding one's way in the configuration schema: what stands at a path, and what is known about it. Pure. */
import { z } from 'zod';
import type { PathStep } from './document.js';
import { configSchema } from './schema.js';
import { settingWords, type SettingWords } from './setting.js';

/** A schema without its wrappers: defaults, optional, shorthand. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return unwrap(schema.unwrap());
  if (schema instanceof z.ZodPipe) return unwrap(schema.out);
  return schema;
}

/** The keys of a mapping in the order of the schema; undefined for anything else. */
export function shapeOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodObject ? inner.shape : undefined;
}

/** The schema of a list's items; undefined for anything else. */
export function itemOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  return inner instanceof z.ZodArray ? inner.element : undefined;
}

/** The schema one step down; undefined when there is none. */
export function childOf(schema: z.core.$ZodType, step: PathStep): z.core.$ZodType | undefined {
  const shape = shapeOf(schema);
  if (shape !== undefined) return Object.hasOwn(shape, step) ? shape[step] : undefined;
  return itemOf(schema);
}

/** The schema at a path; undefined when there is none. */
export function schemaAt(path: readonly PathStep[]): z.core.$ZodType | undefined {
  let schema: z.core.$ZodType | undefined = configSchema;
  for (const step of path) schema = schema === undefined ? undefined : childOf(schema, step);
  return schema;
}

/** The words of a schema, or of what it wraps. */
export function wordsOf(schema: z.core.$ZodType): SettingWords | undefined {
  const words = settingWords.get(schema);
  if (words !== undefined) return words;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) return wordsOf(schema.unwrap());
  return schema instanceof z.ZodPipe ? wordsOf(schema.out) : undefined;
}

/** The default of a setting; undefined when it has none or is a section. */
export function defaultOf(schema: z.core.$ZodType): unknown {
  if (schema instanceof z.ZodDefault) return schema.def.defaultValue;
  return undefined;
}

/** Every path that leads to a key of a mapping, for suggestions: `timers.t1Ms`. */
export function keyPaths(schema: z.core.$ZodType = configSchema, above = ''): string[] {
  return Object.entries(shapeOf(schema) ?? {}).flatMap(([key, child]) => [`${above}${key}`, ...keyPaths(child, `${above}${key}.`)]);
}
