/**
 * The header fields of one message, as offsets into bytes that stay where they are: each field found and named, the first of each
 * kind that the core looks at remembered. Values are nobody's business here.
 *
 * Line ends: CRLF as the grammar wants, a lone LF is accepted, a lone CR is not a line end. Sans-I/O; reused, not re-entrant. All
 * offsets are absolute in `bytes`; -1 means absent.
 */
import { ByteWords, type WordText, wordText } from './byte-words.js';
import { CHAR_CLASS, C_LWS, C_TOKEN, ascii, skipLws } from './chars.js';
import {
  HEADER_NAMES,
  H_CALL_ID,
  H_CONTACT,
  H_CONTENT_LENGTH,
  H_CSEQ,
  H_FROM,
  H_MAX_BREADTH,
  H_MAX_FORWARDS,
  H_OTHER,
  H_PROXY_REQUIRE,
  H_RECORD_ROUTE,
  H_ROUTE,
  H_TO,
  H_VIA,
  headerId,
} from './header-names.js';
import {
  PE_DUPLICATE_CALL_ID,
  PE_DUPLICATE_CONTENT_LENGTH,
  PE_DUPLICATE_CSEQ,
  PE_DUPLICATE_FROM,
  PE_DUPLICATE_MAX_FORWARDS,
  PE_DUPLICATE_TO,
  PE_HEADER_LINE,
  PE_NONE,
  PE_NO_END,
  PE_TOO_MANY_HEADERS,
} from './parse-error.js';

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;
const COLON = 0x3a;

const EMPTY = new Uint8Array(0);

/** int32 slots per header field in `HeaderFields.fields`. */
export const FIELD_STRIDE = 4;
export const FIELD_ID = 0; // header id of header-names.ts
export const FIELD_LINE = 1; // where the field name starts
export const FIELD_VALUE = 2; // where the value starts (leading white space skipped)
export const FIELD_END = 3; // where the value ends (trailing white space skipped)

/** `Name: ` of every known header, as most peers write it. */
const HEADER_LINES: readonly WordText[] = HEADER_NAMES.map((name) => wordText(ascii(`${name}: `)));

/**
 * Which header a line begins, by its first four bytes, and by its ninth for those that begin with `Cont`: a guess that saves
 * looking the name up. Where two share a slot the commoner one has it (0: no guess). A wrong guess costs a few nanoseconds; what is
 * parsed never depends on it.
 */
const LIKELY = new Uint8Array(256);
/** Bytes of a line that the guess looks at. */
const LIKELY_BYTES = 9;
const CONT = 0x746e6f43;

function likelySlot(word: number, ninth: number): number {
  return (Math.imul(word, 0x9e3779b1) >>> 24) ^ (word === CONT ? ninth : 0);
}

// The numbers of the headers are roughly in the order of how common they are.
for (let id = HEADER_LINES.length - 1; id > H_OTHER; id--) {
  const { bytes, words } = HEADER_LINES[id]!;
  LIKELY[likelySlot(words[0]!, bytes[LIKELY_BYTES - 1] ?? 0)] = id;
}

export class HeaderFields {
  bytes: Uint8Array = EMPTY;
  /** The message is `bytes[start, end)`; `end` is the end of the body as Content-Length says, never beyond the datagram. */
  start = 0;
  end = 0;
  isRequest = false;
  /** First byte of the first header field; `bodyStart` is behind the blank line, `headersEnd` is where that line starts. */
  headersStart = 0;
  headersEnd = 0;
  bodyStart = 0;
  fieldCount = 0;
  readonly fields: Int32Array;
  readonly #maxFields: number;

  // Index into `fields` (field number) of the first field of each kind that the core looks at; -1 absent.
  via = -1;
  from = -1;
  to = -1;
  callId = -1;
  cseq = -1;
  maxForwards = -1;
  maxBreadth = -1;
  route = -1;
  recordRoute = -1;
  contact = -1;
  contentLength = -1;
  proxyRequire = -1;
  /** Whether there is a Via field below the top one. `MessageView` adds those that share the top one's line. */
  hasLowerVia = false;

  /** Set when a field that must stand alone stands twice: the error to answer with. */
  protected duplicate = PE_NONE;
  protected readonly words = new ByteWords();

  /** @param maxFields header fields in one message: one more is an error. */
  constructor(maxFields: number) {
    this.#maxFields = maxFields;
    this.fields = new Int32Array((maxFields + 1) * FIELD_STRIDE);
  }

  /** Where the line after field number `field` starts (the end of its line, folds and line end included). */
  lineEnd(field: number): number {
    return field + 1 < this.fieldCount ? this.fields[(field + 1) * FIELD_STRIDE + FIELD_LINE]! : this.headersEnd;
  }

  /** The next field after number `after` whose header id is `id`, or -1. */
  nextField(id: number, after: number): number {
    const fields = this.fields;
    for (let field = after + 1; field < this.fieldCount; field++) {
      if (fields[field * FIELD_STRIDE + FIELD_ID] === id) return field;
    }
    return -1;
  }

