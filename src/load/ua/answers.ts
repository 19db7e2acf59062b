/**
 * The answers of a callee's call: what they repeat of their request, the step that sends them, challenges, and final answers to an
 * INVITE, which are sent again until acknowledged (RFC 3261 §13.3.1.4, §17.2.1, Timers G and H) and whenever the INVITE comes again.
 */
import { M_INVITE } from '../../sip/methods.js';
import { L_FAIL_ACK, L_RETRANSMITTED, L_TABLE_FULL, countRefused } from '../metrics.js';
import { OP_CHALLENGE, OP_CODE, OP_MESSAGE, OP_METHOD, OP_PAUSE, OP_REPLY, OP_SLOTS, OP_STATUS } from '../scenario/program.js';
import {
  CALL_SLOTS, FLAG_CHALLENGED, FLAG_DIALOG, FLAG_REFUSED, FLAG_SETUP_TIMED, F_ANSWER, F_FLAGS, F_LEFT_MS, F_PEER_ENDPOINT, F_REPLY, F_SETUP, F_SOCKET, F_STATE,
  F_STEP, F_WAIT_MS, S_ACK,
} from './call-table.js';
import type { Composer } from './composer.js';
import { SETUP_ANSWERED, SETUP_TURN, arm, transactionTimer, type CallFlow, type UaContext } from './context.js';
import type { Credentials } from './credentials.js';

export class Answers {
  /** The scanned request is the one that the running step answers. Set around `CallFlow.advance` by whoever has received it. */
  live = false;
  private readonly ua: UaContext;
  private readonly flow: CallFlow;
  private readonly composer: Composer;
  private readonly credentials: Credentials;

  constructor(ua: UaContext, flow: CallFlow, composer: Composer, credentials: Credentials) {
    this.ua = ua;
    this.flow = flow;
    this.composer = composer;
    this.credentials = credentials;
  }

  /** Sends the reply of the step that call `index` stands at. True: on with the next step now; false: not before the ACK. */
  reply(index: number): boolean {
    const { ua } = this;
    const { code, slots } = ua;
    const step = slots[index * CALL_SLOTS + F_STEP]!;
    return this.send(index, code[step + OP_MESSAGE]!, code[step + OP_STATUS]!, code[step + OP_METHOD]! === M_INVITE);
  }

  /** Sends `reply`, whose status is `status`, for call `index`. False: it is final and to an INVITE, so the ACK comes first. */
  send(index: number, reply: number, status: number, toInvite: boolean): boolean {
    const { ua } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    slots[at + F_REPLY] = reply + 1;
    const record = slots[at + F_SETUP]! - 1;
    if (record >= 0) ua.setup[record + SETUP_TURN] = this.live ? ua.nowUs - ua.eventUs : 0;
    if (slots[at + F_ANSWER] !== 0) this.composer.reply(reply, index, slots[at + F_PEER_ENDPOINT]!);
    else this.composer.replyToScan(reply, index, slots[at + F_SOCKET]!, slots[at + F_PEER_ENDPOINT]!);
    if (!toInvite) {
      if (status >= 200) this.forgetAnswer(at);
      return true;
    }
    if (status > 100 && (slots[at + F_FLAGS]! & FLAG_SETUP_TIMED) === 0) {
      slots[at + F_FLAGS]! |= FLAG_SETUP_TIMED;
      if (record >= 0) ua.setup[record + SETUP_ANSWERED] = ua.nowUs;
    }
    if (status < 200) return true;
    if (status < 300) slots[at + F_FLAGS] = (slots[at + F_FLAGS]! | FLAG_DIALOG) & ~FLAG_REFUSED;
    else slots[at + F_FLAGS]! |= FLAG_REFUSED;
    slots[at + F_STATE] = S_ACK;
    slots[at + F_WAIT_MS] = ua.t1Ms;
    slots[at + F_LEFT_MS] = 64 * ua.t1Ms;
    arm(ua, transactionTimer(index), ua.t1Ms);
    return false;
  }

