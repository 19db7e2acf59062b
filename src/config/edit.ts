/**
 * Changes single settings in the text of a configuration and leaves every other byte as it is: comments, blank lines, quotes,
 * indentation. The YAML parser says where a value stands; only those characters are replaced. Pure, any thread.
 *
 * Invariant: the new text means what the old one meant, but for the settings that were to change; what cannot be changed
 * that way (an anchor that other settings follow) is refused, with the reason.
 */
import { isDeepStrictEqual } from 'node:util';
import { isAlias, isMap, isScalar, parseDocument, visit, type Document, type Node, type Pair, type YAMLMap } from 'yaml';
import { schemaAt, wordsOf } from './schema-walk.js';

/** A setting and its new value: `shards`, or one of a section, `io.coalesceUs`. */
export interface SettingChange {
  readonly path: readonly [key: string] | readonly [section: string, key: string];
  readonly value: number;
}

/** The new text, or why there is none, in words that follow the name of the file. */
export type EditedText = { readonly text: string } | { readonly refusal: string };

/** A text in which characters from `start` to `end` are to be replaced. */
interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Makes the changes, one after the other. `text` has to be valid YAML. */
export function editSettings(text: string, changes: readonly SettingChange[]): EditedText {
  let edited = text;
  for (const change of changes) {
    const next = editSetting(edited, change);
    if ('refusal' in next) return next;
    edited = next.text;
  }
  return { text: edited };
}

function editSetting(text: string, change: SettingChange): EditedText {
  const document = parseDocument(text);
  const { contents } = document;
  if (!isMap(contents)) return { refusal: 'it has no settings' };
  const { path } = change;
  const splice = path.length === 1 ? setIn(text, document, contents, path[0], String(change.value)) : setInSection(text, document, contents, path, change.value);
  if (typeof splice === 'string') return { refusal: splice };
  const edited = text.slice(0, splice.start) + splice.text + text.slice(splice.end);
  return meansTheSame(document, edited, change) ? { text: edited } : { refusal: `${path.join('.')} cannot be changed there without changing something else` };
}

/** A value in a mapping: replaced where it stands, or a new line (a new entry of a flow mapping). A text is a refusal. */
function setIn(text: string, document: Document.Parsed, map: YAMLMap, key: string, value: string): Splice | string {
  const pair = pairOf(map, key);
  if (pair === undefined) return addTo(text, map, key, value);
  const node = pair.value as Node | null;
  const range = node?.range;
  if (node === null || range === null || range === undefined) return `${key} has no place`;
  if (!isAlias(node) && 'anchor' in node && node.anchor !== undefined && isFollowed(document, node.anchor)) return `${key} is an anchor (&${node.anchor}) that other settings follow`;
  return { start: range[0], end: range[1], text: withBlank(text, range[0], value) };
}

/** A value in a section, which may be missing, empty, a shorthand, or a mapping in either style. */
function setInSection(text: string, document: Document.Parsed, root: YAMLMap, [section, key]: readonly [string, string], value: number): Splice | string {
  const pair = pairOf(root, section);
  if (pair === undefined) return addTo(text, root, section, root.flow === true ? `{ ${quoteLike(root, text, key)}: ${value} }` : `${lineEnd(text)}${indentOf(text, root)}  ${key}: ${value}`);
  const node = pair.value as Node | null;
  if (isAlias(node)) return `${section} is an alias (*${node.source})`;
  if (isMap(node)) {
    if (node.anchor !== undefined && isFollowed(document, node.anchor)) return `${section} is an anchor (&${node.anchor}) that other settings follow`;
    return setIn(text, document, node, key, String(value));
  }
  const range = node?.range;
  if (!isScalar(node) || range === null || range === undefined) return `${section} has no place`;
  const written = text.slice(range[0], range[1]);
  const short = wordsOf(schemaAt([section])!)?.shorthand;
  if (node.value === null) return { start: range[0], end: range[1], text: withBlank(text, range[0], `{ ${key}: ${value} }`) };
  if (short === undefined) return `${section} is no mapping`;
  return { start: range[0], end: range[1], text: `{ ${short}: ${written}, ${key}: ${value} }` };
}

/** A new entry behind the last one. */
function addTo(text: string, map: YAMLMap, key: string, value: string): Splice | string {
  const last = map.items.at(-1) as Pair<Node, Node | null> | undefined;
  const lastRange = (last?.value ?? last?.key)?.range;
  if (last === undefined || lastRange === null || lastRange === undefined) {
    // Only a flow mapping can be empty.
    const start = (map.range?.[0] ?? 0) + 1;
    return { start, end: start, text: ` ${key}: ${value} ` };
  }
  const end = lastRange[1];
  if (map.flow === true) return { start: end, end, text: `, ${quoteLike(map, text, key)}: ${value}` };
  const newLine = lineEnd(text);
  const line = `${indentOf(text, map)}${key}:${value.startsWith(newLine) ? '' : ' '}${value}`;
  // A block scalar ends with its line, any other value somewhere within it, perhaps with a comment behind.
  const next = text[end - 1] === '\n' ? end : text.indexOf('\n', end) + 1;
  if (next === 0) return { start: text.length, end: text.length, text: `${newLine}${line}` };
  return { start: next, end: next, text: `${line}${newLine}` };
}

function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find((pair) => String(isScalar(pair.key) ? pair.key.value : pair.key) === key);
}

/** In a mapping that reads as JSON, the new key is quoted too. */
function quoteLike(map: YAMLMap, text: string, key: string): string {
  const first = (map.items[0]?.key as Node | undefined)?.range?.[0];
  return first !== undefined && text[first] === '"' ? JSON.stringify(key) : key;
}

/** What stands before the keys of a block mapping. */
function indentOf(text: string, map: YAMLMap): string {
  const first = (map.items[0]?.key as Node | undefined)?.range?.[0] ?? 0;
  const lineStart = text.lastIndexOf('\n', first - 1) + 1;
  return text.slice(lineStart, first).replace(/[^ ]/g, (char) => (char === '\uFEFF' ? '' : ' '));
}

/** A value behind `key:` without a blank would be part of the key. */
function withBlank(text: string, start: number, value: string): string {
  return text[start - 1] === ':' ? ` ${value}` : value;
}

function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

function isFollowed(document: Document.Parsed, anchor: string): boolean {
  let followed = false;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.source !== anchor) return undefined;
      followed = true;
      return visit.BREAK;
    },
  });
  return followed;
}

function meansTheSame(before: Document.Parsed, edited: string, { path, value }: SettingChange): boolean {
  const after = parseDocument(edited);
  if (after.errors.length > 0 || after.warnings.length > before.warnings.length) return false;
  // By way of JSON: what aliases share must not be changed at two places.
  const wanted = JSON.parse(JSON.stringify(before.toJS({ maxAliasCount: 100 }))) as Record<string, unknown>;
  const [first, second] = path;
  if (second === undefined) wanted[first] = value;
  else {
    const present = wanted[first];
    const short = wordsOf(schemaAt([first])!)?.shorthand;
    const section = typeof present === 'object' && present !== null ? present : short !== undefined && typeof present === 'string' ? { [short]: present } : {};
    wanted[first] = { ...section, [second]: value };
  }
  return isDeepStrictEqual(JSON.parse(JSON.stringify(after.toJS({ maxAliasCount: 100 }))), wanted);
}
