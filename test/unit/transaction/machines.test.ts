/** Every pair of state and event of the four machines, legal and illegal, against `expected-machines.ts`. */
import { describe, expect, it } from 'vitest';
import { EVENT_NAMES, STATE_NAMES, STATE_TIMERS, actionNames, eventName } from '../../../src/transaction/machine-names.js';
import * as machines from '../../../src/transaction/machines.js';
import { EVENT_COUNT, MACHINES, actionsOf, nextStateOf, transition, type Machine } from '../../../src/transaction/machines.js';
import { CLIENT_EVENTS, EXPECTED_MACHINES, SERVER_EVENTS, actionsIn } from './expected-machines.js';

const ACTIONS: Readonly<Record<string, number>> = {
  send: machines.DO_SEND,
  resend: machines.DO_RESEND,
  tell: machines.DO_PASS,
  ack: machines.DO_ACK,
  'ack again': machines.DO_RESEND_ACK,
  absorb: machines.DO_ABSORB,
  'start retransmitting': machines.DO_ARM_RETRANSMIT,
  double: machines.DO_DOUBLE,
  'double up to T2': machines.DO_DOUBLE_CAPPED,
  'interval T2': machines.DO_REARM_T2,
  'stop retransmitting': machines.DO_STOP_RETRANSMIT,
  '64*T1': machines.DO_ARM_64T1,
  T4: machines.DO_ARM_T4,
  'Timer D': machines.DO_ARM_D,
  'Timer C': machines.DO_ARM_C,
  forget: machines.DO_FORGET,
  end: machines.DO_END,
};

const EVENTS: Readonly<Record<string, number>> = {
  'request again': machines.E_REQUEST,
  ACK: machines.E_ACK,
  'send 1xx': machines.E_SEND_1XX,
  'send 2xx': machines.E_SEND_2XX,
  'send 300-699': machines.E_SEND_FINAL,
  'receive 1xx': machines.E_RECV_1XX,
  'receive 2xx': machines.E_RECV_2XX,
  'receive 300-699': machines.E_RECV_FINAL,
  'retransmit timer': machines.E_RETRANSMIT,
  'lifetime timer': machines.E_LIFETIME,
  'transport error': machines.E_TRANSPORT_ERROR,
  cancelled: machines.E_CANCELLED,
};

/** What the compiled table says about a pair, in the words of the expectation. */
function cell(state: number, event: number): string {
  const step = transition(state, event);
  if (step === -1) return 'illegal: ';
  const known = Object.keys(ACTIONS).filter((name) => (actionsOf(step) & ACTIONS[name]!) !== 0);
  return `${STATE_NAMES[nextStateOf(step)]!}: ${known.sort().join(', ')}`;
}

describe.each(MACHINES.map((machine) => [machine.name, machine] as const))('%s transaction', (name, machine: Machine) => {
  const expected = EXPECTED_MACHINES[name]!;
  const own = name.endsWith('client') ? CLIENT_EVENTS : SERVER_EVENTS;
  const stateOf = (stateName: string): number => machine.states[expected.states.indexOf(stateName)]!;

  it('has the states of its figure, and begins in the first', () => {
    expect(machine.states.map((state) => STATE_NAMES[state])).toEqual(expected.states);
    expect(machine.initial).toBe(machine.states[0]);
  });

  it('has an expectation for every pair of its states and the events of its role, in order', () => {
    const pairs = expected.rows.map(([state, event]) => `${state}, ${event}`);
    expect(pairs).toEqual(expected.states.flatMap((state) => own.map((event) => `${state}, ${event}`)));
  });

  it.each(expected.rows)('in %s on %s: %s, %s (%s)', (...row) => {
    const [state, event, next] = row;
    expect(cell(stateOf(state), EVENTS[event]!)).toBe(`${next}: ${actionsIn(row).sort().join(', ')}`);
  });

  it.each(Object.keys(EVENTS).filter((event) => !own.includes(event)))('knows nothing to do on %s, which is of the other role', (event) => {
    for (const state of machine.states) expect(transition(state, EVENTS[event]!)).toBe(-1);
  });

  it('stays within its own states until it ends', () => {
    for (const { next } of machine.rows) expect([...machine.states, machines.S_TERMINATED]).toContain(next);
  });

  it('has one row for a pair, and says where it comes from', () => {
    const pairs = machine.rows.map(({ state, event }) => `${state} ${event}`);
    expect(new Set(pairs).size).toBe(pairs.length);
    for (const { source } of machine.rows) expect(source).toMatch(/§\d|no timer of the RFC/);
  });

  it('ends exactly where it terminates', () => {
    for (const { actions, next } of machine.rows) expect((actions & machines.DO_END) !== 0).toBe(next === machines.S_TERMINATED);
  });

  it('names the timer that a row fires or starts by the letter of the RFC', () => {
    for (const row of machine.rows) {
      const words = actionNames(row);
      const bits = Object.values(ACTIONS).filter((bit) => (row.actions & bit) !== 0);
      expect(words).toHaveLength(bits.length);
      for (const text of [...words, eventName(row.state, row.event)]) expect(text).not.toMatch(/undefined|(start|stop) $|retransmit timer|lifetime timer/);
    }
    for (const state of machine.states) expect(STATE_TIMERS[state]?.lifetime).toMatch(/./);
  });
});

describe('the transition table', () => {
  it('has all events of the expectation', () => {
    expect(Object.values(EVENTS).sort((a, b) => a - b)).toEqual(Array.from({ length: EVENT_COUNT }, (_, event) => event));
    expect(EVENT_NAMES).toEqual(Object.entries(EVENTS).sort((a, b) => a[1] - b[1]).map(([name]) => name));
  });

  it.each([machines.S_FREE, machines.S_TERMINATED])('knows nothing to do in state %i, where no transaction is', (state) => {
    for (let event = 0; event < EVENT_COUNT; event++) expect(transition(state, event)).toBe(-1);
  });
});
