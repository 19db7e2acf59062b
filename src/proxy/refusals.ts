/**
 * Requests that the engine refuses by itself: broken, unsupported, or one too many. Answered where SIP has an answer, else
 * dropped; counted always. Sans-I/O.
 */
import { type Answers, type AnswerText, plainAnswer } from './answers.js';
import type { Core } from './core.js';
import type { PacketMeta } from './ports.js';
import type { ResponseContexts } from './response-context.js';
import type { ScriptRunner } from './script-runner.js';
import { type ViaFix, copyEndpoint, createEndpoint, replyEndpoint } from './via-fix.js';
import type { RequestContext } from '../script/request-context.js';
import { ascii } from '../sip/chars.js';
import { H_PROXY_REQUIRE } from '../sip/header-names.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import type { MessageView } from '../sip/message.js';
import { METHOD_BYTES, M_ACK } from '../sip/methods.js';
import { GE_NONE, PE_NOT_SIP, PE_VIA, errorReasonBytes, errorStatus, messageCodeOf } from '../sip/parse-error.js';
import { reasonBytes } from '../sip/reasons.js';
import {
  C_BAD_REQUESTS,
  C_DROP_MALFORMED_REQUEST,
  C_DROP_MALFORMED_RESPONSE,
  C_DROP_NOT_SIP,
  C_DROP_TABLE_FULL,
} from '../telemetry/counters.js';

/** A full table is a matter of seconds: callers may come back then. */
const OVERLOADED = { ...plainAnswer(reasonBytes(503)), headers: ascii('Retry-After: 5\r\n') };

/** RFC 3261 §16.3 steps 4 and 3. */
export const LOOP_DETECTED = plainAnswer(reasonBytes(482));
export const TOO_MANY_HOPS = plainAnswer(reasonBytes(483));

export class Refusals {
  readonly #core: Core;
  readonly #answers: Answers;
  readonly #contexts: ResponseContexts;
  readonly #runner: ScriptRunner;
  readonly #viaFix: ViaFix;
  readonly #replyTo = createEndpoint();

  constructor(core: Core, answers: Answers, contexts: ResponseContexts, runner: ScriptRunner, viaFix: ViaFix) {
    this.#core = core;
    this.#answers = answers;
    this.#contexts = contexts;
    this.#runner = runner;
    this.#viaFix = viaFix;
  }

  /** The engine's own final answer to a request, in its transaction. */
  inTransaction(context: RequestContext, status: number, text: AnswerText): void {
    this.#core.counters[C_BAD_REQUESTS]!++;
    this.#contexts.answer(context.server, context.view, status, text);
    this.#runner.requests.giveBack(context);
  }

  /** No room for another transaction: 503 without one, in the hope that the caller comes back later. */
  overload(context: RequestContext): void {
    const core = this.#core;
    core.counters[C_DROP_TABLE_FULL]!++;
    const { plan } = core;
    plan.clear();
    if (context.block === 0) this.#viaFix.plan(context.view.topVia, context.origin, plan);
    this.#answers.stateless(context.view, 503, OVERLOADED, context.keyLo, context.keyHi, context.replyTo, plan);
    this.#runner.requests.giveBack(context);
  }

  /** A message with a fault: a request is answered where an answer can be built (RFC 4475 §3.1.2), all else is dropped. */
  malformed(view: MessageView, fault: number, meta: PacketMeta): void {
    const core = this.#core;
    const { counters, plan } = core;
    if (fault === PE_NOT_SIP) {
      counters[C_DROP_NOT_SIP]!++;
      return;
    }
    if (!view.isRequest) {
      counters[C_DROP_MALFORMED_RESPONSE]!++;
      return;
    }
    if (isAck(view) || view.via < 0) {
      counters[C_DROP_MALFORMED_REQUEST]!++;
      return;
    }
    plan.clear();
    // A Via that does not parse is given back as it came, to where it came from.
    copyEndpoint(meta, this.#replyTo);
    if (messageCodeOf(fault) !== PE_VIA && view.parseTopVia() === GE_NONE) {
      this.#viaFix.plan(view.topVia, meta, plan);
      replyEndpoint(view.topVia, meta, this.#replyTo);
    }
    if (view.toTagStart < 0) view.findToTag();
    counters[C_BAD_REQUESTS]!++;
    this.#answers.stateless(view, errorStatus(fault), plainAnswer(errorReasonBytes(fault)), meta.keyLo, meta.keyHi, this.#replyTo, plan);
  }
}

const ACK = METHOD_BYTES[M_ACK]!;

/** By its name alone: the method of a message with a fault may not have been read. */
function isAck(view: MessageView): boolean {
  if (view.methodEnd - view.methodStart !== ACK.length) return false;
  for (let i = 0; i < ACK.length; i++) if (view.bytes[view.methodStart + i] !== ACK[i]) return false;
  return true;
}

/** `Unsupported` with everything that Proxy-Require asks for: this proxy has no extension that could be required of it. */
export function unsupported(view: MessageView): Uint8Array {
  const lines: number[] = [];
  for (let field = view.proxyRequire; field >= 0; field = view.nextField(H_PROXY_REQUIRE, field)) {
    const slot = field * FIELD_STRIDE;
    lines.push(...ascii('Unsupported: '));
    for (let i = view.fields[slot + FIELD_VALUE]!; i < view.fields[slot + FIELD_END]!; i++) {
      // Folds are undone: what we write is on one line.
      const c = view.bytes[i]!;
      lines.push(c === 0x0d || c === 0x0a ? 0x20 : c);
    }
    lines.push(0x0d, 0x0a);
  }
  return Uint8Array.from(lines);
}
