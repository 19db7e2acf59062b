/**
 * Writes the messages of simulated phones straight into a slab: no strings are joined for what can be copied from the
 * message that is answered.
 */
import {
  H_CALL_ID,
  H_CONTACT,
  H_CSEQ,
  H_FROM,
  H_RECORD_ROUTE,
  H_TO,
  H_VIA,
  type MessageReader,
} from './message-reader.js';
import type { ByteRange, Slab } from './slab.js';

const MAX_MESSAGE_BYTES = 16 * 1024;

export class MessageWriter {
  private readonly slab: Slab;
  private bytes: Uint8Array;
  private start = 0;
  private at = 0;

  constructor(slab: Slab) {
    this.slab = slab;
    this.bytes = slab.bytes;
  }

  /** Begins a message with this text. One message at a time. */
  begin(text: string): this {
    this.start = this.at = this.slab.room(MAX_MESSAGE_BYTES);
    this.bytes = this.slab.bytes;
    return this.text(text);
  }

  /** Adds text of single-byte characters. */
  text(text: string): this {
    const { bytes } = this;
    let at = this.at;
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i);
    this.at = at;
    return this;
  }

  /** Adds a copy of a stretch of bytes. */
  copy(bytes: Uint8Array, start: number, end: number): this {
    const to = this.bytes;
    let at = this.at;
    for (let i = start; i < end; i++) to[at++] = bytes[i]!;
    this.at = at;
    return this;
  }

  /** Adds every header field of that kind as it stands in the message, with its line end. */
  copyHeaders(reader: MessageReader, id: number): this {
    reader.complete();
    for (let i = 0; i < reader.headerCount; i++) {
      if (reader.ids[i] === id) this.copy(reader.bytes, reader.nameAt[i]!, reader.valueEnd[i]!).text('\r\n');
    }
    return this;
  }

  /** Ends the message: no body, `Content-Length: 0`. */
  end(): ByteRange {
    this.text('Content-Length: 0\r\n\r\n');
    this.slab.take(this.at);
    return { bytes: this.bytes, start: this.start, end: this.at };
  }
}

/** What a phone adds to a response of its own. */
export interface ResponseParts {
  readonly status: number;
  readonly reason: string;
  /** Added to a To without a tag; `''`: To as it is. */
  readonly toTag: string;
  /** Contact URI; `''`: none. */
  readonly contact: string;
}

/** A response to the request in `reader` (RFC 3261 §8.2.6), with Record-Route copied when there is a Contact. */
export function writeResponse(writer: MessageWriter, reader: MessageReader, parts: ResponseParts): ByteRange {
  writer.begin('SIP/2.0 ').text(String(parts.status)).text(' ').text(parts.reason).text('\r\n');
  writer.copyHeaders(reader, H_VIA).copyHeaders(reader, H_CSEQ).copyHeaders(reader, H_CALL_ID).copyHeaders(reader, H_FROM);
  const to = reader.find(H_TO);
  if (to >= 0) {
    writer.copy(reader.bytes, reader.nameAt[to]!, reader.valueEnd[to]!);
    if (parts.toTag !== '' && reader.tag(H_TO) === 0) writer.text(';tag=').text(parts.toTag);
    writer.text('\r\n');
  }
  if (parts.contact !== '') {
    writer.copyHeaders(reader, H_RECORD_ROUTE).text('Contact: <').text(parts.contact).text('>\r\n');
  }
  return writer.end();
}

/** URI between the angle brackets of the first Contact, as text; `''` when there is none. */
export function contactUri(reader: MessageReader): string {
  const value = reader.value(H_CONTACT);
  const open = value.indexOf('<');
  return open < 0 ? value : value.slice(open + 1, value.indexOf('>', open));
}

/** Values of all Record-Route header fields, joined in order by commas; `''` when there is none. */
export function recordRoutes(reader: MessageReader): string {
  let joined = '';
  reader.complete();
  for (let i = 0; i < reader.headerCount; i++) {
    if (reader.ids[i] !== H_RECORD_ROUTE) continue;
    const value = reader.text(reader.valueAt[i]!, reader.valueEnd[i]!);
    joined = joined === '' ? value : `${joined}, ${value}`;
  }
  return joined;
}
