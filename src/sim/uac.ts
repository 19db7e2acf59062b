/**
 * A simulated caller: one call, as its plan says (RFC 3261 §9.1, §13.2, §15.1).
 *
 * It acknowledges every 2xx of every branch, keeps the first dialog, and ends the others and whatever is answered after
 * it cancelled with a BYE at once.
 */
import type { Endpoint } from '../proxy/ports.js';
import {
  H_FROM,
  H_TO,
  M_ACK,
  M_CANCEL,
  M_INVITE,
  METHODS,
} from './message-reader.js';
import { contactUri, recordRoutes } from './message-writer.js';
import type { ByteRange } from './slab.js';
import { UA_CALLING, UA_COMPLETED, UA_PROCEEDING, type UaClientTransaction, type UaServerTransaction } from './ua-transaction.js';
import { PlannedMoment, type UaDialog, type UaWorld, UserAgent } from './user-agent.js';

/** What a caller does. Times are ms after the request went out first; -1: never. */
export interface CallerPlan {
  /** `M_INVITE`, or another method for a single request outside of a dialog. */
  readonly method: number;
  readonly requestUri: string;
  /** When it cancels: as soon after that as a provisional response is there. */
  readonly cancelAfterMs: number;
  /** Cancels without waiting for a provisional response, as some phones do. */
  readonly cancelsBlindly: boolean;
  /** How often it sends its CANCEL at a time: 1, or more as some phones do. */
  readonly cancelSends: number;
  /** After the first 2xx: when it hangs up. 0: BYE right behind the ACK. */
  readonly hangUpAfterMs: number;
  /** After the first 2xx: when it sends a re-INVITE. */
  readonly reinviteAfterMs: number;
  /** When it cancels that, after it was sent, and as soon after that as a provisional response is there. */
  readonly reinviteCancelAfterMs: number;
  /** CANCEL of a re-INVITE and ACK to its failure go without the Route that it had. */
  readonly isRouteless: boolean;
  /** Branches with the magic cookie of RFC 3261. */
  readonly hasCookie: boolean;
}

const MOMENT_START = 0;
const MOMENT_CANCEL = 1;
const MOMENT_HANG_UP = 2;
const MOMENT_REINVITE = 3;
const MOMENT_REINVITE_CANCEL = 4;
/** A caller that waits for the answer to its re-INVITE looks again so much later whether it may hang up. */
const HANG_UP_RETRY_MS = 400;
/** Longer than any proxy may take to answer a cancelled INVITE whose branches are silent. */
const CANCEL_PATIENCE_FACTOR = 80;

export class Uac extends UserAgent {
  readonly plan: CallerPlan;
  readonly dialogs: UaDialog[] = [];
  /** Status of the first final response, 0 while there is none, 408 of its own when none came. */
  outcome = 0;
  /** Set when the CANCEL went out. */
  cancel: UaClientTransaction | undefined;
  private wantsCancel = false;
  private readonly fromValue: string;
  private readonly toValue: string;
  private branchText = '';
  private invite: UaClientTransaction | undefined;
  private errorAck: ByteRange | undefined;
  private readonly reinvite: Reinvite;

  constructor(world: UaWorld, endpoint: Endpoint, call: number, plan: CallerPlan, startMs: number) {
    super(world, endpoint, call, plan.hasCookie);
    this.plan = plan;
    this.fromValue = `<sip:caller@${this.address}>;tag=a${call}`;
    this.toValue = `<${plan.requestUri}>`;
    this.reinvite = new Reinvite(this, plan);
    world.clock.schedule(new PlannedMoment(this, MOMENT_START), startMs);
  }

  override onMoment(what: number): void {
    if (what === MOMENT_START) this.begin();
    else if (what === MOMENT_CANCEL) {
      this.wantsCancel = true;
      this.cancelIfAllowed();
    } else this.onDialogMoment(what);
  }

  private onDialogMoment(what: number): void {
    const first = this.dialogs[0];
    if (first === undefined) return;
    if (what === MOMENT_REINVITE) this.reinvite.begin(first);
    else if (what === MOMENT_REINVITE_CANCEL) this.reinvite.cancelSoon();
    else if (this.reinvite.isPending) this.world.clock.schedule(new PlannedMoment(this, MOMENT_HANG_UP), this.nowMs + HANG_UP_RETRY_MS);
    else this.bye(first);
  }

