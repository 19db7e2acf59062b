/** What to say about a key that the schema does not know. Pure. */
import type { z } from 'zod';
import { keyPaths, shapeOf } from './schema-walk.js';
import { nearest } from './suggest.js';

/** Message and allowed keys for `key` in the mapping at `above` with the schema `schema`. */
export function unknownKey(schema: z.core.$ZodType, key: string): { readonly message: string; readonly allowed: string } {
  const keys = Object.keys(shapeOf(schema) ?? {});
  const near = nearest(key, keys) ?? elsewhere(key);
  return {
    message: `unknown key${near === undefined ? '' : `, did you mean ${near}?`}`,
    allowed: keys.join(', '),
  };
}

/** A key of that name in another section: `timers.t1Ms` for `t1Ms`. */
function elsewhere(key: string): string | undefined {
  return keyPaths().find((path) => path.split('.').at(-1) === key);
}
