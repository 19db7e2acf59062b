/**
 * What a REGISTER asks for, read out of the message once (RFC 3261 §10.3 steps 2, 6 and the values of 7). The result holds copies: it
 * outlives the message, so that it can be applied when the store has answered, and again when the store asks for that. What is wrong
 * with the request itself is found here, before anybody looks at a binding. Sans-I/O, any thread.
 */
import { NO_BYTES } from './binding.js';
import {
  CALL_ID_BYTES_MAX,
  CONTACT_BYTES_MAX,
  EXPIRES_S_MALFORMED,
  EXPIRES_S_MAX,
  PATH_BYTES_MAX,
  PATH_VALUES_MAX,
  REGISTER_CONTACTS_MAX,
  USER_AGENT_BYTES_MAX,
} from './bounds.js';
import { ContactParams, readContactParams } from './contact-params.js';
import { listTokens } from './option-tags.js';
import { type RegisterAnswer, badExtension, pathNotSupported, plainAnswer } from './register-answer.js';
import type { RegistrarSettings } from './settings.js';
import { ascii, skipLws } from '../sip/chars.js';
import { FIELD_END, FIELD_STRIDE, FIELD_VALUE } from '../sip/header-fields.js';
import { H_ALLOW, H_CONTACT, H_EXPIRES, H_PATH, H_PROXY_REQUIRE, H_REQUIRE, H_SUPPORTED, H_USER_AGENT } from '../sip/header-names.js';
import type { MessageView } from '../sip/message.js';
import { METHOD_NAMES } from '../sip/methods.js';
import { NameAddrView, isStar, parseNameAddr } from '../sip/name-addr.js';
import { parseUint } from '../sip/numbers.js';
import { GE_NONE, PE_CONTACT, errorReason, withGrammar } from '../sip/parse-error.js';
import { Span } from '../sip/span.js';
import { UriView, findParam, parseUri } from '../sip/uri.js';

/** One Contact value of a REGISTER. */
export interface RequestedContact {
  /** The URI, without brackets. */
  readonly uri: Uint8Array;
  /** Lifetime asked for by parameter or header field, seconds, 0 to `EXPIRES_S_MAX`; -1 when the registrar is to choose. */
  readonly expiresS: number;
  /** 0 to 1000; -1 when there is none. */
  readonly q: number;
  /** As `Binding.instance`. */
  readonly instance: Uint8Array;
  /** As `Binding.regId`: 0 also when it does not count. */
  readonly regId: number;
  /** As `Binding.methods`. */
  readonly methods: number;
}

export interface RegisterRequest {
  readonly callId: Uint8Array;
  readonly cseq: number;
  /** `Contact: *`: all bindings are to go. `contacts` is empty then. */
  readonly isStar: boolean;
  /** Empty, and not `isStar`: the bindings are only asked for. */
  readonly contacts: readonly RequestedContact[];
  /** Path values to be kept, top one first. */
  readonly path: readonly Uint8Array[];
  /** Whether the client supports Path, and wants to hear it in the 200. */
  readonly supportsPath: boolean;
  /** Whether a contact has a reg-id that counts and the client supports outbound: the 200 says `Require: outbound`. */
  readonly usesOutbound: boolean;
  readonly supportsGruu: boolean;
  readonly userAgent: Uint8Array;
}

/** What the request asks for, or why it is refused. */
export type RegisterReading =
  | { readonly request: RegisterRequest; readonly refusal?: undefined }
  | { readonly request?: undefined; readonly refusal: RegisterAnswer };

const OB = ascii('ob');

const nameAddr = new NameAddrView();
const uri = new UriView();
const span = new Span();
const params = new ContactParams();

/**
 * Reads the REGISTER in `message`, which has passed `validateRequest`. Steps 1 and 3 to 5 of §10.3 (domain, authentication,
 * address-of-record) are the caller's.
 */
