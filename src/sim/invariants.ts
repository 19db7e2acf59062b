/**
 * What must hold of a proxy whatever the network does, checked message by message at the border of the engines.
 *
 * The checks know no more than the RFC: they look at what shards were given and what they sent, call by call and
 * transaction by transaction, and never at the insides of an engine. Per message they cost one read and a few number
 * comparisons, so that they are on for every simulated call.
 */
import type { Endpoint } from '../proxy/ports.js';
import { formatEndpoint } from './address.js';
import {
  H_CALL_ID,
  H_CSEQ,
  H_FROM,
  H_ROUTE,
  H_TO,
  hashBytes,
  M_ACK,
  M_BYE,
  M_CANCEL,
  M_INVITE,
  MessageReader,
  METHODS,
} from './message-reader.js';
import type { Port } from './network.js';
import type { ViaductObserver } from './node-viaduct.js';
import type { VirtualClock } from './virtual-clock.js';

/** A rule that was broken. */
export interface Violation {
  readonly call: number;
  readonly atMs: number;
  readonly rule: string;
}

export interface InvariantSettings {
  readonly t1Ms: number;
  readonly t2Ms: number;
  /** How late a timer may be: one tick, and the lag of the scheduler. */
  readonly lateMs: number;
  /**
   * How late shards may run. What a late timer sends is late, but the next interval runs from when it was due, so that
   * two sendings may be that much closer together.
   */
  readonly lagMs: number;
  /** Checks the times of retransmissions; off when shards crash, which forget them. */
  readonly checksTimes: boolean;
  /** Shards crash: what a shard may forget is not held against it. */
  readonly hasCrashes: boolean;
}

/** A request that the proxy sent: one branch and method. */
class SentRequest {
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
  hasProvisional = false;
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
class ReceivedRequest {
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
class CallRecord {
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
  hasCancel = false;
}

export class Invariants implements ViaductObserver {
  readonly violations: Violation[] = [];
  private readonly settings: InvariantSettings;
  private readonly clock: VirtualClock;
  private readonly calls: CallRecord[] = [];
  private readonly reader = new MessageReader();

  constructor(clock: VirtualClock, settings: InvariantSettings) {
    this.clock = clock;
    this.settings = settings;
  }

  /** The script runs for an INVITE. */
  scriptRan(call: number): void {
    const record = this.record(call);
    record.inviteRuns++;
    if (record.inviteRuns > 1 && !this.settings.hasCrashes) this.broken(call, `the script ran ${record.inviteRuns} times for one INVITE`);
  }

  processing(bytes: Uint8Array, start: number, end: number, from: Port): void {
    const { reader } = this;
    if (!reader.read(bytes, start, end)) return;
    const record = this.record(from.call);
    if (reader.isRequest) this.requestIn(record, from);
    else this.responseIn(record);
  }

  sending(bytes: Uint8Array, start: number, end: number, to: Port): void {
    const { reader } = this;
    if (!reader.read(bytes, start, end)) {
      this.broken(to.call, 'sent something that is no SIP message');
      return;
    }
    if (reader.numberIn(H_CALL_ID) !== to.call) this.broken(to.call, `a message of call ${reader.numberIn(H_CALL_ID)} went to a phone of call ${to.call}`);
    const record = this.record(to.call);
    if (reader.isRequest) this.requestOut(record, to);
    else this.responseOut(record, to);
  }

  astray(bytes: Uint8Array, start: number, end: number, to: Endpoint): void {
    const { reader } = this;
    reader.read(bytes, start, end);
    this.broken(reader.numberIn(H_CALL_ID), `a message went to ${formatEndpoint(to)}, where nobody is`);
  }

  /** Checks what can be said of a call only when it is over. */
  finish(call: number): void {
    const record = this.calls[call];
    if (record === undefined) return;
    for (const request of record.received) this.finishReceived(call, request);
    for (const request of record.sent) this.finishSent(call, record, request);
    if (record.successesOut < record.successesIn || record.successesOut > record.successesIn + record.successesOptional) {
      this.broken(call, `${record.successesIn} 2xx came, ${record.successesOut} went upstream`);
    }
  }

  broken(call: number, rule: string): void {
    if (this.violations.length < 100) this.violations.push({ call, atMs: this.clock.nowMs, rule });
  }

  private record(call: number): CallRecord {
    let record = this.calls[call];
    if (record === undefined) this.calls[call] = record = new CallRecord();
    return record;
  }

  private requestIn(record: CallRecord, from: Port): void {
    const { reader } = this;
    const { method, branch } = reader;
    if (method === M_ACK) {
      if (!isErrorAck(record, branch)) record.acksIn++;
      return;
    }
    if (method === M_BYE && record.acksBeforeBye < 0) record.acksBeforeBye = record.acksIn;
    for (const known of record.received) if (known.branch === branch && known.method === method) return;
    record.received.push(new ReceivedRequest(reader, from));
    if (method === M_CANCEL) record.hasCancel = true;
  }

