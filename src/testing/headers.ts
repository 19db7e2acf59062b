/** Header fields and bodies as users of the simulator give them, and how they go over those that a phone writes itself. Pure. */
import { canonicalName } from '../sim/header-name.js';

/**
 * Header fields by name, or as a list of `[name, value]`. A name that the phone writes itself (From, To, Via, Max-Forwards …)
 * is replaced; several values make several fields; an empty list leaves the header out. Compact names count as their long ones.
 */
export type HeaderFields = Readonly<Record<string, string | readonly string[]>> | readonly (readonly [name: string, value: string])[];

/** A body: text (an SDP when it begins with `v=0`, else `text/plain`), or text with its type. Sent as UTF-8. */
export type Body = string | { readonly type: string; readonly content: string };

/** What can be added to any message that a phone sends. */
export interface MessageOptions {
  /** Further header fields, or others in place of the phone's own. */
  readonly headers?: HeaderFields;
  readonly body?: Body;
}

/** One header field. */
export type Field = readonly [name: string, value: string];

/** The fields that a phone writes, with those of a test over them: replaced in place, or added at the end. */
export function overlay(own: readonly Field[], given: HeaderFields | undefined): Field[] {
  if (given === undefined) return [...own];
  const pairs = fieldsOf(given);
  const names = new Set((isList(given) ? given.map(([name]) => name) : Object.keys(given)).map(canonicalName));
  const fields: Field[] = [];
  const placed = new Set<string>();
  for (const field of own) {
    const name = canonicalName(field[0]);
    if (!names.has(name)) fields.push(field);
    else if (!placed.has(name)) {
      placed.add(name);
      fields.push(...pairs.filter(([other]) => canonicalName(other) === name));
    }
  }
  fields.push(...pairs.filter(([name]) => !placed.has(canonicalName(name))));
  return fields;
}

/** The values that a test gives for a header, in order; empty when it gives none. `name` in its long form, lower case. */
export function givenValues(given: HeaderFields | undefined, name: string): string[] {
  return given === undefined ? [] : fieldsOf(given).filter(([other]) => canonicalName(other) === name).map(([, value]) => value);
}

/** The text of a message: start line, fields, and the body with its Content-Type and Content-Length. */
export function messageText(startLine: string, own: readonly Field[], options: MessageOptions): string {
  const { body } = options;
  const content = body === undefined ? '' : typeof body === 'string' ? body : body.content;
  const type = body === undefined ? undefined : typeof body !== 'string' ? body.type : body.startsWith('v=0') ? 'application/sdp' : 'text/plain';
  const all: Field[] = [...own];
  if (type !== undefined) all.push(['Content-Type', type]);
  all.push(['Content-Length', String(new TextEncoder().encode(content).length)]);
  return [startLine, ...overlay(all, options.headers).map(([name, value]) => `${name}: ${value}`), '', content].join('\r\n');
}

function fieldsOf(given: HeaderFields): Field[] {
  if (isList(given)) return [...given];
  return Object.entries(given).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : value.map((one) => [name, one])) as Field[]);
}

function isList(given: HeaderFields): given is readonly Field[] {
  return Array.isArray(given);
}
