/**
 * Header field names as small integers. Names are compared without regard to case, and compact forms (RFC 3261 §7.3.3
 * and the IANA registry) give the same number as the full name. Headers the proxy has no interest in are H_OTHER.
 */
import { LOWER, ascii } from './chars.js';

export const H_OTHER = 0;
export const H_VIA = 1;
export const H_FROM = 2;
export const H_TO = 3;
export const H_CALL_ID = 4;
export const H_CSEQ = 5;
export const H_MAX_FORWARDS = 6;
export const H_ROUTE = 7;
export const H_RECORD_ROUTE = 8;
export const H_CONTACT = 9;
export const H_CONTENT_LENGTH = 10;
export const H_CONTENT_TYPE = 11;
export const H_REQUIRE = 12;
export const H_PROXY_REQUIRE = 13;
export const H_SUPPORTED = 14;
export const H_EXPIRES = 15;
export const H_AUTHORIZATION = 16;
export const H_PROXY_AUTHORIZATION = 17;
export const H_WWW_AUTHENTICATE = 18;
export const H_PROXY_AUTHENTICATE = 19;
export const H_REASON = 20;
export const H_TIMESTAMP = 21;
export const H_UNSUPPORTED = 22;
export const H_ALLOW = 23;
export const H_USER_AGENT = 24;
export const H_SERVER = 25;
export const H_SUBJECT = 26;
export const H_EVENT = 27;
export const H_REFER_TO = 28;
export const H_REFERRED_BY = 29;
export const H_PATH = 30;
export const H_DATE = 31;
export const H_MIN_EXPIRES = 32;
export const H_CONTENT_ENCODING = 33;
export const H_ALLOW_EVENTS = 34;
export const H_ACCEPT_CONTACT = 35;
export const H_SESSION_EXPIRES = 36;
export const H_IDENTITY = 37;
export const H_REJECT_CONTACT = 38;
export const H_REQUEST_DISPOSITION = 39;
export const H_IDENTITY_INFO = 40;
export const H_ACCEPT = 41;
export const H_ACCEPT_ENCODING = 42;
export const H_ACCEPT_LANGUAGE = 43;
export const H_RETRY_AFTER = 44;
export const H_SERVICE_ROUTE = 45;
export const H_RACK = 46;
export const H_RSEQ = 47;
export const H_MIN_SE = 48;
export const H_REPLACES = 49;
export const H_SUBSCRIPTION_STATE = 50;
export const H_P_ASSERTED_IDENTITY = 51;
export const H_P_PREFERRED_IDENTITY = 52;
export const H_PRIVACY = 53;
export const H_DIVERSION = 54;
export const H_HISTORY_INFO = 55;
export const H_WARNING = 56;
export const H_MAX_BREADTH = 57;

/** Canonical names by number; '' for H_OTHER. */
export const HEADER_NAMES: readonly string[] = [
  '',
  'Via',
  'From',
  'To',
  'Call-ID',
  'CSeq',
  'Max-Forwards',
  'Route',
  'Record-Route',
  'Contact',
  'Content-Length',
  'Content-Type',
  'Require',
  'Proxy-Require',
  'Supported',
  'Expires',
  'Authorization',
  'Proxy-Authorization',
  'WWW-Authenticate',
  'Proxy-Authenticate',
  'Reason',
  'Timestamp',
  'Unsupported',
  'Allow',
  'User-Agent',
  'Server',
  'Subject',
  'Event',
  'Refer-To',
  'Referred-By',
  'Path',
  'Date',
  'Min-Expires',
  'Content-Encoding',
  'Allow-Events',
  'Accept-Contact',
  'Session-Expires',
  'Identity',
  'Reject-Contact',
  'Request-Disposition',
  'Identity-Info',
  'Accept',
  'Accept-Encoding',
  'Accept-Language',
  'Retry-After',
  'Service-Route',
  'RAck',
  'RSeq',
  'Min-SE',
  'Replaces',
  'Subscription-State',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Privacy',
  'Diversion',
  'History-Info',
  'Warning',
  'Max-Breadth',
];

/** Canonical names by number, in ASCII. Shared: not to be written to. */
export const HEADER_BYTES: readonly Uint8Array[] = HEADER_NAMES.map(ascii);

const COMPACT_FORMS: readonly (readonly [letter: string, id: number])[] = [
  ['a', H_ACCEPT_CONTACT],
  ['b', H_REFERRED_BY],
  ['c', H_CONTENT_TYPE],
  ['d', H_REQUEST_DISPOSITION],
  ['e', H_CONTENT_ENCODING],
  ['f', H_FROM],
  ['i', H_CALL_ID],
  ['j', H_REJECT_CONTACT],
  ['k', H_SUPPORTED],
  ['l', H_CONTENT_LENGTH],
  ['m', H_CONTACT],
  ['n', H_IDENTITY_INFO],
  ['o', H_EVENT],
  ['r', H_REFER_TO],
  ['s', H_SUBJECT],
  ['t', H_TO],
  ['u', H_ALLOW_EVENTS],
  ['v', H_VIA],
  ['x', H_SESSION_EXPIRES],
  ['y', H_IDENTITY],
];

const LOWER_NAMES: readonly Uint8Array[] = HEADER_NAMES.map((name) => ascii(name.toLowerCase()));
const LONGEST = LOWER_NAMES.reduce((longest, name) => Math.max(longest, name.length), 0);

/** By lower-case letter: the number its compact form stands for. */
const COMPACT = new Uint8Array(256);
for (const [letter, id] of COMPACT_FORMS) COMPACT[letter.charCodeAt(0)] = id;

/**
 * A hash over length, first and last letter finds the only few names worth comparing: HEAD holds the first number of a
 * slot (0: none), NEXT the one behind it.
 */
const HEAD = new Uint8Array(256);
const NEXT = new Uint8Array(HEADER_NAMES.length);
for (let id = HEADER_NAMES.length - 1; id > 0; id--) {
  const name = LOWER_NAMES[id]!;
  const slot = slotOf(name.length, name[0]!, name[name.length - 1]!);
  NEXT[id] = HEAD[slot]!;
  HEAD[slot] = id;
}

function slotOf(length: number, first: number, last: number): number {
  return (first + length * 7 + last * 29) & 0xff;
}

/** Number of the header name `bytes[start, end)` (without colon and white space), H_OTHER when it has none. */
export function headerId(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length <= 1) return length === 1 ? COMPACT[LOWER[bytes[start]!]!]! : H_OTHER;
  if (length > LONGEST) return H_OTHER;
  let id = HEAD[slotOf(length, LOWER[bytes[start]!]!, LOWER[bytes[end - 1]!]!)]!;
  while (id !== H_OTHER) {
    const name = LOWER_NAMES[id]!;
    if (name.length === length) {
      let i = 0;
      while (i < length && LOWER[bytes[start + i]!] === name[i]) i++;
      if (i === length) return id;
    }
    id = NEXT[id]!;
  }
  return H_OTHER;
}

/** Number of the header called `name`, full or compact, in any case; H_OTHER when it has none. For scripts. */
export function headerIdOf(name: string): number {
  // A character past ASCII would lose its high bits on the way to bytes and could come out as a letter.
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) > 0x7f) return H_OTHER;
  }
  return headerId(ascii(name), 0, name.length);
}
