/**
 * A YAML text read into plain values, with the place of every value and every key. Pure, main thread.
 */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node, type ParsedNode } from 'yaml';
import type { ConfigProblem, Origin } from './problem.js';

/** A step down into a value: a key of a mapping or an index of a list. */
export type PathStep = string | number;
export type Path = readonly PathStep[];

/** A text that could be read. */
export interface ConfigDocument {
  /** Plain value of the whole text; undefined when it is empty. */
  readonly value: unknown;
  /** Place of the value at `path`, or of the nearest one above it that exists. */
  placeOf(path: Path): Origin;
  /** Place of the last key of `path`. */
  placeOfKey(path: Path): Origin;
}

/** Reads `text`; `file` is only a name for the places. Either the document, or all syntax problems. */
export function readDocument(text: string, file: string): { readonly document: ConfigDocument } | { readonly problems: ConfigProblem[] } {
  const lines = new LineCounter();
  const parsed = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true, strict: true });
  const at = (offset: number): Origin => {
    const { line, col } = lines.linePos(offset);
    return { kind: 'file', file, line, column: col };
  };
  const syntax = [...parsed.errors, ...parsed.warnings];
  if (syntax.length > 0) {
    return {
      problems: syntax.map(({ code, message, pos }) => ({
        path: '',
        origin: at(pos[0]),
        message: code === 'DUPLICATE_KEY' ? 'this key stands here twice; allowed: each key once' : `not valid YAML: ${plain(message)}`,
        excerpt: excerpt(text, lines, pos[0]),
      })),
    };
  }
  let value: unknown;
  try {
    value = valueOf(parsed);
  } catch (error) {
    return { problems: [{ path: '', origin: { kind: 'file', file, line: 0, column: 0 }, message: `not valid YAML: ${plain(String(error))}` }] };
  }
  return {
    document: {
      value,
      placeOf: (path) => placeAt(parsed, path, false, at, file),
      placeOfKey: (path) => placeAt(parsed, path, true, at, file),
    },
  };
}

/** Reads one value as YAML does: the right side of `--set key=value`. Undefined when it is not valid YAML. */
export function readValue(text: string): { readonly value: unknown } | undefined {
  const parsed = parseDocument(text, { prettyErrors: false });
  if (parsed.errors.length > 0 || parsed.warnings.length > 0) return undefined;
  try {
    return { value: valueOf(parsed) };
  } catch {
    return undefined;
  }
}

/** Throws when aliases of lists of aliases unfold into more than a hundred: they would fill the memory. */
function valueOf(document: Document.Parsed): unknown {
  return document.contents === null ? undefined : (document.toJS({ maxAliasCount: 100 }) as unknown);
}

function plain(message: string): string {
  return message.replace(/\s+/g, ' ').replace(/[.:]$/, '');
}

/** The line at `offset` with a caret under the place. */
function excerpt(text: string, lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  const source = text.split(/\r?\n/)[line - 1] ?? '';
  const number = String(line);
  // Long lines are shown around the place. Tabs are made spaces, so that the caret stands right.
  const from = Math.max(0, col - 60);
  const shown = source.slice(from, from + 100).replace(/\t/g, ' ');
  return `  ${number} | ${shown}\n  ${' '.repeat(number.length)} | ${' '.repeat(Math.max(0, col - 1 - from))}^`;
}

function placeAt(document: Document.Parsed, path: Path, ofKey: boolean, at: (offset: number) => Origin, file: string): Origin {
  let node: ParsedNode | null = document.contents;
  let offset = startOf(node);
  for (const [depth, step] of path.entries()) {
    const last = depth === path.length - 1;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(step));
      if (pair === undefined) break;
      const { key, value } = pair as { key: ParsedNode; value: ParsedNode | null };
      offset = ofKey && last ? startOf(key) : (startOf(value) ?? startOf(key));
      node = value;
    } else if (isSeq(node)) {
      const item = node.items[Number(step)];
      if (item === undefined) break;
      offset = startOf(item);
      node = item;
    } else {
      break;
    }
  }
  return offset === undefined ? { kind: 'file', file, line: 0, column: 0 } : at(offset);
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
