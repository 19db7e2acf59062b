/**
 * The transactions of a simulated phone (RFC 3261 §17, RFC 6026) on virtual time: written from the RFC a second time,
 * independently of the engine, so that engine and phones check each other.
 *
 * A transaction is its own clock event. Finished ones are kept, without a timer, for as long as the phone lives: what
 * comes late is recognised however late it is, which is stricter on the proxy than Timers D, I, J and K would be.
 */
import { M_INVITE } from './message-reader.js';
import type { Port } from './network.js';
import type { ByteRange } from './slab.js';
import type { UserAgent } from './user-agent.js';
import { ClockEvent } from './virtual-clock.js';

export interface UaTimers {
  readonly t1Ms: number;
  readonly t2Ms: number;
}

export const UA_CALLING = 0;
export const UA_PROCEEDING = 1;
/** A final response came. */
export const UA_COMPLETED = 2;
/** Timer B or F, or no final within 64·T1 of a CANCEL. */
export const UA_TIMED_OUT = 3;

/** A request that the phone sent, other than ACK. */
export class UaClientTransaction extends ClockEvent {
  readonly method: number;
  readonly cseq: number;
  /** Hash of the branch; 0 when the phone writes none (RFC 2543). */
  readonly branch: number;
  readonly message: ByteRange;
  readonly to: Port;
  state = UA_CALLING;
  /** Last status received. */
  status = 0;
  private intervalMs: number;
  private endMs = 0;
  private readonly agent: UserAgent;

  constructor(agent: UserAgent, method: number, cseq: number, branch: number, message: ByteRange, to: Port) {
    super();
    this.agent = agent;
    this.method = method;
    this.cseq = cseq;
    this.branch = branch;
    this.message = message;
    this.to = to;
    this.intervalMs = agent.world.timers.t1Ms;
  }

  /** Sends the request and arms Timers A and B, or E and F. */
  start(): void {
    this.endMs = this.agent.nowMs + 64 * this.intervalMs;
    this.resend();
  }

  /** Gives up unless a final response comes within `ms` (RFC 3261 §9.1, after a CANCEL). */
  endWithin(ms: number): void {
    this.endMs = this.agent.nowMs + ms;
    this.intervalMs = Infinity;
    this.agent.world.clock.schedule(this, this.endMs);
  }

  override fire(): void {
    if (this.agent.nowMs >= this.endMs) {
      this.state = UA_TIMED_OUT;
      this.agent.onTimeout(this);
      return;
    }
    const { t2Ms } = this.agent.world.timers;
    if (this.method === M_INVITE) this.intervalMs *= 2;
    else this.intervalMs = this.state === UA_PROCEEDING ? t2Ms : Math.min(2 * this.intervalMs, t2Ms);
    this.resend();
  }

  /** Takes a response; true when it is the first final. */
  receive(status: number): boolean {
    const { clock } = this.agent.world;
    this.status = status;
    if (status < 200) {
      // A provisional response after Timer B is too late (RFC 3261 §17.1.1.2).
      if (this.state !== UA_CALLING) return false;
      this.state = UA_PROCEEDING;
      if (this.method === M_INVITE) clock.cancel(this);
      return false;
    }
    if (this.state === UA_COMPLETED) return false;
    this.state = UA_COMPLETED;
    clock.cancel(this);
    return true;
  }

  private resend(): void {
    this.agent.send(this.message, this.to);
    this.agent.world.clock.schedule(this, Math.min(this.agent.nowMs + this.intervalMs, this.endMs));
  }
}

/** A request that the phone received, other than ACK, and its answers. */
export class UaServerTransaction extends ClockEvent {
  readonly method: number;
  readonly cseq: number;
  readonly branch: number;
  /** The request, for building answers later. */
  readonly request: ByteRange;
  readonly from: Port;
  /** Last status sent. */
  status = 0;
  wasAcked = false;
  wasCancelled = false;
  private last: ByteRange | undefined;
  private intervalMs = 0;
  private endMs = 0;
  private readonly agent: UserAgent;

  constructor(agent: UserAgent, method: number, cseq: number, branch: number, request: ByteRange, from: Port) {
    super();
    this.agent = agent;
    this.method = method;
    this.cseq = cseq;
    this.branch = branch;
    this.request = request;
    this.from = from;
  }

  /** Sends a response; a final to an INVITE is repeated until the ACK comes: Timers G and H, or RFC 3261 §13.3.1.4. */
  respond(message: ByteRange, status: number): void {
    this.last = message;
    this.status = status;
    this.agent.send(message, this.from);
    if (this.method !== M_INVITE || status < 200) return;
    const { t1Ms } = this.agent.world.timers;
    this.intervalMs = t1Ms;
    this.endMs = this.agent.nowMs + 64 * t1Ms;
    this.agent.world.clock.schedule(this, this.agent.nowMs + t1Ms);
  }

  /** The request came again. */
  repeated(): void {
    // A 2xx is repeated by its own timer only (RFC 6026 §7.1); everything else answers the retransmission.
    if (this.last !== undefined && !(this.method === M_INVITE && this.status >= 200 && (this.status < 300 || this.wasAcked))) {
      this.agent.send(this.last, this.from);
    }
  }

  acknowledge(): void {
    this.wasAcked = true;
    this.agent.world.clock.cancel(this);
  }

  override fire(): void {
    if (this.agent.nowMs >= this.endMs) {
      this.agent.onAckMissing(this);
      return;
    }
    if (this.last !== undefined) this.agent.send(this.last, this.from);
    this.intervalMs = Math.min(2 * this.intervalMs, this.agent.world.timers.t2Ms);
    this.agent.world.clock.schedule(this, Math.min(this.agent.nowMs + this.intervalMs, this.endMs));
  }
}
