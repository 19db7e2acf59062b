/**
 * The generator's reader of SIP messages: finds what a user agent of a load run needs in one pass, as offsets, and nothing
 * else. It is no parser: a message that is only nearly right may pass. Never throws, allocates nothing; one scan is reused.
 *
 * Lines that an answer repeats (Via, Record-Route, From, To, Call-ID, CSeq) are noted as *runs* of neighbouring lines, so
 * that an answer is a few copies. A run ends behind the To value, where a tag may have to go in.
 */
import { M_REGISTER, M_UNKNOWN, methodId } from '../../sip/methods.js';

const CR = 13;
const LF = 10;
const SP = 32;
const HT = 9;
const COLON = 58;

/** Runs, and Record-Route and challenge lines, that one message may have. */
const RUNS_MAX = 64;

export class Scan {
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  isRequest = false;
  /** Of the start line; of responses, `M_*` of CSeq once `headers` has run. */
  method = M_UNKNOWN;
  status = 0;
  /** Request-URI. */
  uriStart = 0;
  uriEnd = 0;
  /** Behind the start line. */
  headersStart = 0;
  /** Branch of the top Via; -1: none. `viaStart` is the start of its line. */
  viaStart = -1;
  branchStart = -1;
  branchEnd = -1;
  // Values, without the line end; -1: absent.
  fromStart = -1;
  fromEnd = -1;
  toStart = -1;
  toEnd = -1;
  toTagStart = -1;
  toTagEnd = -1;
  callIdStart = -1;
  callIdEnd = -1;
  contactStart = -1;
  contactEnd = -1;
  authorizationStart = -1;
  authorizationEnd = -1;
  cseq = -1;
  cseqMethod = M_UNKNOWN;
  bodyStart = -1;
  /** What an answer repeats: `bytes[runStart[i], runEnd[i])`. */
  runs = 0;
  readonly runStart = new Int32Array(RUNS_MAX);
  readonly runEnd = new Int32Array(RUNS_MAX);
  /** The run that ends with the To value; its line end begins the next run. */
  toRun = -1;
  /** Values of Record-Route lines, from the top. */
  routes = 0;
  readonly routeStart = new Int32Array(RUNS_MAX);
  readonly routeEnd = new Int32Array(RUNS_MAX);
  /** Values of WWW-Authenticate and Proxy-Authenticate. */
  challenges = 0;
  readonly challengeStart = new Int32Array(RUNS_MAX);
  readonly challengeEnd = new Int32Array(RUNS_MAX);

  /** Reads the start line, and the top Via when it is the first header. False: no SIP message. */
  startLine(bytes: Uint8Array, start: number, end: number): boolean {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.viaStart = -1;
    this.branchStart = -1;
    this.bodyStart = -1;
    if (end - start < 16) return false;
    if (bytes[start] === 0x53 && bytes[start + 3] === 0x2f && bytes[start + 1] === 0x49 && bytes[start + 2] === 0x50) return this.statusLine();
    return this.requestLine();
  }

  private statusLine(): boolean {
    const { bytes, start, end } = this;
    this.isRequest = false;
    this.method = M_UNKNOWN;
    const a = bytes[start + 8]! - 48;
    const b = bytes[start + 9]! - 48;
    const c = bytes[start + 10]! - 48;
    if (bytes[start + 7] !== SP || a < 1 || a > 6 || b < 0 || b > 9 || c < 0 || c > 9) return false;
    this.status = a * 100 + b * 10 + c;
    let at = start + 11;
    while (at < end && bytes[at] !== LF) at++;
    if (at >= end) return false;
    this.headersStart = at + 1;
    this.firstVia();
    return true;
  }

  private requestLine(): boolean {
    const { bytes, start, end } = this;
    this.isRequest = true;
    this.status = 0;
    let at = start;
    const limit = Math.min(end, start + 40);
    while (at < limit && bytes[at] !== SP) {
      const byte = bytes[at]! | 0x20;
      if (byte < 0x61 || byte > 0x7a) return false;
      at++;
    }
    if (at === start || at >= limit) return false;
    this.method = methodId(bytes, start, at);
    this.uriStart = at + 1;
    while (at < end && bytes[at] !== LF) at++;
    if (at >= end) return false;
    this.headersStart = at + 1;
    if (bytes[at - 1] === CR) at--;
    // " SIP/2.0"
    this.uriEnd = at - 8;
    if (this.uriEnd <= this.uriStart || bytes[at - 8] !== SP || bytes[at - 7] !== 0x53 || bytes[at - 4] !== 0x2f || bytes[at - 3] !== 0x32) return false;
    return true;
  }

  /** The top Via is nearly always the first header; where it is not, `headers` finds it. */
  private firstVia(): void {
    const { bytes, headersStart: at } = this;
    if ((bytes[at]! | 0x20) !== 0x76) return;
    const value = bytes[at + 1] === COLON ? at + 2 : bytes[at + 3] === COLON ? at + 4 : -1;
    if (value > 0) this.topVia(at, value, this.end);
  }

