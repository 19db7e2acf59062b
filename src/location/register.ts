/**
 * A REGISTER applied to the bindings of its address-of-record (RFC 3261 §10.3 steps 6 to 8). Pure: the same request, bindings, time and
 * settings give the same result, so a store that finds its copy outdated may ask again. All or nothing: whatever is not answered with
 * 200 has changed nothing. Sans-I/O, any thread.
 */
import { type Binding, type ReceivedFrom, aliveAt } from './binding.js';
import { isSameInstance, publicGruu } from './instance.js';
import { type AnswerField, type RegisterAnswer, intervalTooBrief, plainAnswer } from './register-answer.js';
import type { RegisterRequest, RequestedContact } from './register-request.js';
import type { RegistrarSettings } from './settings.js';
import { ascii, equalsBytes } from '../sip/chars.js';
import { H_CONTACT, H_PATH, H_REQUIRE, H_SERVICE_ROUTE, H_SUPPORTED } from '../sip/header-names.js';
import { areUrisEquivalent } from '../sip/uri-comparison.js';

/** A requested lifetime from here on is never too brief (§10.3 step 7). */
const NEVER_TOO_BRIEF_S = 3600;

export interface RegisterContext {
  /** The canonical address-of-record, `user@host`. */
  readonly aor: string;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  /** Where the request came from. */
  readonly received: ReceivedFrom;
}

export interface RegisterOutcome {
  readonly answer: RegisterAnswer;
  /** All bindings from now on, none of them expired; undefined when there is nothing to write. Empty: the user has none left. */
  readonly bindings: readonly Binding[] | undefined;
}

/** A binding on its way through one request. */
interface Entry {
  binding: Binding;
  /** Whether this request has added or refreshed it. */
  isTouched: boolean;
}

/** Applies `request` to the bindings `current` of `context.aor`; expired ones among them count as gone. */
export function applyRegister(
  request: RegisterRequest,
  current: readonly Binding[],
  context: RegisterContext,
  settings: RegistrarSettings,
): RegisterOutcome {
  const alive = aliveAt(current, context.nowMs);
  if (request.isStar) return removeAll(request, alive, context, settings);
  const entries: Entry[] = alive.map((binding) => ({ binding, isTouched: false }));
  if (request.contacts.length === 0 || isRepeat(request, entries, settings)) return accepted(request, alive, context, settings, false);

  let added = 0;
  let hasChanged = false;
  for (const contact of request.contacts) {
    const wantedS = lifetimeOf(contact, settings);
    if (wantedS > 0 && wantedS < NEVER_TOO_BRIEF_S && wantedS < settings.expiresMinS) return refused(intervalTooBrief(settings.expiresMinS));
    if (isLoop(request, contact, context)) return refused(plainAnswer(403, 'Contact Is The Address-Of-Record'));
    const at = findEntry(entries, contact);
    const entry = entries[at];
    if (entry !== undefined && !entry.isTouched && isOutOfOrder(request, entry.binding)) return refused(outOfOrder());
    if (wantedS > 0) {
      const binding = bindingOf(request, contact, Math.min(wantedS, settings.expiresMaxS), context);
      if (entry === undefined) {
        entries.push({ binding, isTouched: true });
        added++;
      } else {
        entry.binding = binding;
        entry.isTouched = true;
      }
      hasChanged = true;
    } else if (entry !== undefined) {
      entries.splice(at, 1);
      hasChanged = true;
    }
  }
  if (added > 0 && !makeRoom(entries, settings)) return refused(plainAnswer(403, 'Too Many Contacts'));
  return accepted(request, entries.map((entry) => entry.binding), context, settings, hasChanged);
}

/** `Contact: *` (§10.3 step 6). */
function removeAll(request: RegisterRequest, alive: readonly Binding[], context: RegisterContext, settings: RegistrarSettings): RegisterOutcome {
  if (alive.some((binding) => isOutOfOrder(request, binding))) return refused(outOfOrder());
  return accepted(request, [], context, settings, alive.length > 0);
}

/** Whether the client has said something newer about this binding already. */
function isOutOfOrder(request: RegisterRequest, binding: Binding): boolean {
  return request.cseq <= binding.cseq && sameBytes(request.callId, binding.callId);
}

/**
 * Whether the request has been carried out before, to the letter: then it is answered again and not refused for its CSeq. So it goes
 * when a client retransmits a REGISTER whose 200 was lost together with its transaction (a restart), and when a store cannot tell
 * whether its last write was done.
 */
function isRepeat(request: RegisterRequest, entries: readonly Entry[], settings: RegistrarSettings): boolean {
  let isCarriedOut = false;
  for (const contact of request.contacts) {
    const binding = entries[findEntry(entries, contact)]?.binding;
    if (lifetimeOf(contact, settings) === 0) {
      if (binding !== undefined) return false;
      continue;
    }
    if (binding === undefined || binding.cseq !== request.cseq) return false;
    if (!sameBytes(binding.callId, request.callId) || !sameBytes(binding.contact, contact.uri)) return false;
    isCarriedOut = true;
  }
  return isCarriedOut;
}

