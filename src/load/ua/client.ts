/**
 * The client side of calls: requests, their retransmission (RFC 3261 §17.1, Timers A, B, E and F), what comes back for
 * them, ACK, CANCEL (§9.1) and credentials. A call has at most one request of its own in progress, beside the CANCEL of it.
 */
import { M_BYE, M_CANCEL, M_INVITE } from '../../sip/methods.js';
import {
  L_FAIL_AUTH, L_FAIL_TIMEOUT, L_FAIL_UNRUNG, L_RETRANSMISSIONS_SEEN, L_RETRANSMITTED, L_TABLE_FULL, L_UNEXPECTED, L_UNREADABLE, T_100,
  T_180, T_200, T_ADDED, T_BYE, T_REQUEST, recordTime, statusCause,
} from '../metrics.js';
import { OP_CANCEL, OP_EXPECT, OP_MESSAGE, OP_METHOD, OP_RING, SPEC_ACK, SPEC_CANCEL } from '../scenario/program.js';
import {
  CALL_SLOTS, FLAG_100, FLAG_180, FLAG_AUTHORIZED, FLAG_BYE, FLAG_CALLEE, FLAG_CANCEL_ANSWERED, FLAG_CANCEL_DUE, FLAG_CANCEL_SENT, FLAG_DIALOG,
  FLAG_FINAL, FLAG_RANG, F_CSEQ, F_DIALOG, F_FLAGS, F_GENERATION, F_HOP, F_INVITE_CSEQ, F_INVITE_ORDINAL, F_INVITE_SPEC, F_LEFT_MS, F_ORDINAL, F_REQUEST,
  F_SOCKET, F_STATE, F_STEP, F_WAIT_MS, S_CALLING, S_FREE, S_PROCEEDING, TIME_DUE, TIME_SLOTS, TIME_STEP,
} from './call-table.js';
import type { Composer } from './composer.js';
import {
  SETUP_ANSWERED, SETUP_CALLER, SETUP_RECEIVED, SETUP_SENT, SETUP_TURN, arm, scenarioTimer, setupRecord, transactionTimer, type CallFlow, type UaContext,
} from './context.js';
import type { Credentials } from './credentials.js';
import type { Dialogs } from './dialogs.js';
import { BRANCH_DIGITS, readHex2, readHex6 } from './identity.js';

/** Request Timeout: what a proxy answers in the place of somebody that it has not reached. */
const STATUS_TIMEOUT = 408;

/** Flags of one request; the others are of the whole call. */
const REQUEST_FLAGS = FLAG_CANCEL_DUE | FLAG_CANCEL_SENT | FLAG_CANCEL_ANSWERED | FLAG_AUTHORIZED | FLAG_RANG;

export class ClientSide {
  private readonly ua: UaContext;
  private readonly flow: CallFlow;
  private readonly composer: Composer;
  private readonly dialogs: Dialogs;
  private readonly credentials: Credentials;
  private readonly branchPrefix: Uint8Array;

  constructor(ua: UaContext, flow: CallFlow, composer: Composer, dialogs: Dialogs, credentials: Credentials) {
    this.ua = ua;
    this.flow = flow;
    this.composer = composer;
    this.dialogs = dialogs;
    this.credentials = credentials;
    this.branchPrefix = new TextEncoder().encode(ua.identity.branchPrefix);
  }

  /** Sends the request of the step that call `index` stands at. */
  begin(index: number): void {
    const { slots, code } = this.ua;
    const at = index * CALL_SLOTS;
    const step = slots[at + F_STEP]!;
    slots[at + F_FLAGS]! &= ~REQUEST_FLAGS;
    slots[at + F_REQUEST] = code[step + OP_MESSAGE]!;
    this.credentials.renew(index);
    this.send(index, code[step + OP_METHOD]!);
    if (code[step + OP_RING] === 0) this.countToCancel(index);
  }