  private topVia(line: number, value: number, limit: number): void {
    const { bytes } = this;
    this.viaStart = line;
    // ";branch="
    for (let at = value; at < limit && bytes[at] !== LF; at++) {
      if (bytes[at] !== 0x3b) continue;
      let name = at + 1;
      while (bytes[name] === SP) name++;
      if ((bytes[name]! | 0x20) !== 0x62 || (bytes[name + 1]! | 0x20) !== 0x72 || (bytes[name + 5]! | 0x20) !== 0x68) continue;
      let equals = name + 6;
      while (bytes[equals] === SP) equals++;
      if (bytes[equals] !== 0x3d) continue;
      this.branchStart = equals + 1;
      while (bytes[this.branchStart] === SP) this.branchStart++;
      let stop = this.branchStart;
      while (stop < limit && bytes[stop]! > SP && bytes[stop] !== 0x3b && bytes[stop] !== 0x2c) stop++;
      this.branchEnd = stop;
      return;
    }
  }

  /** Reads all headers. False when a header that every message has is missing or the message has no end. */
  headers(): boolean {
    const { bytes, end } = this;
    this.fromStart = -1;
    this.toStart = -1;
    this.toTagStart = -1;
    this.callIdStart = -1;
    this.contactStart = -1;
    this.authorizationStart = -1;
    this.cseq = -1;
    this.runs = 0;
    this.toRun = -1;
    this.routes = 0;
    this.challenges = 0;
    let at = this.headersStart;
    let seen = false;
    while (at < end) {
      let lineEnd = at;
      while (lineEnd < end && bytes[lineEnd] !== LF) lineEnd++;
      if (lineEnd >= end) return false;
      if (lineEnd === at || (lineEnd === at + 1 && bytes[at] === CR)) {
        this.bodyStart = lineEnd + 1;
        return seen && this.toStart >= 0 && this.fromStart >= 0 && this.callIdStart >= 0 && this.cseq >= 0;
      }
      // A line that begins with white space goes on with the one before it (RFC 3261 §7.3.1).
      while (lineEnd + 1 < end && (bytes[lineEnd + 1] === SP || bytes[lineEnd + 1] === HT)) {
        lineEnd++;
        while (lineEnd < end && bytes[lineEnd] !== LF) lineEnd++;
        if (lineEnd >= end) return false;
      }
      if (!this.header(at, lineEnd + 1)) return false;
      seen ||= this.viaStart >= 0;
      at = lineEnd + 1;
    }
    return false;
  }

  /** One header line `[line, next)`, line end included. */
  private header(line: number, next: number): boolean {
    const { bytes } = this;
    switch (bytes[line]! | 0x20) {
      case 0x76: {
        const value = this.valueOf(line, VIA);
        if (value < 0) return true;
        if (this.branchStart < 0) this.topVia(line, value, next);
        return this.keep(line, next);
      }
      case 0x66: {
        const value = this.valueOf(line, FROM);
        if (value < 0) return true;
        this.fromStart = value;
        this.fromEnd = this.valueEnd(value, next);
        return this.keep(line, next);
      }
      case 0x74: {
        const value = this.valueOf(line, TO);
        if (value < 0) return true;
        this.toStart = value;
        this.toEnd = this.valueEnd(value, next);
        this.findToTag();
        if (!this.keep(line, this.toEnd)) return false;
        this.toRun = this.runs - 1;
        if (this.runs >= RUNS_MAX) return false;
        this.runStart[this.runs] = this.toEnd;
        this.runEnd[this.runs++] = next;
        return true;
      }
      case 0x69: {
        const value = this.valueOf(line, CALL_ID);
        return value < 0 || this.callId(line, value, next);
      }
      case 0x63:
        return this.startsWithC(line, next);
      case 0x6d: {
        const value = this.valueOf(line, CONTACT);
        return value < 0 || this.contact(line, value, next);
      }
      case 0x72: {
        const value = this.valueOf(line, RECORD_ROUTE);
        if (value < 0) return true;
        if (this.routes >= RUNS_MAX) return false;
        this.routeStart[this.routes] = value;
        this.routeEnd[this.routes++] = this.valueEnd(value, next);
        return this.keep(line, next);
      }
      case 0x77:
        return this.challenge(this.valueOf(line, WWW_AUTHENTICATE), next);
      case 0x70: {
        const value = this.valueOf(line, PROXY_AUTHENTICATE);
        if (value >= 0) return this.challenge(value, next);
        return this.authorization(this.valueOf(line, PROXY_AUTHORIZATION), next);
      }
      case 0x61:
        return this.authorization(this.valueOf(line, AUTHORIZATION), next);
      default:
        return true;
    }
  }

