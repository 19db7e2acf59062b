/**
 * The header parameters of a Contact that a registrar looks at: expires, q (RFC 3261 §20.10), +sip.instance, reg-id (RFC 5626 §4) and
 * methods (RFC 3840 §9). Sans-I/O; bytes are borrowed for the call, `instance` is a copy.
 */
import { NO_BYTES } from './binding.js';
import { INSTANCE_BYTES_MAX, REG_ID_MAX } from './bounds.js';
import { addTokens } from './option-tags.js';
import { CHAR_CLASS, C_URI, ascii, equalsIgnoreCase, skipLws } from '../sip/chars.js';
import { METHOD_NAMES } from '../sip/methods.js';
import { parseUint } from '../sip/numbers.js';
import { ParamView, scanParam } from '../sip/params.js';

const SEMICOLON = 0x3b;
const QUOTE = 0x22;
const LESS = 0x3c;
const GREATER = 0x3e;
const DOT = 0x2e;

const EXPIRES = ascii('expires');
const Q = ascii('q');
const INSTANCE = ascii('+sip.instance');
const REG_ID = ascii('reg-id');
const METHODS = ascii('methods');

const ABSENT = -1;
const MALFORMED = -2;

/** What `readContactParams` found. Reused by its owner; of a parameter that stands twice the first counts. */
export class ContactParams {
  /** Value of expires as it stands, an empty range for one without a value; -1 when it is absent. */
  expiresStart = -1;
  expiresEnd = -1;
  /** 0 to 1000, -1 when absent, -2 when malformed. */
  q = ABSENT;
  /** Without quotes and brackets; empty when absent or not of the form `"<URI>"`. */
  instance: Uint8Array = NO_BYTES;
  /** 1 to `REG_ID_MAX`; 0 when absent or malformed. */
  regId = 0;
  /** Bits `1 << M_*`; 0 when absent. */
  methods = 0;
}

const param = new ParamView();

/** Reads the parameters in `bytes[start, end)`, which begins at a semicolon and has been parsed before; -1: there are none. */
export function readContactParams(bytes: Uint8Array, start: number, end: number, out: ContactParams): void {
  out.expiresStart = -1;
  out.expiresEnd = -1;
  out.q = ABSENT;
  out.instance = NO_BYTES;
  out.regId = 0;
  out.methods = 0;
  let hasInstance = false;
  let hasRegId = false;
  for (let i = start; i >= 0 && i < end && bytes[i] === SEMICOLON; ) {
    i = scanParam(bytes, skipLws(bytes, i + 1, end), end, param, false);
    if (i < 0) return;
    const { nameStart, nameEnd } = param;
    if (equalsIgnoreCase(bytes, nameStart, nameEnd, EXPIRES)) {
      if (out.expiresStart >= 0) continue;
      out.expiresStart = param.valueStart < 0 ? nameEnd : param.valueStart;
      out.expiresEnd = param.valueStart < 0 ? nameEnd : param.valueEnd;
    } else if (equalsIgnoreCase(bytes, nameStart, nameEnd, Q)) {
      if (out.q === ABSENT) out.q = qOf(bytes, param.valueStart, param.valueEnd);
    } else if (equalsIgnoreCase(bytes, nameStart, nameEnd, INSTANCE)) {
      if (!hasInstance) out.instance = instanceOf(bytes, param.valueStart, param.valueEnd);
      hasInstance = true;
    } else if (equalsIgnoreCase(bytes, nameStart, nameEnd, REG_ID)) {
      if (!hasRegId) out.regId = regIdOf(bytes, param.valueStart, param.valueEnd);
      hasRegId = true;
    } else if (equalsIgnoreCase(bytes, nameStart, nameEnd, METHODS)) {
      if (out.methods === 0) out.methods = methodsOf(bytes, param.valueStart, param.valueEnd);
    }
  }
}

/** A qvalue in thousandths: 0 or 1, and up to three decimals, which are zeros behind a 1. */
function qOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0 || end - start > 5 || (end - start === 1 && bytes[start] === DOT)) return MALFORMED;
  let thousandths = 0;
  // Some clients leave the 0 out.
  let i = start;
  if (bytes[i] !== DOT) {
    if (bytes[i] !== 0x30 && bytes[i] !== 0x31) return MALFORMED;
    thousandths = (bytes[i]! - 0x30) * 1000;
    i++;
  }
  if (i < end && bytes[i++] !== DOT) return MALFORMED;
  for (let scale = 100; i < end; i++, scale = scale / 10) {
    const c = bytes[i]!;
    if (c < 0x30 || c > 0x39 || scale < 1) return MALFORMED;
    thousandths += (c - 0x30) * scale;
  }
  return thousandths > 1000 ? MALFORMED : thousandths;
}

function instanceOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  if (start < 0 || end - start < 5 || end - start - 4 > INSTANCE_BYTES_MAX) return NO_BYTES;
  if (bytes[start] !== QUOTE || bytes[start + 1] !== LESS || bytes[end - 2] !== GREATER || bytes[end - 1] !== QUOTE) return NO_BYTES;
  for (let i = start + 2; i < end - 2; i++) {
    // What a URI cannot hold could not be written back into a quoted string, or into a GRUU.
    if ((CHAR_CLASS[bytes[i]!]! & C_URI) === 0 || bytes[i] === 0x5c) return NO_BYTES;
  }
  return bytes.slice(start + 2, end - 2);
}

function regIdOf(bytes: Uint8Array, start: number, end: number): number {
  const value = start < 0 ? -1 : parseUint(bytes, start, end);
  return value < 1 || value > REG_ID_MAX ? 0 : value;
}

function methodsOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0) return 0;
  const names: string[] = [];
  if (bytes[start] === QUOTE) addTokens(bytes, start + 1, end - 1, names);
  else addTokens(bytes, start, end, names);
  let methods = 0;
  for (const name of names) {
    const method = METHOD_NAMES.indexOf(name);
    if (method > 0) methods |= 1 << method;
  }
  return methods;
}
