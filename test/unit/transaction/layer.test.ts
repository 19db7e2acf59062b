/**
 * Every pair of `expected-machines.ts` through the transaction layer itself: a transaction is brought into the state by
 * the events that lead there, the event happens, and what the layer did is compared with the table. Illegal pairs do
 * nothing at all: no change of state, nothing sent, no timer touched, nobody told; what came from the network is counted.
 */
import { describe, expect, it } from 'vitest';
import { Arena } from '../../../src/proxy/arena.js';
import type { Endpoint, EngineLimits, Outbox } from '../../../src/proxy/ports.js';
import { M_INVITE, M_OPTIONS } from '../../../src/sip/methods.js';
import { COUNTER_COUNT, COUNTERS, C_ACKS_DROPPED, C_ACK_TIMEOUTS, C_DROP_LATE_RESPONSE, C_RESPONSE_RETRANSMISSIONS_IN, C_RETRANSMISSIONS_IN } from '../../../src/telemetry/counters.js';
import { TransactionLayer, type TransactionUser } from '../../../src/transaction/layer.js';
import { STATE_NAMES } from '../../../src/transaction/machine-names.js';
import { S_FREE } from '../../../src/transaction/machines.js';
import { EXPECTED_MACHINES, actionsIn, type ExpectedRow } from './expected-machines.js';

const TIMERS = { t1Ms: 500, t2Ms: 4000, t4Ms: 5000, timerCMs: 185_000, timerDMs: 33_000 };
const LIMITS: EngineLimits = { transactions: 4, branches: 4, storeBytes: 1 << 20, datagramBytes: 65_507, headers: 64, targets: 4, heldCancels: 4 };
const SOMEBODY: Endpoint = { listener: 0, family: 4, port: 5060, a0: 0x0a010001, a1: 0, a2: 0, a3: 0, connection: 0 };
/** Where the layer numbers its timers: two a record, those of the server table first. */
const CLIENT_NODES = LIMITS.transactions * 2;
const MESSAGE_BYTES = 100;

/** Counts what the layer asks for. */
class Wire implements Outbox {
  readonly bytes = new Uint8Array(65_536);
  sent = 0;
  lastOwner = -1;

  reserve(): number {
    return 0;
  }
  commit(_start: number, _end: number, _to: Endpoint, owner: number): void {
    this.sent++;
    this.lastOwner = owner;
  }
  send(_bytes: Uint8Array, _start: number, _end: number, _to: Endpoint, owner: number): boolean {
    this.sent++;
    if (owner >= 0) this.lastOwner = owner;
    return true;
  }
  offer(): boolean {
    return true;
  }
}

/** Notes what the proxy is told. */
class Listener implements TransactionUser {
  told: string[] = [];
  acks = 0;
  slow = 0;
  onResponse(): void {
    this.told.push('response');
  }
  onAckDue(): void {
    this.acks++;
  }
  onServerOverdue(): void {
    this.told.push('overdue');
  }
  onResponseHeldOver(): void {}
  onClientTimeout(): void {
    this.told.push('timeout');
  }
  onClientSlow(): void {
    this.slow++;
  }
  onClientOverdue(): void {
    this.told.push('overdue');
  }
  onClientSendFailed(): void {
    this.told.push('send failed');
  }
  onClientEnd(): void {}
  onServerEnd(): void {}
}

/** The layer with one transaction of one machine. */
class Bench {
  readonly wire = new Wire();
  readonly listener = new Listener();
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly arena = new Arena(this.wire, LIMITS.storeBytes, undefined);
  readonly layer = new TransactionLayer(this.arena, this.counters, TIMERS, LIMITS, this.listener);
  readonly isClient: boolean;
  readonly id: number;
  readonly owner: number;
  /** What the last ACK or response was told. */
  returned: boolean | undefined;

  constructor(machine: string) {
    const { layer } = this;
    layer.wheel.advance(1000);
    this.isClient = machine.endsWith('client');
    const method = machine.startsWith('INVITE') ? M_INVITE : M_OPTIONS;
    if (this.isClient) {
      this.id = layer.createClient(1, 2, method);
      layer.setClientEndpoint(this.id, SOMEBODY);
      const at = this.compose();
      layer.sendRequest(this.id, at, at + MESSAGE_BYTES);
    } else {
      this.id = layer.createServer(1, 2, method);
      layer.setServerEndpoint(this.id, SOMEBODY);
      // A handler that is pending: its bound is the lifetime timer of these states.
      layer.boundDecision(this.id);
    }
    // An owner names a record, its generation and its table; that of a response is known once one has been sent.
    this.owner = this.isClient ? this.wire.lastOwner : (this.id << 9) | ((layer.servers.records[this.id * 32 + 6]! & 0xff) << 1);
  }

