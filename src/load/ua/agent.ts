/**
 * The user agents of a load thread: runs the scenarios of all calls, and leads messages and timers to the client and the
 * server side. Knows nothing of sockets, threads and clocks: `start`, `onDatagram` and `advance` are called by the loop,
 * with the time in `ua.nowUs`, and `onDatagram` with the time at which it came.
 */
import { TimerWheel, type TimerHandler } from '../../timer/wheel.js';
import { MessageStore } from '../../transaction/message-store.js';
import type { Endpoint } from '../../proxy/ports.js';
import {
  L_ANSWERED_UAS, L_FAILED, L_FAIL_ABORTED, L_FAIL_LATE, L_IN_FLIGHT, L_IN_FLIGHT_UAS, L_RECEIVED, L_STARTED, L_SUCCEEDED,
  L_TABLE_FULL, L_UNREADABLE, T_CALL, countCause, recordTime,
} from '../metrics.js';
import { OP_CHALLENGE_REPLY, OP_CODE, OP_DURATION, OP_END, OP_PAUSE, OP_RECEIVE, OP_REPLY, OP_SEND, OP_SLOTS } from '../scenario/program.js';
import { Answers } from './answers.js';
import { CallIndex } from './call-index.js';
import {
  CALL_SLOTS, CallTable, COUNTED_ELSEWHERE, FLAG_BYE, FLAG_CALLEE, FLAG_DIALOG, F_ANSWER, F_AUTHORIZATION, F_CALLER_GENERATION, F_CAUSE, F_DIALOG, F_FLAGS,
  F_GENERATION, F_PEER, F_SCENARIO, F_SETUP, F_SOCKET,
  F_STATE, F_STEP, F_USER, S_ACK, S_CALLING, S_FREE, S_PAUSE, S_PROCEEDING, S_RECEIVE, TIME_DUE, TIME_SLOTS, TIME_STEP,
} from './call-table.js';
import { ClientSide } from './client.js';
import { Composer } from './composer.js';
import { SETUP_CALLER, SETUP_SLOTS, WHEEL_UNITS, arm, pauseEndUs, scenarioTimer, setupRecord, transactionTimer, type CallFlow, type UaContext } from './context.js';
import { Credentials } from './credentials.js';
import { Dialogs } from './dialogs.js';
import { FAILED_SLOTS, FailedCalls } from './failed-calls.js';
import { Scan } from './scanner.js';
import { ServerSide } from './server.js';

/** Carriage return. */
const CR = 13;

/** What the agent is given; it makes the rest of its context itself. */
export type AgentParts = Omit<UaContext, 'nowUs' | 'eventUs' | 'lastSocket' | 'bytes' | 'words' | 'table' | 'slots' | 'times' | 'callIndex' | 'store' | 'wheel' | 'wheelOriginUs' | 'code' | 'scan'> & {
  /** Calls of both sides at a time. */
  readonly calls: number;
};

export class LoadAgent implements CallFlow, TimerHandler {
  readonly ua: UaContext;
  private readonly client: ClientSide;
  private readonly server: ServerSide;
  private readonly answers: Answers;
  private readonly credentials: Credentials;
  private readonly failed: FailedCalls;
  /** Of the scenarios with a caller side: weights added up, for drawing one. */
  private readonly shares: Float64Array;
  private readonly shareSum: number;
  private nextUser: number;
  private nextSocket = 0;

  constructor(parts: AgentParts, nowUs: number) {
    const { calls, ...given } = parts;
    const { memory, program } = given;
    const table = new CallTable(calls);
    const wheel = new TimerWheel(calls * 2, this);
    // With its ticks on whole milliseconds the wheel wakes the thread together with arrivals.
    const wheelOriginUs = Math.floor(nowUs / 1000) * 1000;
    wheel.advance((wheelOriginUs / 1000) * WHEEL_UNITS);
    this.ua = {
      ...given,
      nowUs,
      eventUs: nowUs,
      lastSocket: 0,
      bytes: memory.bytes,
      words: memory.words,
      table,
      slots: table.slots,
      times: table.times,
      callIndex: new CallIndex(table),
      store: new MessageStore(memory.bytes, memory.storeStart, memory.bytes.length),
      wheel,
      wheelOriginUs,
      code: program.code,
      scan: new Scan(),
    };
    const composer = new Composer(this.ua);
    const dialogs = new Dialogs(this.ua, composer);
    this.credentials = new Credentials(this.ua);
    const records = given.setupThreads * given.setupCalls * SETUP_SLOTS;
    this.failed = new FailedCalls(given.setup.subarray(records, records + FAILED_SLOTS));
    this.client = new ClientSide(this.ua, this, composer, dialogs, this.credentials);
    this.answers = new Answers(this.ua, this, composer, this.credentials);
    this.server = new ServerSide(this.ua, this, this.answers, composer, dialogs, this.credentials);
    let sum = 0;
    this.shares = Float64Array.from(program.entries, ({ weight }) => (sum += weight));
    this.shareSum = sum;
    this.nextUser = this.ua.random.below(this.ua.names.count);
  }

