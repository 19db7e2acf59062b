/** A SIP message that went over the simulated network, as tests look at it. Read-only for tests; the network sets its fate. */
import { canonicalName } from '../sim/header-name.js';

const utf8 = new TextDecoder();

/** What became of a message. */
export type Fate = 'arrives' | 'lost' | 'nobody';

/** Where a message came from, or went to. */
export interface Place {
  /** Name of a phone, `viaduct`, or the bare address where nobody is. */
  readonly name: string;
  /** `address:port`. */
  readonly address: string;
}

/** One message on the network: who sent it to whom, when, and every part of it. */
export class Message {
  /** Name of who sent it: a phone's, or `viaduct`. */
  readonly from: string;
  /** Name of who it was sent to: a phone's, `viaduct`, or an address where no phone is. */
  readonly to: string;
  /** `address:port` that it came from. */
  readonly fromAddress: string;
  /** `address:port` that it went to. */
  readonly toAddress: string;
  /** When it was sent, virtual ms. */
  readonly sentMs: number;
  /** The whole message. */
  readonly text: string;
  /** First line. */
  readonly startLine: string;
  /** Method of a request, `''` for a response. */
  readonly method: string;
  /** Request-URI of a request, `''` for a response. */
  readonly uri: string;
  /** Status of a response, 0 for a request. */
  readonly status: number;
  /** Reason phrase of a response, `''` for a request. */
  readonly reason: string;
  /** The same bytes have gone the same way before. */
  readonly isRetransmission: boolean;
  /** `lost` by the network, to `nobody`, or it `arrives`. */
  fate: Fate = 'arrives';
  /** When it arrives, virtual ms; `Infinity` when it does not. */
  arrivesMs = Infinity;
  readonly #fields: readonly (readonly [string, string])[];

  /** @internal */
  constructor(bytes: Uint8Array, from: Place, to: Place, sentMs: number, isRetransmission: boolean) {
    this.from = from.name;
    this.to = to.name;
    this.fromAddress = from.address;
    this.toAddress = to.address;
    this.sentMs = sentMs;
    this.isRetransmission = isRetransmission;
    this.text = utf8.decode(bytes);
    const end = this.text.indexOf('\r\n\r\n');
    const head = end < 0 ? this.text : this.text.slice(0, end);
    const [startLine = '', ...lines] = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
    this.startLine = startLine;
    const [first = '', second = '', ...rest] = startLine.split(' ');
    const isResponse = first === 'SIP/2.0';
    this.method = isResponse ? '' : first;
    this.uri = isResponse ? '' : second;
    this.status = isResponse ? Number(second) : 0;
    this.reason = isResponse ? rest.join(' ') : '';
    this.#fields = lines.map((line) => {
      const colon = line.indexOf(':');
      return [canonicalName(line.slice(0, colon)), line.slice(colon + 1).trim()] as const;
    });
  }

  /** True for a request. */
  get isRequest(): boolean {
    return this.status === 0;
  }

  /** Value of the first header field of that name, in any case and form; `''` when there is none. */
  header(name: string): string {
    return this.headers(name)[0] ?? '';
  }

  /** Values of all header fields of that name, in order. */
  headers(name: string): string[] {
    const wanted = canonicalName(name);
    return this.#fields.filter(([field]) => field === wanted).map(([, value]) => value);
  }

  /** The body, `''` without one. */
  get body(): string {
    const at = this.text.indexOf('\r\n\r\n');
    return at < 0 ? '' : this.text.slice(at + 4);
  }

  /** Call-ID. */
  get callId(): string {
    return this.header('call-id');
  }

  /** Number in the CSeq, -1 when there is none. */
  get cseq(): number {
    return Number.parseInt(this.header('cseq') || '-1', 10);
  }

  /** Method in the CSeq: of a response the method of its request. */
  get cseqMethod(): string {
    return this.header('cseq').split(/\s+/)[1] ?? '';
  }

  /** Branch of the top Via, `''` when there is none. */
  get branch(): string {
    return /;\s*branch\s*=\s*([^;,\s]+)/i.exec(this.header('via').split(',')[0] ?? '')?.[1] ?? '';
  }

  /**
   * @internal What a message has in common with the others of its transaction, which CANCEL and ACK have for themselves: branch and
   * method; without the magic cookie what tells transactions then and stands in requests and responses (RFC 3261 §17.2.3).
   */
  get transactionKey(): string {
    const { branch, cseqMethod } = this;
    if (/^z9hG4bK./i.test(branch)) return `${branch} ${cseqMethod}`;
    return `${this.callId} ${this.cseq} ${cseqMethod} ${this.fromTag}`;
  }

  /** Tag of the From, `''` when there is none. */
  get fromTag(): string {
    return tagOf(this.header('from'));
  }

  /** Tag of the To, `''` when there is none. */
  get toTag(): string {
    return tagOf(this.header('to'));
  }

  /** As ladders show it: the method, or the status with the method it answers unless that is INVITE: `INVITE`, `180`, `200 BYE`. */
  get label(): string {
    if (this.status === 0) return this.method;
    return this.cseqMethod === 'INVITE' ? String(this.status) : `${this.status} ${this.cseqMethod}`;
  }
}

/** The `tag` parameter of a From or To value, `''` when there is none. */
export function tagOf(value: string): string {
  return /;\s*tag\s*=\s*([^;\s]+)/i.exec(value.slice(value.lastIndexOf('>') + 1))?.[1] ?? '';
}