  get state(): string {
    const state = this.isClient ? this.layer.clientState(this.id) : this.layer.serverState(this.id);
    return state === S_FREE ? 'Terminated' : STATE_NAMES[state]!;
  }

  get node(): number {
    return (this.isClient ? CLIENT_NODES : 0) + (this.id - 1) * 2 + 1;
  }

  happens(event: string): void {
    const { layer, id } = this;
    switch (event) {
      case 'receive 1xx': return layer.response(id, 180);
      case 'receive 2xx': return layer.response(id, 200);
      case 'receive 300-699': return layer.response(id, 486);
      case 'cancelled': return layer.cancelled(id);
      case 'request again': return layer.requestAgain(id);
      case 'ACK': return void (this.returned = layer.ack(id));
      case 'send 1xx': return this.respond(180);
      case 'send 2xx': return this.respond(200);
      case 'send 300-699': return this.respond(486);
      case 'retransmit timer': return layer.onTimer(this.node);
      case 'lifetime timer': return layer.onTimer(this.node + 1);
      case 'transport error': return layer.sendFailed(this.owner);
      default: throw new Error(`no event is called ${event}`);
    }
  }

  /** Everything that an illegal event must leave as it is. */
  snapshot(): Readonly<Record<string, unknown>> {
    const { layer, wire, listener, arena, node } = this;
    const { wheel } = layer;
    return {
      state: this.state,
      sent: wire.sent,
      told: listener.told.length,
      acks: listener.acks,
      stored: arena.store.usedBytes,
      armed: [wheel.isArmed(node), wheel.isArmed(node + 1), wheel.armed, wheel.nextDeadlineMs()],
      records: [...(this.isClient ? layer.clients : layer.servers).records],
      open: layer.open,
    };
  }

  private respond(status: number): void {
    const at = this.compose();
    this.returned = this.layer.respond(this.id, status, at, at + MESSAGE_BYTES);
  }

  private compose(): number {
    const at = this.arena.reserve(MESSAGE_BYTES);
    this.arena.bytes.fill(0x61, at, at + MESSAGE_BYTES);
    return at;
  }
}

/** Events that lead to a state. */
const WAYS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'INVITE client': { Calling: [], Proceeding: ['receive 1xx'], Completed: ['receive 300-699'], Accepted: ['receive 2xx'] },
  'non-INVITE client': { Trying: [], Proceeding: ['receive 1xx'], Completed: ['receive 2xx'] },
  'INVITE server': { Proceeding: ['send 1xx'], Completed: ['send 300-699'], Confirmed: ['send 300-699', 'ACK'], Accepted: ['send 2xx'] },
  'non-INVITE server': { Trying: [], Proceeding: ['send 1xx'], Completed: ['send 2xx'] },
};

function benchIn(machine: string, state: string): Bench {
  const bench = new Bench(machine);
  for (const event of WAYS[machine]![state]!) bench.happens(event);
  expect(bench.state).toBe(state);
  return bench;
}

/** Milliseconds from now to when a timer fires; -1 when it is not armed. Once a bench: the timers do nothing behind it. */
function firesIn(bench: Bench, node: number): number {
  const { wheel } = bench.layer;
  if (!wheel.isArmed(node)) return -1;
  const fromMs = wheel.nowMs;
  let firedMs = -1;
  // From here on the timers only tell: the transaction is not used any more.
  bench.layer.onTimer = (fired) => {
    if (fired === node && firedMs < 0) firedMs = wheel.nowMs;
  };
  for (let ms = fromMs; firedMs < 0 && ms < fromMs + 400_000; ms += 10) wheel.advance(ms);
  return firedMs - fromMs;
}

const LIFETIMES: Readonly<Record<string, number>> = { '64*T1': 32_000, T4: 5000, 'Timer D': 33_000, 'Timer C': 185_000 };

