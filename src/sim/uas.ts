/**
 * A simulated callee: one branch of one call, as its plan says (RFC 3261 §9.2, §13.3, §15.1).
 */
import type { Endpoint } from '../proxy/ports.js';
import { H_FROM, H_TO, M_CANCEL, M_INVITE, M_OPTIONS } from './message-reader.js';
import { contactUri, recordRoutes } from './message-writer.js';
import type { UaServerTransaction } from './ua-transaction.js';
import { PlannedMoment, type UaDialog, type UaWorld, UserAgent } from './user-agent.js';

/** What a callee does. Times are ms after the INVITE came first; -1: never. */
export interface CalleePlan {
  /** Takes requests and never answers anything. */
  readonly isSilent: boolean;
  /** Sends its provisional response and nothing behind it. */
  readonly vanishes?: boolean;
  /** When it sends `ringStatus`. */
  readonly ringAfterMs: number;
  readonly ringStatus: number;
  /** When it sends `status`. */
  readonly answerAfterMs: number;
  readonly status: number;
  /** On a CANCEL while it rings: false: 487, true: it was just answering, and sends 200. */
  readonly answersWhenCancelled: boolean;
  /** After the ACK: when it hangs up. */
  readonly hangUpAfterMs: number;
  /** On a re-INVITE: when it sends 180, and when `reinviteStatus`. */
  readonly reinviteRingAfterMs: number;
  readonly reinviteAnswerAfterMs: number;
  readonly reinviteStatus: number;
  /** Branches of its own requests with the magic cookie of RFC 3261. */
  readonly hasCookie: boolean;
}

const MOMENT_RING = 0;
const MOMENT_ANSWER = 1;
const MOMENT_HANG_UP = 2;
const MOMENT_REINVITE_RING = 3;
const MOMENT_REINVITE_ANSWER = 4;
const MOMENT_TRYING = 5;
const MOMENT_RESULT = 6;

export class Uas extends UserAgent {
  readonly plan: CalleePlan;
  /** INVITE transactions taken: one, unless a proxy lost its memory and changed the branch. */
  invites = 0;
  /** CANCELs that matched an INVITE, and that did not. */
  cancels = 0;
  cancelsUnmatched = 0;
  dialog: UaDialog | undefined;
  private invite: UaServerTransaction | undefined;
  private reinvite: UaServerTransaction | undefined;
  /** A request other than INVITE, that is answered as the plan says. */
  private single: UaServerTransaction | undefined;
  private readonly tag: string;
  private hasHangUp = false;

  constructor(world: UaWorld, endpoint: Endpoint, call: number, plan: CalleePlan) {
    super(world, endpoint, call, plan.hasCookie);
    this.plan = plan;
    this.tag = `b${call}-${(endpoint.a0 >>> 16) & 255}`;
  }

  /** The INVITE was answered with a 2xx, and the caller's ACK came. */
  get isEstablished(): boolean {
    return this.invite !== undefined && this.invite.wasAcked && this.invite.status < 300;
  }

  /** Final status sent to the INVITE, 0 if none. */
  get outcome(): number {
    return this.invite !== undefined && this.invite.status >= 200 ? this.invite.status : 0;
  }

  override onMoment(what: number): void {
    const { invite, plan } = this;
    if (what === MOMENT_HANG_UP) {
      if (this.dialog !== undefined) this.bye(this.dialog);
      return;
    }
    if (plan.vanishes === true && what !== MOMENT_RING && what !== MOMENT_TRYING) return;
    if (what >= MOMENT_REINVITE_RING) {
      this.onLaterMoment(what);
      return;
    }
    if (invite === undefined || invite.status >= 200) return;
    if (what === MOMENT_RING) this.respond(invite, plan.ringStatus, 'Ringing', plan.ringStatus === 100 ? '' : this.tag);
    else this.answer(invite, plan.status);
  }

  private onLaterMoment(what: number): void {
    const { plan } = this;
    const transaction = what >= MOMENT_TRYING ? this.single : this.reinvite;
    if (transaction === undefined || transaction.status >= 200) return;
    if (what === MOMENT_TRYING) this.respond(transaction, 100, 'Trying', '');
    else if (what === MOMENT_RESULT) this.respond(transaction, plan.status, REASONS[plan.status] ?? 'Other', this.tag);
    else if (what === MOMENT_REINVITE_RING) this.respond(transaction, 180, 'Ringing', this.tag);
    else this.answer(transaction, plan.reinviteStatus);
  }

  override onAckMissing(transaction: UaServerTransaction): void {
    super.onAckMissing(transaction);
    // RFC 3261 §13.3.1.4: without an ACK to the 2xx the callee ends the session.
    if (transaction.status < 300 && this.dialog !== undefined) this.bye(this.dialog);
  }

