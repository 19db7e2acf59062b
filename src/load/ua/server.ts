/**
 * The server side of calls: requests that begin one, requests of a dialog, and their answers, which are sent again until
 * acknowledged (RFC 3261 §13.3.1.4, §17.2.1, Timers G and H) and whenever the request comes again (§17.2). Requests that
 * begin no dialog are answered without a call: lone-answers.ts.
 */
import { M_ACK, M_BYE, M_CANCEL, M_INVITE, M_OPTIONS } from '../../sip/methods.js';
import type { Endpoint } from '../../proxy/ports.js';
import {
  L_FAIL_ACK, L_FAIL_PEER, L_IN_FLIGHT_UAS, L_RETRANSMISSIONS_SEEN, L_RETRANSMITTED, L_TABLE_FULL, L_UNEXPECTED, L_UNREADABLE,
} from '../metrics.js';
import {
  OP_CHALLENGE, OP_CODE, OP_MESSAGE, OP_METHOD, OP_PAUSE, OP_RECEIVE, OP_REPLY, OP_SLOTS, OP_STATUS,
} from '../scenario/program.js';
import {
  CALL_SLOTS, FLAG_BYE, FLAG_CALLEE, FLAG_CANCELLED, FLAG_CHALLENGED, FLAG_DIALOG, FLAG_REFUSED, FLAG_SETUP_TIMED, F_ANSWER, F_CALLER_GENERATION, F_CAUSE, F_FLAGS, F_GENERATION,
  F_INVITE_BRANCH, F_LEFT_MS, F_PEER_ENDPOINT, F_REMOTE_CSEQ, F_REMOTE_METHOD, F_REPLY, F_SCENARIO, F_SETUP, F_SOCKET, F_STATE, F_STEP, F_WAIT_MS, S_ACK, S_CALLING,
  S_FREE, S_PROCEEDING, S_RECEIVE, TIME_DUE, TIME_SLOTS, TIME_STEP,
} from './call-table.js';
import type { Composer } from './composer.js';
import { SETUP_ANSWERED, SETUP_RECEIVED, SETUP_SLOTS, arm, scenarioTimer, transactionTimer, type CallFlow, type UaContext } from './context.js';
import type { Credentials } from './credentials.js';
import type { Dialogs } from './dialogs.js';
import { CALL_ID_BYTES, TAG_BYTES, readHex2, readHex6, readHex8 } from './identity.js';
import { LoneAnswers } from './lone-answers.js';
import { ScenarioChoice } from './scenario-choice.js';

/** What `ownTag` says of a tag that names no living call: of one that is over, or not one of ours. */
const TAG_ENDED = -1;
const TAG_FOREIGN = -2;

export class ServerSide {
  /** The scanned request is the one that the running step answers. */
  private live = false;
  private readonly ua: UaContext;
  private readonly flow: CallFlow;
  private readonly composer: Composer;
  private readonly dialogs: Dialogs;
  private readonly credentials: Credentials;
  private readonly tagPrefix: Uint8Array;
  private readonly choice: ScenarioChoice;
  private readonly lone: LoneAnswers;

  constructor(ua: UaContext, flow: CallFlow, composer: Composer, dialogs: Dialogs, credentials: Credentials) {
    this.ua = ua;
    this.flow = flow;
    this.composer = composer;
    this.dialogs = dialogs;
    this.credentials = credentials;
    this.tagPrefix = new TextEncoder().encode(ua.identity.tagPrefix);
    this.choice = new ScenarioChoice(ua);
    this.lone = new LoneAnswers(ua, composer, credentials, this.choice);
  }

  /** Takes the request whose start line was scanned, from `from`. */
  onRequest(from: Endpoint): void {
    const { ua } = this;
    const { scan, metrics } = ua;
    if (!scan.headers() || scan.cseqMethod !== scan.method) {
      metrics[L_UNREADABLE]!++;
      return;
    }
    const peer = ua.endpoints.numberOf(from);
    if (peer < 0) {
      metrics[L_TABLE_FULL]!++;
      return;
    }
    if (scan.toTagStart < 0) {
      this.outsideDialog(peer, from.listener);
      return;
    }
    const index = this.ownTag(scan.toTagStart, scan.toTagEnd);
    if (index >= 0) this.inDialog(index, peer);
    else this.deadDialog(index, peer, from.listener);
  }

