/**
 * Building blocks of the configuration schema: each makes a zod schema together with the words that describe it, so that
 * types, bounds, defaults, error messages, `docs/configuration.md` and the JSON schema all follow from one declaration.
 */
import { z } from 'zod';

/** What people are told about a setting. The JSON schema takes `description` from here. */
export interface SettingWords {
  /** What it does: one or two sentences, Markdown. */
  readonly description: string;
  /** The type in a word: `integer`, `text`, … */
  readonly kind: string;
  /** What is allowed, to stand after "allowed: " in an error message. */
  readonly allowed: string;
  /** The default in the reference page, when it is no plain value. */
  readonly defaultText?: string;
  /** A plain text in place of a mapping is short for the mapping with this key alone. */
  readonly shorthand?: string;
  /** The value is never shown in a message. */
  readonly secret?: boolean;
}

/** The words of every setting and section. */
export const settingWords = z.registry<SettingWords>();

export interface IntegerOptions {
  readonly min: number;
  readonly max: number;
  readonly default: number;
  /** `ms`, `bytes`, …; empty for a plain count. */
  readonly unit?: string;
  /** The value must be a power of two. */
  readonly powerOfTwo?: boolean;
  readonly description: string;
}

/** A whole number within bounds. */
export function integer(options: IntegerOptions): z.ZodDefault<z.ZodNumber> {
  const { min, max, unit = '', powerOfTwo = false } = options;
  const kind = powerOfTwo ? 'a power of two' : 'an integer';
  const allowed = `${kind} from ${min} to ${max}${unit === '' ? '' : ` ${unit}`}`;
  let schema = z.int().min(min).max(max);
  if (powerOfTwo) schema = schema.refine((value) => Number.isInteger(Math.log2(value)));
  return describe(schema.default(options.default), {
    description: options.description,
    kind: unit === '' ? 'integer' : `integer (${unit})`,
    allowed,
  });
}

/** One of several words. */
export function choice<const T extends readonly [string, ...string[]]>(
  values: T, options: { readonly default: T[number]; readonly description: string },
): z.ZodDefault<z.ZodEnum<{ [K in T[number]]: K }>> {
  const schema = z.enum(values).default(options.default as never);
  return describe(schema, { description: options.description, kind: 'word', allowed: values.join(', ') });
}

/** A section: a mapping whose keys are all known. Left out, or left empty, it takes the default of every key. */
export function section<T extends z.core.$ZodShape>(
  description: string, shape: T,
): z.ZodPrefault<z.ZodObject<T, z.core.$strict>> {
  const keys = Object.keys(shape).join(', ');
  return describe(z.strictObject(shape).prefault({} as never), { description, kind: 'section', allowed: `a mapping with the keys ${keys}` });
}

/** A mapping that may be written as a plain text, which then is the value of `key`. */
export function shorthand<T extends z.core.$ZodType>(key: string, schema: T) {
  return z.preprocess((value) => (typeof value === 'string' ? { [key]: value } : value), schema);
}

/** Attaches words to any schema. */
export function describe<T extends z.core.$ZodType>(schema: T, words: SettingWords): T {
  settingWords.add(schema, words);
  return schema;
}