  /** From now on the time runs after which the step's INVITE is cancelled, if it is to be. */
  private countToCancel(index: number): void {
    const { ua } = this;
    const cancel = ua.code[ua.slots[index * CALL_SLOTS + F_STEP]! + OP_CANCEL]!;
    if (cancel >= 0) arm(ua, scenarioTimer(index), ua.random.durationMs(ua.program.durations[cancel]!));
  }

  private send(index: number, method: number): void {
    const { ua } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    const spec = slots[at + F_REQUEST]!;
    const cseq = ++slots[at + F_CSEQ]!;
    // Two at a time: the second one is for the ACK to a 2xx, a transaction of its own.
    const ordinal = (slots[at + F_ORDINAL]! + 2) & 0xff;
    slots[at + F_ORDINAL] = ordinal;
    if (method === M_INVITE) {
      slots[at + F_INVITE_ORDINAL] = ordinal;
      slots[at + F_INVITE_CSEQ] = cseq;
      slots[at + F_INVITE_SPEC] = spec;
      if ((slots[at + F_FLAGS]! & FLAG_DIALOG) === 0) this.timeSetUp(index);
    } else if (method === M_BYE) {
      slots[at + F_FLAGS]! |= FLAG_BYE;
      if ((slots[at + F_FLAGS]! & FLAG_CALLEE) === 0) ua.setup[setupRecord(ua, index) + SETUP_TURN] = 0;
    }
    slots[at + F_STATE] = S_CALLING;
    slots[at + F_WAIT_MS] = ua.t1Ms;
    slots[at + F_LEFT_MS] = 64 * ua.t1Ms;
    this.composer.request(spec, index, ordinal, cseq, this.destination(at));
    arm(ua, transactionTimer(index), ua.t1Ms);
  }

  private destination(at: number): number {
    const { slots, targets } = this.ua;
    return slots[at + F_DIALOG]! === 0 ? targets[slots[at + F_SOCKET]!]! : slots[at + F_HOP]!;
  }

  private timeSetUp(index: number): void {
    const { setup, nowUs, slots } = this.ua;
    const record = setupRecord(this.ua, index);
    setup[record + SETUP_SENT] = nowUs;
    setup[record + SETUP_RECEIVED] = 0;
    setup[record + SETUP_ANSWERED] = 0;
    setup[record + SETUP_TURN] = 0;
    const generation = slots[index * CALL_SLOTS + F_GENERATION]!;
    if (setup[record + SETUP_CALLER] !== -generation) setup[record + SETUP_CALLER] = generation;
  }

  /** The retransmission timer of a call in S_CALLING or S_PROCEEDING has fired. */
  onTimer(index: number): void {
    const { ua } = this;
    const { slots, code } = ua;
    const at = index * CALL_SLOTS;
    const method = code[slots[at + F_STEP]! + OP_METHOD]!;
    const flags = slots[at + F_FLAGS]!;
    const proceeding = slots[at + F_STATE] === S_PROCEEDING;
    const cancelling = (flags & FLAG_CANCEL_SENT) !== 0;
    const waitMs = slots[at + F_WAIT_MS]!;
    const leftMs = slots[at + F_LEFT_MS]! - waitMs;
    if (leftMs <= 0 || (method === M_INVITE && proceeding && !cancelling)) {
      this.flow.fail(index, L_FAIL_TIMEOUT);
      return;
    }
    // Only the INVITE itself doubles without a bound (Timer A); everything else stays below T2 (Timer E).
    let nextMs = waitMs * 2;
    if ((method !== M_INVITE || cancelling) && (nextMs > ua.t2Ms || (proceeding && !cancelling))) nextMs = ua.t2Ms;
    if (nextMs > leftMs) nextMs = leftMs;
    slots[at + F_LEFT_MS] = leftMs;
    slots[at + F_WAIT_MS] = nextMs;
    if (!cancelling) {
      ua.metrics[L_RETRANSMITTED]!++;
      this.composer.request(slots[at + F_REQUEST]!, index, slots[at + F_ORDINAL]!, slots[at + F_CSEQ]!, this.destination(at));
    } else if ((flags & FLAG_CANCEL_ANSWERED) === 0) {
      ua.metrics[L_RETRANSMITTED]!++;
      this.sendCancel(index);
    }
    arm(ua, transactionTimer(index), nextMs);
  }