  /** Calls in progress, both sides. */
  get inFlight(): number {
    return this.ua.metrics[L_IN_FLIGHT]! + this.ua.metrics[L_IN_FLIGHT_UAS]!;
  }

  /** Begins a call that was due at `dueUs`. False when the table is full. */
  start(dueUs: number): boolean {
    const { ua } = this;
    const { slots, times, metrics, names } = ua;
    const index = ua.table.allocate(S_CALLING);
    if (index < 0) {
      metrics[L_TABLE_FULL]!++;
      return false;
    }
    metrics[L_STARTED]!++;
    metrics[L_IN_FLIGHT]!++;
    const at = index * CALL_SLOTS;
    const scenario = this.drawScenario();
    slots[at + F_SCENARIO] = scenario;
    slots[at + F_STEP] = ua.program.entries[scenario]!.callerAt;
    slots[at + F_SOCKET] = this.nextSocket;
    if (++this.nextSocket === ua.callers) this.nextSocket = 0;
    slots[at + F_USER] = this.nextUser;
    // Everybody calls somebody from the other half.
    const peer = this.nextUser + (names.count >> 1);
    slots[at + F_PEER] = peer >= names.count ? peer - names.count : peer;
    if (++this.nextUser === names.count) this.nextUser = 0;
    times[index * TIME_SLOTS + TIME_DUE] = dueUs;
    times[index * TIME_SLOTS + TIME_STEP] = dueUs;
    ua.eventUs = ua.nowUs;
    this.run(index);
    return true;
  }

  private drawScenario(): number {
    const { shares } = this;
    if (shares.length === 1) return 0;
    const drawn = this.ua.random.fraction() * this.shareSum;
    let scenario = 0;
    while (scenario < shares.length - 1 && shares[scenario]! <= drawn) scenario++;
    return scenario;
  }

  /** Takes a datagram: `[start, end)` of the memory, that came at `eventUs`, which is not later than `ua.nowUs`. */
  onDatagram(start: number, end: number, from: Endpoint, eventUs: number): void {
    const { ua } = this;
    ua.eventUs = eventUs;
    const { scan } = ua;
    // Line ends alone keep a path open (RFC 5626 §3.5.1): they are no message.
    if (end - start <= 4 && ua.bytes[start] === CR) return;
    ua.metrics[L_RECEIVED]!++;
    ua.lastSocket = from.listener;
    if (!scan.startLine(ua.bytes, start, end)) ua.metrics[L_UNREADABLE]!++;
    else if (scan.isRequest) this.server.onRequest(from);
    else this.client.onResponse();
  }

  /** Fires what is due at `ua.nowUs`. */
  advanceTime(): void {
    this.ua.eventUs = this.ua.nowUs;
    this.ua.wheel.advance((this.ua.nowUs / 1000) * WHEEL_UNITS);
  }

  /** When the next timer may be due, microseconds; Infinity when there is none. */
  nextTimerUs(): number {
    return (this.ua.wheel.nextDeadlineMs() / WHEEL_UNITS) * 1000;
  }

  onTimer(node: number): void {
    const { slots } = this.ua;
    const index = (node - 1) >> 1;
    const state = slots[index * CALL_SLOTS + F_STATE]!;
    if (node === transactionTimer(index)) {
      if (state === S_CALLING || state === S_PROCEEDING) this.client.onTimer(index);
      else if (state === S_ACK) this.answers.onTimer(index);
      return;
    }
    if (state === S_PAUSE) this.advance(index);
    else if (state === S_RECEIVE) this.fail(index, L_FAIL_LATE);
    else if (state === S_CALLING || state === S_PROCEEDING) this.client.cancelDue(index);
  }

  advance(index: number): void {
    this.ua.slots[index * CALL_SLOTS + F_STEP]! += OP_SLOTS;
    this.run(index);
  }

  run(index: number): void {
    const { ua } = this;
    const { slots, code, times } = ua;
    const at = index * CALL_SLOTS;
    for (;;) {
      const step = slots[at + F_STEP]!;
      switch (code[step + OP_CODE]!) {
        case OP_SEND:
          // Behind a pause the request is due at the end of it; anywhere else, now.
          if (slots[at + F_STATE] !== S_PAUSE && code[step - OP_SLOTS + OP_CODE] !== OP_END) times[index * TIME_SLOTS + TIME_STEP] = ua.nowUs;
          this.client.begin(index);
          return;
        case OP_PAUSE: {
          if (!this.answers.beforePause(index)) return;
          const pauseMs = ua.random.durationMs(ua.program.durations[code[step + OP_DURATION]!]!);
          if (pauseMs > 0) {
            slots[at + F_STATE] = S_PAUSE;
            times[index * TIME_SLOTS + TIME_STEP] = pauseEndUs(ua, pauseMs);
            arm(ua, scenarioTimer(index), pauseMs);
            return;
          }
          break;
        }
        case OP_RECEIVE:
          slots[at + F_STATE] = S_RECEIVE;
          arm(ua, scenarioTimer(index), ua.random.durationMs(ua.program.durations[code[step + OP_DURATION]!]!));
          return;
        case OP_REPLY:
          if (!this.answers.reply(index)) return;
          break;
        case OP_CHALLENGE_REPLY:
          if (!this.answers.challenge(index)) return;
          break;
        default:
          this.complete(index);
          return;
      }
      slots[at + F_STEP] = step + OP_SLOTS;
    }
  }

