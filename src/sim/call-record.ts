/** What the invariants remember of a call: the requests it sent into the proxy, those that came out, and their fates. */
import { H_CALL_ID, H_CSEQ, H_FROM, H_ROUTE, H_TO, hashBytes, M_INVITE, type MessageReader } from './message-reader.js';
import type { Port } from './network.js';

/** A request that the proxy sent: one branch and method. */
export class SentRequest {
  readonly branch: number;
  readonly method: number;
  readonly to: Port;
  readonly firstMs: number;
  /** Hash of all its bytes: a retransmission is the same, byte for byte. */
  readonly bytesHash: number;
  /** Hash of what a CANCEL or an ACK shares with it: Request-URI, From, Call-ID, CSeq number, Route. */
  readonly identity: number;
  readonly toHash: number;
  sends = 1;
  /** When the first response came in; Infinity while there is none. */
  respondedMs = Infinity;
  /** When the first provisional response came in; Infinity while there is none. */
  provisionalMs = Infinity;
  finalStatus = 0;

  constructor(reader: MessageReader, to: Port, nowMs: number) {
    this.branch = reader.branch;
    this.method = reader.method;
    this.to = to;
    this.firstMs = nowMs;
    this.bytesHash = hashBytes(reader.bytes, reader.start, reader.end);
    this.identity = identityOf(reader);
    this.toHash = reader.hashAll(H_TO);
  }
}

/** A request that came to the proxy: one branch and method. */
export class ReceivedRequest {
  readonly branch: number;
  readonly method: number;
  readonly cseq: number;
  readonly from: Port;
  /** False for a branch without the magic cookie of RFC 3261. */
  readonly hasCookie: boolean;
  /** First final that went back, and when. */
  finalStatus = 0;
  finalMs = Infinity;
  hasSuccess = false;

  constructor(reader: MessageReader, from: Port) {
    this.branch = reader.branch;
    this.method = reader.method;
    this.cseq = reader.cseq;
    this.from = from;
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
  /** 2xx taken in that need not go on: see `responseIn`. */
  successesOptional = 0;
  /** ACK to 2xx: taken in and sent on; and how many had been taken in when the first BYE was. */
  acksIn = 0;
  acksOut = 0;
  acksBeforeBye = -1;
  /** Times that the script saw the INVITE. */
  inviteRuns = 0;
  /** Since when no branch may go on ringing: the caller's CANCEL was accepted, or a 2xx went upstream. */
  unwantedMs = Infinity;
}

/** No final response to the INVITE has gone upstream. */
export function isRinging(record: CallRecord): boolean {
  return record.received.some((known) => known.method === M_INVITE && known.finalStatus === 0);
}

const COOKIE = [122, 57, 104, 71, 52, 98, 75];

function hasCookie(reader: MessageReader): boolean {
  return reader.branch !== 0 && COOKIE.every((byte, i) => reader.bytes[reader.branchStart + i] === byte);
}

/** An ACK with this branch belongs to a failure: it has the branch of its INVITE. */
export function isErrorAck(record: CallRecord, branch: number): boolean {
  for (const known of record.received) if (known.method === M_INVITE && known.branch === branch) return true;
  return false;
}

/** What the proxy sent with that branch and method. */
export function findSent(record: CallRecord, branch: number, method: number): SentRequest | undefined {
  for (const request of record.sent) if (request.branch === branch && request.method === method) return request;
  return undefined;
}

/** Hash of what a CANCEL or an ACK must share with its INVITE (RFC 3261 §9.1, §17.1.1.3). */
export function identityOf(reader: MessageReader): number {
  return (
    (hashBytes(reader.bytes, reader.uriStart, reader.uriEnd) % 2 ** 40) * 7 +
    (reader.hashAll(H_FROM) % 2 ** 40) * 5 +
    (reader.hashAll(H_CALL_ID) % 2 ** 40) * 3 +
    (reader.hashAll(H_ROUTE) % 2 ** 40) +
    reader.numberIn(H_CSEQ)
  );
}