  /** The time until CANCEL is over: it waits for a provisional response all the same (§9.1). */
  cancelDue(index: number): void {
    const at = index * CALL_SLOTS;
    if (this.ua.slots[at + F_STATE] === S_PROCEEDING) this.cancel(index);
    else this.ua.slots[at + F_FLAGS]! |= FLAG_CANCEL_DUE;
  }

  private cancel(index: number): void {
    const { ua } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    slots[at + F_FLAGS] = (slots[at + F_FLAGS]! | FLAG_CANCEL_SENT) & ~FLAG_CANCEL_DUE;
    slots[at + F_WAIT_MS] = ua.t1Ms;
    slots[at + F_LEFT_MS] = 64 * ua.t1Ms;
    this.sendCancel(index);
    arm(ua, transactionTimer(index), ua.t1Ms);
  }

  private sendCancel(index: number): void {
    const { slots } = this.ua;
    const at = index * CALL_SLOTS;
    this.composer.request(slots[at + F_INVITE_SPEC]! + SPEC_CANCEL, index, slots[at + F_INVITE_ORDINAL]!, slots[at + F_INVITE_CSEQ]!, this.destination(at));
  }

  private sendAck(index: number): void {
    const { slots } = this.ua;
    const at = index * CALL_SLOTS;
    const ordinal = (slots[at + F_INVITE_ORDINAL]! + 1) & 0xff;
    this.composer.request(slots[at + F_INVITE_SPEC]! + SPEC_ACK, index, ordinal, slots[at + F_INVITE_CSEQ]!, slots[at + F_HOP]!);
  }

  /** Takes the scanned response. */
  onResponse(): void {
    const { ua } = this;
    const { slots, scan, bytes } = ua;
    const prefix = this.branchPrefix;
    if (scan.branchStart < 0 && !scan.headers()) {
      ua.metrics[L_UNREADABLE]!++;
      return;
    }
    const branch = scan.branchStart;
    let own = scan.branchEnd - branch === prefix.length + BRANCH_DIGITS;
    for (let i = 0; own && i < prefix.length; i++) own = bytes[branch + i] === prefix[i];
    if (!own) {
      ua.metrics[L_UNEXPECTED]!++;
      return;
    }
    const digits = branch + prefix.length;
    const index = readHex6(bytes, digits);
    const generation = readHex6(bytes, digits + 6);
    const ordinal = readHex2(bytes, digits + 12);
    const at = index * CALL_SLOTS;
    if (index < 0 || index >= ua.table.used || slots[at + F_GENERATION] !== generation || slots[at + F_STATE] === S_FREE) {
      this.lateResponse(-1);
      return;
    }
    const state = slots[at + F_STATE]!;
    if (ordinal !== slots[at + F_ORDINAL] || (state !== S_CALLING && state !== S_PROCEEDING)) {
      this.lateResponse(ordinal === slots[at + F_INVITE_ORDINAL] ? index : -2);
      return;
    }
    if ((slots[at + F_FLAGS]! & FLAG_CANCEL_SENT) !== 0) {
      if (!scan.headers()) {
        ua.metrics[L_UNREADABLE]!++;
        return;
      }
      if (scan.cseqMethod === M_CANCEL) {
        this.cancelAnswered(at, scan.status);
        return;
      }
    }
    if (scan.status < 200) this.provisional(index, scan.status);
    else this.final(index, scan.status);
  }

  private cancelAnswered(at: number, status: number): void {
    const { slots, metrics } = this.ua;
    if (status < 200) return;
    if ((slots[at + F_FLAGS]! & FLAG_CANCEL_ANSWERED) !== 0) metrics[L_RETRANSMISSIONS_SEEN]!++;
    slots[at + F_FLAGS]! |= FLAG_CANCEL_ANSWERED;
  }