  override onTimeout(transaction: UaClientTransaction): void {
    if (transaction === this.invite) this.outcome = 408;
    else this.timeouts++;
    // A dialog whose re-INVITE nobody answers is over (RFC 3261 §14.1).
    if (this.reinvite.owns(transaction) && this.dialogs[0] !== undefined) this.bye(this.dialogs[0]);
  }

  protected override onRequest(transaction: UaServerTransaction): void {
    this.respond(transaction, 405, 'Method Not Allowed', '');
  }

  protected override onAck(): void {
    this.strays++;
  }

  protected override onBye(): void {
    const { reader } = this.world;
    const tag = reader.tag(H_FROM);
    for (const dialog of this.dialogs) if (dialog.remoteTag === tag) dialog.isEnded = true;
  }

  protected override onResponse(transaction: UaClientTransaction, isFirstFinal: boolean): void {
    if (this.reinvite.owns(transaction)) {
      this.reinvite.onResponse(transaction);
      return;
    }
    if (transaction !== this.invite) return;
    const { status } = transaction;
    if (status < 200) {
      this.cancelIfAllowed();
      return;
    }
    if (isFirstFinal) this.outcome = status;
    if (this.plan.method !== M_INVITE) return;
    if (status < 300) this.answered(isFirstFinal);
    else this.acknowledgeError(transaction);
  }

  private begin(): void {
    const { plan, world } = this;
    const branch = (this.branchText = this.newBranch());
    const message = this.buildInitial(plan.method, branch, this.toValue, '');
    this.invite = this.request(plan.method, 1, branch, message, world.proxy);
    if (plan.cancelAfterMs >= 0) world.clock.schedule(new PlannedMoment(this, MOMENT_CANCEL), this.nowMs + plan.cancelAfterMs);
  }

  /** An initial request, or the CANCEL or error ACK that share its identity (§9.1, §17.1.1.3). */
  private buildInitial(method: number, branch: string, to: string, reason: string): ByteRange {
    const name = METHODS[method]!;
    const writer = this.world.writer.begin(name).text(' ').text(this.plan.requestUri);
    writer
      .text(' SIP/2.0\r\nVia: SIP/2.0/UDP ').text(this.address).text(';branch=').text(branch)
      .text('\r\nCSeq: 1 ').text(name)
      .text('\r\nCall-ID: ').text(String(this.call))
      .text('@sim\r\nMax-Forwards: 70\r\nFrom: ').text(this.fromValue)
      .text('\r\nTo: ').text(to).text('\r\n');
    if (method !== M_CANCEL && method !== M_ACK) {
      writer.text('Contact: <sip:caller@').text(this.address).text('>\r\n');
    }
    if (reason !== '') writer.text('Reason: ').text(reason).text('\r\n');
    return writer.end();
  }

  private cancelIfAllowed(): void {
    const { invite, plan } = this;
    if (!this.wantsCancel || this.cancel !== undefined || invite === undefined || invite.state >= UA_COMPLETED) return;
    if (invite.state === UA_CALLING && !plan.cancelsBlindly) return;
    const message = this.buildInitial(M_CANCEL, this.branchText, this.toValue, 'SIP;cause=600');
    this.cancel = this.request(M_CANCEL, 1, this.branchText, message, this.world.proxy);
    for (let i = 1; i < plan.cancelSends; i++) this.send(message, this.world.proxy);
    if (invite.state !== UA_CALLING) invite.endWithin(CANCEL_PATIENCE_FACTOR * this.world.timers.t1Ms);
  }

  private acknowledgeError(invite: UaClientTransaction): void {
    const { reader } = this.world;
    // A 2xx ended the transaction of this phone: an error after it would be the proxy's mistake, which the checks report.
    if (this.dialogs.length > 0) return;
    this.errorAck ??= this.buildInitial(M_ACK, this.branchText, reader.value(H_TO), '');
    this.send(this.errorAck, invite.to);
  }