/** The lifetime that a contact asks for, seconds; 0 removes it. */
function lifetimeOf(contact: RequestedContact, settings: RegistrarSettings): number {
  return contact.expiresS < 0 ? settings.expiresDefaultS : contact.expiresS;
}

/** A GRUU whose contact is the address-of-record itself would lead to itself (RFC 5627 §5.1). */
function isLoop(request: RegisterRequest, contact: RequestedContact, context: RegisterContext): boolean {
  if (!request.supportsGruu || contact.instance.length === 0) return false;
  const own = ascii(`sip:${context.aor}`);
  return areUrisEquivalent(own, 0, own.length, contact.uri, 0, contact.uri.length);
}

/**
 * Index of the binding that a contact is about, or -1. Of several equivalent ones (the relation is not transitive) the one that is
 * written the same comes first.
 */
function findEntry(entries: readonly Entry[], contact: RequestedContact): number {
  if (contact.regId === 0) {
    const same = entries.findIndex(({ binding }) => binding.regId === 0 && sameBytes(binding.contact, contact.uri));
    if (same >= 0) return same;
  }
  return entries.findIndex(({ binding }) => isBindingOf(binding, contact));
}

/** With a reg-id a binding belongs to instance and reg-id (RFC 5626 §6), else to its URI (RFC 3261 §10.3 step 7). */
function isBindingOf(binding: Binding, contact: RequestedContact): boolean {
  if (binding.regId !== contact.regId) return false;
  if (contact.regId > 0) return isSameInstance(binding.instance, contact.instance);
  return areUrisEquivalent(binding.contact, 0, binding.contact.length, contact.uri, 0, contact.uri.length);
}

function bindingOf(request: RegisterRequest, contact: RequestedContact, lifetimeS: number, context: RegisterContext): Binding {
  return {
    contact: contact.uri,
    expiresMs: context.nowMs + lifetimeS * 1000,
    updatedMs: context.nowMs,
    q: contact.q,
    callId: request.callId,
    cseq: request.cseq,
    path: request.path,
    instance: contact.instance,
    regId: contact.regId,
    userAgent: request.userAgent,
    methods: contact.methods,
    received: context.received,
  };
}

/** Whether the bindings are as many as a user may have, after room has been made as the settings say. */
function makeRoom(entries: Entry[], settings: RegistrarSettings): boolean {
  while (entries.length > settings.contactsMax) {
    if (settings.contactsFull === 'refuse') return false;
    let oldest = -1;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      if (!entry.isTouched && (oldest < 0 || entry.binding.updatedMs < entries[oldest]!.binding.updatedMs)) oldest = i;
    }
    if (oldest < 0) return false;
    entries.splice(oldest, 1);
  }
  return true;
}

function refused(answer: RegisterAnswer): RegisterOutcome {
  return { answer, bindings: undefined };
}

function outOfOrder(): RegisterAnswer {
  return plainAnswer(500, 'CSeq Out Of Order');
}

/** 200 with all bindings (§10.3 step 8). */
function accepted(
  request: RegisterRequest,
  bindings: readonly Binding[],
  context: RegisterContext,
  settings: RegistrarSettings,
  hasChanged: boolean,
): RegisterOutcome {
  const fields: AnswerField[] = bindings.map((binding) => ({ id: H_CONTACT, value: contactValue(binding, request, context) }));
  if (request.supportsPath) {
    for (const value of request.path) fields.push({ id: H_PATH, value });
  }
  for (const value of settings.serviceRoute) fields.push({ id: H_SERVICE_ROUTE, value });
  if (request.usesOutbound) fields.push({ id: H_REQUIRE, value: OUTBOUND });
  const supported = supportedTags(settings);
  if (supported !== '') fields.push({ id: H_SUPPORTED, value: ascii(supported) });
  return { answer: { status: 200, reason: 'OK', fields }, bindings: hasChanged ? bindings : undefined };
}

const OUTBOUND = ascii('outbound');

function supportedTags(settings: RegistrarSettings): string {
  const tags: string[] = [];
  if (settings.path !== 'never') tags.push('path');
  if (settings.outbound) tags.push('outbound');
  if (settings.gruu) tags.push('gruu');
  return tags.join(', ');
}

/** One Contact value of a 200. The seconds left are rounded up: a binding that is not over has at least one. */
function contactValue(binding: Binding, request: RegisterRequest, context: RegisterContext): Uint8Array {
  let params = '>';
  if (binding.q >= 0) params += `;q=${qText(binding.q)}`;
  params += `;expires=${Math.ceil((binding.expiresMs - context.nowMs) / 1000)}`;
  let behind = '';
  if (binding.regId > 0) behind += `;reg-id=${binding.regId}`;
  if (binding.instance.length > 0 && request.supportsGruu) behind += `;pub-gruu="${publicGruu(context.aor, binding.instance)}"`;
  const parts = [ascii('<'), binding.contact, ascii(params)];
  if (binding.instance.length > 0) parts.push(ascii(';+sip.instance="<'), binding.instance, ascii('>"'));
  parts.push(ascii(behind));
  return joined(parts);
}

/** A qvalue of thousandths: `1`, `0`, `0.25`. */
function qText(thousandths: number): string {
  return String(thousandths / 1000);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return equalsBytes(a, 0, a.length, b);
}
