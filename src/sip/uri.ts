/**
 * SIP and SIPS URIs (RFC 3261 §19.1, §25): offsets and numbers in a reusable view, nothing decoded. Other schemes are
 * recognised and looked over for octets that no URI may hold. Pure functions on borrowed bytes; once per request and more.
 */
import {
  CHAR_CLASS,
  C_ALPHA,
  C_HEX,
  C_LWS,
  C_PASSWORD,
  C_SCHEME,
  C_URI,
  C_URI_HEADER,
  C_URI_PARAM,
  C_USER,
  ascii,
  equalsIgnoreCase,
} from './chars.js';
import { HostView, scanHost, scanPort } from './host.js';
import {
  GE_ANGLE,
  GE_EMPTY,
  GE_ESCAPE,
  GE_HOST,
  GE_NONE,
  GE_PARAM,
  GE_PARAM_TWICE,
  GE_PARAM_VALUE,
  GE_PASSWORD,
  GE_SCHEME,
  GE_SPACE,
  GE_URI_CHAR,
  GE_URI_HEADERS,
  GE_USER,
} from './parse-error.js';
import type { Span } from './span.js';
import { TRANSPORT_NONE, transportId } from './transports.js';

export { HOST_IPV4, HOST_IPV6, HOST_NAME } from './host.js';
export * from './transports.js';

export const SCHEME_SIP = 1;
export const SCHEME_SIPS = 2;
export const SCHEME_TEL = 3;
/** Any other scheme. */
export const SCHEME_OTHER = 4;

/**
 * Parts of a URI as offsets into the message; -1 where a part is absent. Filled by `parseUri`; meaningless after it
 * returned an error. Of `tel` and other schemes only scheme, transport and the like are set: they have no host.
 */
export class UriView {
  /** `SCHEME_*`. */
  scheme = 0;
  schemeStart = -1;
  schemeEnd = -1;
  /** User part, with parameters that it carries itself; without the password. */
  userStart = -1;
  userEnd = -1;
  passwordStart = -1;
  passwordEnd = -1;
  /** Host, with the brackets of an IPv6 reference. */
  hostStart = -1;
  hostEnd = -1;
  /** `HOST_*`; 0 when there is no host. */
  hostKind = 0;
  /** 4 or 6 when the host is a literal address, whose words are `a0` to `a3`; else 0. */
  family = 0;
  a0 = 0;
  a1 = 0;
  a2 = 0;
  a3 = 0;
  /** 1 to 65535, or 0 when none is given. */
  port = 0;
  /** URI parameters, from the first `;` on. */
  paramsStart = -1;
  paramsEnd = -1;
  /** Headers part, behind the `?`. */
  headersStart = -1;
  headersEnd = -1;
  /** 1 when there is an `lr` parameter, with a value or without. */
  lr = 0;
  /** `TRANSPORT_*` of the transport parameter. */
  transport = TRANSPORT_NONE;
  /** Value of the maddr parameter. */
  maddrStart = -1;
  maddrEnd = -1;
}

const PERCENT = 0x25;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUESTION = 0x3f;
const AT = 0x40;
const AMPERSAND = 0x26;

const TRANSPORT = ascii('transport');
const MADDR = ascii('maddr');

const host = new HostView();
const maddr = new HostView();

/** Parses `bytes[start, end)` as a whole as a URI; fills `out`. GE_NONE, or the grammar code of the first fault. */
export function parseUri(bytes: Uint8Array, start: number, end: number, out: UriView): number {
  out.scheme = 0;
  out.schemeStart = start;
  out.schemeEnd = -1;
  out.userStart = -1;
  out.userEnd = -1;
  out.passwordStart = -1;
  out.passwordEnd = -1;
  out.hostStart = -1;
  out.hostEnd = -1;
  out.hostKind = 0;
  out.family = 0;
  out.a0 = 0;
  out.a1 = 0;
  out.a2 = 0;
  out.a3 = 0;
  out.port = 0;
  out.paramsStart = -1;
  out.paramsEnd = -1;
  out.headersStart = -1;
  out.headersEnd = -1;
  out.lr = 0;
  out.transport = TRANSPORT_NONE;
  out.maddrStart = -1;
  out.maddrEnd = -1;

  const scheme = scanScheme(bytes, start, end, out);
  if (scheme < 0) return -scheme;
  if (out.scheme > SCHEME_SIPS) return checkAbsolute(bytes, scheme, end);

  let i = scanUserinfo(bytes, scheme, end, out);
  if (i < 0) return -i;
  out.hostStart = i;
  i = scanHost(bytes, i, end, host);
  if (i < 0) return faultAt(bytes, out.hostStart, end, -i);
  out.hostEnd = i;
  out.hostKind = host.kind;
  out.family = host.family;
  out.a0 = host.a0;
  out.a1 = host.a1;
  out.a2 = host.a2;
  out.a3 = host.a3;
  if (i < end && bytes[i] === COLON) {
    const portStart = i + 1;
    i = scanPort(bytes, portStart, end, host);
    if (i < 0) return faultAt(bytes, portStart, end, -i);
    out.port = host.port;
  }
  if (i < end && bytes[i] === SEMICOLON) {
    out.paramsStart = i;
    i = scanParams(bytes, i, end, out);
    if (i < 0) return -i;
    out.paramsEnd = i;
  }
  if (i < end && bytes[i] === QUESTION) {
    out.headersStart = i + 1;
    i = scanHeaders(bytes, i + 1, end);
    if (i < 0) return -i;
    out.headersEnd = i;
  }
  return i === end ? GE_NONE : faultAt(bytes, i, end, out.paramsStart < 0 ? GE_HOST : GE_PARAM);
}

