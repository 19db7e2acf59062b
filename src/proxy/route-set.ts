/**
 * The Route set of a request: route information preprocessing (RFC 3261 §16.4), finding the next hop in it (§16.6 step 6),
 * and planning what has to be taken out of the Route fields. Works on offsets of the view; sans-I/O.
 */
import { findRouteMark } from './branch.js';
import { type EditPlan, NO_TEXT } from './edit-plan.js';
import type { Listeners } from './next-hop.js';
import { skipLws } from '../sip/chars.js';
import { H_ROUTE } from '../sip/header-names.js';
import { FIELD_END, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { NameAddrView, parseNameAddr } from '../sip/name-addr.js';
import { UriView, parseUri } from '../sip/uri.js';

const nameAddr = new NameAddrView();
const uri = new UriView();

/** What preprocessing found out about a request; kept with it. */
export class RouteSet {
  /** Route values of ours at the top: they are taken out. */
  own = 0;
  /** One of them carries our mark: this proxy recorded it, in the dialog or in another one. */
  marked = false;
  /** Route values in all. */
  count = 0;
  /** The Request-URI was one that we Record-Routed (a strict router sent this): the last Route value is the real one. */
  fromStrict = false;
  /** That value's URI, in the bytes of the view. */
  uriStart = -1;
  uriEnd = -1;

  reset(): void {
    this.own = 0;
    this.marked = false;
    this.count = 0;
    this.fromStrict = false;
    this.uriStart = -1;
    this.uriEnd = -1;
  }

  /** Route values left for others to follow. */
  get left(): number {
    return this.count - this.own - (this.fromStrict ? 1 : 0);
  }
}

/** URI of one Route value, as left by `findRoute`. */
export const foundRoute = { uriStart: -1, uriEnd: -1 };

/**
 * Most values of ours at the top: two of different listeners, where the dialog crosses from one to the other. Two of the
 * same one mean that the request comes through here twice (a spiral), and each time takes out its own.
 */
const OWN_MAX = 2;

/** Route information preprocessing (§16.4). `view.uri` is the parsed Request-URI. */
export function preprocess(view: MessageView, listeners: Listeners, out: RouteSet): void {
  out.reset();
  if (view.route < 0) return;
  const bytes = view.bytes;
  if (findRouteMark(bytes, view.uriStart, view.uriEnd) >= 0 && listeners.named(bytes, view.uri) >= 0) out.fromStrict = true;
  let own = true;
  let first = -1;
  for (let field = view.route; field >= 0; field = view.nextField(H_ROUTE, field)) {
    const slot = field * FIELD_STRIDE;
    const end = view.fields[slot + FIELD_END]!;
    let at = view.fields[slot + FIELD_VALUE]!;
    for (;;) {
      if (parseNameAddr(bytes, at, end, nameAddr) !== 0) return;
      out.count++;
      let listener = -1;
      if (own && out.own < OWN_MAX && parseUri(bytes, nameAddr.uriStart, nameAddr.uriEnd, uri) === 0) listener = listeners.named(bytes, uri);
      if (listener >= 0 && listener !== first) {
        first = listener;
        out.own++;
        if (findRouteMark(bytes, nameAddr.uriStart, nameAddr.uriEnd) >= 0) out.marked = true;
      } else {
        own = false;
      }
      out.uriStart = nameAddr.uriStart;
      out.uriEnd = nameAddr.uriEnd;
      at = nameAddr.valueEnd;
      if (at >= end) break;
      at = skipLws(bytes, at + 1, end);
    }
  }
  // A last value that is no URI cannot become the Request-URI.
  if (out.fromStrict && parseUri(bytes, out.uriStart, out.uriEnd, uri) !== 0) out.fromStrict = false;
  if (out.fromStrict && out.own === out.count) out.own--;
}

/** Finds Route value number `index` (0 is the top one); its URI in `foundRoute`. False when there are not so many. */
export function findRoute(view: MessageView, index: number): boolean {
  const bytes = view.bytes;
  let left = index;
  for (let field = view.route; field >= 0; field = view.nextField(H_ROUTE, field)) {
    const slot = field * FIELD_STRIDE;
    const end = view.fields[slot + FIELD_END]!;
    let at = view.fields[slot + FIELD_VALUE]!;
    for (;;) {
      if (parseNameAddr(bytes, at, end, nameAddr) !== 0) return false;
      if (left === 0) {
        foundRoute.uriStart = nameAddr.uriStart;
        foundRoute.uriEnd = nameAddr.uriEnd;
        return true;
      }
      left--;
      at = nameAddr.valueEnd;
      if (at >= end) break;
      at = skipLws(bytes, at + 1, end);
    }
  }
  return false;
}

/**
 * Plans to take out the first `count` of `all` Route values, and value number `last` (-1: none). A field left empty goes as a
 * whole.
 */
export function planRemoval(view: MessageView, count: number, all: number, last: number, plan: EditPlan): void {
  if (count <= 0 && last < 0) return;
  if (count >= all) {
    for (let field = view.route; field >= 0; field = view.nextField(H_ROUTE, field)) planFieldOut(view, field, plan);
    return;
  }
  let index = 0;
  for (let field = view.route; field >= 0; field = view.nextField(H_ROUTE, field)) index = planFieldRemoval(view, field, index, count, last, plan);
}

/** The same for one field, whose first value has number `index`; returns the number of the value behind it. */
function planFieldRemoval(view: MessageView, field: number, index: number, count: number, last: number, plan: EditPlan): number {
  const bytes = view.bytes;
  const slot = field * FIELD_STRIDE;
  const end = view.fields[slot + FIELD_END]!;
  let at = view.fields[slot + FIELD_VALUE]!;
  /** Where the value that was kept last ends, at its comma; -1 when none was kept. */
  let keptEnd = -1;
  /** Where the values to be removed begin, since the one kept last. */
  let from = -1;
  for (;;) {
    if (parseNameAddr(bytes, at, end, nameAddr) !== 0) return index;
    const removed = index < count || index === last;
    if (removed && from < 0) from = at;
    if (!removed) {
      if (from >= 0) plan.add(from, at - from, NO_TEXT, 0);
      from = -1;
      keptEnd = nameAddr.valueEnd;
    }
    index++;
    if (nameAddr.valueEnd >= end) break;
    at = skipLws(bytes, nameAddr.valueEnd + 1, end);
  }
  if (keptEnd < 0) {
    planFieldOut(view, field, plan);
  } else if (from >= 0) {
    // Values at the end of a field take the comma in front of them along.
    plan.add(keptEnd, end - keptEnd, NO_TEXT, 0);
  }
  return index;
}

function planFieldOut(view: MessageView, field: number, plan: EditPlan): void {
  const line = view.fields[field * FIELD_STRIDE + FIELD_LINE]!;
  plan.add(line, view.lineEnd(field) - line, NO_TEXT, 0);
}
