/**
 * The server side of calls: requests that begin one, and requests of a dialog. What a call answers, once and again, is in
 * answers.ts; requests that begin no dialog are answered without a call: lone-answers.ts.
 */
import { M_ACK, M_BYE, M_CANCEL, M_INVITE, M_OPTIONS } from '../../sip/methods.js';
import type { Endpoint } from '../../proxy/ports.js';
import { L_FAIL_PEER, L_IN_FLIGHT_UAS, L_RETRANSMISSIONS_SEEN, L_TABLE_FULL, L_UNEXPECTED, L_UNREADABLE } from '../metrics.js';
import { OP_CODE, OP_METHOD, OP_RECEIVE, OP_SLOTS } from '../scenario/program.js';
import type { Answers } from './answers.js';
import {
  CALL_SLOTS, FLAG_BYE, FLAG_CALLEE, FLAG_CANCELLED, FLAG_CHALLENGED, FLAG_DIALOG, FLAG_REFUSED, F_ANSWER, F_CALLER_GENERATION, F_CAUSE, F_FLAGS, F_GENERATION,
  F_INVITE_BRANCH, F_PEER_ENDPOINT, F_REMOTE_CSEQ, F_REMOTE_METHOD, F_REPLY, F_SCENARIO, F_SETUP, F_SOCKET, F_STATE, F_STEP, S_ACK, S_CALLING, S_FREE, S_PROCEEDING,
  S_RECEIVE, TIME_DUE, TIME_SLOTS, TIME_STEP,
} from './call-table.js';
import type { Composer } from './composer.js';
import { SETUP_RECEIVED, SETUP_SLOTS, scenarioTimer, type CallFlow, type UaContext } from './context.js';
import type { Credentials } from './credentials.js';
import type { Dialogs } from './dialogs.js';
import { CALL_ID_BYTES, TAG_BYTES, readHex2, readHex6, readHex8 } from './identity.js';
import { LoneAnswers } from './lone-answers.js';
import { ScenarioChoice } from './scenario-choice.js';

/** What `ownTag` says of a tag that names no living call: of one that is over, or not one of ours. */
const TAG_ENDED = -1;
const TAG_FOREIGN = -2;

export class ServerSide {
  private readonly ua: UaContext;
  private readonly flow: CallFlow;
  private readonly answers: Answers;
  private readonly dialogs: Dialogs;
  private readonly tagPrefix: Uint8Array;
  private readonly choice: ScenarioChoice;
  private readonly lone: LoneAnswers;

  constructor(ua: UaContext, flow: CallFlow, answers: Answers, composer: Composer, dialogs: Dialogs, credentials: Credentials) {
    this.ua = ua;
    this.flow = flow;
    this.answers = answers;
    this.dialogs = dialogs;
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
    this.answers.plain(known && scan.method === M_BYE ? 200 : 481, -1, socket, peer);
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
          this.answers.again(index);
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
          this.answers.plain(481, -1, socket, peer);
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
      this.answers.plain(480, -1, socket, peer);
      return;
    }
    const entry = ua.program.entries[chosen]!;
    const index = table.allocate(S_RECEIVE);
    if (index < 0) {
      metrics[L_TABLE_FULL]!++;
      this.answers.plain(503, -1, socket, peer);
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
      this.answers.plain(503, index, socket, peer);
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
    ua.setup[record + SETUP_RECEIVED] = ua.eventUs;
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
      slots[at + F_INVITE_BRANCH] = branchHash(ua);
      // An INVITE may be answered many times over.
      if (!this.answers.keep(index)) return;
    }
    this.answers.live = true;
    this.flow.advance(index);
    this.answers.live = false;
  }

  private inDialog(index: number, peer: number): void {
    const { ua } = this;
    const { slots, scan, metrics } = ua;
    const at = index * CALL_SLOTS;
    if (scan.method === M_ACK) {
      if (slots[at + F_STATE] === S_ACK && scan.cseq === slots[at + F_REMOTE_CSEQ]) {
        // The ACK to a 2xx is a transaction of its own; any other one has the branch of its INVITE (§17.1.1.3).
        if ((slots[at + F_FLAGS]! & FLAG_REFUSED) === 0 || branchHash(ua) === slots[at + F_INVITE_BRANCH]) this.acknowledged(index);
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
      if (scan.method === M_INVITE) this.answers.again(index);
      else if (scan.method === slots[at + F_REMOTE_METHOD]) this.answers.plain(200, index, socket, peer);
      else this.answers.plain(500, index, socket, peer);
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
    this.answers.plain(scan.method === M_OPTIONS ? 200 : scan.method === M_INVITE ? 500 : 405, index, socket, peer);
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
      this.answers.endWaitForAck(index);
      slots[at + F_STEP] = step;
      return true;
    }
    return slots[at + F_STATE] === S_RECEIVE && code[step + OP_METHOD] === method;
  }

  private acknowledged(index: number): void {
    const { ua } = this;
    const { slots, code } = ua;
    const at = index * CALL_SLOTS;
    const flags = slots[at + F_FLAGS]!;
    this.answers.endWaitForAck(index);
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

  /** CANCEL: 200, and 487 to an INVITE that has no final answer yet; 481 when it is not of the INVITE's transaction (§9.2). */
  private cancelled(index: number, peer: number, socket: number): void {
    const { ua } = this;
    const { slots, metrics } = ua;
    const at = index * CALL_SLOTS;
    if (branchHash(ua) !== slots[at + F_INVITE_BRANCH]) {
      metrics[L_UNEXPECTED]!++;
      this.answers.plain(481, -1, socket, peer);
      return;
    }
    const again = (slots[at + F_FLAGS]! & FLAG_CANCELLED) !== 0;
    if (again) metrics[L_RETRANSMISSIONS_SEEN]!++;
    this.answers.plain(200, index, slots[at + F_SOCKET]!, peer);
    if (again || slots[at + F_STATE] === S_ACK || slots[at + F_ANSWER] === 0) return;
    slots[at + F_FLAGS]! |= FLAG_CANCELLED;
    ua.wheel.cancel(scenarioTimer(index));
    this.answers.send(index, ua.templates.plain[487]!, 487, true);
  }

  /** The other side ends the call before its time; when it ends anyhow, both may say so. */
  private byeUnawaited(index: number, peer: number): void {
    const { ua } = this;
    const { slots, scan } = ua;
    const at = index * CALL_SLOTS;
    slots[at + F_REMOTE_CSEQ] = scan.cseq;
    slots[at + F_REMOTE_METHOD] = M_BYE;
    this.answers.plain(200, index, slots[at + F_SOCKET]!, peer);
    const state = slots[at + F_STATE]!;
    if ((slots[at + F_FLAGS]! & FLAG_BYE) !== 0 && (state === S_CALLING || state === S_PROCEEDING)) return;
    slots[at + F_FLAGS]! |= FLAG_BYE;
    ua.metrics[L_UNEXPECTED]!++;
    this.flow.fail(index, slots[at + F_CAUSE] === 0 ? L_FAIL_PEER : slots[at + F_CAUSE]!);
  }
}

/** A hash of the scanned request's topmost branch; 0 for none. */
function branchHash({ bytes, scan }: UaContext): number {
  if (scan.branchStart < 0) return 0;
  let hash = 0x811c9dc5 | 0;
  for (let at = scan.branchStart; at < scan.branchEnd; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193);
  return hash;
}