  private provisional(index: number, status: number): void {
    const { ua } = this;
    const { slots, code } = ua;
    const at = index * CALL_SLOTS;
    const method = code[slots[at + F_STEP]! + OP_METHOD]!;
    const flags = slots[at + F_FLAGS]!;
    const first = slots[at + F_STATE] === S_CALLING;
    slots[at + F_STATE] = S_PROCEEDING;
    if (method !== M_INVITE) return;
    if (first) arm(ua, transactionTimer(index), ua.proceedingMs);
    if ((flags & (FLAG_DIALOG | FLAG_CALLEE)) === 0) this.timeProvisional(index, at, status, flags);
    if (status > 100 && (flags & FLAG_RANG) === 0) this.rings(index);
    if ((flags & FLAG_CANCEL_DUE) !== 0) this.cancel(index);
  }

  /** Where an INVITE has to ring, its times begin here: before, it may have come no further than the proxy. */
  private rings(index: number): void {
    const { ua } = this;
    const at = index * CALL_SLOTS;
    ua.slots[at + F_FLAGS]! |= FLAG_RANG;
    if (ua.code[ua.slots[at + F_STEP]! + OP_RING] === 0) return;
    arm(ua, transactionTimer(index), ua.proceedingMs);
    this.countToCancel(index);
  }

  private timeProvisional(index: number, at: number, status: number, flags: number): void {
    const { ua } = this;
    const flag = status === 100 ? FLAG_100 : FLAG_180;
    if ((flags & flag) !== 0) {
      ua.metrics[L_RETRANSMISSIONS_SEEN]!++;
      return;
    }
    ua.slots[at + F_FLAGS]! |= flag;
    const us = ua.eventUs - ua.times[index * TIME_SLOTS + TIME_DUE]!;
    if (status === 100) recordTime(ua.metrics, T_100, us);
    else recordTime(ua.metrics, T_180, us - this.calleeTurnUs(index));
    if (status > 100) this.timeAdded(index);
  }

  /** What the callee of this process needed for the answer: the generator's own time is not the target's. */
  private calleeTurnUs(index: number): number {
    const { slots, setup } = this.ua;
    return (slots[index * CALL_SLOTS + F_FLAGS]! & FLAG_CALLEE) === 0 ? setup[setupRecord(this.ua, index) + SETUP_TURN]! : 0;
  }

  /** Both ends know when they sent and received: what is left is the way in between. */
  private timeAdded(index: number): void {
    const { setup, eventUs, metrics } = this.ua;
    const record = setupRecord(this.ua, index);
    const sent = setup[record + SETUP_SENT]!;
    const received = setup[record + SETUP_RECEIVED]!;
    const answered = setup[record + SETUP_ANSWERED]!;
    if (sent === 0 || received === 0 || answered === 0) return;
    setup[record + SETUP_SENT] = 0;
    recordTime(metrics, T_ADDED, Math.max(0, received - sent) + Math.max(0, eventUs - answered));
  }

  private final(index: number, status: number): void {
    const { ua } = this;
    const { slots, code, scan } = ua;
    const at = index * CALL_SLOTS;
    const step = slots[at + F_STEP]!;
    const method = code[step + OP_METHOD]!;
    if (method === M_INVITE || status === 401 || status === 407) {
      if (scan.bodyStart < 0 && !scan.headers()) {
        ua.metrics[L_UNREADABLE]!++;
        return;
      }
    }
    ua.wheel.cancel(transactionTimer(index));
    ua.wheel.cancel(scenarioTimer(index));
    if (method === M_INVITE && !this.finalToInvite(index, at, status)) return;
    if ((status === 401 || status === 407) && ua.program.expects[code[step + OP_EXPECT]!]![status] === 0) {
      this.challenged(index, at, method);
      return;
    }
    this.timeFinal(index, at, method);
    const right = ua.program.expects[code[step + OP_EXPECT]!]![status] === 1;
    // Any other status says more than that it has not rung.
    if ((right || status === STATUS_TIMEOUT) && code[step + OP_RING] === 1 && (slots[at + F_FLAGS]! & FLAG_RANG) === 0) this.flow.fail(index, L_FAIL_UNRUNG);
    else if (right) this.flow.advance(index);
    else this.flow.fail(index, statusCause(status));
  }