  /** Finds and names the fields from `at` on, up to the blank line. An error code of `parse-error.ts`; what was found stands. */
  protected parseFields(bytes: Uint8Array, at: number, end: number): number {
    this.via = -1;
    this.from = -1;
    this.to = -1;
    this.callId = -1;
    this.cseq = -1;
    this.maxForwards = -1;
    this.maxBreadth = -1;
    this.route = -1;
    this.recordRoute = -1;
    this.contact = -1;
    this.contentLength = -1;
    this.proxyRequire = -1;
    this.hasLowerVia = false;
    this.duplicate = PE_NONE;
    const fields = this.fields;
    const words = this.words;
    let error = PE_NONE;
    let count = 0;
    let i = at;
    for (;;) {
      if (i >= end) {
        this.headersEnd = end;
        this.bodyStart = end;
        this.fieldCount = count;
        return error !== PE_NONE ? error : PE_NO_END;
      }
      const line = i;
      let c = bytes[i]!;
      if (c === LF || (c === CR && i + 1 < end && bytes[i + 1] === LF)) {
        this.headersEnd = line;
        this.bodyStart = c === LF ? i + 1 : i + 2;
        this.fieldCount = count;
        return error;
      }
      // Most field names are written as the RFC writes them.
      let id = line + LIKELY_BYTES <= end ? LIKELY[likelySlot(words.word(line), bytes[line + LIKELY_BYTES - 1]!)]! : H_OTHER;
      let named = id !== H_OTHER && words.matches(line, end, HEADER_LINES[id]!);
      if (named) {
        i = line + HEADER_LINES[id]!.bytes.length;
      } else {
        // Field name, then white space up to the colon (§7.3.1).
        while (i < end && (CHAR_CLASS[bytes[i]!]! & C_TOKEN) !== 0) i++;
        const nameEnd = i;
        while (i < end && ((c = bytes[i]!) === SP || c === HT)) i++;
        named = nameEnd > line && i < end && bytes[i] === COLON;
        if (named) i++;
        id = named ? headerId(bytes, line, nameEnd) : H_OTHER;
      }
      while (i < end && ((c = bytes[i]!) === SP || c === HT)) i++;
      let value = i;
      // The value ends at a line end that no white space follows.
      for (;;) {
        i = words.lineFeed(i, end);
        if (i >= end) break;
        i++;
        if (i >= end || ((c = bytes[i]!) !== SP && c !== HT)) break;
      }
      let valueEnd = i - value > 2 && bytes[i - 2] === CR ? i - 2 : i;
      while (valueEnd > value && (CHAR_CLASS[bytes[valueEnd - 1]!]! & C_LWS) !== 0) valueEnd--;
      if (value < valueEnd && (CHAR_CLASS[bytes[value]!]! & C_LWS) !== 0) value = skipLws(bytes, value, valueEnd);
      // A line without a name is a fault, but it is a field all the same, so that the fields cover the whole header.
      if (!named && error === PE_NONE) error = PE_HEADER_LINE;
      if (count === this.#maxFields) {
        if (error === PE_NONE) error = PE_TOO_MANY_HEADERS;
        this.headersEnd = line;
        this.bodyStart = end;
        this.fieldCount = count;
        return error;
      }
      const slot = count * FIELD_STRIDE;
      fields[slot + FIELD_ID] = id;
      fields[slot + FIELD_LINE] = line;
      fields[slot + FIELD_VALUE] = value;
      fields[slot + FIELD_END] = valueEnd;
      if (id !== H_OTHER) this.#note(id, count);
      count++;
    }
  }

  /** Remembers the first field of each kind that the core looks at. */
  #note(id: number, field: number): void {
    switch (id) {
      case H_VIA:
        if (this.via < 0) this.via = field;
        else this.hasLowerVia = true;
        break;
      case H_FROM:
        if (this.from < 0) this.from = field;
        else this.duplicate = PE_DUPLICATE_FROM;
        break;
      case H_TO:
        if (this.to < 0) this.to = field;
        else this.duplicate = PE_DUPLICATE_TO;
        break;
      case H_CALL_ID:
        if (this.callId < 0) this.callId = field;
        else this.duplicate = PE_DUPLICATE_CALL_ID;
        break;
      case H_CSEQ:
        if (this.cseq < 0) this.cseq = field;
        else this.duplicate = PE_DUPLICATE_CSEQ;
        break;
      case H_MAX_FORWARDS:
        if (this.maxForwards < 0) this.maxForwards = field;
        else this.duplicate = PE_DUPLICATE_MAX_FORWARDS;
        break;
      case H_MAX_BREADTH:
        if (this.maxBreadth < 0) this.maxBreadth = field;
        break;
      case H_CONTENT_LENGTH:
        if (this.contentLength < 0) this.contentLength = field;
        else this.duplicate = PE_DUPLICATE_CONTENT_LENGTH;
        break;
      case H_ROUTE:
        if (this.route < 0) this.route = field;
        break;
      case H_RECORD_ROUTE:
        if (this.recordRoute < 0) this.recordRoute = field;
        break;
      case H_CONTACT:
        if (this.contact < 0) this.contact = field;
        break;
      case H_PROXY_REQUIRE:
        if (this.proxyRequire < 0) this.proxyRequire = field;
        break;
      default:
        break;
    }
  }
}
