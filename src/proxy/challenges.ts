/**
 * Challenges of several branches for one 401 or 407 (RFC 3261 §16.7 step 7): the caller has to answer all of them at once.
 * Needed for forks only, so what is kept are copies, by server transaction. Sans-I/O.
 */
import type { Core } from './core.js';
import { H_PROXY_AUTHENTICATE, H_WWW_AUTHENTICATE } from '../sip/header-names.js';
import { FIELD_LINE, FIELD_STRIDE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';

/** Challenges kept for one response. */
const MAX_CHALLENGES = 16;

export class Challenges {
  readonly #core: Core;
  readonly #kept = new Map<number, Uint8Array[]>();

  constructor(core: Core) {
    this.#core = core;
  }

  /** Keeps the challenges of `core.response`, a 401 or 407 that did not go up. */
  keep(server: number): void {
    const { response: view } = this.#core;
    const kept = this.#kept.get(server) ?? [];
    for (const id of [H_WWW_AUTHENTICATE, H_PROXY_AUTHENTICATE]) {
      for (let field = view.nextField(id, -1); field >= 0 && kept.length < MAX_CHALLENGES; field = view.nextField(id, field)) {
        kept.push(view.bytes.slice(view.fields[field * FIELD_STRIDE + FIELD_LINE], view.lineEnd(field)));
      }
    }
    this.#kept.set(server, kept);
  }

  /** Challenges of the other branches go into the 401 or 407 that goes up; its own stand in it already. */
  add(server: number): void {
    const kept = this.#kept.get(server);
    if (kept === undefined) return;
    const { response: view, plan } = this.#core;
    for (const line of kept) {
      if (!containsLine(view, line)) plan.add(view.headersEnd, 0, line, line.length);
    }
  }

  /** The server transaction has had its final response. */
  forget(server: number): void {
    if (this.#kept.size > 0) this.#kept.delete(server);
  }
}

/** Whether the header has this very line. */
function containsLine(view: MessageView, line: Uint8Array): boolean {
  for (let field = 0; field < view.fieldCount; field++) {
    const start = view.fields[field * FIELD_STRIDE + FIELD_LINE]!;
    if (view.lineEnd(field) - start !== line.length) continue;
    let same = true;
    for (let i = 0; same && i < line.length; i++) same = view.bytes[start + i] === line[i];
    if (same) return true;
  }
  return false;
}
