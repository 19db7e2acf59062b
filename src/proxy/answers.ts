/**
 * Answers of our own (RFC 3261 §8.2.6, §16.3, §16.7 step 5): with a transaction, and without one. Sans-I/O.
 */
import type { Core } from './core.js';
import { NO_TEXT } from './edit-plan.js';
import type { EditPlan } from './edit-plan.js';
import type { Endpoint } from './ports.js';
import type { MessageView } from '../sip/message.js';
import { readHex32 } from '../sip/numbers.js';
import {
  C_DROP_OUTBOX_FULL,
  C_DROP_UNANSWERABLE,
  C_REPLY_1XX,
  C_REPLY_2XX,
  C_REPLY_3XX,
  C_REPLY_4XX,
  C_REPLY_5XX,
  C_REPLY_6XX,
  C_RESPONSES_OUT,
} from '../telemetry/counters.js';
import { F_KEY_HI, F_KEY_LO } from '../transaction/table.js';
import { isUsable } from './via-fix.js';

/** Parts of an answer beside its status. */
export interface AnswerText {
  readonly reason: Uint8Array;
  /** Whole header lines. */
  readonly headers: Uint8Array;
  readonly bodyType: Uint8Array;
  readonly body: Uint8Array;
}

/** An answer with a reason phrase and nothing else. */
export function plainAnswer(reason: Uint8Array): AnswerText {
  return { reason, headers: NO_TEXT, bodyType: NO_TEXT, body: NO_TEXT };
}

/** Told apart from other hashes of the same key: it makes our To tags. */
const TAG_SALT = 0x746167;
/** Length of our To tags: 16 hex digits. */
const TAG_BYTES = 16;

const REPLY_COUNTERS = [0, C_REPLY_1XX, C_REPLY_2XX, C_REPLY_3XX, C_REPLY_4XX, C_REPLY_5XX, C_REPLY_6XX];

export class Answers {
  readonly #core: Core;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Answers the request of `view` in its server transaction. False when its state does not allow it. */
  inTransaction(server: number, view: MessageView, status: number, text: AnswerText): boolean {
    const core = this.#core;
    if (!core.layer.mayRespond(server, status)) return false;
    const composed = this.#compose(view, status, text, core.server(server, F_KEY_LO), core.server(server, F_KEY_HI), core.noEdits);
    if (!composed) return false;
    this.#count(status);
    return core.layer.respond(server, status, core.composer.start, core.composer.end);
  }

  /**
   * Answers without a transaction: the To tag follows from the key, so that a retransmission gets the same answer (§16.11).
   * `viaEdits` holds the edits of the top Via when the view was not stored with them.
   */
  stateless(view: MessageView, status: number, text: AnswerText, keyLo: number, keyHi: number, to: Endpoint, viaEdits: EditPlan): void {
    const core = this.#core;
    if (!isUsable(to)) {
      core.counters[C_DROP_UNANSWERABLE]!++;
      return;
    }
    if (!this.#compose(view, status, text, keyLo, keyHi, viaEdits)) return;
    if (core.arena.commit(core.composer.start, core.composer.end, to, -1)) {
      this.#count(status);
      core.counters[C_RESPONSES_OUT]!++;
    } else {
      core.counters[C_DROP_OUTBOX_FULL]!++;
    }
  }

  /**
   * Whether the request of `view` carries the To tag that our answers to its key have: an ACK that does is to an answer of
   * ours, and nobody downstream has heard of that. A malformed request that the router could not tell apart was answered
   * under the key 0, so that tag counts as well.
   */
  hasOurToTag(view: MessageView, keyLo: number, keyHi: number): boolean {
    if (view.toTagStart < 0 || view.toTagEnd - view.toTagStart !== TAG_BYTES) return false;
    return this.#isTagOf(view, keyLo, keyHi) || this.#isTagOf(view, 0, 0);
  }

  #isTagOf(view: MessageView, keyLo: number, keyHi: number): boolean {
    const { branchHasher } = this.#core;
    const { bytes, toTagStart } = view;
    branchHasher.hashWords(keyLo, keyHi, TAG_SALT);
    const { lo, hi } = branchHasher;
    return readHex32(bytes, toTagStart, toTagStart + 8) === hi >>> 0 && readHex32(bytes, toTagStart + 8, toTagStart + TAG_BYTES) === lo >>> 0;
  }

  #compose(view: MessageView, status: number, text: AnswerText, keyLo: number, keyHi: number, viaEdits: EditPlan): boolean {
    const { branchHasher, composer } = this.#core;
    branchHasher.hashWords(keyLo, keyHi, TAG_SALT);
    return composer.reply(view, status, text.reason, branchHasher.lo, branchHasher.hi, viaEdits, text.headers, text.bodyType, text.body);
  }

  #count(status: number): void {
    this.#core.counters[REPLY_COUNTERS[(status / 100) | 0]!]!++;
  }
}
