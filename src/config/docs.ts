/**
 * The reference page of the configuration, `docs/configuration.md`: a table for each section and a whole annotated
 * example, all from the schema. Pure; `npm run docs:config` writes it.
 */
import type { z } from 'zod';
import { renderValues } from './render.js';
import { configSchema } from './schema.js';
import { defaultOf, itemOf, shapeOf, wordsOf } from './schema-walk.js';

const OPENING = `# Configuration

<!-- Made from src/config/schema.ts by npm run docs:config. Change it there. -->

Viaduct reads one YAML file: \`viaduct run --config FILE\`. Everything but \`routes\` has a default. \`viaduct check --config
FILE\` says what is wrong with a file and its script, \`viaduct run --config FILE --print-config\` prints every setting as it
takes effect, and \`--set key=value\` overrides one setting for one run: \`--set limits.transactions=1000\`, or with an index
into a list \`--set listen.0=udp:127.0.0.1:5080\`.

An unknown key, a key given twice or a value out of bounds keeps Viaduct from starting; it lists all of them, each with its
line and what is allowed. Editors that know the YAML language server complete and check a file that starts with

\`\`\`yaml
# yaml-language-server: $schema=./viaduct.schema.json
\`\`\`

with the path of [viaduct.schema.json](../config/viaduct.schema.json) in the package's \`config\` folder.
`;

/** The text of `docs/configuration.md`. */
export function renderDocs(): string {
  const top = Object.entries(configSchema.shape);
  const plain = top.filter(([, schema]) => shapeOf(schema) === undefined);
  const sections = top.filter(([, schema]) => shapeOf(schema) !== undefined);
  return [
    OPENING,
    '## Top level\n',
    table(plain),
    ...plain.flatMap(([key, schema]) => listSection(key, schema)),
    ...sections.flatMap(([key, schema]) => [`\n## \`${key}\`\n\n${wordsOf(schema)?.description ?? ''}\n`, table(Object.entries(shapeOf(schema) ?? {}), `${key}.`)]),
    `\n## A whole file\n\nEvery setting with its default:\n\n\`\`\`yaml\n${renderValues(exampleValues())}\`\`\``,
    '',
  ].join('\n');
}

/** A list of mappings gets a table of its own below. */
function listSection(key: string, schema: z.core.$ZodType): string[] {
  const item = itemOf(schema);
  const shape = item === undefined ? undefined : shapeOf(item);
  if (item === undefined || shape === undefined) return [];
  return [`\n### An entry of \`${key}\`\n\n${wordsOf(item)?.description ?? ''}\n`, table(Object.entries(shape))];
}

function table(entries: readonly (readonly [string, z.core.$ZodType])[], above = ''): string {
  const rows = entries.map(([key, schema]) => {
    const words = wordsOf(schema);
    const cells = [`\`${above}${key}\``, words?.kind, defaultCell(schema), words?.allowed, words?.description];
    return `| ${cells.map((cell) => (cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return ['| key | type | default | allowed | meaning |', '|---|---|---|---|---|', ...rows].join('\n');
}

function defaultCell(schema: z.core.$ZodType): string {
  const text = wordsOf(schema)?.defaultText;
  if (text !== undefined) return text;
  const value = defaultOf(schema);
  return value === undefined ? 'none: must be given' : `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function exampleValues(): Record<string, unknown> {
  const { listen, ...settings } = configSchema.parse({ routes: './relay.ts' });
  return { ...settings, listen: listen.map(({ bind }) => bind) };
}