  /** The call that a tag of ours names, or `TAG_*`. */
  private ownTag(start: number, end: number): number {
    const { bytes, slots, table } = this.ua;
    const prefix = this.tagPrefix;
    if (end - start !== TAG_BYTES) return TAG_FOREIGN;
    for (let i = 0; i < prefix.length; i++) if (bytes[start + i] !== prefix[i]) return TAG_FOREIGN;
    const index = readHex6(bytes, start + prefix.length);
    const generation = readHex6(bytes, start + prefix.length + 6);
    if (index < 0 || generation < 0 || index >= table.used) return TAG_FOREIGN;
    const at = index * CALL_SLOTS;
    return slots[at + F_GENERATION] === generation && slots[at + F_STATE] !== S_FREE ? index : TAG_ENDED;
  }

  /** A request for a dialog that is over, or was never ours (§12.2.2). */
  private deadDialog(tag: number, peer: number, socket: number): void {
    const { metrics, scan } = this.ua;
    const known = tag === TAG_ENDED;
    metrics[known ? L_RETRANSMISSIONS_SEEN : L_UNEXPECTED]!++;
    if (scan.method === M_ACK) return;
    // A BYE that comes again had its 200 already; nothing else is known of the call any more.
    this.plain(known && scan.method === M_BYE ? 200 : 481, -1, socket, peer);
  }

  private plain(status: number, index: number, socket: number, peer: number): void {
    this.composer.replyToScan(this.ua.templates.plain[status]!, index, socket, peer);
  }

  private outsideDialog(peer: number, socket: number): void {
    const { ua } = this;
    const { scan, metrics, callIndex } = ua;
    // A CANCEL has the key of its INVITE.
    const kind = scan.method === M_CANCEL ? M_INVITE : scan.method;
    callIndex.keyOf(ua.bytes, scan.callIdStart, scan.callIdEnd, scan.cseq ^ (kind << 24));
    switch (scan.method) {
      case M_INVITE: {
        const index = callIndex.find();
        if (index >= 0) {
          metrics[L_RETRANSMISSIONS_SEEN]!++;
          this.answerAgain(index);
        } else if (callIndex.ended()) {
          metrics[L_RETRANSMISSIONS_SEEN]!++;
        } else {
          this.newCall(peer, socket);
        }
        return;
      }
      case M_CANCEL: {
        const index = callIndex.find();
        if (index >= 0) {
          this.cancelled(index, peer, socket);
        } else {
          metrics[callIndex.ended() ? L_RETRANSMISSIONS_SEEN : L_UNEXPECTED]!++;
          this.plain(481, -1, socket, peer);
        }
        return;
      }
      case M_ACK:
        metrics[L_UNEXPECTED]!++;
        return;
      default:
        this.lone.answer(peer, socket);
    }
  }

  private newCall(peer: number, socket: number): void {
    const { ua } = this;
    const { slots, metrics, table, scan } = ua;
    const chosen = this.choice.draw();
    if (chosen < 0) {
      metrics[L_UNEXPECTED]!++;
      this.plain(480, -1, socket, peer);
      return;
    }
    const entry = ua.program.entries[chosen]!;
    const index = table.allocate(S_RECEIVE);
    if (index < 0) {
      metrics[L_TABLE_FULL]!++;
      this.plain(503, -1, socket, peer);
      return;
    }
    const at = index * CALL_SLOTS;
    slots[at + F_FLAGS] = FLAG_CALLEE;
    slots[at + F_SCENARIO] = chosen;
    slots[at + F_SOCKET] = socket;
    slots[at + F_STEP] = entry.calleeAt;
    slots[at + F_PEER_ENDPOINT] = peer;
    slots[at + F_REMOTE_CSEQ] = scan.cseq - 1;
    ua.times[index * TIME_SLOTS + TIME_DUE] = ua.nowUs;
    ua.times[index * TIME_SLOTS + TIME_STEP] = ua.nowUs;
    ua.callIndex.add(index);
    metrics[L_IN_FLIGHT_UAS]!++;
    this.noteSetUp(at);
    if (entry.calleeSends && !this.dialogs.keep(index, true)) {
      metrics[L_TABLE_FULL]!++;
      this.plain(503, index, socket, peer);
      this.flow.release(index);
      return;
    }
    this.received(index, peer);
  }

  /** A caller of this process is told when its INVITE came. */
  private noteSetUp(at: number): void {
    const { ua } = this;
    const { bytes, scan, identity } = ua;
    const start = scan.callIdStart;
    if (scan.callIdEnd - start !== CALL_ID_BYTES || bytes[start] !== 0x76 || readHex8(bytes, start + 2) !== identity.run) return;
    const thread = readHex2(bytes, start + 12) - ua.setupFirst;
    const index = readHex6(bytes, start + 14);
    if (thread < 0 || thread >= ua.setupThreads || index < 0 || index >= ua.setupCalls) return;
    const record = (thread * ua.setupCalls + index) * SETUP_SLOTS;
    ua.setup[record + SETUP_RECEIVED] = ua.nowUs;
    ua.slots[at + F_SETUP] = record + 1;
    ua.slots[at + F_CALLER_GENERATION] = readHex6(bytes, start + 20);
  }

