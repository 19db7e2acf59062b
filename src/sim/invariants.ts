/**
 * What must hold of a proxy whatever the network does, checked message by message at the border of its engines.
 *
 * The checks know no more than the RFC: they look at what shards were given and what they sent, call by call and
 * transaction by transaction, and never at the insides of an engine. Per message they cost one read and a few number
 * comparisons, so that they are on for every simulated call.
 *
 * What must be sent at once for a message is owed from its `processing` to its `processed`.
 */
import type { Endpoint } from '../proxy/ports.js';
import { formatEndpoint } from './address.js';
import { CallRecord, differenceFromInvite, findReceived, findSent, isSameMessage, ReceivedRequest, SentRequest } from './call-record.js';
import { H_CALL_ID, H_TO, M_ACK, M_BYE, M_CANCEL, M_INVITE, MessageReader, METHODS } from './message-reader.js';
import { type InvariantSettings, problemOfCancel, problemOfReceived, problemOfSent } from './final-rules.js';
import type { Port } from './network.js';
import type { ViaductObserver } from './node-viaduct.js';
import { DOUBLES_TO_T2, Retransmissions } from './retransmissions.js';
import type { VirtualClock } from './virtual-clock.js';

export type { InvariantSettings, Violation } from './final-rules.js';

/** More than this many are not collected. */
const MOST_VIOLATIONS = 100;

export class Invariants implements ViaductObserver {
  /** Handlers that will never settle. */
  hanging = 0;
  private readonly settings: InvariantSettings;
  private readonly clock: VirtualClock;
  private readonly calls: (CallRecord | undefined)[] = [];
  private readonly reader = new MessageReader();
  private readonly other = new MessageReader();
  /** The request that was processed last, whose handler may be running. */
  private current: ReceivedRequest | undefined;
  /** A request that came again, to which this status has to go again at once. */
  private owed: ReceivedRequest | undefined;
  private owedStatus = 0;
  private owedCall = -1;
  /** A branch that has to be sent an ACK at once, or may be. */
  private owedAck: SentRequest | undefined;
  private mustAck = false;
  /** The request upstream of a failure that is too late for its branch, and may be forwarded statelessly (§16.7). */
  private stray: ReceivedRequest | undefined;

  constructor(clock: VirtualClock, settings: InvariantSettings) {
    this.clock = clock;
    this.settings = settings;
  }

  /** The script runs for the request that is being processed. */
  scriptRan(call: number): void {
    const { current } = this;
    if (current === undefined || ++current.runs < 2 || this.settings.hasCrashes) return;
    this.broken(call, `the script ran ${current.runs} times for one ${METHODS[current.method]}`);
  }

  scriptHangs(): void {
    this.hanging++;
  }

  /** The script answers the request that this call began with. */
  scriptAnswers(call: number): void {
    for (const request of this.record(call).received) request.scriptAnswers = true;
  }

  processing(bytes: Uint8Array, start: number, end: number, from: Port): void {
    const { reader } = this;
    if (!reader.read(bytes, start, end)) return;
    const call = from.call >= 0 ? from.call : reader.numberIn(H_CALL_ID);
    if (reader.isRequest) this.requestIn(call, from);
    else this.responseIn(call);
  }

  /** What had to be sent at once has been sent by now, or never will be. */
  processed(): void {
    const { owed, owedAck } = this;
    this.stray = undefined;
    this.current = undefined;
    if (owed !== undefined) {
      this.owed = undefined;
      this.broken(this.owedCall, `a ${METHODS[owed.method]} that came again was not answered with its last response, ${this.owedStatus}`);
    }
    if (owedAck !== undefined) {
      this.owedAck = undefined;
      if (this.mustAck) this.broken(this.owedCall, 'a failure was not acknowledged (RFC 3261 §17.1.1.3)');
    }
  }

  sending(bytes: Uint8Array, start: number, end: number, to: Port): void {
    const { reader } = this;
    if (!reader.read(bytes, start, end)) {
      this.broken(to.call, 'sent something that is no SIP message');
      return;
    }
    const call = reader.numberIn(H_CALL_ID);
    if (to.call >= 0 && call !== to.call) this.broken(to.call, `a message of call ${call} went to a phone of call ${to.call}`);
    if (reader.isRequest) this.requestOut(call, to);
    else this.responseOut(call, to);
  }