export function readRegister(message: MessageView, settings: RegistrarSettings): RegisterReading {
  const unknown = unknownExtensions(message, settings);
  if (unknown.length > 0) return { refusal: badExtension(unknown) };

  const { bytes, fields } = message;
  const callIdAt = message.callId * FIELD_STRIDE;
  const callId = bytes.slice(fields[callIdAt + FIELD_VALUE], fields[callIdAt + FIELD_END]);
  if (callId.length > CALL_ID_BYTES_MAX) return refused(`Bad Call-ID: more than ${CALL_ID_BYTES_MAX} bytes`);

  const expiresS = expiresOf(message);
  if (expiresS === MALFORMED) return refused('Bad Expires: must be a number of seconds');

  const tags: string[] = [];
  listTokens(message, H_SUPPORTED, tags);
  const supported = tags.map((tag) => tag.toLowerCase());
  const supportsPath = supported.includes('path');

  const path: Uint8Array[] = [];
  const pathFault = readPath(message, path);
  if (pathFault !== '') return refused(pathFault);
  const hasOutboundPath = path.length > 0 && (hasOb(path[0]!) || hasOb(path[path.length - 1]!));
  if (path.length > 0 && settings.path === 'supported' && !supportsPath) return { refusal: pathNotSupported() };

  const contacts: RequestedContact[] = [];
  const read = readContacts(message, expiresS, contacts);
  if (typeof read !== 'boolean') return { refusal: read };

  // Flows are known to the first hop alone: through another proxy its Path has to vouch for them (RFC 5626 §6).
  let hasRegId = contacts.some((contact) => contact.regId > 0);
  const firstHopKnows = !message.hasLowerVia || (hasOutboundPath && settings.path !== 'never');
  if (hasRegId && (!settings.outbound || !firstHopKnows)) {
    if (settings.outbound && supported.includes('outbound')) return { refusal: plainAnswer(439, 'First Hop Lacks Outbound Support') };
    for (let i = 0; i < contacts.length; i++) contacts[i] = { ...contacts[i]!, regId: 0 };
    hasRegId = false;
  }
  if (hasRegId && contacts.filter((contact) => contact.expiresS !== 0).length > 1) {
    return refused('Bad Contact: a contact with a reg-id is registered alone');
  }

  return {
    request: {
      callId,
      cseq: message.cseqNumber,
      isStar: read,
      contacts,
      path: settings.path === 'never' ? [] : path,
      supportsPath: supportsPath && settings.path !== 'never',
      usesOutbound: hasRegId && supported.includes('outbound'),
      supportsGruu: settings.gruu && supported.includes('gruu'),
      userAgent: userAgentOf(message),
    },
  };
}

function refused(reason: string): RegisterReading {
  return { refusal: plainAnswer(400, reason) };
}

/** The extensions that the request requires and that are not in use here (RFC 3261 §8.2.2.3). */
function unknownExtensions(message: MessageView, settings: RegistrarSettings): string[] {
  const required: string[] = [];
  listTokens(message, H_REQUIRE, required);
  listTokens(message, H_PROXY_REQUIRE, required);
  if (required.length === 0) return required;
  return required.filter((tag, i) => !isKnown(tag.toLowerCase(), settings) && required.indexOf(tag) === i);
}

function isKnown(tag: string, settings: RegistrarSettings): boolean {
  if (tag === 'path') return settings.path !== 'never';
  if (tag === 'outbound') return settings.outbound;
  return tag === 'gruu' && settings.gruu;
}

const ABSENT = -1;
const MALFORMED = -2;

/** The Expires header field, seconds; ABSENT or MALFORMED. */
function expiresOf(message: MessageView): number {
  const field = message.nextField(H_EXPIRES, -1);
  if (field < 0) return ABSENT;
  const slot = field * FIELD_STRIDE;
  const seconds = secondsOf(message.bytes, message.fields[slot + FIELD_VALUE]!, message.fields[slot + FIELD_END]!);
  return seconds < 0 ? MALFORMED : seconds;
}

/** Seconds in decimal, cut at `EXPIRES_S_MAX`; -1 when it is no number. */
function secondsOf(bytes: Uint8Array, start: number, end: number): number {
  for (let i = start; i < end; i++) {
    if (bytes[i]! < 0x30 || bytes[i]! > 0x39) return -1;
  }
  if (start >= end) return -1;
  const seconds = parseUint(bytes, start, end);
  return seconds < 0 || seconds > EXPIRES_S_MAX ? EXPIRES_S_MAX : seconds;
}

/** Adds the contacts of the request to `into`. Whether there was a `*` instead; or the answer to a request that asks for too much. */
function readContacts(message: MessageView, headerExpiresS: number, into: RequestedContact[]): boolean | RegisterAnswer {
  const { bytes, fields } = message;
  const allowed = allowedMethods(message);
  let fieldCount = 0;
  let hasStar = false;
  for (let field = message.nextField(H_CONTACT, -1); field >= 0; field = message.nextField(H_CONTACT, field)) {
    fieldCount++;
    const slot = field * FIELD_STRIDE;
    const end = fields[slot + FIELD_END]!;
    let at = fields[slot + FIELD_VALUE]!;
    if (isStar(bytes, at, end)) {
      hasStar = true;
      continue;
    }
    while (at < end) {
      if (into.length === REGISTER_CONTACTS_MAX) return plainAnswer(403, 'Too Many Contacts');
      const fault = readContact(bytes, at, end, headerExpiresS, allowed, into);
      if (fault !== '') return plainAnswer(400, fault);
      at = nameAddr.valueEnd < end ? skipLws(bytes, nameAddr.valueEnd + 1, end) : end;
    }
  }
  if (!hasStar) return false;
  if (fieldCount > 1) return plainAnswer(400, 'Bad Contact: "*" stands alone');
  return headerExpiresS === 0 ? true : plainAnswer(400, 'Bad Contact: "*" needs Expires: 0');
}

