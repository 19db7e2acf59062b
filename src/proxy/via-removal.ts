/** Taking our Via off a response (RFC 3261 §16.7 step 3). Sans-I/O. */
import { type EditPlan, NO_TEXT } from './edit-plan.js';
import { skipLws } from '../sip/chars.js';
import { H_VIA } from '../sip/header-names.js';
import { FIELD_END, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';

/** The Via value below the top one, as left by `planTopViaRemoval`. */
export const nextVia = { start: -1, end: -1 };

/** Whether a response has another Via value below the top one, which has been parsed. */
export function hasNextVia(view: MessageView): boolean {
  return view.topVia.valueEnd < view.fields[view.via * FIELD_STRIDE + FIELD_END]! || view.nextField(H_VIA, view.via) >= 0;
}

/**
 * Plans to take the top Via value out (`view.topVia` has been parsed) and notes the next one. False when there is no next
 * one: the response was for us, not through us.
 */
export function planTopViaRemoval(view: MessageView, plan: EditPlan): boolean {
  const slot = view.via * FIELD_STRIDE;
  const start = view.fields[slot + FIELD_VALUE]!;
  const end = view.fields[slot + FIELD_END]!;
  const valueEnd = view.topVia.valueEnd;
  if (valueEnd < end) {
    const next = skipLws(view.bytes, valueEnd + 1, end);
    plan.add(start, next - start, NO_TEXT, 0);
    nextVia.start = next;
    nextVia.end = end;
    return true;
  }
  const field = view.nextField(H_VIA, view.via);
  if (field < 0) return false;
  const line = view.fields[slot + FIELD_LINE]!;
  plan.add(line, view.lineEnd(view.via) - line, NO_TEXT, 0);
  nextVia.start = view.fields[field * FIELD_STRIDE + FIELD_VALUE]!;
  nextVia.end = view.fields[field * FIELD_STRIDE + FIELD_END]!;
  return true;
}