  /** The transport refuses what `sending` has just told of. */
  refused(): void {
    const { reader } = this;
    if (!reader.isRequest) return;
    const request = findSent(this.record(reader.numberIn(H_CALL_ID)), reader.branch, reader.method);
    if (request === undefined) return;
    request.failedMs = this.clock.nowMs;
    request.again.stop();
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
    const { settings } = this;
    if (!settings.hasCrashes) {
      // A shard that crashed may have been the only one that knew.
      const isPrompt = settings.isPrompt(call);
      const isLeftAlone = settings.isLeftAlone(call);
      for (const request of record.received) this.report(call, problemOfReceived(request, isPrompt, isLeftAlone, settings), '');
      for (const request of record.sent) this.report(call, problemOfSent(request, settings), '');
    }
    if (record.successesOut < record.successesIn || record.successesOut > record.successesIn + record.successesOptional) {
      this.broken(call, `${record.successesIn} 2xx came, ${record.successesOut} went upstream`);
    }
  }

  broken(call: number, rule: string): void {
    const { violations } = this.settings;
    if (violations.length < MOST_VIOLATIONS) violations.push({ call, atMs: this.clock.nowMs, rule });
  }

  private record(call: number): CallRecord {
    return (this.calls[call] ??= new CallRecord());
  }

  // Into the proxy

  private requestIn(call: number, from: Port): void {
    const { reader, settings } = this;
    const { nowMs } = this.clock;
    const { method, branch } = reader;
    const record = this.record(call);
    if (method === M_ACK) {
      const invite = findReceived(record, branch, M_INVITE);
      if (invite === undefined) record.acksIn++;
      else this.acknowledged(call, invite);
      return;
    }
    if (method === M_BYE && record.acksBeforeBye < 0) record.acksBeforeBye = record.acksIn;
    const known = findReceived(record, branch, method);
    this.current = known ?? new ReceivedRequest(reader, from, nowMs);
    if (known === undefined) {
      record.received.push(this.current);
      if (method === M_INVITE && settings.earlyCancelMs > 0 && !settings.hasCrashes) this.findWaiting(record, this.current);
    } else if (!settings.hasCrashes) this.oweAgain(call, known);
  }

  /**
   * An INVITE whose CANCEL waits for it: it goes nowhere. Not one inside a dialog, whose Route may have led it to another
   * shard than where its CANCEL waits.
   */
  private findWaiting(record: CallRecord, invite: ReceivedRequest): void {
    const { earlyCancelMs, offersMs, lagMs } = this.settings;
    const cancel = findReceived(record, invite.branch, M_CANCEL);
    if (cancel === undefined || cancel.finalStatus !== 0 || this.reader.tag(H_TO) !== 0) return;
    const waitedMs = this.clock.nowMs - cancel.firstMs;
    if (waitedMs < offersMs || waitedMs > earlyCancelMs - lagMs) return;
    invite.wasAwaited = true;
    cancelled(invite, this.clock.nowMs);
  }

  /** The ACK to a failure ends Timer G. */
  private acknowledged(call: number, invite: ReceivedRequest): void {
    if (invite.again === undefined || invite.isAcked) return;
    invite.isAcked = true;
    this.report(call, invite.again.missing(this.clock.nowMs), 'of a failure: ');
    invite.again.stop();
  }

  /** A request came again: its last response goes again, at once (RFC 3261 §17.2). */
  private oweAgain(call: number, known: ReceivedRequest): void {
    const { t1Ms, lagMs } = this.settings;
    const { method, lastStatus, finalStatus } = known;
    if (method === M_CANCEL) {
      // It may have to look for its transaction in other shards first. One that was refused for want of an INVITE was
      // refused statelessly: it may be another matter by now.
      known.repeats++;
      if (finalStatus >= 200 && finalStatus < 300 && this.clock.nowMs < known.finalMs + 64 * t1Ms - lagMs) known.dueRepeats++;
      return;
    }
    if (lastStatus === 0) return;
    if (finalStatus !== 0) {
      // Absorbed: by an INVITE that was answered with 2xx or is acknowledged, and by what has ended.
      if (method === M_INVITE && (finalStatus < 300 || known.isAcked)) return;
      if (this.clock.nowMs >= known.finalMs + 64 * t1Ms - lagMs) return;
    }
    this.owed = known;
    this.owedStatus = lastStatus;
    this.owedCall = call;
  }

