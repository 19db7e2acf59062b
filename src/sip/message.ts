/**
 * The message view: one SIP message as offsets into bytes that stay where they are. Parsing finds the start line and the
 * header fields (`header-fields.ts`) and names them; values are parsed when somebody asks. Nothing is copied, decoded or
 * allocated.
 *
 * Two steps: `parse` for the frame (start line, header fields, body; RFC 3261 §7), then `validateRequest` or
 * `validateResponse` for what a proxy has to be sure of before it acts (§16.3, §18.3, §8.1.1). Both return an error code
 * of `parse-error.ts` and keep what they found up to there, so that a request with a fault can still be answered.
 *
 * Line ends: CRLF as the grammar wants, a lone LF is accepted, a lone CR is not a line end. Sans-I/O; a view is reused
 * and not re-entrant. All offsets are absolute in `bytes`; -1 means absent.
 */
import { CHAR_CLASS, C_TOKEN, isCallId, isToken, skipLws } from './chars.js';
import { FIELD_END, FIELD_LINE, FIELD_STRIDE, FIELD_VALUE, HeaderFields } from './header-fields.js';
import { H_CONTACT, H_MAX_BREADTH, H_ROUTE } from './header-names.js';
import { M_ACK, M_CANCEL, M_UNKNOWN, methodId } from './methods.js';
import { NameAddrView, parseNameAddr } from './name-addr.js';
import { parseUint } from './numbers.js';
import {
  GE_NEEDS_BRACKETS,
  GE_NONE,
  GE_SEVERAL,
  PE_BODY_SHORT,
  PE_CALL_ID,
  PE_CONTACT,
  PE_CONTENT_LENGTH,
  PE_CSEQ,
  PE_CSEQ_METHOD,
  PE_CSEQ_NUMBER,
  PE_DUPLICATE_CONTENT_LENGTH,
  PE_DUPLICATE_MAX_BREADTH,
  PE_FROM,
  PE_MAX_BREADTH,
  PE_MAX_FORWARDS,
  PE_METHOD,
  PE_MISSING_CALL_ID,
  PE_MISSING_CSEQ,
  PE_MISSING_FROM,
  PE_MISSING_TO,
  PE_MISSING_VIA,
  PE_NONE,
  PE_NOT_SIP,
  PE_REQUEST_LINE_SPACE,
  PE_REQUEST_URI_HEADERS,
  PE_ROUTE,
  PE_SCHEME,
  PE_START_LINE,
  PE_STATUS_CODE,
  PE_TO,
  PE_VERSION,
  PE_VIA,
  requestUriError,
  withGrammar,
} from './parse-error.js';
import { SCHEME_OTHER, UriView, parseUri } from './uri.js';
import { ViaView, copyVia, parseVia } from './via.js';

const CR = 0x0d;
const SP = 0x20;

const CSEQ_MAX = 0x7fffffff;
const BREADTH_MAX = 0x7fffffff;

export class MessageView extends HeaderFields {
  /** `M_*` of the start line (requests); of CSeq for responses once validated. */
  method = M_UNKNOWN;
  methodStart = 0;
  methodEnd = 0;
  /** Request-URI as bytes. */
  uriStart = 0;
  uriEnd = 0;
  status = 0;
  reasonStart = 0;
  reasonEnd = 0;
  // Filled by the validations.
  readonly topVia = new ViaView();
  readonly uri = new UriView();
  cseqNumber = 0;
  cseqMethod = M_UNKNOWN;
  cseqMethodStart = 0;
  cseqMethodEnd = 0;
  /** Max-Forwards as received; -1 absent. Values above 255 count as 255. */
  hops = -1;
  /** Max-Breadth as received (RFC 5393 §5); -1 absent, or of no account (ACK, CANCEL). Values past 2^31 - 1 count as that. */
  breadth = -1;
  /** From and To tags; -1 absent. */
  fromTagStart = -1;
  fromTagEnd = -1;
  toTagStart = -1;
  toTagEnd = -1;

  readonly #nameAddr = new NameAddrView();

  /** Parses the frame of the message in `bytes[start, end)`. The bytes are borrowed until the next parse. */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.method = M_UNKNOWN;
    this.status = 0;
    this.hops = -1;
    this.breadth = -1;
    this.fromTagStart = -1;
    this.toTagStart = -1;

