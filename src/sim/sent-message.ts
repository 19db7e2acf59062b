/** A message as a test sees it: text, with the questions that tests ask. Not for hot places. */
import { canonicalName } from './header-name.js';

const latin1 = new TextDecoder('latin1');

/** One message that the proxy sent. */
export class SentMessage {
  /** When, in virtual ms. */
  readonly atMs: number;
  /** `host:port` that it went to. */
  readonly to: string;
  readonly text: string;
  /** Method of a request, `''` of a response. */
  readonly method: string;
  /** Status of a response, 0 of a request. */
  readonly status: number;
  readonly startLine: string;
  private readonly fields: readonly (readonly [string, string])[];

  constructor(bytes: Uint8Array, start: number, end: number, to: string, atMs: number) {
    this.atMs = atMs;
    this.to = to;
    this.text = latin1.decode(bytes.subarray(start, end));
    const head = this.text.split('\r\n\r\n', 1)[0] ?? '';
    const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
    this.startLine = lines[0] ?? '';
    const words = this.startLine.split(' ');
    const isResponse = words[0] === 'SIP/2.0';
    this.method = isResponse ? '' : (words[0] ?? '');
    this.status = isResponse ? Number(words[1]) : 0;
    this.fields = lines.slice(1).map((line) => {
      const colon = line.indexOf(':');
      return [canonicalName(line.slice(0, colon)), line.slice(colon + 1).trim()] as const;
    });
  }

  /** Request-URI of a request. */
  get uri(): string {
    return this.startLine.split(' ')[1] ?? '';
  }

  /** Value of the first header field of that name (long form, any case), `''` when there is none. */
  header(name: string): string {
    return this.headers(name)[0] ?? '';
  }

  /** Values of all header fields of that name, in order. */
  headers(name: string): string[] {
    const wanted = name.toLowerCase();
    return this.fields.filter(([field]) => field === wanted).map(([, value]) => value);
  }

  /** Branch of the top Via, `''` when there is none. */
  get branch(): string {
    return /;\s*branch\s*=\s*([^;,\s]+)/i.exec(this.headers('via')[0]?.split(',')[0] ?? '')?.[1] ?? '';
  }

  /** Via values, one by one. No commas in quotes are expected. */
  get vias(): string[] {
    return this.headers('via').flatMap((value) => value.split(',').map((via) => via.trim()));
  }

  /** What is after the empty line. */
  get body(): string {
    const at = this.text.indexOf('\r\n\r\n');
    return at < 0 ? '' : this.text.slice(at + 4);
  }

  /** `INVITE`, `CANCEL`, … or the status: for comparing whole sequences. */
  get label(): string {
    return this.status > 0 ? String(this.status) : this.method;
  }
}

/** Text of single-byte characters as bytes. */
export function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Parts of a request of a test; everything has a default. */
export interface RequestParts {
  readonly uri?: string;
  /** Top Via sent-by, and the whole parameter text after it. */
  readonly sentBy?: string;
  readonly branch?: string;
  /** Whole Via values in place of the one made of `sentBy` and `branch`. */
  readonly vias?: readonly string[];
  readonly from?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly cseq?: number;
  /** -1: no Max-Forwards. */
  readonly maxForwards?: number;
  /** Route values in order. */
  readonly routes?: readonly string[];
  /** Further header lines. */
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** Text of a request: from `10.1.0.1:5060` to `sip:bob@10.2.0.1:5060` unless the parts say otherwise. */
export function requestText(method: string, parts: RequestParts = {}): string {
  const sentBy = parts.sentBy ?? '10.1.0.1:5060';
  const vias = parts.vias ?? [`SIP/2.0/UDP ${sentBy};branch=${parts.branch ?? 'z9hG4bK-1'}`];
  const body = parts.body ?? '';
  const maxForwards = parts.maxForwards ?? 70;
  return [
    `${method} ${parts.uri ?? 'sip:bob@10.2.0.1:5060'} SIP/2.0`,
    ...vias.map((via) => `Via: ${via}`),
    ...(maxForwards < 0 ? [] : [`Max-Forwards: ${maxForwards}`]),
    ...(parts.routes ?? []).map((route) => `Route: ${route}`),
    `From: ${parts.from ?? '<sip:alice@10.1.0.1>;tag=a1'}`,
    `To: ${parts.to ?? '<sip:bob@10.2.0.1>'}`,
    `Call-ID: ${parts.callId ?? 'call-1'}`,
    `CSeq: ${parts.cseq ?? 1} ${method}`,
    ...(parts.headers ?? ['Contact: <sip:alice@10.1.0.1:5060>']),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}

/** Text of a response to `request` as a callee writes it; `toTag` is added when To has none (not to a 100). */
export function responseText(
  request: SentMessage,
  status: number,
  parts: { readonly reason?: string; readonly toTag?: string; readonly headers?: readonly string[]; readonly body?: string } = {},
): string {
  const to = request.header('to');
  const tag = status === 100 || to.includes(';tag=') ? '' : `;tag=${parts.toTag ?? 'b1'}`;
  const body = parts.body ?? '';
  return [
    `SIP/2.0 ${status} ${parts.reason ?? 'Text'}`,
    ...request.headers('via').map((via) => `Via: ${via}`),
    `From: ${request.header('from')}`,
    `To: ${to}${tag}`,
    `Call-ID: ${request.header('call-id')}`,
    `CSeq: ${request.header('cseq')}`,
    ...request.headers('record-route').map((route) => `Record-Route: ${route}`),
    ...(parts.headers ?? (status > 100 && status < 300 ? ['Contact: <sip:bob@10.2.0.1:5060>'] : [])),
    `Content-Length: ${body.length}`,
    '',
    body,
  ].join('\r\n');
}
