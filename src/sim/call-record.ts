/** What the invariants remember of a call: the requests it sent into the proxy, those that came out, and their fates. */
import { H_CALL_ID, H_CSEQ, H_FROM, H_ROUTE, H_TO, H_VIA, M_INVITE, type MessageReader } from './message-reader.js';
import type { Port } from './network.js';
import { DOUBLES, DOUBLES_TO_T2, Retransmissions, type RetransmissionTimes } from './retransmissions.js';

/** A request that the proxy sent: one branch and method. Its bytes are kept, not copied. */
export class SentRequest {
  readonly branch: number;
  readonly method: number;
  readonly to: Port;
  /** The request that it was made of; undefined when that is not known, as after a crash. */
  readonly upstream: ReceivedRequest | undefined;
  readonly firstMs: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly again: Retransmissions;
  hasResponse = false;
  /** When the first provisional response came in; Infinity while there is none. */
  provisionalMs = Infinity;
  /** From when Timer C runs: the last 101 to 199, or the first 100. */
  ringingMs = Infinity;
  finalStatus = 0;
  finalMs = Infinity;
  /** The final response came when the branch had ended without it: it has no transaction any more. */
  isLate = false;
  /** The transport refused it. */
  failedMs = Infinity;
  /** When its CANCEL was sent. */
  cancelMs = Infinity;
  /** Since when it may not go on ringing, though its fellows may: a 6xx came on another one. */
  private declinedMs = Infinity;

  constructor(reader: MessageReader, to: Port, upstream: ReceivedRequest | undefined, nowMs: number, times: RetransmissionTimes) {
    this.branch = reader.branch;
    this.method = reader.method;
    this.to = to;
    this.upstream = upstream;
    this.firstMs = nowMs;
    this.bytes = reader.bytes;
    this.start = reader.start;
    this.end = reader.end;
    this.again = new Retransmissions(this.method === M_INVITE ? DOUBLES : DOUBLES_TO_T2, nowMs, times);
  }

  /** Since when it may not go on ringing. */
  get unwantedMs(): number {
    return Math.min(this.declinedMs, this.upstream?.unwantedMs ?? Infinity);
  }

  /** Another branch brought a 6xx. */
  decline(nowMs: number): void {
    this.declinedMs = Math.min(this.declinedMs, nowMs);
  }

  /** When nothing can come of this branch any more, given what is known at present. */
  endMs(t1Ms: number): number {
    if (this.finalMs < Infinity) return this.finalMs;
    if (this.failedMs < Infinity) return this.failedMs;
    // Timers B and F; with a provisional response an INVITE goes on until 64·T1 after its CANCEL.
    if (this.method !== M_INVITE || this.provisionalMs === Infinity) return this.firstMs + 64 * t1Ms;
    return this.cancelMs + 64 * t1Ms;
  }
}

/** A request that came to the proxy: one branch and method. */
export class ReceivedRequest {
  readonly branch: number;
  readonly method: number;
  readonly from: Port;
  readonly firstMs: number;
  /** False for a branch without the magic cookie of RFC 3261. */
  readonly hasCookie: boolean;
  /** Branches made of it, in order. */
  readonly branches: SentRequest[] = [];
  /** Times that the script saw it. */
  runs = 0;
  /** The script answered by itself, or is about to. */
  scriptAnswers = false;
  /** Last response that went back, 0 while there is none. */
  lastStatus = 0;
  /** First final that went back, and when. */
  finalStatus = 0;
  finalMs = Infinity;
  /** Finals that may still go out again for a request that came again, and those of them that have to. */
  repeats = 0;
  dueRepeats = 0;
  /** ACK to a failure came. */
  isAcked = false;
  /** Its CANCEL was waiting for it when it came. */
  wasAwaited = false;
  /** When its CANCEL was accepted. */
  cancelledMs = Infinity;
  /** Since when none of its branches may go on ringing: cancelled, or answered. */
  unwantedMs = Infinity;
  /** Timer G, once a failure went back to an INVITE. */
  again: Retransmissions | undefined = undefined;

