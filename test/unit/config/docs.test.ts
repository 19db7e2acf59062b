/** What is made from the schema and kept in the repository: is it fresh, and does it agree with what is loaded? */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderDocs } from '../../../src/config/docs.js';
import { renderJsonSchema } from '../../../src/config/json-schema.js';
import { loadConfig, parseConfig } from '../../../src/config/load.js';
import { keyPaths } from '../../../src/config/schema-walk.js';
import { renderCounterDocs } from '../../../src/telemetry/counter-docs.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

describe('the generated files', () => {
  it.each([
    ['docs/configuration.md', renderDocs],
    ['docs/counters.md', renderCounterDocs],
    ['config/viaduct.schema.json', renderJsonSchema],
  ])('%s is fresh (else: npm run docs:config)', (name, render) => {
    expect(readFileSync(`${ROOT}${name}`, 'utf8')).toBe(render());
  });

  it('describe every key', () => {
    const docs = renderDocs();
    for (const path of keyPaths()) expect(docs).toContain(path.replace(/^listen\./, ''));
    expect(docs).not.toMatch(/undefined|\[object/);
  });

  it('show an example that loads, with the defaults', () => {
    const example = /## A whole file[\s\S]*```yaml\n([\s\S]*?)```/.exec(renderDocs())?.[1];
    expect(parseConfig(example ?? '')).toEqual(parseConfig('routes: ./relay.ts'));
  });

  it('give the JSON schema the same keys', () => {
    interface JsonSchema { readonly properties?: Readonly<Record<string, JsonSchema>>; readonly anyOf?: readonly JsonSchema[]; readonly items?: JsonSchema }
    const paths = (schema: JsonSchema, above: string): string[] => [
      ...Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => [`${above}${key}`, ...paths(inner, `${above}${key}.`)]),
      ...(schema.anyOf ?? []).flatMap((inner) => paths(inner, above)),
    ];
    expect(paths(JSON.parse(renderJsonSchema()) as JsonSchema, '').sort()).toEqual(keyPaths().sort());
  });
});

describe.each(['default', 'relay'])('config/%s.yaml', (name) => {
  const file = `${ROOT}config/${name}.yaml`;

  it('loads, listens on loopback only, and runs the relay', () => {
    const config = loadConfig(file);
    expect(config.listen.map(({ host, port }) => `${host} ${port}`)).toEqual(['127.0.0.1 5060']);
    expect(config.routes).toBe(`${ROOT}config/relay.ts`);
  });

  it('names the schema for editors and sets no key that it does not need to', () => {
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/^# yaml-language-server: \$schema=\.\/viaduct\.schema\.json\n/);
    expect(Object.keys(parse(text) as object)).toContain('routes');
  });
});
