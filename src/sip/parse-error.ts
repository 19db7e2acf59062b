/**
 * Every way a message can be malformed: small integer codes, the status that answers a request with that fault, and the
 * reason phrase that tells the sender what is wrong. An error is one integer: a message code `PE_*` in the low eight
 * bits, and where a leaf grammar refused the text its code `GE_*` above. Nothing is allocated before a fault is answered.
 */
import { ascii } from './chars.js';

// Codes of the leaf grammars: what parseUri, parseNameAddr and parseVia return.

export const GE_NONE = 0;
export const GE_EMPTY = 1;
export const GE_QUOTE = 2;
export const GE_QUOTED_CHAR = 3;
export const GE_DISPLAY_NAME = 4;
export const GE_BRACKET = 5;
export const GE_SPACE = 6;
export const GE_ANGLE = 7;
export const GE_NEEDS_BRACKETS = 8;
export const GE_SCHEME = 9;
export const GE_URI_CHAR = 10;
export const GE_ESCAPE = 11;
export const GE_USER = 12;
export const GE_PASSWORD = 13;
export const GE_HOST = 14;
export const GE_IPV6 = 15;
export const GE_PORT = 16;
export const GE_PARAM = 17;
export const GE_PARAM_VALUE = 18;
export const GE_PARAM_TWICE = 19;
export const GE_URI_HEADERS = 20;
export const GE_PROTOCOL = 21;
export const GE_SEPARATOR = 22;
export const GE_TAG = 23;
export const GE_BRANCH = 24;
export const GE_SEVERAL = 25;
export const GE_TTL = 26;

const GRAMMAR_TEXT: readonly string[] = listOf([
  [GE_NONE, ''],
  [GE_EMPTY, 'empty value'],
  [GE_QUOTE, 'unbalanced quote'],
  [GE_QUOTED_CHAR, 'character not allowed in quoted string'],
  [GE_DISPLAY_NAME, 'display name needs quotes'],
  [GE_BRACKET, 'unbalanced angle bracket'],
  [GE_SPACE, 'white space in URI'],
  [GE_ANGLE, 'angle bracket in URI'],
  [GE_NEEDS_BRACKETS, 'URI needs angle brackets'],
  [GE_SCHEME, 'no URI scheme'],
  [GE_URI_CHAR, 'character not allowed in URI'],
  [GE_ESCAPE, 'broken percent escape in URI'],
  [GE_USER, 'bad user part in URI'],
  [GE_PASSWORD, 'bad password in URI'],
  [GE_HOST, 'bad host'],
  [GE_IPV6, 'bad IPv6 reference'],
  [GE_PORT, 'bad port'],
  [GE_PARAM, 'bad parameter'],
  [GE_PARAM_VALUE, 'bad parameter value'],
  [GE_PARAM_TWICE, 'parameter given twice'],
  [GE_URI_HEADERS, 'bad headers part in URI'],
  [GE_PROTOCOL, 'bad protocol'],
  [GE_SEPARATOR, 'unexpected character after value'],
  [GE_TAG, 'bad tag'],
  [GE_BRANCH, 'bad branch'],
  [GE_SEVERAL, 'more than one value'],
  [GE_TTL, 'bad ttl'],
]);

// Codes of the message, PE_*.

export const PE_NONE = 0;
export const PE_NOT_SIP = 1;
export const PE_START_LINE = 2;
export const PE_REQUEST_LINE_SPACE = 3;
export const PE_METHOD = 4;
export const PE_REQUEST_URI = 5;
export const PE_REQUEST_URI_BRACKETS = 6;
export const PE_REQUEST_URI_SPACE = 7;
export const PE_REQUEST_URI_HEADERS = 8;
export const PE_SCHEME = 9;
export const PE_VERSION = 10;
export const PE_STATUS_CODE = 11;
export const PE_HEADER_LINE = 12;
export const PE_TOO_MANY_HEADERS = 13;
export const PE_NO_END = 14;
export const PE_MISSING_VIA = 15;
export const PE_MISSING_FROM = 16;
export const PE_MISSING_TO = 17;
export const PE_MISSING_CALL_ID = 18;
export const PE_MISSING_CSEQ = 19;
export const PE_DUPLICATE_FROM = 20;
export const PE_DUPLICATE_TO = 21;
export const PE_DUPLICATE_CALL_ID = 22;
export const PE_DUPLICATE_CSEQ = 23;
export const PE_DUPLICATE_MAX_FORWARDS = 24;
export const PE_DUPLICATE_CONTENT_LENGTH = 25;
export const PE_VIA = 26;
export const PE_FROM = 27;
export const PE_TO = 28;
export const PE_CALL_ID = 29;
export const PE_CSEQ = 30;
export const PE_CSEQ_NUMBER = 31;
export const PE_CSEQ_METHOD = 32;
export const PE_MAX_FORWARDS = 33;
export const PE_CONTENT_LENGTH = 34;
export const PE_BODY_SHORT = 35;
export const PE_ROUTE = 36;
export const PE_RECORD_ROUTE = 37;
export const PE_CONTACT = 38;

// Codes of the message parser's own begin here (64 to 255); each needs a line in FAULTS below.
export const PE_MAX_BREADTH = 64;
export const PE_DUPLICATE_MAX_BREADTH = 65;

