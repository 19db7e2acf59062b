/**
 * The transaction layer of one shard (RFC 3261 §17, RFC 6026): the two tables, the timers, and the execution of the state
 * tables in `machines.ts`. It sends, resends and forgets messages; what a message means for the call is for the
 * transaction user (the proxy core), which it tells by `TransactionUser`.
 *
 * Invariant: every record in a table is in a state of its machine, and its timers are armed as that state says. Messages
 * handed in lie in the arena (`arena.bytes`); what has to be sent again is copied into the message store. Sans-I/O.
 */
import type { Arena } from '../proxy/arena.js';
import type { Endpoint, EngineLimits, TimerSettings } from '../proxy/ports.js';
import { copyBytes } from '../sip/copy-bytes.js';
import { M_INVITE } from '../sip/methods.js';
import {
  C_ACKS_DROPPED,
  C_ACK_TIMEOUTS,
  C_CLIENT_TX,
  C_CLIENT_TX_ALIVE,
  C_DROP_LATE_RESPONSE,
  C_DROP_OUTBOX_FULL,
  C_REQUESTS_OUT,
  C_RESPONSES_OUT,
  C_RESPONSE_RETRANSMISSIONS_IN,
  C_RETRANSMISSIONS_IN,
  C_RETRANSMISSIONS_OUT,
  C_SERVER_TX,
  C_SERVER_TX_ALIVE,
  C_TIMEOUTS,
} from '../telemetry/counters.js';
import { type TimerHandler, TimerWheel } from '../timer/wheel.js';
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
  E_ACK,
  E_CANCELLED,
  E_LIFETIME,
  E_RECV_1XX,
  E_RECV_2XX,
  E_RECV_FINAL,
  E_REQUEST,
  E_RETRANSMIT,
  E_SEND_1XX,
  E_SEND_2XX,
  E_SEND_FINAL,
  E_TRANSPORT_ERROR,
  S_FREE,
  S_IC_CALLING,
  S_IC_PROCEEDING,
  S_IS_ACCEPTED,
  S_IS_PROCEEDING,
  S_NC_PROCEEDING,
  S_NC_TRYING,
  S_NS_PROCEEDING,
  S_NS_TRYING,
  actionsOf,
  nextStateOf,
  transition,
} from './machines.js';
import type { MessageStore } from './message-store.js';
import { OWNER_GENERATION_MASK, OWNER_ID_SHIFT, ownerOf } from './owner.js';
import { readEndpoint, setEndpoint } from './peer.js';
import {
  F_GENERATION,
  F_INTERVAL_MS,
  F_LAST,
  F_LAST_BYTES,
  F_STATE,
  F_STATUS,
  RECORD_STRIDE,
  TransactionTable,
} from './table.js';

/** Timers B, F, H, J, L and M last this many T1 (RFC 3261 Table 4). */
const LIFETIME_T1 = 64;

/** How many T1 a response that is ready waits for a pending script: to an INVITE, and to anything else. */
const HELD_INVITE_T1 = 64;
const HELD_OTHER_T1 = 32;

/** What the layer tells its user. Every call is made with the record still alive. */
export interface TransactionUser {
  /** A response passed the client transaction: not a retransmission, not late. The message is the user's to know. */
  onResponse(client: number): void;
  /** An ACK is due for the final response at hand, which may have come again (§17.1.1.3). */
  onAckDue(client: number): void;
  /** The time that a script has for its decision is over. */
  onServerOverdue(server: number): void;
  /** The time for which a response that is ready may wait for a pending script is over. */
  onResponseHeldOver(server: number): void;
  /** Timer B or F: no final response came. The client transaction ends behind this call. */
  onClientTimeout(client: number): void;
  /** Timer C, or 64·T1 passed after a CANCEL: the branch still rings. */
  onClientOverdue(client: number): void;
  /** A non-INVITE request goes out again every T2 from here on: its sender must hear of it (RFC 4320 §4.1). Called at each. */
  onClientSlow(client: number): void;
  /** The request could not be sent. The client transaction ends behind this call. */
  onClientSendFailed(client: number): void;
  /** The record is about to be given back. */
  onClientEnd(client: number): void;
  onServerEnd(server: number): void;
}

