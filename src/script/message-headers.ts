/**
 * The header fields of a message as a script reads and changes them. Changes are kept beside the message and become
 * edits when it is composed; reading shows them at once. Sans-I/O.
 */
import { ScriptError, type MutableHeaders } from './api.js';
import { bytesOf, textOf, unfold } from './text.js';
import type { EditPlan } from '../proxy/edit-plan.js';
import { NO_TEXT } from '../proxy/edit-plan.js';
import {
  HEADER_NAMES,
  H_CALL_ID,
  H_CONTENT_LENGTH,
  H_CSEQ,
  H_FROM,
  H_MAX_BREADTH,
  H_MAX_FORWARDS,
  H_OTHER,
  H_RECORD_ROUTE,
  H_ROUTE,
  H_TO,
  H_VIA,
  headerIdOf,
} from '../sip/header-names.js';
import { FIELD_END, FIELD_ID, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';

/** Headers that the engine writes: a script that changed them would break the transaction or the route. */
const ENGINE_HEADERS = new Set([H_VIA, H_MAX_FORWARDS, H_MAX_BREADTH, H_RECORD_ROUTE, H_ROUTE, H_CONTENT_LENGTH, H_CSEQ, H_CALL_ID]);

/** Headers that every message has exactly once: a script may replace them, but not add another or take them away. */
const SINGLE_HEADERS = new Set([H_FROM, H_TO]);

/** Header fields that a script can add to one message. */
export const MAX_CHANGES = 256;

const TOKEN = /^[A-Za-z0-9\-.!%*_+`'~]+$/;
/** Anything that would end the header field: a fold is not allowed in a new value either. */
// eslint-disable-next-line no-control-regex -- control characters are what this is about
const FORBIDDEN_IN_VALUE = /[\u0000-\u0008\u000a-\u001f\u007f]/;

interface Addition {
  readonly name: string;
  readonly value: string;
  readonly text: Uint8Array;
}

/** Who has the message: its view may be another one each time, of the same message. */
export interface MessageHolder {
  readonly view: MessageView;
}

export class MessageHeaders implements MutableHeaders {
  readonly #holder: MessageHolder;
  #closed = false;
  #removed: Set<number> | undefined;
  #added: Addition[] | undefined;

  /** @param holder borrowed: its view must be of the same message while these headers are used. */
  constructor(holder: MessageHolder) {
    this.#holder = holder;
  }

  /** The view goes to another message: from here on these headers can neither be read nor changed. */
  close(): void {
    this.#closed = true;
  }

  get changed(): boolean {
    return this.#removed !== undefined || this.#added !== undefined;
  }

  get(name: string): string | undefined {
    const field = this.#find(name, -1);
    if (field >= 0) return this.#value(field);
    return this.#added?.find((addition) => sameName(addition.name, name))?.value;
  }

  getAll(name: string): string[] {
    const values: string[] = [];
    for (let field = this.#find(name, -1); field >= 0; field = this.#find(name, field)) values.push(this.#value(field));
    for (const addition of this.#added ?? []) if (sameName(addition.name, name)) values.push(addition.value);
    return values;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  add(name: string, value: string): void {
    checkChange(name, false);
    checkValue(name, value);
    this.#checkRoom();
    this.#append(name, value);
  }

  #checkRoom(): void {
    if (this.#added !== undefined && this.#added.length >= MAX_CHANGES) {
      throw new ScriptError('VD_SCRIPT_HEADER', `more than ${MAX_CHANGES} header fields added to one message`);
    }
  }

  #append(name: string, value: string): void {
    this.#added ??= [];
    this.#added.push({ name, value, text: bytesOf(`${name}: ${value}\r\n`) });
  }

  remove(name: string): number {
    checkChange(name, false);
    return this.#takeOut(name);
  }

  #takeOut(name: string): number {
    let count = 0;
    for (let field = this.#find(name, -1); field >= 0; field = this.#find(name, field)) {
      this.#removed ??= new Set();
      this.#removed.add(field);
      count++;
    }
    if (this.#added !== undefined) {
      const kept = this.#added.filter((addition) => !sameName(addition.name, name));
      count += this.#added.length - kept.length;
      this.#added = kept;
    }
    return count;
  }

  replace(name: string, value: string): void {
    // Checked first: a value that is refused leaves the old one where it was.
    checkChange(name, true);
    checkValue(name, value);
    this.#checkRoom();
    this.#takeOut(name);
    this.#append(name, value);
  }

  /** Adds the changes to a plan for this message. */
  plan(plan: EditPlan): void {
    const view = this.#view;
    if (this.#removed !== undefined) {
      for (const field of this.#removed) {
        const line = view.fields[field * FIELD_STRIDE + FIELD_LINE]!;
        plan.add(line, view.lineEnd(field) - line, NO_TEXT, 0);
      }
    }
    if (this.#added !== undefined) {
      for (const { text } of this.#added) plan.add(view.headersEnd, 0, text, text.length);
    }
  }

  get #view(): MessageView {
    if (this.#closed) throw new ScriptError('VD_SCRIPT_OVER', 'these headers are of a request or response that is over');
    return this.#holder.view;
  }

  /** Next field of that name behind number `after` that has not been removed, or -1. */
  #find(name: string, after: number): number {
    const view = this.#view;
    const id = headerIdOf(name);
    const lower = id === H_OTHER ? name.toLowerCase() : '';
    for (let field = after + 1; field < view.fieldCount; field++) {
      const slot = field * FIELD_STRIDE;
      if (view.fields[slot + FIELD_ID] !== id) continue;
      if (this.#removed?.has(field) === true) continue;
      if (id !== H_OTHER || this.#nameOf(slot) === lower) return field;
    }
    return -1;
  }

  #nameOf(slot: number): string {
    const { bytes, fields } = this.#view;
    const line = fields[slot + FIELD_LINE]!;
    const text = textOf(bytes, line, fields[slot + FIELD_VALUE]!);
    const colon = text.indexOf(':');
    return (colon < 0 ? text : text.slice(0, colon)).trimEnd().toLowerCase();
  }

  #value(field: number): string {
    const slot = field * FIELD_STRIDE;
    const { bytes, fields } = this.#view;
    return unfold(textOf(bytes, fields[slot + FIELD_VALUE]!, fields[slot + FIELD_END]!));
  }
}

/** Whole header lines out of `[name, value]` pairs, for a reply. */
export function headerLines(pairs: readonly (readonly [string, string])[]): Uint8Array {
  let text = '';
  for (const [name, value] of pairs) {
    checkChange(name, false);
    checkValue(name, value);
    text += `${name}: ${value}\r\n`;
  }
  return bytesOf(text);
}

/** A text that goes into one line (a reason phrase, a body type) without control characters. */
export function oneLine(text: string, what: string): string {
  if (FORBIDDEN_IN_VALUE.test(text)) {
    throw new ScriptError('VD_SCRIPT_HEADER', `the ${what} has a line break or control character in it: ${JSON.stringify(text)}`);
  }
  return text;
}

function checkValue(name: string, value: string): void {
  if (FORBIDDEN_IN_VALUE.test(value)) {
    throw new ScriptError('VD_SCRIPT_HEADER', `the value for ${name} has a line break or control character in it: ${JSON.stringify(value)}`);
  }
}

function checkChange(name: string, replaces: boolean): void {
  if (!TOKEN.test(name)) {
    throw new ScriptError('VD_SCRIPT_HEADER', `not a header name: ${JSON.stringify(name)}`);
  }
  const id = headerIdOf(name);
  if (ENGINE_HEADERS.has(id)) {
    throw new ScriptError('VD_SCRIPT_HEADER', `${HEADER_NAMES[id]!} is written by the engine: a script cannot add, remove or replace it`);
  }
  if (!replaces && SINGLE_HEADERS.has(id)) {
    throw new ScriptError('VD_SCRIPT_HEADER', `a message has exactly one ${HEADER_NAMES[id]!}: a script can replace it, but not add or remove it`);
  }
}

function sameName(a: string, b: string): boolean {
  const id = headerIdOf(a);
  return id === H_OTHER ? a.toLowerCase() === b.toLowerCase() : id === headerIdOf(b);
}
