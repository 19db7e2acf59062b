/**
 * Loops (RFC 3261 §16.3 step 4, as RFC 5393 §4.2 has it): a request that comes back exactly as it was here before would come
 * back for ever. Every place that decides where a request goes leaves the *loop part* in its Via: a keyed hash of what the
 * decision is made from. Whoever finds a loop part of his own that fits the request as it comes in has found a loop; one
 * that came back with another Request-URI or another Route set is on a spiral, which is legitimate.
 *
 * The loop part is written only where it can matter: when the request goes to several targets at a time (where a loop
 * multiplies, and RFC 5393 demands it), and when the request has been here before. A loop without a fork is found on its
 * second round, and a request that comes here for the first time pays nothing. Without a fork the loop part covers the
 * request's source too, since a script may well route by it: a call on a tour of servers that change nothing is no loop.
 *
 * RFC 5393 puts the loop part behind the branch; here it is a Via parameter of its own, `vdl` (see branch.ts). Sans-I/O.
 */
import { BranchView, LOOP_MARK_BYTES, findLoopMark, readBranch, readHexWord } from './branch.js';
import type { Core } from './core.js';
import type { Endpoint } from './ports.js';
import { ascii, skipLws } from '../sip/chars.js';
import { H_ROUTE, H_VIA } from '../sip/header-names.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { GE_NONE } from '../sip/parse-error.js';
import { ViaView, parseVia } from '../sip/via.js';
import type { KeyHasher } from '../transaction/key.js';

/** None of its Vias is ours. */
export const FIRST_VISIT = 0;
/** It has been here, and looked different: or nobody noted how it looked. */
export const SEEN_BEFORE = 1;
/** It has been here just like this. */
export const LOOPED = 2;

/** Set before what makes a loop part, so that the hash is like no other of the same key: for forks, and with the source. */
const FORK_DOMAIN = 0x35333933;
const SOURCE_DOMAIN = 0x35333934;

export class LoopDetection {
  readonly #core: Core;
  /** What our Vias name us, by listener. */
  readonly #sentBy: readonly Uint8Array[];
  readonly #via = new ViaView();
  readonly #branch = new BranchView();

  constructor(core: Core) {
    this.#core = core;
    this.#sentBy = core.options.listeners.map(({ sentBy }) => ascii(sentBy));
  }

  /** Looks through the Vias of a validated request as it came in from `source`: `FIRST_VISIT`, `SEEN_BEFORE` or `LOOPED`. */
  examine(view: MessageView, source: Endpoint): number {
    // Our Via would stand above that of whoever sent the request first.
    if (!view.hasLowerVia) return FIRST_VISIT;
    const via = this.#via;
    const { bytes, fields } = view;
    let seen = FIRST_VISIT;
    let forkPart = 0;
    let sourcePart = 0;
    let hasParts = false;
    for (let field = view.via; field >= 0; field = view.nextField(H_VIA, field)) {
      const end = fields[field * FIELD_STRIDE + FIELD_END]!;
      let at = fields[field * FIELD_STRIDE + FIELD_VALUE]!;
      // A Via that does not parse is the business of who wrote it, and not ours.
      while (parseVia(bytes, at, end, via) === GE_NONE) {
        if (this.#isOurs(bytes)) {
          seen = SEEN_BEFORE;
          const mark = via.paramsEnd - via.branchEnd < LOOP_MARK_BYTES ? -1 : findLoopMark(bytes, via.branchEnd, via.paramsEnd);
          if (mark >= 0) {
            if (!hasParts) {
              forkPart = this.forkPart(view);
              sourcePart = this.sourcePart(view, source);
              hasParts = true;
            }
            const found = readHexWord(bytes, mark);
            if (found === forkPart || found === sourcePart) return LOOPED;
          }
        }
        if (via.valueEnd >= end) break;
        at = skipLws(bytes, via.valueEnd + 1, end);
      }
    }
    return seen;
  }

  /**
   * The loop part of a request that forks, as it came in: Request-URI, Route set, the fields that tell it from others. Not
   * its method (RFC 5393 §4.2), and nothing that changes from hop to hop.
   */
  forkPart(view: MessageView): number {
    const hasher = this.#core.branchHasher;
    hasher.begin();
    hasher.addWord(FORK_DOMAIN);
    return this.#finish(hasher, view);
  }

  /** The loop part of a request that has been here before and does not fork: as above, and where it came from this time. */
  sourcePart(view: MessageView, source: Endpoint): number {
    const hasher = this.#core.branchHasher;
    hasher.begin();
    hasher.addWord(SOURCE_DOMAIN);
    hasher.addWord(source.a0);
    hasher.addWord(source.a1);
    hasher.addWord(source.a2);
    hasher.addWord(source.a3);
    hasher.addWord(source.port);
    return this.#finish(hasher, view);
  }

  #finish(hasher: KeyHasher, view: MessageView): number {
    const { bytes, fields } = view;
    hasher.addBytes(bytes, view.uriStart, view.uriEnd);
    let routes = 0;
    for (let field = view.route; field >= 0; field = view.nextField(H_ROUTE, field)) {
      hasher.addBytes(bytes, fields[field * FIELD_STRIDE + FIELD_VALUE]!, fields[field * FIELD_STRIDE + FIELD_END]!);
      routes++;
    }
    hasher.addWord(routes);
    if (view.fromTagStart >= 0) hasher.addBytes(bytes, view.fromTagStart, view.fromTagEnd);
    hasher.addWord(0);
    if (view.toTagStart >= 0) hasher.addBytes(bytes, view.toTagStart, view.toTagEnd);
    const callId = view.callId * FIELD_STRIDE;
    hasher.addBytes(bytes, fields[callId + FIELD_VALUE]!, fields[callId + FIELD_END]!);
    hasher.addWord(view.cseqNumber);
    hasher.finish();
    return hasher.lo;
  }

  /** Whether this instance wrote the Via at hand: its node in a branch of our form, and the sent-by of a listener. */
  #isOurs(bytes: Uint8Array): boolean {
    const { branchStart, branchEnd, hostStart, sentByEnd } = this.#via;
    if (!readBranch(bytes, branchStart, branchEnd, this.#branch) || this.#branch.node !== this.#core.options.node) return false;
    for (const sentBy of this.#sentBy) if (isSame(bytes, hostStart, sentByEnd, sentBy)) return true;
    return false;
  }
}

/** Byte for byte: nobody has a reason to write our name anew. */
function isSame(bytes: Uint8Array, start: number, end: number, text: Uint8Array): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[start + i] !== text[i]) return false;
  return true;
}
