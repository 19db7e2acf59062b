/**
 * Via (RFC 3261 §20.42, §25, RFC 3581): one call reads one value; the list goes on behind `valueEnd`. Unknown transports
 * and protocols are no fault. Pure functions on borrowed bytes, into a reusable view.
 */
import { AddressWords, parseIpv4, parseIpv6 } from './address-text.js';
import { CHAR_CLASS, C_TOKEN, ascii, equalsIgnoreCase, skipLws } from './chars.js';
import { HostView, scanHost, scanPort } from './host.js';
import { parseUint } from './numbers.js';
import {
  GE_BRANCH,
  GE_EMPTY,
  GE_IPV6,
  GE_NONE,
  GE_PARAM_TWICE,
  GE_PARAM_VALUE,
  GE_PROTOCOL,
  GE_SEPARATOR,
  GE_TTL,
} from './parse-error.js';
import { ParamView, scanParam } from './params.js';
import { TRANSPORT_NONE, TRANSPORT_UDP, transportId } from './transports.js';

const NO_BYTES = new Uint8Array(0);

/** Parts of one Via value as offsets into the message; -1 where a part is absent. Meaningless after an error. */
export class ViaView {
  /** 1 when the protocol is SIP/2.0. */
  protocolOk = 0;
  /** `TRANSPORT_*`. */
  transport = TRANSPORT_NONE;
  /** First octet of the value (the protocol name) and the name of its transport. */
  valueStart = -1;
  transportStart = -1;
  transportEnd = -1;
  /** Host of the sent-by, with the brackets of an IPv6 reference. */
  hostStart = -1;
  hostEnd = -1;
  /** `HOST_*`. */
  hostKind = 0;
  /** 4 or 6 when the host is a literal address, whose words are `a0` to `a3`; else 0. */
  family = 0;
  a0 = 0;
  a1 = 0;
  a2 = 0;
  a3 = 0;
  /** 1 to 65535, or 0 when none is given. */
  port = 0;
  /** Offset behind the sent-by: where a parameter may be put in. */
  sentByEnd = -1;
  /** Parameters, from the first `;` to the end of the last one. */
  paramsStart = -1;
  paramsEnd = -1;
  branchStart = -1;
  branchEnd = -1;
  /** 1 when the branch begins with the magic cookie `z9hG4bK`, in any case. */
  hasCookie = 0;
  /** Offset behind the name `rport`, and behind its value if it has one: what stands between is to be replaced. */
  rportStart = -1;
  rportEnd = -1;
  /** Value of rport, or 0 when it has none. */
  rport = 0;
  /** Value of received as it stands, brackets included; its words when it is a literal address, else family 0. */
  receivedStart = -1;
  receivedEnd = -1;
  receivedFamily = 0;
  received0 = 0;
  received1 = 0;
  received2 = 0;
  received3 = 0;
  maddrStart = -1;
  maddrEnd = -1;
  /** 0 to 255, or -1 when there is none. */
  ttl = -1;
  /** Offset of the comma that ends this value, or the end of the field. */
  valueEnd = -1;
  /** Where the field ends. */
  fieldEnd = -1;
  /** What was parsed: those bytes may have changed since. */
  bytes: Uint8Array = NO_BYTES;
}

const COMMA = 0x2c;
const SLASH = 0x2f;
const COLON = 0x3a;
const SEMICOLON = 0x3b;
const BRACKET_OPEN = 0x5b;

const SIP = ascii('sip');
const VERSION = ascii('2.0');
const COOKIE = ascii('z9hg4bk');
const BRANCH = ascii('branch');
const RPORT = ascii('rport');
const RECEIVED = ascii('received');
const MADDR = ascii('maddr');
const TTL = ascii('ttl');

const host = new HostView();
const param = new ParamView();
const address = new AddressWords();

/**
 * Parses the Via value that begins at `start` and ends at a comma or at `end`; fills `out`. GE_NONE, or the grammar code
 * of the first fault. White space and folds may stand before and behind.
 */