  private responseIn(call: number): void {
    const { reader, settings } = this;
    const { status, method, branch } = reader;
    const { nowMs } = this.clock;
    const record = this.record(call);
    const request = findSent(record, branch, method);
    if (request === undefined) return;
    if (!settings.hasCrashes && request.finalStatus === 0) {
      this.report(call, request.again.missing(nowMs), `of ${METHODS[method]}: `);
      if (method === M_INVITE && status >= 200) this.report(call, problemOfCancel(request, nowMs, settings), '');
    }
    request.hasResponse = true;
    if (status < 200) {
      if (status > 100 || request.provisionalMs === Infinity) request.ringingMs = nowMs;
      request.provisionalMs = Math.min(request.provisionalMs, nowMs);
      if (method === M_INVITE) request.again.stop();
      return;
    }
    if (request.finalStatus === 0) request.isLate = nowMs > request.endMs(settings.t1Ms) - settings.lagMs;
    if (method === M_INVITE && status >= 300) this.oweAck(call, request);
    if (request.isLate && (method !== M_INVITE || status >= 300)) this.stray = request.upstream;
    if (request.finalStatus === 0) {
      request.finalStatus = status;
      request.finalMs = nowMs;
      request.again.stop();
      if (method === M_INVITE && status >= 600 && !request.isLate) request.upstream?.branches.forEach((branch) => { branch.decline(nowMs); });
    }
    if (method === M_INVITE && status < 300) this.successIn(record, request);
  }

  private successIn(record: CallRecord, request: SentRequest): void {
    // Without the cookie a late response cannot prove itself by the Via below ours: that is a limit, not a fault.
    const { upstream } = request;
    const isForgotten = this.settings.hasCrashes || (upstream !== undefined && this.clock.nowMs - upstream.finalMs > 63 * this.settings.t1Ms);
    const isForgettable = upstream?.hasCookie === false && isForgotten;
    // A 2xx behind a failure on one branch is no answer of a callee's, but of a proxy whose script had answered before it.
    if (isForgettable || request.finalStatus >= 300) record.successesOptional++;
    else record.successesIn++;
  }

  /** A failure is acknowledged by the proxy itself, each time that it comes (RFC 3261 §17.1.1.3). */
  private oweAck(call: number, invite: SentRequest): void {
    const { t1Ms, lagMs, lateMs, timerDMs, hasCrashes } = this.settings;
    const { nowMs } = this.clock;
    if (hasCrashes || (invite.finalStatus >= 200 && invite.finalStatus < 300) || invite.failedMs < Infinity) return;
    const endMs = invite.finalStatus === 0 ? invite.endMs(t1Ms) : invite.finalMs + timerDMs;
    if (nowMs > endMs + lateMs) return;
    this.owedAck = invite;
    this.owedCall = call;
    this.mustAck = !invite.isLate && nowMs < endMs - lagMs;
  }

  // Out of the proxy

  private requestOut(call: number, to: Port): void {
    const { reader } = this;
    const { method, branch } = reader;
    const { nowMs } = this.clock;
    const record = this.record(call);
    if (branch === 0) this.broken(call, 'a request went out without a branch');
    if (method === M_ACK) {
      this.ackOut(call, record);
      return;
    }
    const known = findSent(record, branch, method);
    if (known !== undefined) {
      this.sentAgain(call, known, to);
      return;
    }
    const invite = method === M_CANCEL ? findSent(record, branch, M_INVITE) : undefined;
    const upstream = method === M_CANCEL ? invite?.upstream : findReceived(record, reader.secondBranch(), method);
    const request = new SentRequest(reader, to, upstream, nowMs, this.settings);
    record.sent.push(request);
    if (method === M_CANCEL) this.cancelOut(call, request, invite);
    else if (method === M_BYE && record.acksOut < record.acksBeforeBye) this.broken(call, 'a BYE overtook the ACK before it');
    if (method !== M_CANCEL && upstream !== undefined) this.branchOut(call, request, upstream);
  }