describe.each(Object.keys(EXPECTED_MACHINES))('%s transaction, through the layer', (machine) => {
  const { rows } = EXPECTED_MACHINES[machine]!;
  const isIllegal = ([, , next]: ExpectedRow): boolean => next === 'illegal';

  it.each(rows.filter((row) => !isIllegal(row)))('in %s on %s: %s, %s (%s)', (...row) => {
    const [state, event, next] = row;
    const actions = actionsIn(row);
    const has = (action: string): number => (actions.includes(action) ? 1 : 0);
    const bench = benchIn(machine, state);
    const { layer, wire, listener, counters } = bench;
    const before = { sent: wire.sent, acks: listener.acks, told: listener.told.length, timeouts: counters[C_ACK_TIMEOUTS]! };
    bench.happens(event);
    expect(bench.state).toBe(next);
    expect(wire.sent - before.sent).toBe(has('send') + has('resend'));
    expect(listener.acks - before.acks).toBe(has('ack') + has('ack again'));
    // Timer H is told by a counter, an ACK by what `ack` returns.
    const told = listener.told.length - before.told + (counters[C_ACK_TIMEOUTS]! - before.timeouts) + (event === 'ACK' && bench.returned === false ? 1 : 0);
    expect(told).toBe(has('tell'));
    expect(counters[C_RETRANSMISSIONS_IN]! + counters[C_RESPONSE_RETRANSMISSIONS_IN]!).toBe(has('absorb'));
    if (has('forget') + has('end') > 0) expect(bench.arena.store.usedBytes).toBe(0);
    if (has('end') === 1) {
      expect(layer.wheel.armed).toBe(0);
      return;
    }
    if (has('stop retransmitting') === 1) expect(layer.wheel.isArmed(bench.node)).toBe(false);
    if (has('start retransmitting') === 1) expect(firesIn(bench, bench.node)).toBe(500);
    if (has('double') + has('double up to T2') === 1) expect(firesIn(bench, bench.node)).toBe(1000);
    if (has('interval T2') === 1) expect(firesIn(bench, bench.node)).toBe(4000);
    const lifetime = Object.keys(LIFETIMES).find((action) => actions.includes(action));
    if (lifetime === undefined) return;
    const again = benchIn(machine, state);
    again.happens(event);
    expect(firesIn(again, again.node + 1)).toBe(LIFETIMES[lifetime]);
  });

  it.each(rows.filter(isIllegal))('in %s on %s: %s, %s (%s)', (state, event) => {
    const bench = benchIn(machine, state);
    const { counters } = bench;
    const before = bench.snapshot();
    const counted = [...counters];
    bench.returned = undefined;
    bench.happens(event);
    expect(bench.snapshot()).toEqual(before);
    const counts = COUNTERS.flatMap(({ name }, index) => (counters[index] === counted[index] ? [] : [`${name} +${counters[index]! - counted[index]!}`]));
    const nameOf = (index: number): string => `${COUNTERS[index]!.name} +1`;
    expect(counts).toEqual(event.startsWith('receive') ? [nameOf(C_DROP_LATE_RESPONSE)] : event === 'ACK' ? [nameOf(C_ACKS_DROPPED)] : []);
    // A response that may not be sent is refused to the proxy; an ACK that fits nothing is dealt with, and not passed on.
    if (event.startsWith('send')) expect(bench.returned).toBe(false);
    if (event === 'ACK') expect(bench.returned).toBe(true);
  });
});

describe('retransmission intervals, through the layer', () => {
  /** Intervals of the retransmission timer as they follow one another until the lifetime timer ends it. */
  function intervals(machine: string, events: readonly string[], count: number): number[] {
    const bench = new Bench(machine);
    for (const event of events) bench.happens(event);
    const times: number[] = [];
    const { layer, wire } = bench;
    let { sent } = wire;
    let lastMs = layer.wheel.nowMs;
    for (let ms = lastMs; times.length < count && ms < 100_000; ms += 10) {
      layer.wheel.advance(ms);
      if (wire.sent === sent) continue;
      sent = wire.sent;
      times.push(ms - lastMs);
      lastMs = ms;
    }
    return times;
  }

  it('double without a cap for Timer A', () => {
    expect(intervals('INVITE client', [], 99)).toEqual([500, 1000, 2000, 4000, 8000, 16_000]);
  });

  it('double up to T2 for Timer E, and are T2 in Proceeding', () => {
    expect(intervals('non-INVITE client', [], 99)).toEqual([500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
    expect(intervals('non-INVITE client', ['receive 1xx'], 99)).toEqual([500, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
  });

  it('double up to T2 for Timer G', () => {
    expect(intervals('INVITE server', ['send 300-699'], 99)).toEqual([500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000]);
  });
});