  constructor(reader: MessageReader, from: Port, nowMs: number) {
    this.branch = reader.branch;
    this.method = reader.method;
    this.from = from;
    this.firstMs = nowMs;
    this.hasCookie = hasCookie(reader);
  }
}

/** What is known of one call. */
export class CallRecord {
  readonly sent: SentRequest[] = [];
  readonly received: ReceivedRequest[] = [];
  /** 2xx to INVITE: taken in and sent on. */
  successesIn = 0;
  successesOut = 0;
  /** 2xx taken in that need not go on. */
  successesOptional = 0;
  /** ACK to 2xx: taken in and sent on; and how many had been taken in when the first BYE was. */
  acksIn = 0;
  acksOut = 0;
  acksBeforeBye = -1;
}

const COOKIE = [122, 57, 104, 71, 52, 98, 75];

function hasCookie(reader: MessageReader): boolean {
  if (reader.branch === 0) return false;
  for (let i = 0; i < COOKIE.length; i++) if (reader.bytes[reader.branchStart + i] !== COOKIE[i]) return false;
  return true;
}

/** What came to the proxy with that branch and method. */
export function findReceived(record: CallRecord, branch: number, method: number): ReceivedRequest | undefined {
  for (const request of record.received) if (request.branch === branch && request.method === method) return request;
  return undefined;
}

/** What the proxy sent with that branch and method. */
export function findSent(record: CallRecord, branch: number, method: number): SentRequest | undefined {
  for (const request of record.sent) if (request.branch === branch && request.method === method) return request;
  return undefined;
}

/** Whether the message in `reader` is the same, byte for byte. */
export function isSameMessage(reader: MessageReader, sent: SentRequest): boolean {
  const length = reader.end - reader.start;
  return length === sent.end - sent.start && isSame(reader, reader.start, reader.end, sent.bytes, sent.start);
}

/**
 * What is wrong with a CANCEL or an ACK to a failure, beside its INVITE (RFC 3261 §9.1, §17.1.1.3), `''` if nothing is.
 * `invite` is another reader, which has read that. `withTo`: the CANCEL has its To too; that of an ACK is the response's.
 */
export function differenceFromInvite(reader: MessageReader, invite: MessageReader, withTo: boolean): string {
  if (reader.viaCount !== 1) return 'the number of its Vias';
  if (!isSameFirst(reader, invite, H_VIA)) return 'its Via';
  if (!isSameSpan(reader, reader.uriStart, reader.uriEnd, invite, invite.uriStart, invite.uriEnd)) return 'its Request-URI';
  if (!isSameFirst(reader, invite, H_FROM)) return 'its From';
  if (!isSameFirst(reader, invite, H_CALL_ID)) return 'its Call-ID';
  if (withTo && !isSameFirst(reader, invite, H_TO)) return 'its To';
  if (reader.numberIn(H_CSEQ) !== invite.numberIn(H_CSEQ)) return 'its CSeq number';
  if (reader.hashAll(H_ROUTE) !== invite.hashAll(H_ROUTE)) return 'its Route';
  return '';
}

function isSameFirst(a: MessageReader, b: MessageReader, id: number): boolean {
  const i = a.find(id);
  const j = b.find(id);
  return i >= 0 && j >= 0 && isSameSpan(a, a.valueAt[i]!, a.valueEnd[i]!, b, b.valueAt[j]!, b.valueEnd[j]!);
}

function isSameSpan(a: MessageReader, start: number, end: number, b: MessageReader, otherStart: number, otherEnd: number): boolean {
  return end - start === otherEnd - otherStart && isSame(a, start, end, b.bytes, otherStart);
}

function isSame(reader: MessageReader, start: number, end: number, other: Uint8Array, otherStart: number): boolean {
  const { bytes } = reader;
  for (let i = start, j = otherStart; i < end; i++, j++) if (bytes[i] !== other[j]) return false;
  return true;
}
