/**
 * What people call the states, events, actions and timers of the four machines: the words of docs/state-machines.md, of
 * its diagrams and of test output. Data beside `machines.ts`, off the hot path. Pure.
 */
import {
  DO_ABSORB,
  DO_ACK,
  DO_ARM_64T1,
  DO_ARM_C,
  DO_ARM_D,
  DO_ARM_RETRANSMIT,
  DO_ARM_T4,
  DO_DOUBLE,
  DO_DOUBLE_CAPPED,
  DO_END,
  DO_FORGET,
  DO_PASS,
  DO_REARM_T2,
  DO_RESEND,
  DO_RESEND_ACK,
  DO_SEND,
  DO_STOP_RETRANSMIT,
  E_CANCELLED,
  E_LIFETIME,
  E_RETRANSMIT,
  S_IC_ACCEPTED,
  S_IC_CALLING,
  S_IC_COMPLETED,
  S_IC_PROCEEDING,
  S_IS_ACCEPTED,
  S_IS_COMPLETED,
  S_IS_CONFIRMED,
  S_IS_PROCEEDING,
  S_NC_COMPLETED,
  S_NC_PROCEEDING,
  S_NC_TRYING,
  S_NS_COMPLETED,
  S_NS_PROCEEDING,
  S_NS_TRYING,
  type Transition,
} from './machines.js';

/** By `S_*`. States of different machines may have the same name, as in the RFC. */
export const STATE_NAMES: readonly string[] = [
  'free',
  'Calling',
  'Proceeding',
  'Completed',
  'Accepted',
  'Trying',
  'Proceeding',
  'Completed',
  'Proceeding',
  'Completed',
  'Confirmed',
  'Accepted',
  'Trying',
  'Proceeding',
  'Completed',
  'Terminated',
];

/** By `E_*`. The two timers have names of their own in each state: see `eventName`. */
export const EVENT_NAMES: readonly string[] = [
  'request again',
  'ACK',
  'send 1xx',
  'send 2xx',
  'send 300-699',
  'receive 1xx',
  'receive 2xx',
  'receive 300-699',
  'retransmit timer',
  'lifetime timer',
  'transport error',
  'cancelled',
];

/** What the two timer nodes of a transaction are in a state. */
export interface StateTimers {
  /** Absent: nothing is retransmitted by timer. */
  readonly retransmit?: string;
  readonly lifetime: string;
}

/** By `S_*`: RFC 3261 Table 4, RFC 6026 §7 and §8. What has no letter is a bound of our own. */
export const STATE_TIMERS: Readonly<Record<number, StateTimers>> = {
  [S_IC_CALLING]: { retransmit: 'Timer A', lifetime: 'Timer B' },
  [S_IC_PROCEEDING]: { lifetime: 'Timer C' },
  [S_IC_COMPLETED]: { lifetime: 'Timer D' },
  [S_IC_ACCEPTED]: { lifetime: 'Timer M' },
  [S_NC_TRYING]: { retransmit: 'Timer E', lifetime: 'Timer F' },
  [S_NC_PROCEEDING]: { retransmit: 'Timer E', lifetime: 'Timer F' },
  [S_NC_COMPLETED]: { lifetime: 'Timer K' },
  [S_IS_PROCEEDING]: { lifetime: 'script overdue' },
  [S_IS_COMPLETED]: { retransmit: 'Timer G', lifetime: 'Timer H' },
  [S_IS_CONFIRMED]: { lifetime: 'Timer I' },
  [S_IS_ACCEPTED]: { lifetime: 'Timer L' },
  [S_NS_TRYING]: { lifetime: 'no answer in time' },
  [S_NS_PROCEEDING]: { lifetime: 'no answer in time' },
  [S_NS_COMPLETED]: { lifetime: 'Timer J' },
};

/** By machine name: what starts it, before its table begins. */
export const BEGINNINGS: Readonly<Record<string, { readonly event: string; readonly actions: string }>> = {
  'INVITE client': { event: 'INVITE goes out', actions: 'send, start Timers A and B' },
  'non-INVITE client': { event: 'request goes out', actions: 'send, start Timers E and F' },
  'INVITE server': { event: 'INVITE comes in', actions: 'run the script' },
  'non-INVITE server': { event: 'request comes in', actions: 'run the script' },
};

/** The name of an event in a state: a timer has the letter that the RFC gives it there. */
export function eventName(state: number, event: number): string {
  const timers = STATE_TIMERS[state];
  if (event === E_RETRANSMIT && timers?.retransmit !== undefined) return timers.retransmit;
  if (event === E_LIFETIME && timers !== undefined) return timers.lifetime;
  return EVENT_NAMES[event]!;
}

/** What a transition does, in words, in the order of execution. */
export function actionNames({ state, event, actions, next }: Transition): string[] {
  const retransmit = STATE_TIMERS[state]?.retransmit ?? '';
  const lifetime = event === E_CANCELLED ? '64·T1 in place of Timer C' : `start ${STATE_TIMERS[next]?.lifetime ?? ''}`;
  const words: readonly (readonly [bit: number, words: string])[] = [
    [DO_ABSORB, 'absorb'],
    [DO_SEND, 'send'],
    [DO_RESEND, 'send again'],
    [DO_ARM_RETRANSMIT, `start ${STATE_TIMERS[next]?.retransmit ?? ''}`],
    [DO_DOUBLE, 'double the interval'],
    [DO_DOUBLE_CAPPED, 'double the interval up to T2'],
    [DO_REARM_T2, 'interval T2'],
    [DO_STOP_RETRANSMIT, `stop ${retransmit}`],
    [DO_ARM_64T1 | DO_ARM_T4 | DO_ARM_D | DO_ARM_C, lifetime],
    [DO_ACK, 'send ACK'],
    [DO_RESEND_ACK, 'send ACK again'],
    [DO_FORGET, 'forget the message'],
    [DO_PASS, 'tell the proxy'],
    [DO_END, 'end'],
  ];
  return words.filter(([bit]) => (actions & bit) !== 0).map(([, text]) => text);
}