    const startLineError = this.#parseStartLine(bytes, start, end);
    if (startLineError === PE_NOT_SIP) return PE_NOT_SIP;
    const headerError = this.parseFields(bytes, this.headersStart, end);
    if (startLineError !== PE_NONE) return startLineError;
    if (headerError !== PE_NONE) return headerError;
    return this.#frameBody();
  }

  /**
   * Parses the top Via again into `topVia`, wherever the view stands. `known`: a value parsed without a fault from bytes that are
   * still the same; if it is this very field, it is copied, which costs a fifth.
   */
  parseTopVia(known?: ViaView): number {
    if (this.via < 0) return PE_MISSING_VIA;
    const at = this.via * FIELD_STRIDE;
    const start = this.fields[at + FIELD_VALUE]!;
    const end = this.fields[at + FIELD_END]!;
    if (known !== undefined && known.bytes === this.bytes && known.valueStart === start && known.fieldEnd === end) {
      copyVia(known, this.topVia);
      return PE_NONE;
    }
    const grammar = parseVia(this.bytes, start, end, this.topVia);
    return grammar === GE_NONE ? PE_NONE : withGrammar(PE_VIA, grammar);
  }

  /**
   * What a proxy checks of every request (RFC 3261 §16.3 step 1 and the fields that make a transaction). `knownVia`: see
   * `parseTopVia`.
   */
  validateRequest(knownVia?: ViaView): number {
    const viaError = this.#validateVias(knownVia);
    if (viaError !== PE_NONE) return viaError;
    if (this.from < 0) return PE_MISSING_FROM;
    if (this.to < 0) return PE_MISSING_TO;
    if (this.callId < 0) return PE_MISSING_CALL_ID;
    if (this.cseq < 0) return PE_MISSING_CSEQ;
    if (this.duplicate !== PE_NONE) return this.duplicate;
    let grammar = this.#parseFromTo(this.from);
    if (grammar !== GE_NONE) return withGrammar(PE_FROM, grammar);
    this.fromTagStart = this.#nameAddr.tagStart;
    this.fromTagEnd = this.#nameAddr.tagEnd;
    grammar = this.#parseFromTo(this.to);
    if (grammar !== GE_NONE) return withGrammar(PE_TO, grammar);
    this.toTagStart = this.#nameAddr.tagStart;
    this.toTagEnd = this.#nameAddr.tagEnd;
    if (!this.#validCallId()) return PE_CALL_ID;
    const cseqError = this.parseCSeq();
    if (cseqError !== PE_NONE) return cseqError;
    if (!this.#cseqMethodMatches()) return PE_CSEQ_METHOD;
    if (this.maxForwards >= 0) {
      const at = this.maxForwards * FIELD_STRIDE;
      const hops = parseUint(this.bytes, this.fields[at + FIELD_VALUE]!, this.fields[at + FIELD_END]!);
      if (hops < 0) return PE_MAX_FORWARDS;
      this.hops = hops > 255 ? 255 : hops;
    }
    if (this.maxBreadth >= 0) {
      const breadthError = this.#parseMaxBreadth();
      if (breadthError !== PE_NONE) return breadthError;
    }
    grammar = parseUri(this.bytes, this.uriStart, this.uriEnd, this.uri);
    if (grammar !== GE_NONE) return requestUriError(grammar);
    if (this.uri.scheme === SCHEME_OTHER) return PE_SCHEME;
    if (this.uri.headersStart >= 0) return PE_REQUEST_URI_HEADERS;
    if (this.route >= 0) {
      grammar = this.#validateNameAddrs(H_ROUTE, true);
      if (grammar !== GE_NONE) return withGrammar(PE_ROUTE, grammar);
    }
    if (this.contact >= 0) {
      grammar = this.#validateNameAddrs(H_CONTACT, false);
      if (grammar !== GE_NONE) return withGrammar(PE_CONTACT, grammar);
    }
    return PE_NONE;
  }

  /**
   * Finds the To tag of a message that has not been validated, as far as it can be found: for the answer to a request with
   * a fault, which must not get a second tag.
   */
  findToTag(): void {
    if (this.to < 0) return;
    const at = this.to * FIELD_STRIDE;
    const end = this.fields[at + FIELD_END]!;
    if (this.#parseFromTo(this.to) === GE_NONE) {
      this.toTagStart = this.#nameAddr.tagStart;
      this.toTagEnd = this.#nameAddr.tagEnd;
      return;
    }
    const bytes = this.bytes;
    for (let i = this.fields[at + FIELD_VALUE]!; i + 4 <= end; i++) {
      if ((bytes[i]! | 0x20) === 0x74 && (bytes[i + 1]! | 0x20) === 0x61 && (bytes[i + 2]! | 0x20) === 0x67 && bytes[i + 3] === 0x3d) {
        this.toTagStart = i + 4;
        this.toTagEnd = end;
        return;
      }
    }
  }

  /** What a proxy needs of a response before it forwards it: a Via and a CSeq that parse (§16.7). `knownVia`: see `parseTopVia`. */
  validateResponse(knownVia?: ViaView): number {
    const viaError = this.parseTopVia(knownVia);
    if (viaError !== PE_NONE) return viaError;
    if (this.callId < 0) return PE_MISSING_CALL_ID;
    if (this.cseq < 0) return PE_MISSING_CSEQ;
    if (this.duplicate !== PE_NONE) return this.duplicate;
    const cseqError = this.parseCSeq();
    // Nothing answers an ACK; taken for its INVITE's it would be a forgery.
    return cseqError === PE_NONE && this.cseqMethod === M_ACK ? PE_CSEQ_METHOD : cseqError;
  }

  /** Parses CSeq into `cseqNumber` and `cseqMethod` (§20.16). */
  parseCSeq(): number {
    const bytes = this.bytes;
    const at = this.cseq * FIELD_STRIDE;
    const start = this.fields[at + FIELD_VALUE]!;
    const end = this.fields[at + FIELD_END]!;
    let i = start;
    while (i < end && bytes[i]! >= 0x30 && bytes[i]! <= 0x39) i++;
    if (i === start) return PE_CSEQ;
    const number = parseUint(bytes, start, i);
    if (number < 0 || number > CSEQ_MAX) return PE_CSEQ_NUMBER;
    const methodStart = skipLws(bytes, i, end);
    if (methodStart === i) return PE_CSEQ;
    if (!isToken(bytes, methodStart, end)) return PE_CSEQ;
    this.cseqNumber = number;
    this.cseqMethodStart = methodStart;
    this.cseqMethodEnd = end;
    this.cseqMethod = methodId(bytes, methodStart, end);
    return PE_NONE;
  }

  /**
   * The view moves to a copy of its message: every offset by `shift`, and by the growth of an edit behind that edit. At
   * most two edits, in ascending order, both in the header (an edit at an offset moves that offset). Of what the
   * validation found, Request-URI, tags and CSeq move along; `topVia` does not.
   */
  rebase(bytes: Uint8Array, shift: number, at1: number, grow1: number, at2: number, grow2: number): void {
    const fields = this.fields;
    const last = this.fieldCount * FIELD_STRIDE;
    for (let i = 0; i < last; i += FIELD_STRIDE) {
      for (let j = i + FIELD_LINE; j <= i + FIELD_END; j++) {
        const offset = fields[j]!;
        fields[j] = offset + shift + (offset >= at1 ? grow1 : 0) + (offset >= at2 ? grow2 : 0);
      }
    }
    const grown = shift + grow1 + grow2;
    this.bytes = bytes;
    this.start += shift;
    this.methodStart += shift;
    this.methodEnd += shift;
    this.uriStart += shift;
    this.uriEnd += shift;
    this.headersStart += shift;
    this.headersEnd += grown;
    this.bodyStart += grown;
    this.end += grown;
    if (this.fromTagStart >= 0) {
      this.fromTagEnd = moved(this.fromTagEnd, shift, at1, grow1, at2, grow2);
      this.fromTagStart = moved(this.fromTagStart, shift, at1, grow1, at2, grow2);
    }
    if (this.toTagStart >= 0) {
      this.toTagEnd = moved(this.toTagEnd, shift, at1, grow1, at2, grow2);
      this.toTagStart = moved(this.toTagStart, shift, at1, grow1, at2, grow2);
    }
    this.cseqMethodStart = moved(this.cseqMethodStart, shift, at1, grow1, at2, grow2);
    this.cseqMethodEnd = moved(this.cseqMethodEnd, shift, at1, grow1, at2, grow2);
    const uri = this.uri;
    uri.schemeStart += shift;
    uri.schemeEnd += shift;
    if (uri.userStart >= 0) uri.userStart += shift;
    if (uri.userEnd >= 0) uri.userEnd += shift;
    if (uri.passwordStart >= 0) uri.passwordStart += shift;
    if (uri.passwordEnd >= 0) uri.passwordEnd += shift;
    if (uri.hostStart >= 0) uri.hostStart += shift;
    if (uri.hostEnd >= 0) uri.hostEnd += shift;
    if (uri.paramsStart >= 0) uri.paramsStart += shift;
    if (uri.paramsEnd >= 0) uri.paramsEnd += shift;
    if (uri.maddrStart >= 0) uri.maddrStart += shift;
    if (uri.maddrEnd >= 0) uri.maddrEnd += shift;
  }

  #parseStartLine(bytes: Uint8Array, start: number, end: number): number {
    // A message has at least "X Y SIP/2.0" or "SIP/2.0 100".
    this.words.attach(bytes);
    const lineEnd = this.words.lineFeed(start, end);
    if (lineEnd >= end) return PE_NOT_SIP;
    this.headersStart = lineEnd + 1;
    let last = lineEnd;
    if (last > start && bytes[last - 1] === CR) last--;
    if (isSipSlash(bytes, start, last)) return this.#parseStatusLine(bytes, start, last);
    return this.#parseRequestLine(bytes, start, last);
  }

  #parseStatusLine(bytes: Uint8Array, start: number, last: number): number {
    this.isRequest = false;
    if (last - start < 11 || !isVersion2(bytes, start)) return PE_VERSION;
    if (bytes[start + 7] !== SP) return PE_START_LINE;
    const status = parseUint(bytes, start + 8, start + 11);
    if (status < 100 || status > 699) return PE_STATUS_CODE;
    // The space behind the code may be missing when there is no reason phrase: real peers leave it out.
    if (last > start + 11 && bytes[start + 11] !== SP) return PE_STATUS_CODE;
    this.status = status;
    this.reasonStart = Math.min(last, start + 12);
    this.reasonEnd = last;
    return PE_NONE;
  }

  #parseRequestLine(bytes: Uint8Array, start: number, last: number): number {
    this.isRequest = true;
    let i = start;
    while (i < last && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
    this.methodStart = start;
    this.methodEnd = i;
    // The version ends the line; everything in between is the Request-URI. Found from the end, a URI with white space in
    // it is one fault (400) and not another version (505).
    let space = last - 1;
    while (space > i && bytes[space] !== SP) space--;
    this.uriStart = Math.min(i + 1, last);
    this.uriEnd = Math.max(this.uriStart, space);
    if (i === start) return PE_NOT_SIP;
    if (i === last) return PE_NOT_SIP;
    if (bytes[i] !== SP) return isSipSlash(bytes, space + 1, last) ? PE_METHOD : PE_NOT_SIP;
    this.method = methodId(bytes, start, i);
    if (space <= i) return PE_NOT_SIP;
    if (!isSipSlash(bytes, space + 1, last)) {
      // Trailing spaces behind the version (RFC 4475 trws).
      let t = last;
      while (t > i && bytes[t - 1] === SP) t--;
      let s = t - 1;
      while (s > i && bytes[s] !== SP) s--;
      if (t === last || !isSipSlash(bytes, s + 1, t)) return PE_NOT_SIP;
      this.uriEnd = Math.max(this.uriStart, s);
      return PE_REQUEST_LINE_SPACE;
    }
    if (last - space - 1 !== 7 || !isVersion2(bytes, space + 1)) return PE_VERSION;
    if (this.uriEnd === this.uriStart || bytes[this.uriStart] === SP || bytes[this.uriEnd - 1] === SP) return PE_REQUEST_LINE_SPACE;
    return PE_NONE;
  }

  /** Cuts the body at Content-Length (§18.3): bytes beyond are no part of the message, too few are a fault. */
  #frameBody(): number {
    if (this.contentLength < 0) return PE_NONE;
    if (this.duplicate === PE_DUPLICATE_CONTENT_LENGTH) return PE_DUPLICATE_CONTENT_LENGTH;
    const at = this.contentLength * FIELD_STRIDE;
    const length = parseUint(this.bytes, this.fields[at + FIELD_VALUE]!, this.fields[at + FIELD_END]!);
    if (length < 0) return PE_CONTENT_LENGTH;
    if (this.bodyStart + length > this.end) return PE_BODY_SHORT;
    this.end = this.bodyStart + length;
    return PE_NONE;
  }

  /**
   * The top Via has to parse to the end of its field. The Vias below it are the business of those who wrote them, but
   * those that share the top one's field are looked at, since its end has to be found.
   */
  #validateVias(known: ViaView | undefined): number {
    if (this.via < 0) return PE_MISSING_VIA;
    const end = this.fields[this.via * FIELD_STRIDE + FIELD_END]!;
    const error = this.parseTopVia(known);
    if (error !== PE_NONE) return error;
    let at = this.topVia.valueEnd;
    if (at < end) this.hasLowerVia = true;
    while (at < end) {
      const grammar = parseVia(this.bytes, skipLws(this.bytes, at + 1, end), end, SCRATCH_VIA);
      if (grammar !== GE_NONE) return withGrammar(PE_VIA, grammar);
      at = SCRATCH_VIA.valueEnd;
    }
    return PE_NONE;
  }

  /** Max-Breadth bounds the branches of a request; an ACK and a CANCEL follow theirs and are not looked at. */
  #parseMaxBreadth(): number {
    if (this.method === M_ACK || this.method === M_CANCEL) return PE_NONE;
    if (this.nextField(H_MAX_BREADTH, this.maxBreadth) >= 0) return PE_DUPLICATE_MAX_BREADTH;
    const at = this.maxBreadth * FIELD_STRIDE;
    const breadth = parseUint(this.bytes, this.fields[at + FIELD_VALUE]!, this.fields[at + FIELD_END]!);
    if (breadth < 0) return PE_MAX_BREADTH;
    this.breadth = breadth > BREADTH_MAX ? BREADTH_MAX : breadth;
    return PE_NONE;
  }

  /** From and To hold one value. */
  #parseFromTo(field: number): number {
    const at = field * FIELD_STRIDE;
    const end = this.fields[at + FIELD_END]!;
    const grammar = parseNameAddr(this.bytes, this.fields[at + FIELD_VALUE]!, end, this.#nameAddr);
    if (grammar !== GE_NONE) return grammar;
    return this.#nameAddr.valueEnd === end ? GE_NONE : GE_SEVERAL;
  }

  #validateNameAddrs(id: number, bracketsOnly: boolean): number {
    const bytes = this.bytes;
    for (let field = this.nextField(id, -1); field >= 0; field = this.nextField(id, field)) {
      const slot = field * FIELD_STRIDE;
      const end = this.fields[slot + FIELD_END]!;
      let at = this.fields[slot + FIELD_VALUE]!;
      if (id === H_CONTACT && end - at === 1 && bytes[at] === 0x2a) continue;
      for (;;) {
        const grammar = parseNameAddr(bytes, at, end, this.#nameAddr);
        if (grammar !== GE_NONE) return grammar;
        if (bracketsOnly && !this.#nameAddr.bracketed) return GE_NEEDS_BRACKETS;
        at = this.#nameAddr.valueEnd;
        if (at >= end) break;
        at = skipLws(bytes, at + 1, end);
      }
    }
    return GE_NONE;
  }

  #validCallId(): boolean {
    const at = this.callId * FIELD_STRIDE;
    return isCallId(this.bytes, this.fields[at + FIELD_VALUE]!, this.fields[at + FIELD_END]!);
  }

  #cseqMethodMatches(): boolean {
    if (this.cseqMethod !== M_UNKNOWN || this.method !== M_UNKNOWN) return this.cseqMethod === this.method;
    const length = this.methodEnd - this.methodStart;
    if (this.cseqMethodEnd - this.cseqMethodStart !== length) return false;
    for (let i = 0; i < length; i++) {
      if (this.bytes[this.methodStart + i] !== this.bytes[this.cseqMethodStart + i]) return false;
    }
    return true;
  }
}
const SCRATCH_VIA = new ViaView();

function moved(offset: number, shift: number, at1: number, grow1: number, at2: number, grow2: number): number {
  return offset + shift + (offset >= at1 ? grow1 : 0) + (offset >= at2 ? grow2 : 0);
}

/** `SIP/` in any case. */
function isSipSlash(bytes: Uint8Array, start: number, end: number): boolean {
  return (
    end - start >= 5 &&
    (bytes[start]! | 0x20) === 0x73 &&
    (bytes[start + 1]! | 0x20) === 0x69 &&
    (bytes[start + 2]! | 0x20) === 0x70 &&
    bytes[start + 3] === 0x2f
  );
}

/** `2.0` behind `SIP/`. */
function isVersion2(bytes: Uint8Array, start: number): boolean {
  return bytes[start + 4] === 0x32 && bytes[start + 5] === 0x2e && bytes[start + 6] === 0x30;
}
