/**
 * Parser of Authorization and Proxy-Authorization values (RFC 3261 §25.1 `digest-response`, RFC 7616 §3.4): offsets into
 * bytes that stay where they are, nothing copied or decoded. Pure functions on borrowed bytes, any thread.
 *
 * Wider than the grammar where clients are: a value may be a token or a quoted string whatever the grammar has for that
 * parameter, list elements may be empty, hexadecimal digits may be in upper case. Narrower: no parameter of ours twice.
 */
import { CHAR_CLASS, C_HEX, C_TOKEN, ascii, equalsIgnoreCase, skipLws } from '../sip/chars.js';
import { scanQuoted } from '../sip/params.js';

// Parameters that are looked at, as indices into the arrays of `CredentialsView`.
export const P_USERNAME = 0;
export const P_REALM = 1;
export const P_NONCE = 2;
export const P_URI = 3;
export const P_RESPONSE = 4;
export const P_ALGORITHM = 5;
export const P_CNONCE = 6;
export const P_QOP = 7;
export const P_NC = 8;
export const P_USERHASH = 9;

const PARAM_NAMES: readonly Uint8Array[] = ['username', 'realm', 'nonce', 'uri', 'response', 'algorithm', 'cnonce', 'qop', 'nc', 'userhash'].map(ascii);
const PARAM_COUNT = PARAM_NAMES.length;

/** The parameters that no digest credentials can do without come first. */
const REQUIRED_COUNT = P_RESPONSE + 1;

// What `parseCredentials` returns.
export const CE_NONE = 0;
/** Another scheme than Digest: not ours to judge. */
export const CE_SCHEME = 1;
/** The grammar is broken. */
export const CE_SYNTAX = 2;
/** One of the parameters above stands twice. */
export const CE_DUPLICATE = 3;
/** The value, or one parameter of it, is longer than any client has reason for, or it has too many parameters. */
export const CE_TOO_LONG = 4;
/** Username, realm, nonce, uri or response is missing. */
export const CE_MISSING = 5;
/** nc is not eight hexadecimal digits, or zero: the count begins at one (RFC 7616 §3.4). */
export const CE_NC = 6;

/** Longest header field value, bytes: several times what clients send. */
export const CREDENTIALS_BYTES_MAX = 4096;
/** Longest value of a parameter, bytes. A Request-URI is the longest of them. */
export const CREDENTIAL_VALUE_BYTES_MAX = 1024;
/** Parameters in one value, those that nobody knows included. */
export const CREDENTIAL_PARAMS_MAX = 32;

const DIGEST = ascii('digest');
const COMMA = 0x2c;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const NC_DIGITS = 8;

/** One set of credentials. Meaningless after any result but CE_NONE. */
export class CredentialsView {
  /** Value of each parameter without its quotes, escapes in place; -1 where it is absent. By `P_*`. */
  readonly starts = new Int32Array(PARAM_COUNT).fill(-1);
  readonly ends = new Int32Array(PARAM_COUNT).fill(-1);
  /** Nonce count, 1 to 2^32 - 1; 0 when there is none. */
  nonceCount = 0;

  has(param: number): boolean {
    return this.starts[param]! >= 0;
  }
}

/** Parses `bytes[start, end)`, one whole header field value; fills `out`. A code `CE_*`. */
export function parseCredentials(bytes: Uint8Array, start: number, end: number, out: CredentialsView): number {
  out.starts.fill(-1);
  out.ends.fill(-1);
  out.nonceCount = 0;

  let i = skipLws(bytes, start, end);
  const scheme = i;
  while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
  if (!equalsIgnoreCase(bytes, scheme, i, DIGEST)) return CE_SCHEME;
  if (end - start > CREDENTIALS_BYTES_MAX) return CE_TOO_LONG;
  const params = skipLws(bytes, i, end);
  if (params === i && i < end) return CE_SYNTAX;
  i = params;

  for (let count = 0; i < end; ) {
    if (bytes[i] === COMMA) {
      i = skipLws(bytes, i + 1, end);
      continue;
    }
    if (++count > CREDENTIAL_PARAMS_MAX) return CE_TOO_LONG;
    i = scanCredential(bytes, i, end, out);
    if (i < 0) return -i;
    i = skipLws(bytes, i, end);
    if (i < end && bytes[i] !== COMMA) return CE_SYNTAX;
  }

  for (let param = 0; param < REQUIRED_COUNT; param++) {
    if (!out.has(param)) return CE_MISSING;
  }
  return out.has(P_NC) ? readNonceCount(bytes, out) : CE_NONE;
}

/** Reads `name = value` at `i`; the offset behind it, or a negated `CE_*`. */
function scanCredential(bytes: Uint8Array, i: number, end: number, out: CredentialsView): number {
  const nameStart = i;
  while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
  const nameEnd = i;
  if (nameEnd === nameStart) return -CE_SYNTAX;
  i = skipLws(bytes, i, end);
  if (i >= end || bytes[i] !== EQUALS) return -CE_SYNTAX;
  i = skipLws(bytes, i + 1, end);

  let valueStart = i;
  let valueEnd: number;
  if (i < end && bytes[i] === QUOTE) {
    i = scanQuoted(bytes, i, end);
    if (i < 0) return -CE_SYNTAX;
    valueStart++;
    valueEnd = i - 1;
  } else {
    while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
    if (i === valueStart) return -CE_SYNTAX;
    valueEnd = i;
  }
  if (valueEnd - valueStart > CREDENTIAL_VALUE_BYTES_MAX) return -CE_TOO_LONG;

  const param = paramOf(bytes, nameStart, nameEnd);
  if (param >= 0) {
    if (out.starts[param]! >= 0) return -CE_DUPLICATE;
    out.starts[param] = valueStart;
    out.ends[param] = valueEnd;
  }
  return i;
}

function paramOf(bytes: Uint8Array, start: number, end: number): number {
  for (let param = 0; param < PARAM_COUNT; param++) {
    if (equalsIgnoreCase(bytes, start, end, PARAM_NAMES[param]!)) return param;
  }
  return -1;
}

function readNonceCount(bytes: Uint8Array, out: CredentialsView): number {
  const start = out.starts[P_NC]!;
  if (out.ends[P_NC]! - start !== NC_DIGITS) return CE_NC;
  let value = 0;
  for (let i = start; i < start + NC_DIGITS; i++) {
    const c = bytes[i]!;
    if ((CHAR_CLASS[c]! & C_HEX) === 0) return CE_NC;
    value = value * 16 + (c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57);
  }
  if (value === 0) return CE_NC;
  out.nonceCount = value;
  return CE_NONE;
}