  private branchOut(call: number, request: SentRequest, upstream: ReceivedRequest): void {
    upstream.branches.push(request);
    if (this.settings.hasCrashes) return;
    const name = METHODS[request.method]!;
    if (upstream.finalStatus !== 0) this.broken(call, `a ${name} went out after its final response ${upstream.finalStatus}`);
    if (upstream.cancelledMs < Infinity) this.broken(call, `a ${name} went out after its CANCEL was accepted`);
  }

  private cancelOut(call: number, cancel: SentRequest, invite: SentRequest | undefined): void {
    const { settings, reader } = this;
    const { nowMs } = this.clock;
    if (invite === undefined) {
      if (!settings.hasCrashes) this.broken(call, 'a CANCEL went out without an INVITE of its branch');
      return;
    }
    invite.cancelMs = nowMs;
    if (invite.to !== cancel.to) this.broken(call, 'a CANCEL went elsewhere than its INVITE');
    this.other.read(invite.bytes, invite.start, invite.end);
    const difference = differenceFromInvite(reader, this.other, true);
    if (settings.hasCrashes) return;
    if (difference !== '') this.broken(call, `a CANCEL differs from its INVITE in ${difference} (RFC 3261 §9.1)`);
    if (invite.provisionalMs === Infinity) this.broken(call, 'a CANCEL went out before a provisional response (RFC 3261 §9.1)');
    if (invite.finalStatus >= 200) this.broken(call, 'a CANCEL went out after the final response of its branch');
    const isUnwanted = invite.upstream === undefined || invite.unwantedMs <= nowMs || invite.upstream.scriptAnswers;
    if (!isUnwanted && nowMs < invite.ringingMs + settings.timerCMs - settings.lagMs) this.broken(call, 'a CANCEL went out on a branch that nobody wants to end');
  }

  private ackOut(call: number, record: CallRecord): void {
    const { reader, settings } = this;
    const invite = findSent(record, reader.branch, M_INVITE);
    if (invite === undefined) {
      record.acksOut++;
      // After a crash the ACK to a failure is not known as one, and takes the way of an ACK to a 2xx.
      if (record.acksOut > record.acksIn && !settings.hasCrashes) this.broken(call, `${record.acksIn} ACKs to 2xx came, ${record.acksOut} went on`);
      return;
    }
    if (settings.hasCrashes) return;
    if (this.owedAck === invite) this.owedAck = undefined;
    // The failure went up statelessly, and its ACK comes down the same way.
    else if (invite.isLate) return;
    else this.broken(call, `an ACK of the proxy's own for a branch that answered ${invite.finalStatus}`);
    this.other.read(invite.bytes, invite.start, invite.end);
    const difference = differenceFromInvite(reader, this.other, false);
    if (difference !== '') this.broken(call, `an ACK differs from its INVITE in ${difference} (RFC 3261 §17.1.1.3)`);
  }

  private sentAgain(call: number, known: SentRequest, to: Port): void {
    if (this.settings.hasCrashes) return;
    const name = METHODS[known.method]!;
    if (!isSameMessage(this.reader, known) || to !== known.to) this.broken(call, `a retransmitted ${name} is not the same message`);
    if (known.finalStatus !== 0) this.broken(call, `a ${name} was retransmitted after its final response`);
    if (known.failedMs < Infinity) this.broken(call, `a ${name} that the transport refused was retransmitted`);
    this.report(call, known.again.again(this.clock.nowMs, known.provisionalMs < Infinity), `of ${name}: `);
  }