/**
 * Most timers that fire between two looks at the network. 600,000 transactions that all end at once take a shard half a second
 * (0.5 µs each, memory that nobody has touched for half a minute): so it is busy with them for half a millisecond at a time, and
 * for some milliseconds when all of them send (bench/alive).
 */
const TIMERS_A_TURN = 1024;

/** The retransmission timer node of a record counts from its lifetime node. */
const NODES = 2;

export class TransactionLayer implements TimerHandler {
  readonly servers: TransactionTable;
  readonly clients: TransactionTable;
  readonly wheel: TimerWheel;
  readonly #arena: Arena;
  readonly #store: MessageStore;
  readonly #counters: Float64Array;
  readonly #user: TransactionUser;
  readonly #t1Ms: number;
  readonly #t2Ms: number;
  readonly #t4Ms: number;
  readonly #timerCMs: number;
  readonly #timerDMs: number;
  readonly #clientNodes: number;
  readonly #endpoint: Endpoint = { listener: 0, family: 4, port: 0, a0: 0, a1: 0, a2: 0, a3: 0, connection: 0 };
  /** Server transactions without a final response, and client transactions of theirs: what draining waits for. */
  #open = 0;

  constructor(arena: Arena, counters: Float64Array, timers: TimerSettings, limits: EngineLimits, user: TransactionUser) {
    this.#arena = arena;
    this.#store = arena.store;
    this.#counters = counters;
    this.#user = user;
    this.servers = new TransactionTable(limits.transactions);
    this.clients = new TransactionTable(limits.branches);
    this.#clientNodes = limits.transactions * NODES;
    this.wheel = new TimerWheel((limits.transactions + limits.branches) * NODES, this, TIMERS_A_TURN);
    this.#t1Ms = timers.t1Ms;
    this.#t2Ms = timers.t2Ms;
    this.#t4Ms = timers.t4Ms;
    this.#timerCMs = timers.timerCMs;
    this.#timerDMs = timers.timerDMs;
  }

  /** Transactions that wait for a final response. */
  get open(): number {
    return this.#open;
  }

  // Server transactions

  /** A server transaction in its first state, peer not yet set; 0 when the table is full. */
  createServer(lo: number, hi: number, cls: number): number {
    const id = this.servers.allocate();
    if (id === 0) return 0;
    this.servers.insert(id, lo, hi, cls);
    this.servers.records[id * RECORD_STRIDE + F_STATE] = cls === M_INVITE ? S_IS_PROCEEDING : S_NS_TRYING;
    this.#open++;
    this.#counters[C_SERVER_TX]!++;
    this.#counters[C_SERVER_TX_ALIVE] = this.servers.alive;
    return id;
  }

  /** The request of a server transaction came again. */
  requestAgain(id: number): void {
    this.#stepServer(id, E_REQUEST, 0, 0);
  }

  /** An ACK with the key of an INVITE came. False when it is for the user (ACK to a 2xx under the same branch). */
  ack(id: number): boolean {
    const step = transition(this.serverState(id), E_ACK);
    if (step === -1) {
      this.#counters[C_ACKS_DROPPED]!++;
      return true;
    }
    if ((actionsOf(step) & DO_PASS) !== 0) return false;
    this.#stepServer(id, E_ACK, 0, 0);
    return true;
  }

  /** Whether a response with this status may be sent now (§17.2: one final, nothing after it but a 2xx after a 2xx). */
  mayRespond(id: number, status: number): boolean {
    return transition(this.serverState(id), sendEvent(status)) !== -1;
  }

  /**
   * Sends the response composed in the arena at `[start, end)` (reserved, not yet committed). False when the state does
   * not allow it: nothing is sent.
   */
  respond(id: number, status: number, start: number, end: number): boolean {
    const event = sendEvent(status);
    if (transition(this.serverState(id), event) === -1) return false;
    this.servers.records[id * RECORD_STRIDE + F_STATUS] = status;
    this.#stepServer(id, event, start, end);
    return true;
  }

