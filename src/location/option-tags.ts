/** Lists of tokens: option tags of Require and Supported, methods of Allow (RFC 3261 §20). Sans-I/O; bytes are borrowed for the call. */
import { skipLws, trimEnd } from '../sip/chars.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';

const COMMA = 0x2c;

/** Adds what stands between the commas of every field with header number `id` to `into`; empty places are passed over. */
export function listTokens(message: MessageView, id: number, into: string[]): void {
  for (let field = message.nextField(id, -1); field >= 0; field = message.nextField(id, field)) {
    const slot = field * FIELD_STRIDE;
    addTokens(message.bytes, message.fields[slot + FIELD_VALUE]!, message.fields[slot + FIELD_END]!, into);
  }
}

/** Adds what stands between the commas of `bytes[start, end)` to `into`. */
export function addTokens(bytes: Uint8Array, start: number, end: number, into: string[]): void {
  for (let i = start; i < end; i++) {
    const from = skipLws(bytes, i, end);
    i = from;
    while (i < end && bytes[i] !== COMMA) i++;
    const to = trimEnd(bytes, from, i);
    let token = '';
    for (let at = from; at < to; at++) token += String.fromCharCode(bytes[at]!);
    if (token !== '') into.push(token);
  }
}