  /** Acknowledges; false when the call is over. */
  private finalToInvite(index: number, at: number, status: number): boolean {
    const { ua } = this;
    const { slots } = ua;
    if (status >= 300) {
      // Within a dialog the ACK has the route set of the dialog, and the transaction is still that of the INVITE (§17.1.1.3).
      if ((slots[at + F_FLAGS]! & FLAG_DIALOG) === 0) this.composer.acknowledge(index, true, this.destination(at));
      else this.composer.request(slots[at + F_INVITE_SPEC]! + SPEC_ACK, index, slots[at + F_INVITE_ORDINAL]!, slots[at + F_INVITE_CSEQ]!, slots[at + F_HOP]!);
      return true;
    }
    if (slots[at + F_DIALOG] === 0 && !this.dialogs.keep(index, false)) {
      ua.metrics[L_TABLE_FULL]!++;
      this.flow.fail(index, L_FAIL_TIMEOUT);
      return false;
    }
    slots[at + F_FLAGS]! |= FLAG_DIALOG;
    this.sendAck(index);
    return true;
  }

  private challenged(index: number, at: number, method: number): void {
    const { slots } = this.ua;
    if (!this.credentials.answer(index, (slots[at + F_FLAGS]! & FLAG_AUTHORIZED) !== 0)) {
      this.timeFinal(index, at, method);
      this.flow.fail(index, L_FAIL_AUTH);
      return;
    }
    slots[at + F_FLAGS] = (slots[at + F_FLAGS]! & ~REQUEST_FLAGS) | FLAG_AUTHORIZED;
    this.send(index, method);
    // The time until CANCEL begins anew with the INVITE that may ring.
    if (this.ua.code[slots[at + F_STEP]! + OP_RING] === 0) this.countToCancel(index);
  }

  private timeFinal(index: number, at: number, method: number): void {
    const { ua } = this;
    const flags = ua.slots[at + F_FLAGS]!;
    const times = index * TIME_SLOTS;
    if (method === M_INVITE && (flags & (FLAG_FINAL | FLAG_CALLEE)) === 0) {
      ua.slots[at + F_FLAGS]! |= FLAG_FINAL;
      recordTime(ua.metrics, T_200, ua.eventUs - ua.times[times + TIME_DUE]! - this.calleeTurnUs(index));
      if ((flags & FLAG_180) === 0) this.timeAdded(index);
      return;
    }
    const us = ua.eventUs - ua.times[times + TIME_STEP]!;
    if (method === M_BYE) recordTime(ua.metrics, T_BYE, us - this.calleeTurnUs(index));
    else recordTime(ua.metrics, T_REQUEST, us);
  }

  /**
   * A response to a request that has its final response already, or to a call that is over (`index` -1; -2: it is not to the
   * call's INVITE). What is to be acknowledged is acknowledged again (§13.2.2.4, §17.1.1.2).
   */
  private lateResponse(index: number): void {
    const { ua } = this;
    const { scan, slots, metrics } = ua;
    if (scan.status >= 200 && scan.bodyStart < 0 && !scan.headers()) {
      metrics[L_UNREADABLE]!++;
      return;
    }
    // The answer to a CANCEL may come behind the 487, and a provisional response behind a final one: neither is a copy.
    if (scan.status < 200 || scan.cseqMethod === M_CANCEL) return;
    metrics[L_RETRANSMISSIONS_SEEN]!++;
    if (scan.cseqMethod !== M_INVITE) return;
    const at = index * CALL_SLOTS;
    const dialog = index >= 0 && (slots[at + F_FLAGS]! & FLAG_DIALOG) !== 0;
    if (scan.status < 300) {
      if (dialog) this.sendAck(index);
    } else if (!dialog) {
      const target = ua.targets[ua.lastSocket]!;
      if (target >= 0) this.composer.acknowledge(index, index >= 0, target);
    }
  }
}