const FAULTS: readonly (readonly [code: number, status: number, phrase: string])[] = [
  [PE_NONE, 200, 'OK'],
  [PE_NOT_SIP, 400, 'Not a SIP message'],
  [PE_START_LINE, 400, 'Bad start line'],
  [PE_REQUEST_LINE_SPACE, 400, 'Bad request line: one space must separate its parts'],
  [PE_METHOD, 400, 'Bad request line: method is not a token'],
  [PE_REQUEST_URI, 400, 'Bad Request-URI'],
  [PE_REQUEST_URI_BRACKETS, 400, 'Bad Request-URI: angle bracket in URI'],
  [PE_REQUEST_URI_SPACE, 400, 'Bad Request-URI: white space in URI'],
  [PE_REQUEST_URI_HEADERS, 400, 'Bad Request-URI: headers are not allowed in it'],
  [PE_SCHEME, 416, 'Unsupported URI Scheme'],
  [PE_VERSION, 505, 'Version Not Supported'],
  [PE_STATUS_CODE, 400, 'Bad status line: status code must be three digits'],
  [PE_HEADER_LINE, 400, 'Bad header line'],
  [PE_TOO_MANY_HEADERS, 400, 'Too many header fields'],
  [PE_NO_END, 400, 'No blank line after the header fields'],
  [PE_MISSING_VIA, 400, 'Missing Via'],
  [PE_MISSING_FROM, 400, 'Missing From'],
  [PE_MISSING_TO, 400, 'Missing To'],
  [PE_MISSING_CALL_ID, 400, 'Missing Call-ID'],
  [PE_MISSING_CSEQ, 400, 'Missing CSeq'],
  [PE_DUPLICATE_FROM, 400, 'More than one From'],
  [PE_DUPLICATE_TO, 400, 'More than one To'],
  [PE_DUPLICATE_CALL_ID, 400, 'More than one Call-ID'],
  [PE_DUPLICATE_CSEQ, 400, 'More than one CSeq'],
  [PE_DUPLICATE_MAX_FORWARDS, 400, 'More than one Max-Forwards'],
  [PE_DUPLICATE_CONTENT_LENGTH, 400, 'More than one Content-Length'],
  [PE_VIA, 400, 'Bad Via'],
  [PE_FROM, 400, 'Bad From'],
  [PE_TO, 400, 'Bad To'],
  [PE_CALL_ID, 400, 'Bad Call-ID'],
  [PE_CSEQ, 400, 'Bad CSeq'],
  [PE_CSEQ_NUMBER, 400, 'Bad CSeq: number must be below 2^31'],
  [PE_CSEQ_METHOD, 400, 'Bad CSeq: method differs from the request line'],
  [PE_MAX_FORWARDS, 400, 'Bad Max-Forwards: must be 0 to 255'],
  [PE_CONTENT_LENGTH, 400, 'Bad Content-Length'],
  [PE_BODY_SHORT, 400, 'Body shorter than Content-Length'],
  [PE_ROUTE, 400, 'Bad Route'],
  [PE_RECORD_ROUTE, 400, 'Bad Record-Route'],
  [PE_CONTACT, 400, 'Bad Contact'],
  [PE_MAX_BREADTH, 400, 'Bad Max-Breadth: must be a number'],
  [PE_DUPLICATE_MAX_BREADTH, 400, 'More than one Max-Breadth'],
];

const STATUS_OF = new Uint16Array(256).fill(400);
const PHRASE_OF: string[] = new Array<string>(256).fill('Bad Request');
for (const [code, status, phrase] of FAULTS) {
  STATUS_OF[code] = status;
  PHRASE_OF[code] = phrase;
}

/** Reason phrases as bytes, by whole error code; filled as faults occur. Codes are few, so it cannot grow without bound. */
const REASON_BYTES = new Map<number, Uint8Array>();

/** The error "`messageCode` because of `grammarCode`", for example PE_FROM with GE_QUOTE. */
export function withGrammar(messageCode: number, grammarCode: number): number {
  return messageCode | (grammarCode << 8);
}

/** The error for a Request-URI that parseUri refused with `grammarCode` (not GE_NONE). */
export function requestUriError(grammarCode: number): number {
  if (grammarCode === GE_SPACE) return PE_REQUEST_URI_SPACE;
  if (grammarCode === GE_ANGLE) return PE_REQUEST_URI_BRACKETS;
  return withGrammar(PE_REQUEST_URI, grammarCode);
}

/** The message code `PE_*` of an error. */
export function messageCodeOf(error: number): number {
  return error & 0xff;
}

/** The grammar code `GE_*` of an error, GE_NONE when no leaf grammar was concerned. */
export function grammarCodeOf(error: number): number {
  return (error >>> 8) & 0xff;
}

/** SIP status that answers a request with this error: 400, 416 or 505. */
export function errorStatus(error: number): number {
  return STATUS_OF[error & 0xff]!;
}

/** Reason phrase of an error, for example `Bad From: unbalanced quote`. Builds a string: for faults only. */
export function errorReason(error: number): string {
  const phrase = PHRASE_OF[error & 0xff]!;
  const detail = GRAMMAR_TEXT[(error >>> 8) & 0xff];
  return detail === undefined || detail === '' ? phrase : `${phrase}: ${detail}`;
}

/** Reason phrase of an error in ASCII. Shared: not to be written to. */
export function errorReasonBytes(error: number): Uint8Array {
  const key = error & 0xffff;
  let bytes = REASON_BYTES.get(key);
  if (bytes === undefined) {
    bytes = ascii(errorReason(key));
    REASON_BYTES.set(key, bytes);
  }
  return bytes;
}

function listOf(entries: readonly (readonly [code: number, text: string])[]): string[] {
  const list: string[] = [];
  for (const [code, text] of entries) list[code] = text;
  return list;
}
