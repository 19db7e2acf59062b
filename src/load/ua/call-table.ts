/**
 * The calls of one load thread, callers and callees: records of int32 in one array, free places in a list within them.
 * Beginning and ending a call allocates nothing; memory is touched only as far as calls were ever in progress at once.
 */
import { GENERATION_MASK } from './identity.js';

/** int32 slots of one call. */
export const CALL_SLOTS = 32;

/** Generation: which use of this place; a name in a message that has another one is of a call that is over. */
export const F_GENERATION = 0;
/** One of `S_*`. */
export const F_STATE = 1;
/** Step that is being done, an index into the program's code. */
export const F_STEP = 2;
export const F_SCENARIO = 3;
/** Local socket. */
export const F_SOCKET = 4;
export const F_USER = 5;
export const F_PEER = 6;
/** CSeq number of our last request (ACK and CANCEL aside). */
export const F_CSEQ = 7;
/** Ordinal of the client transaction in progress, or of the last one. */
export const F_ORDINAL = 8;
/** Ordinal, CSeq number and request (index into the program's requests) of our last INVITE. */
export const F_INVITE_ORDINAL = 9;
export const F_INVITE_CSEQ = 10;
export const F_INVITE_SPEC = 11;
/** Store block of the dialog: two int32 (bytes of the target, bytes of the lines), then both. 0: none. */
export const F_DIALOG = 12;
/** Endpoint that requests of the dialog go to. */
export const F_HOP = 13;
/** `FLAG_*`. */
export const F_FLAGS = 14;
/** Retransmission: the present interval, and what is left until the transaction times out, milliseconds. */
export const F_WAIT_MS = 15;
export const F_LEFT_MS = 16;
/** Reply that was sent last to the request being answered (index into the replies), plus one; 0: none yet. */
export const F_REPLY = 17;
/** Store block of what answers to that request repeat: one int32 (bytes), then they. 0: none. */
export const F_ANSWER = 18;
/** Endpoint that answers go to. */
export const F_PEER_ENDPOINT = 19;
/** CSeq number of the last request of the other side, and its method. */
export const F_REMOTE_CSEQ = 20;
export const F_REMOTE_METHOD = 21;
/** Why the call has failed, while its dialog is still being ended: a counter `L_FAIL_*` with the status that caused it above (see `statusCause`), or COUNTED_ELSEWHERE. 0: it has not. */
export const F_CAUSE = 22;
/** The other end of the call, of this process too, was the first to see it fail and counts it. */
export const COUNTED_ELSEWHERE = -1;
/** Store block of Authorization lines: one int32 (bytes), then they. 0: none. */
export const F_AUTHORIZATION = 23;
/** Callee: key of the request that began the call, and the next call of the same bucket (plus one). */
export const F_KEY_LO = 24;
export const F_KEY_HI = 25;
export const F_CHAIN = 26;
/** Callee: record in the shared set-up times (plus one) when the caller is of this process; caller: its own. */
export const F_SETUP = 27;
/** Next free place (plus one). */
export const F_NEXT = 28;
/** Request (index into the program's requests) that is in progress. */
export const F_REQUEST = 29;
/** Callee, with F_SETUP: generation of the caller's call. */
export const F_CALLER_GENERATION = 30;
/** Callee: hash of the Via branch of the INVITE that came last, which names its transaction (§17.2.3). */
export const F_INVITE_BRANCH = 31;

/** States. */
export const S_FREE = 0;
/** A request was sent; no response yet (Calling, Trying). */
export const S_CALLING = 1;
/** A provisional response came. */
export const S_PROCEEDING = 2;
export const S_PAUSE = 3;
/** Waits for a request. */
export const S_RECEIVE = 4;
/** A final answer to an INVITE was sent: waits for the ACK. */
export const S_ACK = 5;

/** The callee side. */
export const FLAG_CALLEE = 1;
/** 100, 180 or 183, and a final response, were timed. */
export const FLAG_100 = 2;
export const FLAG_180 = 4;
export const FLAG_FINAL = 8;
/** A CANCEL is to be sent with the first provisional response. */
export const FLAG_CANCEL_DUE = 16;
/** A CANCEL was sent; and answered. */
export const FLAG_CANCEL_SENT = 32;
export const FLAG_CANCEL_ANSWERED = 64;
/** The request in progress has credentials in it. */
export const FLAG_AUTHORIZED = 128;
/** The dialog is confirmed: it takes a BYE to end it. */
export const FLAG_DIALOG = 256;
/** BYE was sent or answered. */
export const FLAG_BYE = 512;
/** The other side has cancelled the INVITE that is being answered. */
export const FLAG_CANCELLED = 1024;
/** Callee: it has challenged the INVITE, or refused its credentials; the call begins with another one. */
export const FLAG_CHALLENGED = 2048;
/** Callee: its first provisional or final response to the INVITE was sent, for the time that a proxy adds. */
export const FLAG_SETUP_TIMED = 4096;
/** Callee: the final answer that waits for its ACK is no 2xx, so the ACK belongs to the transaction of the INVITE. */
export const FLAG_REFUSED = 8192;

/** A provisional response other than 100 came to the request in progress: it rings. */
export const FLAG_RANG = 16384;

/** float64 slots of one call in `times`: when it should have begun, and when its present step should have, microseconds. */
export const TIME_SLOTS = 2;
export const TIME_DUE = 0;
export const TIME_STEP = 1;

export class CallTable {
  /** All calls: call `i` at `i * CALL_SLOTS`. */
  readonly slots: Int32Array;
  readonly times: Float64Array;
  readonly capacity: number;
  private free = 0;
  /** Places that were ever used. */
  private touched = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.slots = new Int32Array(capacity * CALL_SLOTS);
    this.times = new Float64Array(capacity * TIME_SLOTS);
  }

  /** Places used so far: no call has a higher index. */
  get used(): number {
    return this.touched;
  }

  /** A place with a new generation and everything else 0, in state `state`; -1 when the table is full. */
  allocate(state: number): number {
    const { slots } = this;
    let index = this.free - 1;
    if (index >= 0) this.free = slots[index * CALL_SLOTS + F_NEXT]!;
    else if (this.touched < this.capacity) index = this.touched++;
    else return -1;
    const at = index * CALL_SLOTS;
    const generation = (slots[at + F_GENERATION]! + 1) & GENERATION_MASK;
    slots.fill(0, at, at + CALL_SLOTS);
    slots[at + F_GENERATION] = generation;
    slots[at + F_STATE] = state;
    return index;
  }

  /** Gives a place back. Timers and blocks of the call are the caller's business. */
  release(index: number): void {
    const at = index * CALL_SLOTS;
    this.slots[at + F_STATE] = S_FREE;
    this.slots[at + F_NEXT] = this.free;
    this.free = index + 1;
  }
}
