/**
 * Builds message templates: literal bytes with holes of fixed width, and the places where something of variable length
 * goes in. A template is a list of int32 (see `T_*`), which composer.ts runs. Used at start only.
 */
import { BRANCH_DIGITS, CALL_DIGITS } from './identity.js';

/** End of the template. */
export const T_END = 0;
/** start, length: copies literal bytes. */
export const T_COPY = 1;
/** back: index and generation go in at `back` bytes before here. */
export const T_CALL = 2;
/** back: index, generation and ordinal go in there. */
export const T_BRANCH = 3;
/** CSeq number. */
export const T_NUMBER = 4;
/** Name of the caller, and of the called. */
export const T_USER = 5;
export const T_PEER = 6;
/** Remote target of the dialog, a URI. */
export const T_TARGET = 7;
/** Route, From, To and Call-ID lines of the dialog. */
export const T_DIALOG = 8;
/** Authorization lines, if there are any. */
export const T_AUTHORIZATION = 9;
/** fixed, users, peers, numbers: Content-Length, made up of fixed bytes and so many words of each kind. */
export const T_LENGTH = 10;

const encoder = new TextEncoder();
/** Words in braces, as in `MessageParts.headers`. */
const WORDS = /(\{(?:callId|user|peer|number)\})/;

/** Literal bytes of all templates, at their final offsets. */
export class Literals {
  private bytes = new Uint8Array(1 << 16);
  private top: number;

  /** `base`: offset of the first literal in the memory of the thread. */
  constructor(base: number) {
    this.top = base;
  }

  get end(): number {
    return this.top;
  }

  /** Adds bytes and returns their offset. */
  add(bytes: Uint8Array): number {
    const at = this.top;
    this.top += bytes.length;
    while (this.top > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2);
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes.set(bytes, at);
    return at;
  }

  /** Adds text in UTF-8. */
  addText(text: string): { readonly start: number; readonly length: number } {
    const bytes = encoder.encode(text);
    return { start: this.add(bytes), length: bytes.length };
  }

  /** Puts everything where it belongs. */
  copyTo(memory: Uint8Array): void {
    memory.set(this.bytes.subarray(0, this.top));
  }
}

export class TemplateWriter {
  private readonly ops: number[] = [];
  private text = '';
  private readonly holes: { readonly op: number; readonly at: number }[] = [];
  /** Bytes of literals so far. */
  private literalBytes = 0;

  constructor(private readonly literals: Literals) {}

  literal(text: string): this {
    this.text += text;
    return this;
  }

  /** The call's digits, behind the prefix that was written before. */
  call(): this {
    this.text += '0'.repeat(CALL_DIGITS);
    this.holes.push({ op: T_CALL, at: byteLength(this.text) - CALL_DIGITS });
    return this;
  }

  branch(): this {
    this.text += '0'.repeat(BRANCH_DIGITS);
    this.holes.push({ op: T_BRANCH, at: byteLength(this.text) - BRANCH_DIGITS });
    return this;
  }

  op(...op: number[]): this {
    this.flush();
    this.ops.push(...op);
    return this;
  }

  /** Text with words in braces. */
  words(text: string, callIdPrefix: string): this {
    for (const part of text.split(WORDS)) {
      if (part === '{callId}') this.literal(callIdPrefix).call();
      else if (part === '{user}') this.op(T_USER);
      else if (part === '{peer}') this.op(T_PEER);
      else if (part === '{number}') this.op(T_NUMBER);
      else this.literal(part);
    }
    return this;
  }

  finish(): { readonly ops: readonly number[]; readonly literalBytes: number } {
    this.op(T_END);
    return { ops: this.ops, literalBytes: this.literalBytes };
  }

  private flush(): void {
    if (this.text === '') return;
    const { start, length } = this.literals.addText(this.text);
    this.ops.push(T_COPY, start, length);
    for (const { op, at } of this.holes) this.ops.push(op, length - at);
    this.literalBytes += length;
    this.text = '';
    this.holes.length = 0;
  }
}

/** How long the text with words is: fixed bytes, and how many words of each kind. */
export function wordLengths(text: string, callIdBytes: number): { fixed: number; users: number; peers: number; numbers: number } {
  const lengths = { fixed: 0, users: 0, peers: 0, numbers: 0 };
  for (const part of text.split(WORDS)) {
    if (part === '{callId}') lengths.fixed += callIdBytes;
    else if (part === '{user}') lengths.users++;
    else if (part === '{peer}') lengths.peers++;
    else if (part === '{number}') lengths.numbers++;
    else lengths.fixed += byteLength(part);
  }
  return lengths;
}

function byteLength(text: string): number {
  return encoder.encode(text).length;
}
