/**
 * What must hold of a proxy whatever the network does, checked message by message at the border of the engines.
 *
 * The checks know no more than the RFC: they look at what shards were given and what they sent, call by call and
 * transaction by transaction, and never at the insides of an engine. Per message they cost one read and a few number
 * comparisons, so that they are on for every simulated call.
 */
import type { Endpoint } from '../proxy/ports.js';
import { formatEndpoint } from './address.js';
import { CallRecord, findSent, identityOf, isErrorAck, isRinging, ReceivedRequest, SentRequest } from './call-record.js';
import { H_CALL_ID, hashBytes, M_ACK, M_BYE, M_CANCEL, M_INVITE, MessageReader, METHODS } from './message-reader.js';
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
    if (status < 200) request.provisionalMs = Math.min(request.provisionalMs, clock.nowMs);
    else if (request.finalStatus === 0) {
      if (method === M_INVITE) this.checkCancelled(reader.numberIn(H_CALL_ID), record, request, clock.nowMs);
      request.finalStatus = status;
    }
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
    if (invite.provisionalMs === Infinity && !this.settings.hasCrashes) this.broken(call, 'a CANCEL went out before a provisional response (RFC 3261 §9.1)');
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
      // After a crash the ACK to a failure is not known as one, and takes the way of an ACK to a 2xx.
      if (record.acksOut > record.acksIn && !this.settings.hasCrashes) this.broken(to.call, `${record.acksIn} ACKs to 2xx came, ${record.acksOut} went on`);
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
    if (known.method === M_INVITE && known.provisionalMs < Infinity) this.broken(call, 'an INVITE was retransmitted after a provisional response');
    const isProceeding = known.provisionalMs < Infinity;
    const dueMs = isProceeding ? 0 : retransmissionMs(known.method, known.sends - 1, settings);
    const elapsedMs = nowMs - known.firstMs;
    const mostMs = isProceeding ? Infinity : dueMs + settings.lateMs * (known.sends - 1);
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
    if (isSuccess && (method === M_INVITE || (method === M_CANCEL && isRinging(record)))) {
      record.unwantedMs = Math.min(record.unwantedMs, this.clock.nowMs);
    }
    const request = record.received.find((known) => known.branch === branch && known.method === method);
    if (request === undefined) {
      this.broken(call, `a ${status} to a ${METHODS[method]} that never came`);
      return;
    }
    if (request.from !== to) this.broken(call, `a ${status} went elsewhere than its ${METHODS[method]} came from`);
    if (method !== M_INVITE && status === 408) this.broken(call, 'a 408 to a request other than INVITE (RFC 4320)');
    // A shard that crashed has forgotten what it sent; RFC 3261 §16.7 holds again for what it does from then on.
    if (this.settings.hasCrashes) {
      request.finalStatus = status;
      return;
    }
    if (status < 200) {
      if (request.finalStatus !== 0) this.broken(call, `a ${status} after the final ${request.finalStatus}`);
      return;
    }
    if (request.finalStatus === 0) {
      request.finalStatus = status;
      request.finalMs = this.clock.nowMs;
    } else if (method === M_CANCEL && request.finalStatus === 481 && isSuccess) {
      // The script refused the CANCEL statelessly, its INVITE came later, and the CANCEL was sent once more.
      request.finalStatus = status;
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
    if (request.method === M_INVITE && request.finalStatus === 0) this.checkCancelled(call, record, request, Infinity);
  }

  /** A branch that nobody wants any more is cancelled as soon as it has rung. `untilMs`: when its final response came. */
  private checkCancelled(call: number, record: CallRecord, invite: SentRequest, untilMs: number): void {
    const { settings } = this;
    const dueMs = Math.max(record.unwantedMs, invite.provisionalMs);
    if (settings.hasCrashes || !(untilMs > dueMs + settings.lateMs) || dueMs === Infinity) return;
    if (invite.firstMs + 64 * settings.t1Ms <= dueMs) return;
    if (findSent(record, invite.branch, M_CANCEL) === undefined) this.broken(call, 'a ringing branch that nobody wants was not cancelled');
  }
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