  /** The request that call `index` waits for is there: it goes on. */
  private received(index: number, peer: number): void {
    const { ua } = this;
    const { slots, scan } = ua;
    const at = index * CALL_SLOTS;
    ua.wheel.cancel(scenarioTimer(index));
    slots[at + F_REMOTE_CSEQ] = scan.cseq;
    slots[at + F_REMOTE_METHOD] = scan.method;
    slots[at + F_PEER_ENDPOINT] = peer;
    slots[at + F_REPLY] = 0;
    slots[at + F_FLAGS]! &= ~FLAG_CANCELLED;
    if (scan.method === M_BYE) slots[at + F_FLAGS]! |= FLAG_BYE;
    if (scan.method === M_INVITE) {
      slots[at + F_INVITE_BRANCH] = this.branchHash();
      // An INVITE may be answered many times over.
      if (!this.keepAnswer(index)) return;
    }
    this.live = true;
    this.flow.advance(index);
    this.live = false;
  }

  /** Keeps what answers repeat. False when the store is full: the call is over then. */
  private keepAnswer(index: number): boolean {
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
    return ua.code[step + OP_CODE] !== OP_REPLY || this.keepAnswer(index);
  }

  /** Sends the reply of the step that call `index` stands at. True: on with the next step now; false: not before the ACK. */
  reply(index: number): boolean {
    const { ua } = this;
    const { code, slots } = ua;
    const step = slots[index * CALL_SLOTS + F_STEP]!;
    return this.send(index, code[step + OP_MESSAGE]!, code[step + OP_STATUS]!, code[step + OP_METHOD]! === M_INVITE);
  }