/**
 * Looks up a parameter of a parsed URI between `paramsStart` and `paramsEnd`. Returns whether it is there; `out` gets its
 * value, or -1 when it has none. `lowerName` is in lower case; escapes in names are not decoded.
 */
export function findParam(
  bytes: Uint8Array,
  paramsStart: number,
  paramsEnd: number,
  lowerName: Uint8Array,
  out: Span,
): boolean {
  out.start = -1;
  out.end = -1;
  let i = paramsStart;
  while (i >= 0 && i < paramsEnd) {
    const nameStart = i + 1;
    let nameEnd = nameStart;
    while (nameEnd < paramsEnd && bytes[nameEnd] !== EQUALS && bytes[nameEnd] !== SEMICOLON) nameEnd++;
    let next = nameEnd;
    while (next < paramsEnd && bytes[next] !== SEMICOLON) next++;
    if (equalsIgnoreCase(bytes, nameStart, nameEnd, lowerName)) {
      if (next > nameEnd) {
        out.start = nameEnd + 1;
        out.end = next;
      }
      return true;
    }
    i = next;
  }
  return false;
}

function scanScheme(bytes: Uint8Array, start: number, end: number, out: UriView): number {
  if (start >= end) return -GE_EMPTY;
  // Almost every URI begins with `sip:`.
  if (
    start + 3 < end &&
    (bytes[start]! | 0x20) === 0x73 &&
    (bytes[start + 1]! | 0x20) === 0x69 &&
    (bytes[start + 2]! | 0x20) === 0x70
  ) {
    if (bytes[start + 3] === COLON) {
      out.scheme = SCHEME_SIP;
      out.schemeEnd = start + 3;
      return start + 4;
    }
    if (start + 4 < end && (bytes[start + 3]! | 0x20) === 0x73 && bytes[start + 4] === COLON) {
      out.scheme = SCHEME_SIPS;
      out.schemeEnd = start + 4;
      return start + 5;
    }
  }
  if ((CHAR_CLASS[bytes[start]!]! & C_ALPHA) === 0) return -faultAt(bytes, start, end, GE_SCHEME);
  let i = start + 1;
  while (i < end && (CHAR_CLASS[bytes[i]!]! & C_SCHEME) !== 0) i++;
  if (i >= end || bytes[i] !== COLON) return -faultAt(bytes, i, end, GE_SCHEME);
  out.schemeEnd = i;
  const isTel =
    i - start === 3 &&
    (bytes[start]! | 0x20) === 0x74 &&
    (bytes[start + 1]! | 0x20) === 0x65 &&
    (bytes[start + 2]! | 0x20) === 0x6c;
  out.scheme = isTel ? SCHEME_TEL : SCHEME_OTHER;
  return i + 1;
}

function checkAbsolute(bytes: Uint8Array, i: number, end: number): number {
  if (i >= end) return GE_EMPTY;
  for (; i < end; i++) {
    if ((CHAR_CLASS[bytes[i]!]! & C_URI) === 0) return faultAt(bytes, i, end, GE_URI_CHAR);
  }
  return GE_NONE;
}

/**
 * Reads `user[:password]@` when there is one. Without `@` the same octets are a host: then `i` itself is returned, and
 * whatever was wrong for a user is for the host scan to judge.
 */