/** Reads the value at `at` and adds it to `into`; '' or the reason phrase of the fault. */
function readContact(bytes: Uint8Array, at: number, end: number, headerExpiresS: number, allowed: number, into: RequestedContact[]): string {
  let fault = parseNameAddr(bytes, at, end, nameAddr);
  if (fault === GE_NONE) fault = parseUri(bytes, nameAddr.uriStart, nameAddr.uriEnd, uri);
  if (fault !== GE_NONE) return errorReason(withGrammar(PE_CONTACT, fault));
  if (nameAddr.uriEnd - nameAddr.uriStart > CONTACT_BYTES_MAX) return `Bad Contact: URI of more than ${CONTACT_BYTES_MAX} bytes`;
  readContactParams(bytes, nameAddr.paramsStart, nameAddr.paramsEnd, params);
  if (params.q === MALFORMED) return 'Bad Contact: q must be 0 to 1 with up to three decimals';
  let expiresS = headerExpiresS;
  if (params.expiresStart >= 0) {
    expiresS = secondsOf(bytes, params.expiresStart, params.expiresEnd);
    if (expiresS < 0) expiresS = EXPIRES_S_MALFORMED;
  }
  into.push({
    uri: bytes.slice(nameAddr.uriStart, nameAddr.uriEnd),
    expiresS,
    q: params.q,
    instance: params.instance,
    regId: params.instance.length > 0 ? params.regId : 0,
    methods: params.methods === 0 ? allowed : params.methods,
  });
  return '';
}

/** Adds the Path values to `into`; '' or the reason phrase of the fault. */
function readPath(message: MessageView, into: Uint8Array[]): string {
  const { bytes, fields } = message;
  let pathBytes = 0;
  for (let field = message.nextField(H_PATH, -1); field >= 0; field = message.nextField(H_PATH, field)) {
    const slot = field * FIELD_STRIDE;
    const end = fields[slot + FIELD_END]!;
    let at = fields[slot + FIELD_VALUE]!;
    while (at < end) {
      const isValue =
        parseNameAddr(bytes, at, end, nameAddr) === GE_NONE &&
        nameAddr.bracketed === 1 &&
        parseUri(bytes, nameAddr.uriStart, nameAddr.uriEnd, uri) === GE_NONE &&
        uri.hostStart >= 0;
      if (!isValue) return 'Bad Path';
      // The address with its brackets and parameters, without a display name, which no Route needs and which may hold folds.
      const value = pathValue(bytes);
      pathBytes += value.length;
      if (into.length === PATH_VALUES_MAX || pathBytes > PATH_BYTES_MAX) return `Bad Path: more than ${PATH_VALUES_MAX} values or ${PATH_BYTES_MAX} bytes`;
      into.push(value);
      at = nameAddr.valueEnd < end ? skipLws(bytes, nameAddr.valueEnd + 1, end) : end;
    }
  }
  return '';
}

function pathValue(bytes: Uint8Array): Uint8Array {
  const address = bytes.subarray(nameAddr.uriStart - 1, nameAddr.uriEnd + 1);
  const behind = nameAddr.paramsStart < 0 ? NO_BYTES : bytes.subarray(nameAddr.paramsStart, nameAddr.paramsEnd);
  const value = new Uint8Array(address.length + behind.length);
  value.set(address);
  value.set(behind, address.length);
  // Folds between header parameters become spaces: a Route is written on one line.
  for (let i = address.length; i < value.length; i++) {
    if (value[i] === 0x0d || value[i] === 0x0a) value[i] = 0x20;
  }
  return value;
}

/** Whether a Path value says that its proxy keeps flows (RFC 5626 §5.1). */
function hasOb(value: Uint8Array): boolean {
  if (parseNameAddr(value, 0, value.length, nameAddr) !== GE_NONE || parseUri(value, nameAddr.uriStart, nameAddr.uriEnd, uri) !== GE_NONE) return false;
  return findParam(value, uri.paramsStart, uri.paramsEnd, OB, span);
}

/** Methods of the Allow header fields as bits; 0 without any. */
function allowedMethods(message: MessageView): number {
  const names: string[] = [];
  listTokens(message, H_ALLOW, names);
  let methods = 0;
  for (const name of names) {
    const method = METHOD_NAMES.indexOf(name);
    if (method > 0) methods |= 1 << method;
  }
  return methods;
}

function userAgentOf(message: MessageView): Uint8Array {
  const field = message.nextField(H_USER_AGENT, -1);
  if (field < 0) return NO_BYTES;
  const slot = field * FIELD_STRIDE;
  const start = message.fields[slot + FIELD_VALUE]!;
  return message.bytes.slice(start, Math.min(message.fields[slot + FIELD_END]!, start + USER_AGENT_BYTES_MAX));
}