  private send(index: number, reply: number, status: number, toInvite: boolean): boolean {
    const { ua } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    slots[at + F_REPLY] = reply + 1;
    if (slots[at + F_ANSWER] !== 0) this.composer.reply(reply, index, slots[at + F_PEER_ENDPOINT]!);
    else this.composer.replyToScan(reply, index, slots[at + F_SOCKET]!, slots[at + F_PEER_ENDPOINT]!);
    if (!toInvite) {
      if (status >= 200) this.forgetAnswer(at);
      return true;
    }
    if (status > 100 && (slots[at + F_FLAGS]! & FLAG_SETUP_TIMED) === 0) {
      slots[at + F_FLAGS]! |= FLAG_SETUP_TIMED;
      const record = slots[at + F_SETUP]! - 1;
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
    const toInvite = code[step + OP_METHOD] === M_INVITE;
    if (this.send(index, code[step + OP_MESSAGE]! + (wrong ? 1 : 0), wrong ? 403 : code[step + OP_STATUS]!, toInvite)) this.flow.release(index);
    return false;
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
  private answerAgain(index: number): void {
    const { slots } = this.ua;
    const at = index * CALL_SLOTS;
    if (slots[at + F_REPLY] !== 0 && slots[at + F_ANSWER] !== 0) this.composer.reply(slots[at + F_REPLY]! - 1, index, slots[at + F_PEER_ENDPOINT]!);
  }

  private inDialog(index: number, peer: number): void {
    const { ua } = this;
    const { slots, scan, metrics } = ua;
    const at = index * CALL_SLOTS;
    if (scan.method === M_ACK) {
      if (slots[at + F_STATE] === S_ACK && scan.cseq === slots[at + F_REMOTE_CSEQ]) {
        // The ACK to a 2xx is a transaction of its own; any other one has the branch of its INVITE (§17.1.1.3).
        if ((slots[at + F_FLAGS]! & FLAG_REFUSED) === 0 || this.branchHash() === slots[at + F_INVITE_BRANCH]) this.acknowledged(index);
        else metrics[L_UNEXPECTED]!++;
      } else metrics[L_RETRANSMISSIONS_SEEN]!++;
      return;
    }
    if (scan.method === M_CANCEL) {
      this.cancelled(index, peer, slots[at + F_SOCKET]!);
      return;
    }
    const socket = slots[at + F_SOCKET]!;
    if (scan.cseq <= slots[at + F_REMOTE_CSEQ]!) {
      metrics[L_RETRANSMISSIONS_SEEN]!++;
      if (scan.method === M_INVITE) this.answerAgain(index);
      else if (scan.method === slots[at + F_REMOTE_METHOD]) this.plain(200, index, socket, peer);
      else this.plain(500, index, socket, peer);
      return;
    }
    if (this.awaits(index, scan.method)) {
      this.received(index, peer);
      return;
    }
    if (scan.method === M_BYE) {
      this.byeUnawaited(index, peer);
      return;
    }
    if (scan.method !== M_OPTIONS) metrics[L_UNEXPECTED]!++;
    this.plain(scan.method === M_OPTIONS ? 200 : scan.method === M_INVITE ? 500 : 405, index, socket, peer);
  }

  /**
   * Whether call `index` waits for a request with this method. A request of the dialog that overtook the ACK, or whose ACK
   * was lost, says as much as the ACK: whoever sends it has the answer.
   */
  private awaits(index: number, method: number): boolean {
    const { slots, code } = this.ua;
    const at = index * CALL_SLOTS;
    let step = slots[at + F_STEP]!;
    if (slots[at + F_STATE] === S_ACK) {
      step += OP_SLOTS;
      if ((slots[at + F_FLAGS]! & FLAG_DIALOG) === 0 || code[step + OP_CODE] !== OP_RECEIVE || code[step + OP_METHOD] !== method) return false;
      this.endWaitForAck(index, at);
      slots[at + F_STEP] = step;
      return true;
    }
    return slots[at + F_STATE] === S_RECEIVE && code[step + OP_METHOD] === method;
  }

  private endWaitForAck(index: number, at: number): void {
    this.ua.wheel.cancel(transactionTimer(index));
    this.forgetAnswer(at);
  }

  private forgetAnswer(at: number): void {
    const { slots, store } = this.ua;
    store.free(slots[at + F_ANSWER]!);
    slots[at + F_ANSWER] = 0;
  }

  private acknowledged(index: number): void {
    const { ua } = this;
    const { slots, code } = ua;
    const at = index * CALL_SLOTS;
    const flags = slots[at + F_FLAGS]!;
    this.endWaitForAck(index, at);
    if ((flags & FLAG_CHALLENGED) !== 0) {
      this.flow.release(index);
      return;
    }
    if ((flags & FLAG_CANCELLED) !== 0) {
      // A scenario that waits for the CANCEL goes on behind it; for any other one, the call was given up by the caller.
      const step = slots[at + F_STEP]!;
      if (code[step + OP_CODE] === OP_RECEIVE && code[step + OP_METHOD] === M_CANCEL) this.flow.advance(index);
      else this.flow.complete(index);
      return;
    }
    this.flow.advance(index);
  }

  /** A hash of the scanned request's topmost branch; 0 for none. */
  private branchHash(): number {
    const { bytes, scan } = this.ua;
    if (scan.branchStart < 0) return 0;
    let hash = 0x811c9dc5 | 0;
    for (let at = scan.branchStart; at < scan.branchEnd; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
    return hash;
  }

  /** CANCEL: 200, and 487 to an INVITE that has no final answer yet; 481 when it is not of the INVITE's transaction (§9.2). */
  private cancelled(index: number, peer: number, socket: number): void {
    const { ua } = this;
    const { slots, metrics } = ua;
    const at = index * CALL_SLOTS;
    if (this.branchHash() !== slots[at + F_INVITE_BRANCH]) {
      metrics[L_UNEXPECTED]!++;
      this.plain(481, -1, socket, peer);
      return;
    }
    const again = (slots[at + F_FLAGS]! & FLAG_CANCELLED) !== 0;
    if (again) metrics[L_RETRANSMISSIONS_SEEN]!++;
    this.plain(200, index, slots[at + F_SOCKET]!, peer);
    if (again || slots[at + F_STATE] === S_ACK || slots[at + F_ANSWER] === 0) return;
    slots[at + F_FLAGS]! |= FLAG_CANCELLED;
    ua.wheel.cancel(scenarioTimer(index));
    this.send(index, ua.templates.plain[487]!, 487, true);
  }

  /** The other side ends the call before its time; when it ends anyhow, both may say so. */
  private byeUnawaited(index: number, peer: number): void {
    const { ua } = this;
    const { slots, scan } = ua;
    const at = index * CALL_SLOTS;
    slots[at + F_REMOTE_CSEQ] = scan.cseq;
    slots[at + F_REMOTE_METHOD] = M_BYE;
    this.plain(200, index, slots[at + F_SOCKET]!, peer);
    const state = slots[at + F_STATE]!;
    if ((slots[at + F_FLAGS]! & FLAG_BYE) !== 0 && (state === S_CALLING || state === S_PROCEEDING)) return;
    slots[at + F_FLAGS]! |= FLAG_BYE;
    ua.metrics[L_UNEXPECTED]!++;
    this.flow.fail(index, slots[at + F_CAUSE] === 0 ? L_FAIL_PEER : slots[at + F_CAUSE]!);
  }
}
