/**
 * The four transaction state machines as data: RFC 3261 §17.1.1 (INVITE client), §17.1.2 (non-INVITE client), §17.2.1
 * (INVITE server), §17.2.2 (non-INVITE server), with the Accepted states of RFC 6026 §7 and §8.
 *
 * A row says: in this state, on this event, do these actions and go there. A pair that is not in a table is illegal: the
 * event is ignored (and, coming from the network, counted by the layer). The layer (`layer.ts`) executes actions in the
 * order of their bits; it holds no rule of its own about states. What people call all of this stands in
 * `machine-names.ts`; `docs/state-machines.md` is drawn from the rows. Sans-I/O.
 */

/** What a transition does. Bits, so that the compiled table is one integer a pair. */
export const DO_SEND = 1 << 0; // send the message that came with the event (our request or response)
export const DO_RESEND = 1 << 1; // send the stored last message again
export const DO_PASS = 1 << 2; // hand the message, or the event, to the transaction user (the proxy core)
export const DO_ACK = 1 << 3; // build and send the ACK to a non-2xx final response (§17.1.1.3)
export const DO_RESEND_ACK = 1 << 4; // the same for a final response that came again
export const DO_ABSORB = 1 << 5; // count a retransmission and drop it
export const DO_ARM_RETRANSMIT = 1 << 6; // Timer A, E or G, from T1
export const DO_DOUBLE = 1 << 7; // re-arm it with twice the interval, no cap (Timer A)
export const DO_DOUBLE_CAPPED = 1 << 8; // re-arm it with twice the interval, at most T2 (Timers E and G)
export const DO_REARM_T2 = 1 << 9; // re-arm it with T2 (Timer E in Proceeding)
export const DO_STOP_RETRANSMIT = 1 << 10;
export const DO_ARM_64T1 = 1 << 11; // Timer B, F, H, J, L or M: the lifetime timer, 64·T1
export const DO_ARM_T4 = 1 << 12; // Timer I or K: lifetime timer, T4
export const DO_ARM_D = 1 << 13; // Timer D: lifetime timer, over 32 s
export const DO_ARM_C = 1 << 14; // Timer C of the proxy core (§16.6 step 11), on the lifetime node of a ringing branch
export const DO_FORGET = 1 << 15; // free the stored messages: nothing will be sent from here again
export const DO_END = 1 << 16; // destroy the transaction

const NEXT_SHIFT = 20;
const ACTIONS_MASK = (1 << NEXT_SHIFT) - 1;

// States. 0 is a free record. Numbers are shared by the four machines so that one field says which machine it is too.
export const S_FREE = 0;
export const S_IC_CALLING = 1;
export const S_IC_PROCEEDING = 2;
export const S_IC_COMPLETED = 3;
export const S_IC_ACCEPTED = 4;
export const S_NC_TRYING = 5;
export const S_NC_PROCEEDING = 6;
export const S_NC_COMPLETED = 7;
export const S_IS_PROCEEDING = 8;
export const S_IS_COMPLETED = 9;
export const S_IS_CONFIRMED = 10;
export const S_IS_ACCEPTED = 11;
export const S_NS_TRYING = 12;
export const S_NS_PROCEEDING = 13;
export const S_NS_COMPLETED = 14;
export const S_TERMINATED = 15;
const STATE_COUNT = 16;

// Events
export const E_REQUEST = 0; // the request came again (server)
export const E_ACK = 1; // ACK with the key of the INVITE (server)
export const E_SEND_1XX = 2; // the transaction user sends a provisional response (server)
export const E_SEND_2XX = 3; // … a 2xx
export const E_SEND_FINAL = 4; // … a 300 to 699
export const E_RECV_1XX = 5; // a provisional response came (client)
export const E_RECV_2XX = 6; // … a 2xx
export const E_RECV_FINAL = 7; // … a 300 to 699
export const E_RETRANSMIT = 8; // Timer A, E or G
export const E_LIFETIME = 9; // Timer B, C, D, F, H, I, J, K, L or M: which one follows from the state
export const E_TRANSPORT_ERROR = 10; // the transport refused the message (§17.1.4, §17.2.4)
export const E_CANCELLED = 11; // the branch was cancelled: a final response is due within 64·T1 (§9.1)
export const EVENT_COUNT = 12;

/** One row: on `event` in `state` do `actions`, then be in `next`. */
export interface Transition {
  readonly state: number;
  readonly event: number;
  readonly actions: number;
  readonly next: number;
  /** RFC section, and the letter of the timer where one fires. */
  readonly source: string;
}