  private answered(isFirstFinal: boolean): void {
    const { plan, world } = this;
    const { reader } = world;
    const remoteTag = reader.tag(H_TO);
    const known = this.dialogs.find((dialog) => dialog.remoteTag === remoteTag);
    if (known !== undefined) {
      if (known.ack !== undefined && known.ackTo !== undefined) this.send(known.ack, known.ackTo);
      return;
    }
    const dialog: UaDialog = {
      remoteTag,
      local: this.fromValue,
      remote: reader.value(H_TO),
      target: contactUri(reader),
      routes: reverseRoutes(recordRoutes(reader)),
      cseq: 1,
      ack: undefined,
      ackTo: undefined,
      isEnded: false,
    };
    this.dialogs.push(dialog);
    dialog.ack = this.buildInDialog(dialog, M_ACK, 1, this.newBranch());
    dialog.ackTo = this.nextHop(dialog);
    this.send(dialog.ack, dialog.ackTo);
    if (!isFirstFinal || this.cancel !== undefined || this.dialogs.length > 1) this.bye(dialog);
    else if (plan.hangUpAfterMs === 0) this.bye(dialog);
    else if (plan.hangUpAfterMs > 0) {
      world.clock.schedule(new PlannedMoment(this, MOMENT_HANG_UP), this.nowMs + plan.hangUpAfterMs);
    }
    if (plan.reinviteAfterMs >= 0 && plan.hangUpAfterMs !== 0 && !dialog.isEnded) {
      world.clock.schedule(new PlannedMoment(this, MOMENT_REINVITE), this.nowMs + plan.reinviteAfterMs);
      if (plan.reinviteCancelAfterMs >= 0) {
        world.clock.schedule(new PlannedMoment(this, MOMENT_REINVITE_CANCEL), this.nowMs + plan.reinviteAfterMs + plan.reinviteCancelAfterMs);
      }
    }
  }
}

/** The re-INVITE of a caller (RFC 3261 §14.1), its CANCEL, and the ACK to whatever answers it. */
class Reinvite {
  private readonly agent: Uac;
  private readonly plan: CallerPlan;
  private transaction: UaClientTransaction | undefined;
  private dialog: UaDialog | undefined;
  private branch = '';
  private wantsCancel = false;
  private hasCancelled = false;
  private ack: ByteRange | undefined;

  constructor(agent: Uac, plan: CallerPlan) {
    this.agent = agent;
    this.plan = plan;
  }

  get isPending(): boolean {
    return this.transaction !== undefined && this.transaction.state < UA_COMPLETED;
  }

  owns(transaction: UaClientTransaction): boolean {
    return transaction === this.transaction;
  }

  begin(dialog: UaDialog): void {
    const { agent } = this;
    if (dialog.isEnded) return;
    this.dialog = dialog;
    this.branch = agent.newBranch();
    dialog.cseq++;
    const message = agent.buildInDialog(dialog, M_INVITE, dialog.cseq, this.branch);
    this.transaction = agent.request(M_INVITE, dialog.cseq, this.branch, message, agent.nextHop(dialog));
  }

  cancelSoon(): void {
    this.wantsCancel = true;
    this.cancelIfAllowed();
  }

  onResponse(transaction: UaClientTransaction): void {
    const { agent, dialog } = this;
    if (dialog === undefined) return;
    const { status, cseq } = transaction;
    if (status < 200) {
      this.cancelIfAllowed();
    } else if (status < 300) {
      this.ack ??= agent.buildInDialog(dialog, M_ACK, cseq, agent.newBranch());
      agent.send(this.ack, agent.nextHop(dialog));
    } else {
      this.ack ??= agent.buildInDialog(dialog, M_ACK, cseq, this.branch, this.plan.isRouteless);
      agent.send(this.ack, transaction.to);
    }
  }

  private cancelIfAllowed(): void {
    const { agent, transaction, dialog } = this;
    if (!this.wantsCancel || this.hasCancelled || transaction?.state !== UA_PROCEEDING || dialog === undefined) return;
    this.hasCancelled = true;
    const message = agent.buildInDialog(dialog, M_CANCEL, transaction.cseq, this.branch, this.plan.isRouteless);
    agent.request(M_CANCEL, transaction.cseq, this.branch, message, transaction.to);
    for (let i = 1; i < this.plan.cancelSends; i++) agent.send(message, transaction.to);
    transaction.endWithin(CANCEL_PATIENCE_FACTOR * agent.world.timers.t1Ms);
  }
}

/** The route set of the caller is the Record-Route list in reverse (RFC 3261 §12.1.2). No commas inside of URIs here. */
function reverseRoutes(joined: string): string {
  return joined.includes(',') ? joined.split(',').map((route) => route.trim()).reverse().join(', ') : joined;
}