  private responseIn(record: CallRecord): void {
    const { reader, clock } = this;
    const { status, method } = reader;
    const request = findSent(record, reader.branch, method);
    if (request === undefined) return;
    if (clock.nowMs < request.respondedMs) {
      request.respondedMs = clock.nowMs;
      if (this.settings.checksTimes) this.checkCount(reader.numberIn(H_CALL_ID), request, clock.nowMs);
    }
    if (status < 200) request.hasProvisional = true;
    else if (request.finalStatus === 0) request.finalStatus = status;
    if (method !== M_INVITE || status >= 300 || status < 200) return;
    // Without the cookie a late response cannot prove itself by the Via below ours: that is a limit, not a fault.
    const upstream = record.received.find((known) => known.method === M_INVITE);
    const isForgotten = this.settings.hasCrashes || (upstream !== undefined && clock.nowMs - upstream.finalMs > 63 * this.settings.t1Ms);
    if (upstream !== undefined && !upstream.hasCookie && isForgotten) record.successesOptional++;
    else record.successesIn++;
  }

  private requestOut(record: CallRecord, to: Port): void {
    const { reader } = this;
    const { method, branch } = reader;
    if (branch === 0) this.broken(to.call, 'a request went out without a branch');
    if (method === M_ACK) {
      this.ackOut(record, to);
      return;
    }
    const known = findSent(record, branch, method);
    if (known !== undefined) this.sentAgain(known, to);
    else {
      const request = new SentRequest(reader, to, this.clock.nowMs);
      record.sent.push(request);
      if (method === M_CANCEL) this.cancelOut(record, request);
      else if (method === M_BYE && record.acksOut < record.acksBeforeBye) this.broken(to.call, 'a BYE overtook the ACK before it');
    }
  }

  private cancelOut(record: CallRecord, cancel: SentRequest): void {
    const { call } = cancel.to;
    const invite = findSent(record, cancel.branch, M_INVITE);
    if (invite === undefined) {
      if (!this.settings.hasCrashes) this.broken(call, 'a CANCEL went out without an INVITE of its branch');
      return;
    }
    if (invite.to !== cancel.to) this.broken(call, 'a CANCEL went elsewhere than its INVITE');
    if (!invite.hasProvisional && !this.settings.hasCrashes) this.broken(call, 'a CANCEL went out before a provisional response (RFC 3261 §9.1)');
    if (invite.identity !== cancel.identity || invite.toHash !== cancel.toHash) {
      this.broken(call, 'a CANCEL differs from its INVITE in what must be the same (RFC 3261 §9.1)');
    }
    if (invite.finalStatus >= 200 && !this.settings.hasCrashes) this.broken(call, 'a CANCEL went out after the final response of its branch');
  }

  private ackOut(record: CallRecord, to: Port): void {
    const { reader } = this;
    const invite = findSent(record, reader.branch, M_INVITE);
    if (invite === undefined) {
      record.acksOut++;
      if (record.acksOut > record.acksIn) this.broken(to.call, `${record.acksIn} ACKs to 2xx came, ${record.acksOut} went on`);
      return;
    }
    if (invite.finalStatus < 300 && !this.settings.hasCrashes) this.broken(to.call, `an ACK of the proxy's own for a branch that answered ${invite.finalStatus}`);
    if (invite.identity !== identityOf(reader)) this.broken(to.call, 'an ACK differs from its INVITE in what must be the same (RFC 3261 §17.1.1.3)');
  }

  private sentAgain(known: SentRequest, to: Port): void {
    const { reader, settings } = this;
    const { nowMs } = this.clock;
    const { call } = to;
    const name = METHODS[known.method]!;
    known.sends++;
    if (hashBytes(reader.bytes, reader.start, reader.end) !== known.bytesHash || to !== known.to) {
      if (!settings.hasCrashes) this.broken(call, `a retransmitted ${name} is not the same message`);
    }
    if (!settings.checksTimes) return;
    if (known.finalStatus !== 0) this.broken(call, `a ${name} was retransmitted after its final response`);
    if (known.method === M_INVITE && known.hasProvisional) this.broken(call, 'an INVITE was retransmitted after a provisional response');
    const dueMs = known.hasProvisional ? 0 : retransmissionMs(known.method, known.sends - 1, settings);
    const elapsedMs = nowMs - known.firstMs;
    const mostMs = known.hasProvisional ? Infinity : dueMs + settings.lateMs * (known.sends - 1);
    if (elapsedMs < dueMs - settings.lagMs || elapsedMs > mostMs) {
      this.broken(call, `retransmission ${known.sends - 1} of ${name} came ${elapsedMs} ms after the first, not ${dueMs}`);
    }
    if (elapsedMs >= 64 * settings.t1Ms + settings.lateMs) this.broken(call, `a ${name} was retransmitted after 64·T1`);
  }