  private responseOut(call: number, to: Port): void {
    const { reader, settings } = this;
    const { status, method, branch } = reader;
    const record = this.record(call);
    const isSuccess = status >= 200 && status < 300;
    if (method === M_INVITE && isSuccess) record.successesOut++;
    const request = findReceived(record, branch, method);
    if (request === undefined) {
      this.broken(call, `a ${status} to a ${METHODS[method]} that never came`);
      return;
    }
    if (request.from !== to) this.broken(call, `a ${status} went elsewhere than its ${METHODS[method]} came from`);
    if (method !== M_INVITE && status === 408) this.broken(call, 'a 408 to a request other than INVITE (RFC 4320)');
    // A shard that crashed has forgotten what it sent; RFC 3261 §16.7 holds again for what it does from then on.
    if (settings.hasCrashes) {
      request.finalStatus = status;
      return;
    }
    if (request === this.owed && status === this.owedStatus) {
      this.owed = undefined;
      return;
    }
    if (status < 200) {
      request.lastStatus = status;
      if (request.finalStatus !== 0) this.broken(call, `a ${status} after the final ${request.finalStatus}`);
    } else this.finalOut(call, record, request, status);
  }

  private finalOut(call: number, record: CallRecord, request: ReceivedRequest, status: number): void {
    const { method, finalStatus } = request;
    const { nowMs } = this.clock;
    const isSuccess = status < 300;
    if (request === this.stray && finalStatus !== 0 && !isSuccess) return;
    if (finalStatus === 0) this.firstFinal(call, record, request, status);
    else if (method === M_CANCEL && finalStatus === 481) {
      // The script refused the CANCEL statelessly; its INVITE came later, or not, and the CANCEL was sent once more.
      request.finalStatus = request.lastStatus = status;
      request.finalMs = nowMs;
    } else if (method === M_INVITE && isSuccess) {
      request.unwantedMs = Math.min(request.unwantedMs, nowMs);
    } else if (status !== finalStatus) {
      this.broken(call, `a final ${status} to a ${METHODS[method]} after the final ${finalStatus}`);
    } else if (request.repeats > 0) {
      request.repeats--;
      if (request.dueRepeats > 0) request.dueRepeats--;
    } else if (method !== M_INVITE || request.again === undefined) {
      this.broken(call, `the final ${status} to a ${METHODS[method]} went out again for no reason`);
    } else {
      this.report(call, request.again.again(nowMs, false), 'of a failure: ');
    }
    if (method === M_CANCEL && isSuccess) cancelled(findReceived(record, request.branch, M_INVITE), nowMs);
  }

  private firstFinal(call: number, record: CallRecord, request: ReceivedRequest, status: number): void {
    const { settings } = this;
    const { t1Ms, lagMs, lateMs } = settings;
    const { nowMs } = this.clock;
    const { method } = request;
    request.finalStatus = request.lastStatus = status;
    request.finalMs = nowMs;
    if (request.wasAwaited && status !== 487) this.broken(call, `a ${status} to an INVITE whose CANCEL had come before it`);
    if (status >= 300 && !request.scriptAnswers) {
      for (const branch of request.branches) {
        if (nowMs < branch.endMs(t1Ms) - lagMs) this.broken(call, `a ${status} to a ${METHODS[method]} while a branch may still answer`);
      }
    }
    if (method === M_INVITE) {
      request.unwantedMs = Math.min(request.unwantedMs, nowMs);
      if (status >= 300) request.again = new Retransmissions(DOUBLES_TO_T2, nowMs, settings);
    } else if (method !== M_CANCEL && request.branches.length > 0 && settings.isPrompt(call) && request !== this.stray) {
      let latestMs = 0;
      for (const branch of request.branches) latestMs = Math.max(latestMs, branch.firstMs + 64 * t1Ms);
      if (nowMs > latestMs + lateMs) this.broken(call, `a late ${status} to a ${METHODS[method]} (RFC 4320 §4.2)`);
    }
  }

  private report(call: number, problem: string, prefix: string): void {
    if (problem !== '') this.broken(call, prefix + problem);
  }
}

/** A CANCEL of this INVITE was accepted. */
function cancelled(invite: ReceivedRequest | undefined, nowMs: number): void {
  if (invite === undefined || invite.finalStatus !== 0) return;
  invite.cancelledMs = Math.min(invite.cancelledMs, nowMs);
  invite.unwantedMs = Math.min(invite.unwantedMs, nowMs);
}