  /** The challenge of the step that call `index` stands at. As `reply`, and true when the credentials are good. */
  challenge(index: number): boolean {
    const { ua } = this;
    const { code, slots } = ua;
    const at = index * CALL_SLOTS;
    const step = slots[at + F_STEP]!;
    const found = this.live ? this.credentials.check(ua.program.challenges[code[step + OP_CHALLENGE]!]!) : 'none';
    if (found === 'good') return true;
    slots[at + F_FLAGS]! |= FLAG_CHALLENGED;
    const wrong = found === 'wrong';
    if (wrong) countRefused(ua.metrics, ua.callers);
    const toInvite = code[step + OP_METHOD] === M_INVITE;
    if (this.send(index, code[step + OP_MESSAGE]! + (wrong ? 1 : 0), wrong ? 403 : code[step + OP_STATUS]!, toInvite)) this.flow.release(index);
    return false;
  }

  /** Answers the scanned request with `status` alone, at once: for call `index`, or for none (-1). */
  plain(status: number, index: number, socket: number, peer: number): void {
    this.composer.replyToScan(this.ua.templates.plain[status]!, index, socket, peer);
  }

  /** Keeps what answers repeat. False when the store is full: the call is over then. */
  keep(index: number): boolean {
    const { ua } = this;
    const at = index * CALL_SLOTS;
    const block = ua.store.allocate(4 + this.composer.scanBytes());
    if (block === 0) {
      ua.metrics[L_TABLE_FULL]!++;
      this.plain(503, index, ua.slots[at + F_SOCKET]!, ua.slots[at + F_PEER_ENDPOINT]!);
      this.flow.release(index);
      return false;
    }
    ua.words[block >> 2] = this.composer.copyScan(block + 4, index) - block - 4;
    ua.slots[at + F_ANSWER] = block;
    return true;
  }

  /** Before a step that takes time: the request that is being answered has to be remembered. False: the call is over. */
  beforePause(index: number): boolean {
    const { ua } = this;
    const at = index * CALL_SLOTS;
    if (!this.live || ua.slots[at + F_ANSWER] !== 0) return true;
    let step = ua.slots[at + F_STEP]!;
    while (ua.code[step + OP_CODE] === OP_PAUSE) step += OP_SLOTS;
    return ua.code[step + OP_CODE] !== OP_REPLY || this.keep(index);
  }

  /** The timer of a call in S_ACK has fired. */
  onTimer(index: number): void {
    const { ua } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    const waitMs = slots[at + F_WAIT_MS]!;
    const leftMs = slots[at + F_LEFT_MS]! - waitMs;
    if (leftMs <= 0) {
      this.flow.fail(index, L_FAIL_ACK);
      return;
    }
    const nextMs = Math.min(waitMs * 2, ua.t2Ms, leftMs);
    slots[at + F_LEFT_MS] = leftMs;
    slots[at + F_WAIT_MS] = nextMs;
    ua.metrics[L_RETRANSMITTED]!++;
    this.composer.reply(slots[at + F_REPLY]! - 1, index, slots[at + F_PEER_ENDPOINT]!);
    arm(ua, transactionTimer(index), nextMs);
  }

  /** The INVITE of call `index` came again: so does the answer that it had last, unless that was acknowledged. */
  again(index: number): void {
    const { slots } = this.ua;
    const at = index * CALL_SLOTS;
    if (slots[at + F_REPLY] !== 0 && slots[at + F_ANSWER] !== 0) this.composer.reply(slots[at + F_REPLY]! - 1, index, slots[at + F_PEER_ENDPOINT]!);
  }

  /** The ACK is there, or what says as much: nothing is sent again any more. */
  endWaitForAck(index: number): void {
    this.ua.wheel.cancel(transactionTimer(index));
    this.forgetAnswer(index * CALL_SLOTS);
  }

  private forgetAnswer(at: number): void {
    const { slots, store } = this.ua;
    store.free(slots[at + F_ANSWER]!);
    slots[at + F_ANSWER] = 0;
  }
}
