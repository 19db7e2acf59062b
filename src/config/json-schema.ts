/** The JSON schema of a configuration file, for editors: made from the zod schema. Pure. */
import { z } from 'zod';
import { configSchema } from './schema.js';
import { shapeOf, wordsOf } from './schema-walk.js';
import { settingWords } from './setting.js';

/** The text of `config/viaduct.schema.json`. */
export function renderJsonSchema(): string {
  const schema = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    metadata: settingWords,
    // Refinements have no form in JSON schema: the words say what is allowed.
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => polish(zodSchema, jsonSchema as Record<string, unknown>),
  });
  const { $schema, ...rest } = schema;
  const top = {
    $schema,
    title: 'Viaduct configuration',
    description: 'Made from src/config/schema.ts by npm run docs:config.',
    ...rest,
  };
  return `${JSON.stringify(top, null, 2)}\n`;
}

/** Turns what the metadata and the wrappers leave behind into what an editor understands. */
function polish(zodSchema: z.core.$ZodType, json: Record<string, unknown>): void {
  const words = wordsOf(zodSchema);
  for (const key of ['kind', 'allowed', 'defaultText', 'shorthand', 'secret']) delete json[key];
  if (words === undefined) return;
  if (words.kind !== 'section') json['description'] = `${words.description.replaceAll('`', '')} Allowed: ${words.allowed}.`;
  // An empty section is no default worth proposing.
  if (shapeOf(zodSchema) !== undefined) delete json['default'];
  if (words.shorthand === undefined || 'anyOf' in json || json['type'] !== 'object') return;
  const mapping = Object.fromEntries(Object.entries(json).filter(([key]) => key !== 'description'));
  for (const key of Object.keys(mapping)) delete json[key];
  json['anyOf'] = [shorthandSchema(mapping, words.shorthand), mapping];
}

/** The schema of the key that a shorthand stands for. */
function shorthandSchema(mapping: Record<string, unknown>, key: string): unknown {
  const { default: _, ...schema } = (mapping['properties'] as Record<string, Record<string, unknown>>)[key] ?? {};
  return schema;
}