  /** Ends a server transaction without an answer (RFC 4320: a non-INVITE request that nobody answered in time). */
  endServer(id: number): void {
    this.#destroyServer(id);
  }

  /**
   * Bounds the time that a script may wait: as long as a call may ring (Timer C) for an INVITE, and 64·T1 for anything else,
   * whose client has given up by then (RFC 4320).
   */
  boundDecision(id: number): void {
    const invite = this.serverState(id) === S_IS_PROCEEDING;
    this.wheel.arm(this.#serverNode(id) + 1, invite ? this.#timerCMs : LIFETIME_T1 * this.#t1Ms);
  }

  /** The script has decided: from here on the branches bound the time. */
  unboundDecision(id: number): void {
    if (this.serverState(id) === S_IS_PROCEEDING) this.wheel.cancel(this.#serverNode(id) + 1);
  }

  /**
   * Bounds the time for which a response that is ready waits for a pending script: 64·T1 for an INVITE, as long as a callee
   * may keep silent, since its caller has no timer that runs out sooner; 32·T1 for anything else, whose caller gives up 64·T1
   * after it has asked and shall hear in time of what was answered soon. It runs in the retransmission timer, which a server
   * transaction has no other use for before its final response. Once it runs it is not begun anew.
   */
  boundHeldResponse(id: number): void {
    const node = this.#serverNode(id);
    if (this.wheel.isArmed(node)) return;
    this.wheel.arm(node, (this.serverState(id) === S_IS_PROCEEDING ? HELD_INVITE_T1 : HELD_OTHER_T1) * this.#t1Ms);
  }

  /** There are branches again, which may have a better response. Only without a final response. */
  unboundHeldResponse(id: number): void {
    this.wheel.cancel(this.#serverNode(id));
  }

  /** Nothing will be answered any more: the transaction ends when nothing of it can be in the network, T4 from now. */
  lapse(id: number): void {
    this.wheel.arm(this.#serverNode(id) + 1, this.#t4Ms);
  }

  /** Bounds the time that a held CANCEL waits for its INVITE: it ends then, if nothing has answered it. */
  boundHold(id: number, holdMs: number): void {
    this.wheel.arm(this.#serverNode(id) + 1, holdMs);
  }

  serverState(id: number): number {
    return this.servers.records[id * RECORD_STRIDE + F_STATE]!;
  }

  /** True while no final response has been sent. */
  serverIsOpen(id: number): boolean {
    const state = this.serverState(id);
    return state === S_IS_PROCEEDING || state === S_NS_TRYING || state === S_NS_PROCEEDING;
  }

  // Client transactions

  /** A client transaction in its first state, peer not yet set; 0 when the table is full. */
  createClient(lo: number, hi: number, cls: number): number {
    const id = this.clients.allocate();
    if (id === 0) return 0;
    this.clients.insert(id, lo, hi, cls);
    this.clients.records[id * RECORD_STRIDE + F_STATE] = cls === M_INVITE ? S_IC_CALLING : S_NC_TRYING;
    this.#counters[C_CLIENT_TX]!++;
    this.#counters[C_CLIENT_TX_ALIVE] = this.clients.alive;
    return id;
  }

  /** Keeps the request composed in the arena at `[start, end)` (reserved) for retransmission, sends it, starts timers. */
  sendRequest(id: number, start: number, end: number): boolean {
    const records = this.clients.records;
    const at = id * RECORD_STRIDE;
    if (!this.#keep(records, at, start, end)) return false;
    this.#commit(start, end, this.clientEndpoint(id), ownerOf(id, records[at + F_GENERATION]!, 1), C_REQUESTS_OUT);
    records[at + F_INTERVAL_MS] = this.#t1Ms;
    this.wheel.arm(this.#clientNode(id), this.#t1Ms);
    this.wheel.arm(this.#clientNode(id) + 1, LIFETIME_T1 * this.#t1Ms);
    return true;
  }

  /** A response came whose branch and method match this client transaction. */
  response(id: number, status: number): void {
    const event = status < 200 ? E_RECV_1XX : status < 300 ? E_RECV_2XX : E_RECV_FINAL;
    this.#stepClient(id, event, status);
  }

  /**
   * From here on the message in the arena at `[start, end)` is all that is kept of a branch's request, when that takes a smaller
   * block. The request is never sent again.
   */
  keepInstead(id: number, start: number, end: number): void {
    const records = this.clients.records;
    const at = id * RECORD_STRIDE;
    const old = records[at + F_LAST]!;
    if (old === 0 || !this.#store.wouldSave(old, end - start)) return;
    const block = this.#store.allocate(end - start);
    if (block === 0) return;
    copyBytes(this.#arena.bytes, start, end, block);
    records[at + F_LAST] = block;
    records[at + F_LAST_BYTES] = end - start;
    this.#store.free(old);
  }

  /** The branch was cancelled: without a final response it is overdue in 64·T1. */
  cancelled(id: number): void {
    this.#stepClient(id, E_CANCELLED, 0);
  }

  /** Timer C starts over (§16.7 step 2). */
  restartTimerC(id: number): void {
    this.wheel.arm(this.#clientNode(id) + 1, this.#timerCMs);
  }

  endClient(id: number): void {
    this.#destroyClient(id);
  }

  clientState(id: number): number {
    return this.clients.records[id * RECORD_STRIDE + F_STATE]!;
  }

  /** True while no final response has been received. */
  clientIsOpen(id: number): boolean {
    const state = this.clientState(id);
    return state === S_IC_CALLING || state === S_IC_PROCEEDING || state === S_NC_TRYING || state === S_NC_PROCEEDING;
  }

  /** The datagram with this owner could not be sent. */
  sendFailed(owner: number): void {
    if (owner < 0) return;
    const id = owner >>> OWNER_ID_SHIFT;
    const generation = (owner >>> 1) & OWNER_GENERATION_MASK;
    const table = (owner & 1) === 1 ? this.clients : this.servers;
    if (id === 0 || id > table.capacity) return;
    const at = id * RECORD_STRIDE;
    if (table.records[at + F_STATE] === S_FREE || (table.records[at + F_GENERATION]! & OWNER_GENERATION_MASK) !== generation) return;
    if (table === this.clients) this.#stepClient(id, E_TRANSPORT_ERROR, 0);
    else this.#stepServer(id, E_TRANSPORT_ERROR, 0, 0);
  }

  // Peers

  setServerEndpoint(id: number, from: Endpoint): void {
    setEndpoint(this.servers.records, id * RECORD_STRIDE, from);
  }

  setClientEndpoint(id: number, to: Endpoint): void {
    setEndpoint(this.clients.records, id * RECORD_STRIDE, to);
  }

  /** Borrowed until the next call of this or `clientEndpoint`. */
  serverEndpoint(id: number): Endpoint {
    return readEndpoint(this.servers.records, id * RECORD_STRIDE, this.#endpoint);
  }

  clientEndpoint(id: number): Endpoint {
    return readEndpoint(this.clients.records, id * RECORD_STRIDE, this.#endpoint);
  }

  // Timers

  onTimer(node: number): void {
    const isClient = node > this.#clientNodes;
    const index = (isClient ? node - this.#clientNodes : node) - 1;
    const id = (index >>> 1) + 1;
    const event = (index & 1) === 0 ? E_RETRANSMIT : E_LIFETIME;
    if (isClient) this.#stepClient(id, event, 0);
    else if (event === E_RETRANSMIT && this.serverIsOpen(id)) this.#user.onResponseHeldOver(id);
    else this.#stepServer(id, event, 0, 0);
  }

  #serverNode(id: number): number {
    return (id - 1) * NODES + 1;
  }

  #clientNode(id: number): number {
    return this.#clientNodes + (id - 1) * NODES + 1;
  }

  #stepServer(id: number, event: number, start: number, end: number): void {
    const records = this.servers.records;
    const at = id * RECORD_STRIDE;
    const step = transition(records[at + F_STATE]!, event);
    if (step === -1) return;
    const actions = actionsOf(step);
    const next = nextStateOf(step);
    const wasOpen = this.serverIsOpen(id);
    records[at + F_STATE] = next;
    if (wasOpen && !this.serverIsOpen(id)) this.#open--;
    if ((actions & DO_ABSORB) !== 0) this.#counters[C_RETRANSMISSIONS_IN]!++;
    if ((actions & DO_SEND) !== 0) {
      this.#commit(start, end, this.serverEndpoint(id), ownerOf(id, records[at + F_GENERATION]!, 0), C_RESPONSES_OUT);
      // In Accepted nothing is ever sent again from here: retransmissions of a 2xx are the callee's (RFC 6026).
      if (next !== S_IS_ACCEPTED) this.#keep(records, at, start, end);
    }
    if ((actions & DO_RESEND) !== 0) this.#resend(records, at, this.serverEndpoint(id), C_RESPONSES_OUT, event === E_RETRANSMIT);
    this.#runTimers(records, at, actions, this.#serverNode(id));
    if ((actions & DO_FORGET) !== 0) this.#forget(records, at);
    // Two timers of server transactions are told of: Timer H (no ACK came), and the bound for a pending script.
    if ((actions & DO_PASS) !== 0 && event === E_LIFETIME) {
      if (next === S_IS_PROCEEDING) this.#user.onServerOverdue(id);
      else this.#counters[C_ACK_TIMEOUTS]!++;
    }
    if ((actions & DO_END) !== 0) this.#destroyServer(id);
  }

  #stepClient(id: number, event: number, status: number): void {
    const records = this.clients.records;
    const at = id * RECORD_STRIDE;
    const before = records[at + F_STATE]!;
    const step = transition(before, event);
    if (step === -1) {
      if (status !== 0) this.#counters[C_DROP_LATE_RESPONSE]!++;
      return;
    }
    const actions = actionsOf(step);
    records[at + F_STATE] = nextStateOf(step);
    if (status !== 0) records[at + F_STATUS] = status;
    if ((actions & DO_ABSORB) !== 0) this.#counters[C_RESPONSE_RETRANSMISSIONS_IN]!++;
    if ((actions & DO_RESEND) !== 0) this.#resend(records, at, this.clientEndpoint(id), C_REQUESTS_OUT, true);
    const wasSlow = records[at + F_INTERVAL_MS] === this.#t2Ms;
    this.#runTimers(records, at, actions, this.#clientNode(id));
    if (event === E_RETRANSMIT) {
      // In Proceeding the interval is T2 from the first time on, which may be sooner than it would have doubled so far.
      const isSlow = before === S_NC_TRYING ? records[at + F_INTERVAL_MS] === this.#t2Ms : before === S_NC_PROCEEDING && wasSlow;
      if (isSlow) this.#user.onClientSlow(id);
    }
    if ((actions & (DO_ACK | DO_RESEND_ACK)) !== 0) this.#user.onAckDue(id);
    if ((actions & DO_FORGET) !== 0) this.#forget(records, at);
    if ((actions & DO_PASS) !== 0) this.#passClient(id, event, before);
    if ((actions & DO_END) !== 0 && records[at + F_STATE] !== S_FREE) this.#destroyClient(id);
  }

  #passClient(id: number, event: number, before: number): void {
    if (event === E_LIFETIME) {
      this.#counters[C_TIMEOUTS]!++;
      if (before === S_IC_PROCEEDING) this.#user.onClientOverdue(id);
      else this.#user.onClientTimeout(id);
    } else if (event === E_TRANSPORT_ERROR) {
      this.#user.onClientSendFailed(id);
    } else {
      this.#user.onResponse(id);
    }
  }

  #runTimers(records: Int32Array, at: number, actions: number, node: number): void {
    const wheel = this.wheel;
    if ((actions & DO_ARM_RETRANSMIT) !== 0) {
      records[at + F_INTERVAL_MS] = this.#t1Ms;
      wheel.arm(node, this.#t1Ms);
    }
    if ((actions & (DO_DOUBLE | DO_DOUBLE_CAPPED | DO_REARM_T2)) !== 0) {
      let intervalMs = records[at + F_INTERVAL_MS]! * 2;
      if ((actions & DO_DOUBLE_CAPPED) !== 0 && intervalMs > this.#t2Ms) intervalMs = this.#t2Ms;
      if ((actions & DO_REARM_T2) !== 0) intervalMs = this.#t2Ms;
      records[at + F_INTERVAL_MS] = intervalMs;
      wheel.arm(node, intervalMs);
    }
    if ((actions & DO_STOP_RETRANSMIT) !== 0) wheel.cancel(node);
    if ((actions & DO_ARM_64T1) !== 0) wheel.arm(node + 1, LIFETIME_T1 * this.#t1Ms);
    if ((actions & DO_ARM_T4) !== 0) wheel.arm(node + 1, this.#t4Ms);
    if ((actions & DO_ARM_D) !== 0) wheel.arm(node + 1, this.#timerDMs);
    if ((actions & DO_ARM_C) !== 0) wheel.arm(node + 1, this.#timerCMs);
  }

  /** Copies `[start, end)` of the arena into the store as the message to send again. False when the store is full. */
  #keep(records: Int32Array, at: number, start: number, end: number): boolean {
    const length = end - start;
    let block = records[at + F_LAST]!;
    if (block === 0 || this.#store.sizeOf(block) < length) {
      this.#store.free(block);
      block = this.#store.allocate(length);
      records[at + F_LAST] = block;
      records[at + F_LAST_BYTES] = 0;
      if (block === 0) return false;
    }
    copyBytes(this.#arena.bytes, start, end, block);
    records[at + F_LAST_BYTES] = length;
    return true;
  }

  /** A message that does not fit the send queue is lost like any datagram: the timers send it again. */
  #commit(start: number, end: number, to: Endpoint, owner: number, counter: number): void {
    if (this.#arena.commit(start, end, to, owner)) this.#counters[counter]!++;
    else this.#counters[C_DROP_OUTBOX_FULL]!++;
  }

  #forget(records: Int32Array, at: number): void {
    this.#store.free(records[at + F_LAST]!);
    records[at + F_LAST] = 0;
    records[at + F_LAST_BYTES] = 0;
  }

  #resend(records: Int32Array, at: number, to: Endpoint, counter: number, byTimer: boolean): void {
    const block = records[at + F_LAST]!;
    if (block === 0) return;
    if (!this.#arena.send(block, block + records[at + F_LAST_BYTES]!, to, -1)) {
      this.#counters[C_DROP_OUTBOX_FULL]!++;
      return;
    }
    this.#counters[counter]!++;
    if (byTimer) this.#counters[C_RETRANSMISSIONS_OUT]!++;
  }

  #destroyServer(id: number): void {
    const at = id * RECORD_STRIDE;
    if (this.servers.records[at + F_STATE] === S_FREE) return;
    if (this.serverIsOpen(id)) this.#open--;
    this.#user.onServerEnd(id);
    this.wheel.cancel(this.#serverNode(id));
    this.wheel.cancel(this.#serverNode(id) + 1);
    this.#forget(this.servers.records, at);
    this.servers.release(id);
    this.#counters[C_SERVER_TX_ALIVE] = this.servers.alive;
  }

  #destroyClient(id: number): void {
    const at = id * RECORD_STRIDE;
    if (this.clients.records[at + F_STATE] === S_FREE) return;
    this.#user.onClientEnd(id);
    this.wheel.cancel(this.#clientNode(id));
    this.wheel.cancel(this.#clientNode(id) + 1);
    this.#forget(this.clients.records, at);
    this.clients.release(id);
    this.#counters[C_CLIENT_TX_ALIVE] = this.clients.alive;
  }
}

function sendEvent(status: number): number {
  return status < 200 ? E_SEND_1XX : status < 300 ? E_SEND_2XX : E_SEND_FINAL;
}