export function parseVia(bytes: Uint8Array, start: number, end: number, out: ViaView): number {
  reset(out, bytes, end);
  let i = skipLws(bytes, start, end);
  if (i >= end) return GE_EMPTY;
  i = scanProtocol(bytes, i, end, out);
  if (i < 0) return -i;

  out.hostStart = i;
  i = scanHost(bytes, i, end, host);
  if (i < 0) return -i;
  out.hostEnd = i;
  out.sentByEnd = i;
  out.hostKind = host.kind;
  out.family = host.family;
  out.a0 = host.a0;
  out.a1 = host.a1;
  out.a2 = host.a2;
  out.a3 = host.a3;
  i = skipLws(bytes, i, end);
  if (i < end && bytes[i] === COLON) {
    i = scanPort(bytes, skipLws(bytes, i + 1, end), end, host);
    if (i < 0) return -i;
    out.port = host.port;
    out.sentByEnd = i;
    i = skipLws(bytes, i, end);
  }
  if (i < end && bytes[i] === SEMICOLON) {
    out.paramsStart = i;
    do {
      i = scanParam(bytes, skipLws(bytes, i + 1, end), end, param, true);
      if (i < 0) return -i;
      out.paramsEnd = param.valueEnd < 0 ? param.nameEnd : param.valueEnd;
      const fault = noteParam(bytes, out);
      if (fault !== GE_NONE) return fault;
    } while (i < end && bytes[i] === SEMICOLON);
  }
  if (i >= end) return GE_NONE;
  if (bytes[i] !== COMMA) return GE_SEPARATOR;
  if (skipLws(bytes, i + 1, end) >= end) return GE_EMPTY;
  out.valueEnd = i;
  return GE_NONE;
}

/** Takes over what `from` has of a value that was parsed without a fault. */
export function copyVia(from: ViaView, to: ViaView): void {
  to.protocolOk = from.protocolOk;
  to.transport = from.transport;
  to.valueStart = from.valueStart;
  to.transportStart = from.transportStart;
  to.transportEnd = from.transportEnd;
  to.hostStart = from.hostStart;
  to.hostEnd = from.hostEnd;
  to.hostKind = from.hostKind;
  to.family = from.family;
  to.a0 = from.a0;
  to.a1 = from.a1;
  to.a2 = from.a2;
  to.a3 = from.a3;
  to.port = from.port;
  to.sentByEnd = from.sentByEnd;
  to.paramsStart = from.paramsStart;
  to.paramsEnd = from.paramsEnd;
  to.branchStart = from.branchStart;
  to.branchEnd = from.branchEnd;
  to.hasCookie = from.hasCookie;
  to.rportStart = from.rportStart;
  to.rportEnd = from.rportEnd;
  to.rport = from.rport;
  to.receivedStart = from.receivedStart;
  to.receivedEnd = from.receivedEnd;
  to.receivedFamily = from.receivedFamily;
  to.received0 = from.received0;
  to.received1 = from.received1;
  to.received2 = from.received2;
  to.received3 = from.received3;
  to.maddrStart = from.maddrStart;
  to.maddrEnd = from.maddrEnd;
  to.ttl = from.ttl;
  to.valueEnd = from.valueEnd;
  to.fieldEnd = from.fieldEnd;
  to.bytes = from.bytes;
}

function reset(out: ViaView, bytes: Uint8Array, end: number): void {
  out.protocolOk = 0;
  out.transport = TRANSPORT_NONE;
  out.valueStart = -1;
  out.transportStart = -1;
  out.transportEnd = -1;
  out.hostStart = -1;
  out.hostEnd = -1;
  out.hostKind = 0;
  out.family = 0;
  out.a0 = 0;
  out.a1 = 0;
  out.a2 = 0;
  out.a3 = 0;
  out.port = 0;
  out.sentByEnd = -1;
  out.paramsStart = -1;
  out.paramsEnd = -1;
  out.branchStart = -1;
  out.branchEnd = -1;
  out.hasCookie = 0;
  out.rportStart = -1;
  out.rportEnd = -1;
  out.rport = 0;
  out.receivedStart = -1;
  out.receivedEnd = -1;
  out.receivedFamily = 0;
  out.received0 = 0;
  out.received1 = 0;
  out.received2 = 0;
  out.received3 = 0;
  out.maddrStart = -1;
  out.maddrEnd = -1;
  out.ttl = -1;
  out.valueEnd = end;
  out.fieldEnd = end;
  out.bytes = bytes;
}

/** Reads `name / version / transport` and the white space behind; the offset of the sent-by, or a negated code. */
function scanProtocol(bytes: Uint8Array, i: number, end: number, out: ViaView): number {
  out.valueStart = i;
  // Nearly every Via begins with these twelve octets.
  if (startsSipUdp(bytes, i, end)) {
    out.protocolOk = 1;
    out.transportStart = i + 8;
    out.transportEnd = i + 11;
    out.transport = TRANSPORT_UDP;
    return skipLws(bytes, i + 12, end);
  }
  const nameEnd = scanToken(bytes, i, end);
  const versionStart = scanSlash(bytes, nameEnd, end);
  if (nameEnd === i || versionStart < 0) return -GE_PROTOCOL;
  const versionEnd = scanToken(bytes, versionStart, end);
  const transportStart = scanSlash(bytes, versionEnd, end);
  if (versionEnd === versionStart || transportStart < 0) return -GE_PROTOCOL;
  const transportEnd = scanToken(bytes, transportStart, end);
  const sentBy = skipLws(bytes, transportEnd, end);
  if (transportEnd === transportStart || sentBy === transportEnd) return -GE_PROTOCOL;
  const isSip = equalsIgnoreCase(bytes, i, nameEnd, SIP) && equalsIgnoreCase(bytes, versionStart, versionEnd, VERSION);
  out.protocolOk = isSip ? 1 : 0;
  out.transportStart = transportStart;
  out.transportEnd = transportEnd;
  out.transport = transportId(bytes, transportStart, transportEnd);
  return sentBy;
}

