/**
 * Every pair of state and event of the four machines, legal and illegal, against tables written from RFC 3261 §17 (figures
 * 5 to 8) and RFC 6026 §7, not from the code. A cell is `next state: actions`, `-` where the pair is illegal.
 */
import { describe, expect, it } from 'vitest';
import * as machines from '../../../src/transaction/machines.js';
import { EVENT_COUNT, MACHINES, actionsOf, nextStateOf, transition, type Machine } from '../../../src/transaction/machines.js';

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
  request: machines.E_REQUEST,
  ACK: machines.E_ACK,
  'send 1xx': machines.E_SEND_1XX,
  'send 2xx': machines.E_SEND_2XX,
  'send final': machines.E_SEND_FINAL,
  'receive 1xx': machines.E_RECV_1XX,
  'receive 2xx': machines.E_RECV_2XX,
  'receive final': machines.E_RECV_FINAL,
  'retransmit timer': machines.E_RETRANSMIT,
  'lifetime timer': machines.E_LIFETIME,
  'transport error': machines.E_TRANSPORT_ERROR,
  cancelled: machines.E_CANCELLED,
};

type Row = Readonly<Partial<Record<string, string>>>;

/** A final response that ends a non-INVITE client transaction, in Trying or Proceeding. */
const NC_FINAL = 'Completed: stop retransmitting, T4, forget, tell';
const NS_FINAL = 'Completed: send, 64*T1';

const EXPECTED: Readonly<Record<string, Readonly<Record<string, Row>>>> = {
  'INVITE client': {
    Calling: {
      'retransmit timer': 'Calling: resend, double',
      'lifetime timer': 'Terminated: tell, end',
      'transport error': 'Terminated: tell, end',
      'receive 1xx': 'Proceeding: stop retransmitting, Timer C, tell',
      'receive 2xx': 'Accepted: stop retransmitting, 64*T1, forget, tell',
      'receive final': 'Completed: stop retransmitting, ack, Timer D, tell',
    },
    Proceeding: {
      'receive 1xx': 'Proceeding: tell',
      'receive 2xx': 'Accepted: 64*T1, forget, tell',
      'receive final': 'Completed: ack, Timer D, tell',
      'lifetime timer': 'Proceeding: tell',
      cancelled: 'Proceeding: 64*T1',
    },
    Completed: {
      'receive final': 'Completed: absorb, ack again',
      'lifetime timer': 'Terminated: end',
      'transport error': 'Terminated: end',
    },
    Accepted: {
      'receive 2xx': 'Accepted: tell',
      'lifetime timer': 'Terminated: end',
    },
  },
  'non-INVITE client': {
    Trying: {
      'retransmit timer': 'Trying: resend, double up to T2',
      'lifetime timer': 'Terminated: tell, end',
      'transport error': 'Terminated: tell, end',
      'receive 1xx': 'Proceeding: tell',
      'receive 2xx': NC_FINAL,
      'receive final': NC_FINAL,
    },
    Proceeding: {
      'retransmit timer': 'Proceeding: resend, interval T2',
      'lifetime timer': 'Terminated: tell, end',
      'transport error': 'Terminated: tell, end',
      'receive 1xx': 'Proceeding: tell',
      'receive 2xx': NC_FINAL,
      'receive final': NC_FINAL,
    },
    Completed: {
      'receive 1xx': 'Completed: absorb',
      'receive 2xx': 'Completed: absorb',
      'receive final': 'Completed: absorb',
      'lifetime timer': 'Terminated: end',
    },
  },
  'INVITE server': {
    Proceeding: {
      request: 'Proceeding: absorb, resend',
      'send 1xx': 'Proceeding: send',
      'send 2xx': 'Accepted: send, 64*T1, forget',
      'send final': 'Completed: send, start retransmitting, 64*T1',
      // Not of the RFC: the bound for a script that is still pending.
      'lifetime timer': 'Proceeding: tell',
      'transport error': 'Proceeding:',
    },
    Completed: {
      request: 'Completed: absorb, resend',
      'retransmit timer': 'Completed: resend, double up to T2',
      ACK: 'Confirmed: stop retransmitting, T4, forget',
      'lifetime timer': 'Terminated: tell, end',
      'transport error': 'Completed:',
    },
    Confirmed: {
      request: 'Confirmed: absorb',
      ACK: 'Confirmed: absorb',
      'lifetime timer': 'Terminated: end',
    },
    Accepted: {
      request: 'Accepted: absorb',
      ACK: 'Accepted: tell',
      'send 2xx': 'Accepted: send',
      'lifetime timer': 'Terminated: end',
      'transport error': 'Accepted:',
    },
  },
  'non-INVITE server': {
    Trying: {
      request: 'Trying: absorb',
      'send 1xx': 'Proceeding: send',
      'send 2xx': NS_FINAL,
      'send final': NS_FINAL,
      'lifetime timer': 'Terminated: end',
    },
    Proceeding: {
      request: 'Proceeding: absorb, resend',
      'send 1xx': 'Proceeding: send',
      'send 2xx': NS_FINAL,
      'send final': NS_FINAL,
      'lifetime timer': 'Terminated: end',
      'transport error': 'Proceeding:',
    },
    Completed: {
      request: 'Completed: absorb, resend',
      'lifetime timer': 'Terminated: end',
      'transport error': 'Completed:',
    },
  },
};

/** What the compiled table says about a pair, in the words of the tables above. */
function cell(state: number, event: number): string {
  const step = transition(state, event);
  if (step === -1) return '-';
  const actions = Object.keys(ACTIONS).filter((name) => (actionsOf(step) & ACTIONS[name]!) !== 0);
  return `${machines.STATE_NAMES[nextStateOf(step)]!}: ${actions.sort().join(', ')}`;
}

function sorted(text: string): string {
  const [next = '', actions = ''] = text.split(':');
  return `${next}: ${actions.split(',').map((action) => action.trim()).sort().join(', ')}`;
}

describe.each(MACHINES.map((machine) => [machine.name, machine] as const))('%s transaction', (name, machine: Machine) => {
  const rows = EXPECTED[name]!;

  it('has the states of its figure, and begins in the first', () => {
    expect(machine.states.map((state) => machines.STATE_NAMES[state])).toEqual(Object.keys(rows));
    expect(machines.STATE_NAMES[machine.initial]).toBe(Object.keys(rows)[0]);
  });

  describe.each(Object.keys(rows))('in %s', (stateName) => {
    const state = machine.states[Object.keys(rows).indexOf(stateName)]!;

    it.each(Object.keys(EVENTS))('on %s', (eventName) => {
      const expected = rows[stateName]![eventName];
      expect(cell(state, EVENTS[eventName]!)).toBe(expected === undefined ? '-' : sorted(expected));
    });
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
});

describe('the transition table', () => {
  it('has all events of the expectation', () => {
    expect(Object.values(EVENTS).sort((a, b) => a - b)).toEqual(Array.from({ length: EVENT_COUNT }, (_, event) => event));
    expect(machines.EVENT_NAMES).toHaveLength(EVENT_COUNT);
  });

  it.each([machines.S_FREE, machines.S_TERMINATED])('knows nothing to do in state %i, where no transaction is', (state) => {
    for (let event = 0; event < EVENT_COUNT; event++) expect(transition(state, event)).toBe(-1);
  });
});
