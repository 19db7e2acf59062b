/**
 * A configuration as a YAML text with comments, which loads again to the same configuration. Pure, except that paths are
 * as absolute as the configuration has them.
 */
import { stringify } from 'yaml';
import type { z } from 'zod';
import { formatAdvertise, formatBind } from './address.js';
import { configSchema, type Config } from './schema.js';
import { defaultOf, shapeOf, wordsOf } from './schema-walk.js';
import type { SettingWords } from './setting.js';

const LINE_CHARS = 100;

/** The effective configuration with every setting written out. */
export function renderConfig(config: Config): string {
  const { listen, shards, routes, io, sharding, timers, limits, proxy, log, control, shutdown } = config;
  return renderValues({
    listen: listen.map(({ advertise, ...bind }) => (advertise === undefined ? formatBind(bind) : { bind: formatBind(bind), advertise: formatAdvertise(advertise) })),
    shards,
    routes,
    io,
    sharding,
    timers,
    limits,
    proxy,
    log,
    control: { socket: control.socket ?? 'none' },
    shutdown,
  });
}

/** Values in the shape of a configuration file, commented. A setting without a value stands there commented out. */
export function renderValues(values: Readonly<Record<string, unknown>>): string {
  const blocks = Object.entries(configSchema.shape).map(([key, schema]) => renderSetting(key, schema, values[key], 0).join('\n'));
  return `${blocks.join('\n\n')}\n`;
}

function renderSetting(key: string, schema: z.core.$ZodType, value: unknown, depth: number): string[] {
  const indent = '  '.repeat(depth);
  const words = wordsOf(schema);
  const comment = words === undefined ? [] : wrap(commentOf(schema, words), LINE_CHARS - indent.length - 2).map((line) => `${indent}# ${line}`);
  const shape = shapeOf(schema);
  if (shape !== undefined) {
    const inner = value as Readonly<Record<string, unknown>>;
    return [...comment, `${indent}${key}:`, ...Object.entries(shape).flatMap(([name, child]) => renderSetting(name, child, inner[name], depth + 1))];
  }
  if (value === undefined) return [...comment, `${indent}# ${key}:`];
  const lines = stringify({ [key]: value }, { lineWidth: 0 }).trimEnd().split('\n');
  return [...comment, ...lines.map((line) => `${indent}${line}`)];
}

function commentOf(schema: z.core.$ZodType, words: SettingWords): string {
  const description = words.description.replaceAll('`', '');
  if (words.kind === 'section') return description;
  const standard = words.defaultText?.replaceAll('`', '') ?? plainDefault(schema);
  return `${description} Allowed: ${words.allowed}.${standard === undefined ? '' : ` Default: ${standard}.`}`;
}

function plainDefault(schema: z.core.$ZodType): string | undefined {
  const value = defaultOf(schema);
  if (value === undefined) return undefined;
  return stringify(value).trimEnd();
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}