export interface Machine {
  readonly name: string;
  readonly initial: number;
  readonly states: readonly number[];
  readonly rows: readonly Transition[];
}

function row(state: number, event: number, actions: number, next: number, source: string): Transition {
  return { state, event, actions, next, source };
}

export const INVITE_CLIENT: Machine = {
  name: 'INVITE client',
  initial: S_IC_CALLING,
  states: [S_IC_CALLING, S_IC_PROCEEDING, S_IC_COMPLETED, S_IC_ACCEPTED],
  rows: [
    row(S_IC_CALLING, E_RETRANSMIT, DO_RESEND | DO_DOUBLE, S_IC_CALLING, '§17.1.1.2, Timer A'),
    row(S_IC_CALLING, E_LIFETIME, DO_PASS | DO_END, S_TERMINATED, '§17.1.1.2, Timer B'),
    row(S_IC_CALLING, E_RECV_1XX, DO_STOP_RETRANSMIT | DO_ARM_C | DO_PASS, S_IC_PROCEEDING, '§17.1.1.2'),
    row(S_IC_CALLING, E_RECV_2XX, DO_STOP_RETRANSMIT | DO_ARM_64T1 | DO_FORGET | DO_PASS, S_IC_ACCEPTED, 'RFC 6026 §7.2, Timer M'),
    row(S_IC_CALLING, E_RECV_FINAL, DO_STOP_RETRANSMIT | DO_ACK | DO_ARM_D | DO_PASS, S_IC_COMPLETED, '§17.1.1.2, Timer D'),
    row(S_IC_CALLING, E_TRANSPORT_ERROR, DO_PASS | DO_END, S_TERMINATED, '§17.1.4'),
    row(S_IC_PROCEEDING, E_RECV_1XX, DO_PASS, S_IC_PROCEEDING, '§17.1.1.2; Timer C is the proxy core’s'),
    row(S_IC_PROCEEDING, E_RECV_2XX, DO_ARM_64T1 | DO_FORGET | DO_PASS, S_IC_ACCEPTED, 'RFC 6026 §7.2, Timer M'),
    row(S_IC_PROCEEDING, E_RECV_FINAL, DO_ACK | DO_ARM_D | DO_PASS, S_IC_COMPLETED, '§17.1.1.2, Timer D'),
    row(S_IC_PROCEEDING, E_LIFETIME, DO_PASS, S_IC_PROCEEDING, '§16.8, Timer C, or 64·T1 after a CANCEL (§9.1)'),
    row(S_IC_PROCEEDING, E_CANCELLED, DO_ARM_64T1, S_IC_PROCEEDING, '§9.1'),
    row(S_IC_COMPLETED, E_RECV_2XX, DO_PASS, S_IC_COMPLETED, '§16.7 step 5: behind a failure a proxy may still send a 2xx of another phone'),
    row(S_IC_COMPLETED, E_RECV_FINAL, DO_ABSORB | DO_RESEND_ACK, S_IC_COMPLETED, '§17.1.1.2'),
    row(S_IC_COMPLETED, E_LIFETIME, DO_END, S_TERMINATED, '§17.1.1.2, Timer D'),
    row(S_IC_COMPLETED, E_TRANSPORT_ERROR, DO_END, S_TERMINATED, '§17.1.4'),
    row(S_IC_ACCEPTED, E_RECV_2XX, DO_PASS, S_IC_ACCEPTED, 'RFC 6026 §7.2'),
    row(S_IC_ACCEPTED, E_LIFETIME, DO_END, S_TERMINATED, 'RFC 6026 §7.2, Timer M'),
  ],
};