function scanUserinfo(bytes: Uint8Array, start: number, end: number, out: UriView): number {
  let i = start;
  let colon = -1;
  let fault = 0;
  while (i < end) {
    const c = bytes[i]!;
    const flags = CHAR_CLASS[c]!;
    if (colon < 0 ? (flags & C_USER) !== 0 : (flags & C_PASSWORD) !== 0) {
      i++;
    } else if (c === AT) {
      if (fault !== 0) return -fault;
      const userEnd = colon < 0 ? i : colon;
      if (userEnd === start) return -GE_USER;
      out.userStart = start;
      out.userEnd = userEnd;
      if (colon >= 0) {
        out.passwordStart = colon + 1;
        out.passwordEnd = i;
      }
      return i + 1;
    } else if (c === PERCENT) {
      if (fault === 0 && !isEscape(bytes, i, end)) fault = GE_ESCAPE;
      i++;
    } else if (c === COLON && colon < 0) {
      colon = i;
      i++;
    } else if ((flags & C_URI) !== 0 && i > start) {
      // Not for a user; whether this is one at all only an `@` further on tells.
      if (fault === 0) fault = colon < 0 ? GE_USER : GE_PASSWORD;
      i++;
    } else {
      return start;
    }
  }
  return start;
}

function isEscape(bytes: Uint8Array, i: number, end: number): boolean {
  return i + 2 < end && (CHAR_CLASS[bytes[i + 1]!]! & C_HEX) !== 0 && (CHAR_CLASS[bytes[i + 2]!]! & C_HEX) !== 0;
}

function scanParams(bytes: Uint8Array, i: number, end: number, out: UriView): number {
  while (i < end && bytes[i] === SEMICOLON) {
    const nameStart = ++i;
    i = scanEscaped(bytes, i, end, C_URI_PARAM);
    if (i < 0) return i;
    if (i === nameStart) return -faultAt(bytes, i, end, GE_PARAM);
    const nameEnd = i;
    let valueStart = -1;
    if (i < end && bytes[i] === EQUALS) {
      valueStart = ++i;
      i = scanEscaped(bytes, i, end, C_URI_PARAM);
      if (i < 0) return i;
      if (i === valueStart) return -faultAt(bytes, i, end, GE_PARAM_VALUE);
    }
    const fault = noteParam(bytes, nameStart, nameEnd, valueStart, i, out);
    if (fault !== GE_NONE) return -fault;
  }
  return i;
}

function noteParam(
  bytes: Uint8Array,
  nameStart: number,
  nameEnd: number,
  valueStart: number,
  valueEnd: number,
  out: UriView,
): number {
  switch (nameEnd - nameStart) {
    case 2:
      if ((bytes[nameStart]! | 0x20) === 0x6c && (bytes[nameStart + 1]! | 0x20) === 0x72) {
        out.lr = 1;
      }
      break;
    case 5:
      if (equalsIgnoreCase(bytes, nameStart, nameEnd, MADDR)) {
        if (out.maddrStart >= 0) return GE_PARAM_TWICE;
        if (valueStart < 0 || scanHost(bytes, valueStart, valueEnd, maddr) !== valueEnd) return GE_PARAM_VALUE;
        out.maddrStart = valueStart;
        out.maddrEnd = valueEnd;
      }
      break;
    case 9:
      if (equalsIgnoreCase(bytes, nameStart, nameEnd, TRANSPORT)) {
        if (out.transport !== TRANSPORT_NONE) return GE_PARAM_TWICE;
        if (valueStart < 0) return GE_PARAM_VALUE;
        out.transport = transportId(bytes, valueStart, valueEnd);
      }
      break;
    default:
  }
  return GE_NONE;
}

function scanHeaders(bytes: Uint8Array, i: number, end: number): number {
  for (;;) {
    const nameStart = i;
    i = scanEscaped(bytes, i, end, C_URI_HEADER);
    if (i < 0) return i;
    if (i === nameStart || i >= end || bytes[i] !== EQUALS) return -faultAt(bytes, i, end, GE_URI_HEADERS);
    i = scanEscaped(bytes, i + 1, end, C_URI_HEADER);
    if (i < 0 || i >= end) return i;
    if (bytes[i] !== AMPERSAND) return -faultAt(bytes, i, end, GE_URI_HEADERS);
    i++;
  }
}

/** Skips octets with `flag` and well-formed escapes. */
function scanEscaped(bytes: Uint8Array, i: number, end: number, flag: number): number {
  while (i < end) {
    const c = bytes[i]!;
    if ((CHAR_CLASS[c]! & flag) !== 0) {
      i++;
    } else if (c === PERCENT) {
      if (!isEscape(bytes, i, end)) return -GE_ESCAPE;
      i += 3;
    } else {
      break;
    }
  }
  return i;
}

/** The code for a scan that stopped in `bytes[i, end)`: white space and angle brackets have their own. */
function faultAt(bytes: Uint8Array, i: number, end: number, otherwise: number): number {
  for (; i < end; i++) {
    const c = bytes[i]!;
    if ((CHAR_CLASS[c]! & C_LWS) !== 0) return GE_SPACE;
    if (c === 0x3c || c === 0x3e) return GE_ANGLE;
    if ((CHAR_CLASS[c]! & C_URI) === 0) return GE_URI_CHAR;
  }
  return otherwise;
}