  private startsWithC(line: number, next: number): boolean {
    const { bytes } = this;
    let value = this.valueOf(line, CSEQ);
    if (value >= 0) {
      let number = 0;
      while (bytes[value]! >= 48 && bytes[value]! <= 57) number = number * 10 + bytes[value++]! - 48;
      while (bytes[value] === SP || bytes[value] === HT) value++;
      this.cseq = number > 0x7fffffff ? -1 : number;
      this.cseqMethod = methodId(bytes, value, this.valueEnd(value, next));
      return this.keep(line, next);
    }
    value = this.valueOf(line, CALL_ID);
    if (value >= 0) return this.callId(line, value, next);
    value = this.valueOf(line, CONTACT);
    return value < 0 || this.contact(line, value, next);
  }

  private callId(line: number, value: number, next: number): boolean {
    this.callIdStart = value;
    this.callIdEnd = this.valueEnd(value, next);
    return this.keep(line, next);
  }

  /** A registrar repeats the Contact of what it registers (§10.3 step 8). */
  private contact(line: number, value: number, next: number): boolean {
    if (this.contactStart < 0) {
      this.contactStart = value;
      this.contactEnd = this.valueEnd(value, next);
    }
    return this.method === M_REGISTER ? this.keep(line, next) : true;
  }

  private challenge(value: number, next: number): boolean {
    if (value < 0 || this.challenges >= RUNS_MAX) return true;
    this.challengeStart[this.challenges] = value;
    this.challengeEnd[this.challenges++] = this.valueEnd(value, next);
    return true;
  }

  private authorization(value: number, next: number): boolean {
    if (value < 0 || this.authorizationStart >= 0) return true;
    this.authorizationStart = value;
    this.authorizationEnd = this.valueEnd(value, next);
    return true;
  }

  private keep(start: number, end: number): boolean {
    const last = this.runs - 1;
    if (last >= 0 && last !== this.toRun && this.runEnd[last] === start) {
      this.runEnd[last] = end;
      return true;
    }
    if (this.runs >= RUNS_MAX) return false;
    this.runStart[this.runs] = start;
    this.runEnd[this.runs++] = end;
    return true;
  }

  /** Where the value begins when the line is that of header `name` (lower case, with its compact letter first). */
  private valueOf(line: number, name: Uint8Array): number {
    const { bytes } = this;
    let at = line + 1;
    const compact = (bytes[line]! | 0x20) === name[0] && (bytes[at] === COLON || bytes[at] === SP || bytes[at] === HT);
    if (!compact) {
      const length = name.length;
      for (let i = 1; i < length; i++) if ((bytes[line + i - 1]! | 0x20) !== name[i]) return -1;
      at = line + length - 1;
    }
    while (bytes[at] === SP || bytes[at] === HT) at++;
    if (bytes[at] !== COLON) return -1;
    at++;
    while (bytes[at] === SP || bytes[at] === HT) at++;
    return at;
  }

  private valueEnd(value: number, next: number): number {
    const { bytes } = this;
    let at = next;
    while (at > value && bytes[at - 1]! <= SP) at--;
    return at;
  }

  /** The tag is a parameter of the header and stands behind the closing bracket of the URI. */
  private findToTag(): void {
    const { bytes, toStart, toEnd } = this;
    let at = toEnd;
    while (at > toStart && bytes[at - 1] !== 0x3e) at--;
    for (; at < toEnd; at++) {
      if (bytes[at] !== 0x3b) continue;
      let name = at + 1;
      while (bytes[name] === SP) name++;
      if ((bytes[name]! | 0x20) !== 0x74 || (bytes[name + 1]! | 0x20) !== 0x61 || (bytes[name + 2]! | 0x20) !== 0x67) continue;
      name += 3;
      while (bytes[name] === SP) name++;
      if (bytes[name] !== 0x3d) continue;
      name++;
      while (bytes[name] === SP) name++;
      let stop = name;
      while (stop < toEnd && bytes[stop]! > SP && bytes[stop] !== 0x3b) stop++;
      this.toTagStart = name;
      this.toTagEnd = stop;
      return;
    }
  }
}

/** Compact letter (or 0), then the name in lower case. */
function headerName(compact: string, name: string): Uint8Array {
  return Uint8Array.from(`${compact === '' ? '\0' : compact}${name}`, (char) => char.charCodeAt(0));
}

const VIA = headerName('v', 'via');
const FROM = headerName('f', 'from');
const TO = headerName('t', 'to');
const CALL_ID = headerName('i', 'call-id');
const CSEQ = headerName('', 'cseq');
const CONTACT = headerName('m', 'contact');
const RECORD_ROUTE = headerName('', 'record-route');
const WWW_AUTHENTICATE = headerName('', 'www-authenticate');
const PROXY_AUTHENTICATE = headerName('', 'proxy-authenticate');
const AUTHORIZATION = headerName('', 'authorization');
const PROXY_AUTHORIZATION = headerName('', 'proxy-authorization');