export const NON_INVITE_CLIENT: Machine = {
  name: 'non-INVITE client',
  initial: S_NC_TRYING,
  states: [S_NC_TRYING, S_NC_PROCEEDING, S_NC_COMPLETED],
  rows: [
    row(S_NC_TRYING, E_RETRANSMIT, DO_RESEND | DO_DOUBLE_CAPPED, S_NC_TRYING, '§17.1.2.2, Timer E'),
    row(S_NC_TRYING, E_LIFETIME, DO_PASS | DO_END, S_TERMINATED, '§17.1.2.2, Timer F'),
    row(S_NC_TRYING, E_RECV_1XX, DO_PASS, S_NC_PROCEEDING, '§17.1.2.2'),
    row(S_NC_TRYING, E_RECV_2XX, DO_STOP_RETRANSMIT | DO_ARM_T4 | DO_FORGET | DO_PASS, S_NC_COMPLETED, '§17.1.2.2, Timer K'),
    row(S_NC_TRYING, E_RECV_FINAL, DO_STOP_RETRANSMIT | DO_ARM_T4 | DO_FORGET | DO_PASS, S_NC_COMPLETED, '§17.1.2.2, Timer K'),
    row(S_NC_TRYING, E_TRANSPORT_ERROR, DO_PASS | DO_END, S_TERMINATED, '§17.1.4'),
    row(S_NC_PROCEEDING, E_RETRANSMIT, DO_RESEND | DO_REARM_T2, S_NC_PROCEEDING, '§17.1.2.2, Timer E'),
    row(S_NC_PROCEEDING, E_LIFETIME, DO_PASS | DO_END, S_TERMINATED, '§17.1.2.2, Timer F'),
    row(S_NC_PROCEEDING, E_RECV_1XX, DO_PASS, S_NC_PROCEEDING, '§17.1.2.2'),
    row(S_NC_PROCEEDING, E_RECV_2XX, DO_STOP_RETRANSMIT | DO_ARM_T4 | DO_FORGET | DO_PASS, S_NC_COMPLETED, '§17.1.2.2, Timer K'),
    row(S_NC_PROCEEDING, E_RECV_FINAL, DO_STOP_RETRANSMIT | DO_ARM_T4 | DO_FORGET | DO_PASS, S_NC_COMPLETED, '§17.1.2.2, Timer K'),
    row(S_NC_PROCEEDING, E_TRANSPORT_ERROR, DO_PASS | DO_END, S_TERMINATED, '§17.1.4'),
    row(S_NC_COMPLETED, E_RECV_1XX, DO_ABSORB, S_NC_COMPLETED, '§17.1.2.2'),
    row(S_NC_COMPLETED, E_RECV_2XX, DO_ABSORB, S_NC_COMPLETED, '§17.1.2.2'),
    row(S_NC_COMPLETED, E_RECV_FINAL, DO_ABSORB, S_NC_COMPLETED, '§17.1.2.2'),
    row(S_NC_COMPLETED, E_LIFETIME, DO_END, S_TERMINATED, '§17.1.2.2, Timer K'),
  ],
};

export const INVITE_SERVER: Machine = {
  name: 'INVITE server',
  initial: S_IS_PROCEEDING,
  states: [S_IS_PROCEEDING, S_IS_COMPLETED, S_IS_CONFIRMED, S_IS_ACCEPTED],
  rows: [
    row(S_IS_PROCEEDING, E_REQUEST, DO_ABSORB | DO_RESEND, S_IS_PROCEEDING, '§17.2.1'),
    row(S_IS_PROCEEDING, E_SEND_1XX, DO_SEND, S_IS_PROCEEDING, '§17.2.1'),
    row(S_IS_PROCEEDING, E_SEND_2XX, DO_SEND | DO_ARM_64T1 | DO_FORGET, S_IS_ACCEPTED, 'RFC 6026 §7.1, Timer L'),
    row(S_IS_PROCEEDING, E_SEND_FINAL, DO_SEND | DO_ARM_RETRANSMIT | DO_ARM_64T1, S_IS_COMPLETED, '§17.2.1, Timers G and H'),
    row(S_IS_PROCEEDING, E_LIFETIME, DO_PASS, S_IS_PROCEEDING, 'no timer of the RFC: the script has not decided in the time of Timer C'),
    row(S_IS_PROCEEDING, E_TRANSPORT_ERROR, 0, S_IS_PROCEEDING, 'RFC 6026 §7.1: the request’s retransmission tries again'),
    row(S_IS_COMPLETED, E_REQUEST, DO_ABSORB | DO_RESEND, S_IS_COMPLETED, '§17.2.1'),
    row(S_IS_COMPLETED, E_RETRANSMIT, DO_RESEND | DO_DOUBLE_CAPPED, S_IS_COMPLETED, '§17.2.1, Timer G'),
    row(S_IS_COMPLETED, E_ACK, DO_STOP_RETRANSMIT | DO_ARM_T4 | DO_FORGET, S_IS_CONFIRMED, '§17.2.1, Timer I'),
    row(S_IS_COMPLETED, E_LIFETIME, DO_PASS | DO_END, S_TERMINATED, '§17.2.1, Timer H'),
    row(S_IS_COMPLETED, E_TRANSPORT_ERROR, 0, S_IS_COMPLETED, 'RFC 6026 §7.1'),
    row(S_IS_CONFIRMED, E_REQUEST, DO_ABSORB, S_IS_CONFIRMED, '§17.2.1'),
    row(S_IS_CONFIRMED, E_ACK, DO_ABSORB, S_IS_CONFIRMED, '§17.2.1'),
    row(S_IS_CONFIRMED, E_LIFETIME, DO_END, S_TERMINATED, '§17.2.1, Timer I'),
    row(S_IS_ACCEPTED, E_REQUEST, DO_ABSORB, S_IS_ACCEPTED, 'RFC 6026 §7.1'),
    row(S_IS_ACCEPTED, E_SEND_2XX, DO_SEND, S_IS_ACCEPTED, 'RFC 6026 §7.1'),
    row(S_IS_ACCEPTED, E_ACK, DO_PASS, S_IS_ACCEPTED, 'RFC 6026 §7.1'),
    row(S_IS_ACCEPTED, E_TRANSPORT_ERROR, 0, S_IS_ACCEPTED, 'RFC 6026 §7.1'),
    row(S_IS_ACCEPTED, E_LIFETIME, DO_END, S_TERMINATED, 'RFC 6026 §7.1, Timer L'),
  ],
};