  complete(index: number): void {
    const { ua } = this;
    const at = index * CALL_SLOTS;
    const { slots, metrics } = ua;
    const cause = slots[at + F_CAUSE]!;
    if (cause !== 0) {
      this.countFailure(cause);
    } else if ((slots[at + F_FLAGS]! & FLAG_CALLEE) !== 0) {
      metrics[L_ANSWERED_UAS]!++;
    } else if (!this.failedElsewhere(index)) {
      metrics[L_SUCCEEDED]!++;
      recordTime(metrics, T_CALL, ua.eventUs - ua.times[index * TIME_SLOTS + TIME_DUE]!);
    }
    this.release(index);
  }

  fail(index: number, cause: number): void {
    const { ua } = this;
    const { slots, wheel, program } = ua;
    const at = index * CALL_SLOTS;
    const flags = slots[at + F_FLAGS]!;
    const first = slots[at + F_CAUSE]!;
    const counted = first === 0 ? this.claim(index, cause) : first;
    if (first === 0 && (flags & (FLAG_DIALOG | FLAG_BYE)) === FLAG_DIALOG && slots[at + F_DIALOG] !== 0) {
      wheel.cancel(transactionTimer(index));
      wheel.cancel(scenarioTimer(index));
      slots[at + F_CAUSE] = counted;
      ua.times[index * TIME_SLOTS + TIME_STEP] = ua.nowUs;
      slots[at + F_STEP] = (flags & FLAG_CALLEE) === 0 ? program.callerByeAt : program.calleeByeAt;
      this.run(index);
      return;
    }
    this.countFailure(counted);
    this.release(index);
  }

  /**
   * The cause to count for call `index`, which has failed: COUNTED_ELSEWHERE when the other end is of this process and has
   * seen it fail before.
   */
  private claim(index: number, cause: number): number {
    const { ua, failed } = this;
    const { slots } = ua;
    const at = index * CALL_SLOTS;
    if ((slots[at + F_FLAGS]! & FLAG_CALLEE) === 0) {
      return failed.isFirst((ua.identity.thread - ua.setupFirst) * ua.setupCalls + index, slots[at + F_GENERATION]!) ? cause : COUNTED_ELSEWHERE;
    }
    if (slots[at + F_SETUP] === 0) return cause;
    const record = slots[at + F_SETUP]! - 1;
    const generation = slots[at + F_CALLER_GENERATION]!;
    if (!failed.isFirst(record / SETUP_SLOTS, generation)) return COUNTED_ELSEWHERE;
    if (ua.setup[record + SETUP_CALLER] === generation) ua.setup[record + SETUP_CALLER] = -generation;
    // The caller was content and has gone: what it counted as a success was none.
    else ua.metrics[L_SUCCEEDED]!--;
    return cause;
  }

  /** Whether the callee of the caller's call `index` has counted it as failed: both ends are one call, and this one went through in vain. */
  private failedElsewhere(index: number): boolean {
    const { slots, setup } = this.ua;
    return setup[setupRecord(this.ua, index) + SETUP_CALLER] === -slots[index * CALL_SLOTS + F_GENERATION]!;
  }

  private countFailure(cause: number): void {
    if (cause === COUNTED_ELSEWHERE) return;
    this.ua.metrics[L_FAILED]!++;
    countCause(this.ua.metrics, cause);
  }

  release(index: number): void {
    const { ua } = this;
    const { slots, wheel, store, metrics } = ua;
    const at = index * CALL_SLOTS;
    wheel.cancel(transactionTimer(index));
    wheel.cancel(scenarioTimer(index));
    store.free(slots[at + F_DIALOG]!);
    store.free(slots[at + F_ANSWER]!);
    store.free(slots[at + F_AUTHORIZATION]!);
    this.credentials.forget(index);
    if ((slots[at + F_FLAGS]! & FLAG_CALLEE) !== 0) {
      metrics[L_IN_FLIGHT_UAS]!--;
      ua.callIndex.remove(index);
    } else {
      metrics[L_IN_FLIGHT]!--;
      ua.setup[setupRecord(ua, index) + SETUP_CALLER] = 0;
    }
    ua.table.release(index);
  }

  /** Gives up everything in progress. Callers count as aborted; callees do where there is no caller to count. */
  abort(): void {
    const { ua } = this;
    for (let index = 0; index < ua.table.used; index++) {
      const at = index * CALL_SLOTS;
      if (ua.slots[at + F_STATE] === S_FREE) continue;
      const cause = ua.slots[at + F_CAUSE]!;
      if (cause !== 0) this.countFailure(cause);
      else if ((ua.slots[at + F_FLAGS]! & FLAG_CALLEE) === 0 || ua.callers === 0) this.countFailure(this.claim(index, L_FAIL_ABORTED));
      this.release(index);
    }
  }
}