  /** Until the first response every retransmission that was due must have been sent. */
  private checkCount(call: number, request: SentRequest, untilMs: number): void {
    const { settings } = this;
    const elapsedMs = Math.min(untilMs - request.firstMs, 64 * settings.t1Ms - 1);
    let due = 1;
    while (retransmissionMs(request.method, due, settings) + settings.lateMs * due < elapsedMs) due++;
    if (request.sends < due) {
      this.broken(call, `${METHODS[request.method]} was sent ${request.sends} times in ${elapsedMs} ms, not ${due}`);
    }
  }

  private responseOut(record: CallRecord, to: Port): void {
    const { reader } = this;
    const { status, method, branch } = reader;
    const { call } = to;
    const isSuccess = status >= 200 && status < 300;
    if (method === M_INVITE && isSuccess) record.successesOut++;
    const request = record.received.find((known) => known.branch === branch && known.method === method);
    if (request === undefined) {
      this.broken(call, `a ${status} to a ${METHODS[method]} that never came`);
      return;
    }
    if (request.from !== to) this.broken(call, `a ${status} went elsewhere than its ${METHODS[method]} came from`);
    if (method !== M_INVITE && status === 408) this.broken(call, 'a 408 to a request other than INVITE (RFC 4320)');
    if (status < 200) {
      if (request.finalStatus !== 0) this.broken(call, `a ${status} after the final ${request.finalStatus}`);
      return;
    }
    if (request.finalStatus === 0) {
      request.finalStatus = status;
      request.finalMs = this.clock.nowMs;
    } else if (status !== request.finalStatus && !(method === M_INVITE && isSuccess)) {
      this.broken(call, `a final ${status} to a ${METHODS[method]} after the final ${request.finalStatus}`);
    }
    if (request.hasSuccess && !isSuccess) this.broken(call, `a final ${status} after a 2xx`);
    if (isSuccess) request.hasSuccess = true;
  }

  private finishReceived(call: number, request: ReceivedRequest): void {
    // A shard that crashed may have been the only one that knew: of a branch that stays silent nobody tells the caller.
    if (request.finalStatus !== 0 || this.settings.hasCrashes) return;
    // A request other than INVITE may stay without a final response: RFC 4320 forbids the 408 that would say so.
    if (request.method === M_INVITE || request.method === M_CANCEL) this.broken(call, `a ${METHODS[request.method]} never got a final response`);
  }

  private finishSent(call: number, record: CallRecord, request: SentRequest): void {
    if (!this.settings.checksTimes) return;
    if (request.respondedMs === Infinity) this.checkCount(call, request, Infinity);
    if (request.method !== M_INVITE || !record.hasCancel || !request.hasProvisional || request.finalStatus !== 0) return;
    const upstream = record.received.find((known) => known.method === M_INVITE);
    const isCancelled = record.sent.some((other) => other.method === M_CANCEL && other.branch === request.branch);
    if (upstream !== undefined && !isCancelled) this.broken(call, 'a ringing branch of a cancelled call was never cancelled');
  }
}

const COOKIE = [122, 57, 104, 71, 52, 98, 75];

function hasCookie(reader: MessageReader): boolean {
  return reader.branch !== 0 && COOKIE.every((byte, i) => reader.bytes[reader.branchStart + i] === byte);
}

function isErrorAck(record: CallRecord, branch: number): boolean {
  for (const known of record.received) if (known.method === M_INVITE && known.branch === branch) return true;
  return false;
}

function findSent(record: CallRecord, branch: number, method: number): SentRequest | undefined {
  for (const request of record.sent) if (request.branch === branch && request.method === method) return request;
  return undefined;
}

function identityOf(reader: MessageReader): number {
  return (
    (hashBytes(reader.bytes, reader.uriStart, reader.uriEnd) % 2 ** 40) * 7 +
    (reader.hashAll(H_FROM) % 2 ** 40) * 5 +
    (reader.hashAll(H_CALL_ID) % 2 ** 40) * 3 +
    (reader.hashAll(H_ROUTE) % 2 ** 40) +
    reader.numberIn(H_CSEQ)
  );
}

/** When retransmission number `count` is due after the first sending: Timer A without a cap, Timer E up to T2. */
function retransmissionMs(method: number, count: number, settings: InvariantSettings): number {
  let atMs = 0;
  let intervalMs = settings.t1Ms;
  for (let i = 0; i < count; i++) {
    atMs += intervalMs;
    intervalMs *= 2;
    if (method !== M_INVITE && intervalMs > settings.t2Ms) intervalMs = settings.t2Ms;
  }
  return atMs;
}