  protected override onResponse(): void {
    // Its only requests are BYE, which the base class counts.
  }

  protected override onRequest(transaction: UaServerTransaction): void {
    const { plan, world } = this;
    if (transaction.method === M_CANCEL) {
      this.cancelled(transaction);
      return;
    }
    if (plan.isSilent) return;
    if (transaction.method === M_OPTIONS) {
      if (plan.answerAfterMs >= 0 && plan.vanishes !== true) this.respond(transaction, 200, 'OK', this.tag);
      return;
    }
    if (transaction.method !== M_INVITE) {
      this.single = transaction;
      this.plans(plan.ringAfterMs, MOMENT_TRYING);
      this.plans(plan.answerAfterMs, MOMENT_RESULT);
      return;
    }
    if (world.reader.tag(H_TO) !== 0) {
      this.reinvited(transaction);
      return;
    }
    this.invites++;
    if (this.invite !== undefined) {
      this.respond(transaction, 482, 'Loop Detected', this.tag);
      return;
    }
    this.invite = transaction;
    this.plans(plan.ringAfterMs, MOMENT_RING);
    this.plans(plan.answerAfterMs, MOMENT_ANSWER);
  }

  private reinvited(transaction: UaServerTransaction): void {
    const { plan } = this;
    if (this.dialog === undefined || this.dialog.isEnded) {
      this.respond(transaction, 481, 'Call/Transaction Does Not Exist', '');
      return;
    }
    this.reinvite = transaction;
    this.plans(plan.reinviteRingAfterMs, MOMENT_REINVITE_RING);
    this.plans(plan.reinviteAnswerAfterMs, MOMENT_REINVITE_ANSWER);
  }

  private plans(afterMs: number, moment: number): void {
    if (afterMs >= 0) this.world.clock.schedule(new PlannedMoment(this, moment), this.nowMs + afterMs);
  }

  protected override onAck(): void {
    const { plan, world } = this;
    const { reader } = world;
    const error = this.findInvite();
    if (error !== undefined && error.status >= 300) {
      error.acknowledge();
      return;
    }
    const { reinvite } = this;
    if (reinvite !== undefined && reader.cseq === reinvite.cseq && reinvite.status >= 200 && reinvite.status < 300) {
      reinvite.acknowledge();
      return;
    }
    const { invite } = this;
    if (invite === undefined || invite.status < 200 || invite.status >= 300 || reader.cseq !== invite.cseq) {
      this.strays++;
      return;
    }
    invite.acknowledge();
    if (plan.hangUpAfterMs >= 0 && !this.hasHangUp) {
      this.hasHangUp = true;
      world.clock.schedule(new PlannedMoment(this, MOMENT_HANG_UP), this.nowMs + plan.hangUpAfterMs);
    }
  }

  protected override onBye(): void {
    if (this.dialog !== undefined) this.dialog.isEnded = true;
    // The session is over, and with it the wait for an ACK that the network has lost.
    if (this.invite !== undefined && this.invite.status >= 200 && this.invite.status < 300) this.invite.acknowledge();
    if (this.reinvite !== undefined && this.reinvite.status >= 200 && this.reinvite.status < 300) this.reinvite.acknowledge();
  }

  private cancelled(cancel: UaServerTransaction): void {
    if (this.plan.isSilent || this.plan.vanishes === true) return;
    const invite = this.findInvite();
    if (invite === undefined) {
      this.cancelsUnmatched++;
      this.respond(cancel, 481, 'Call/Transaction Does Not Exist', this.tag);
      return;
    }
    this.cancels++;
    invite.wasCancelled = true;
    this.respond(cancel, 200, 'OK', this.tag);
    if (invite.status >= 200) return;
    if (this.plan.answersWhenCancelled) this.answer(invite, 200);
    else this.answer(invite, 487);
  }

  private answer(invite: UaServerTransaction, status: number): void {
    const { reader } = this.world;
    const contact = `sip:callee@${this.address}`;
    this.respond(invite, status, REASONS[status] ?? 'Other', this.tag, status < 400 ? contact : '');
    if (status >= 300 || invite !== this.invite) return;
    // `respond` has left the INVITE in the reader.
    this.dialog = {
      remoteTag: reader.tag(H_FROM),
      local: `${reader.value(H_TO)};tag=${this.tag}`,
      remote: reader.value(H_FROM),
      target: contactUri(reader),
      routes: recordRoutes(reader),
      cseq: 0,
      ack: undefined,
      ackTo: undefined,
      isEnded: false,
    };
  }
}

const REASONS: Readonly<Record<number, string>> = {
  200: 'OK',
  302: 'Moved Temporarily',
  404: 'Not Found',
  480: 'Temporarily Unavailable',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  503: 'Service Unavailable',
  603: 'Decline',
};