export const NON_INVITE_SERVER: Machine = {
  name: 'non-INVITE server',
  initial: S_NS_TRYING,
  states: [S_NS_TRYING, S_NS_PROCEEDING, S_NS_COMPLETED],
  rows: [
    row(S_NS_TRYING, E_REQUEST, DO_ABSORB, S_NS_TRYING, '§17.2.2'),
    row(S_NS_TRYING, E_SEND_1XX, DO_SEND, S_NS_PROCEEDING, '§17.2.2'),
    row(S_NS_TRYING, E_SEND_2XX, DO_SEND | DO_ARM_64T1, S_NS_COMPLETED, '§17.2.2, Timer J'),
    row(S_NS_TRYING, E_SEND_FINAL, DO_SEND | DO_ARM_64T1, S_NS_COMPLETED, '§17.2.2, Timer J'),
    row(S_NS_TRYING, E_LIFETIME, DO_END, S_TERMINATED, 'RFC 4320 §4.2: no answer came, and none is made up'),
    row(S_NS_PROCEEDING, E_REQUEST, DO_ABSORB | DO_RESEND, S_NS_PROCEEDING, '§17.2.2'),
    row(S_NS_PROCEEDING, E_SEND_1XX, DO_SEND, S_NS_PROCEEDING, '§17.2.2'),
    row(S_NS_PROCEEDING, E_SEND_2XX, DO_SEND | DO_ARM_64T1, S_NS_COMPLETED, '§17.2.2, Timer J'),
    row(S_NS_PROCEEDING, E_SEND_FINAL, DO_SEND | DO_ARM_64T1, S_NS_COMPLETED, '§17.2.2, Timer J'),
    row(S_NS_PROCEEDING, E_TRANSPORT_ERROR, 0, S_NS_PROCEEDING, '§17.2.4: the request’s retransmission tries again'),
    row(S_NS_PROCEEDING, E_LIFETIME, DO_END, S_TERMINATED, 'RFC 4320 §4.2'),
    row(S_NS_COMPLETED, E_REQUEST, DO_ABSORB | DO_RESEND, S_NS_COMPLETED, '§17.2.2'),
    row(S_NS_COMPLETED, E_TRANSPORT_ERROR, 0, S_NS_COMPLETED, '§17.2.4'),
    row(S_NS_COMPLETED, E_LIFETIME, DO_END, S_TERMINATED, '§17.2.2, Timer J'),
  ],
};

export const MACHINES: readonly Machine[] = [INVITE_CLIENT, NON_INVITE_CLIENT, INVITE_SERVER, NON_INVITE_SERVER];

/** Compiled transitions of all machines: -1 where a pair is illegal. */
const TABLE = new Int32Array(STATE_COUNT * EVENT_COUNT).fill(-1);
for (const machine of MACHINES) {
  for (const { state, event, actions, next } of machine.rows) {
    TABLE[state * EVENT_COUNT + event] = (next << NEXT_SHIFT) | actions;
  }
}

/** The transition for an event in a state, or -1 when it is illegal there; take it apart with the two functions below. */
export function transition(state: number, event: number): number {
  return TABLE[state * EVENT_COUNT + event]!;
}

/** `DO_*` bits of a transition. */
export function actionsOf(step: number): number {
  return step & ACTIONS_MASK;
}

/** State after a transition. */
export function nextStateOf(step: number): number {
  return step >>> NEXT_SHIFT;
}