/** Whether `SIP/2.0/UDP` and a space stand at `i`. */
function startsSipUdp(bytes: Uint8Array, i: number, end: number): boolean {
  return (
    end - i > 12 &&
    bytes[i] === 0x53 &&
    bytes[i + 1] === 0x49 &&
    bytes[i + 2] === 0x50 &&
    bytes[i + 3] === SLASH &&
    bytes[i + 4] === 0x32 &&
    bytes[i + 5] === 0x2e &&
    bytes[i + 6] === 0x30 &&
    bytes[i + 7] === SLASH &&
    bytes[i + 8] === 0x55 &&
    bytes[i + 9] === 0x44 &&
    bytes[i + 10] === 0x50 &&
    bytes[i + 11] === 0x20
  );
}

function scanToken(bytes: Uint8Array, i: number, end: number): number {
  while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
  return i;
}

function scanSlash(bytes: Uint8Array, i: number, end: number): number {
  i = skipLws(bytes, i, end);
  return i < end && bytes[i] === SLASH ? skipLws(bytes, i + 1, end) : -1;
}

/** Takes over the parameter at hand if it is one of those that Via itself defines. */
function noteParam(bytes: Uint8Array, out: ViaView): number {
  const { nameStart, nameEnd, valueStart, valueEnd } = param;
  switch (nameEnd - nameStart) {
    case 3:
      if (!equalsIgnoreCase(bytes, nameStart, nameEnd, TTL)) break;
      if (out.ttl >= 0) return GE_PARAM_TWICE;
      out.ttl = parseUint(bytes, valueStart, valueEnd);
      if (out.ttl < 0 || out.ttl > 255) return GE_TTL;
      break;
    case 5:
      if (equalsIgnoreCase(bytes, nameStart, nameEnd, RPORT)) {
        if (out.rportStart >= 0) return GE_PARAM_TWICE;
        out.rportStart = nameEnd;
        out.rportEnd = valueEnd < 0 ? nameEnd : valueEnd;
        if (valueStart < 0) break;
        if (scanPort(bytes, valueStart, valueEnd, host) !== valueEnd) return GE_PARAM_VALUE;
        out.rport = host.port;
      } else if (equalsIgnoreCase(bytes, nameStart, nameEnd, MADDR)) {
        if (out.maddrStart >= 0) return GE_PARAM_TWICE;
        if (valueStart < 0 || scanHost(bytes, valueStart, valueEnd, host) !== valueEnd) return GE_PARAM_VALUE;
        out.maddrStart = valueStart;
        out.maddrEnd = valueEnd;
      }
      break;
    case 6:
      if (!equalsIgnoreCase(bytes, nameStart, nameEnd, BRANCH)) break;
      if (out.branchStart >= 0) return GE_PARAM_TWICE;
      if (param.isToken === 0) return GE_BRANCH;
      out.branchStart = valueStart;
      out.branchEnd = valueEnd;
      out.hasCookie =
        valueEnd - valueStart >= COOKIE.length &&
        equalsIgnoreCase(bytes, valueStart, valueStart + COOKIE.length, COOKIE)
          ? 1
          : 0;
      break;
    case 8:
      if (!equalsIgnoreCase(bytes, nameStart, nameEnd, RECEIVED)) break;
      return noteReceived(bytes, valueStart, valueEnd, out);
    default:
  }
  return GE_NONE;
}

/** The value of received is an address by the grammar, IPv6 with brackets or without (RFC 5118 §4.5). */
function noteReceived(bytes: Uint8Array, start: number, end: number, out: ViaView): number {
  if (out.receivedStart >= 0) return GE_PARAM_TWICE;
  if (start < 0) return GE_PARAM_VALUE;
  out.receivedStart = start;
  out.receivedEnd = end;
  const isLiteral =
    bytes[start] === BRACKET_OPEN
      ? parseIpv6(bytes, start + 1, end - 1, address)
      : parseIpv4(bytes, start, end, address) || parseIpv6(bytes, start, end, address);
  if (!isLiteral) return param.isToken !== 0 ? GE_NONE : GE_IPV6;
  out.receivedFamily = address.family;
  out.received0 = address.a0;
  out.received1 = address.a1;
  out.received2 = address.a2;
  out.received3 = address.a3;
  return GE_NONE;
}
