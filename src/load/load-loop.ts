/**
 * The loop of a load thread: receive, timers, arrivals, send; sleep until the next of them. It reads the clock once a turn,
 * and turns Node's event loop by time. Load thread.
 *
 * Arrivals are begun as the plan says, a bounded number a turn, so that answers are read in between. What the thread does
 * not get done in time shows: as lateness, as `overrun` beyond 100 ms, and beyond a second the call is not begun at all.
 */
import { CTL_BUDGET, CTL_RATE, CTL_STATE, RUN_DRAIN, RUN_GO, RUN_STOP } from './control.js';
import type { Arrivals } from './arrivals.js';
import { nowUs } from './clock.js';
import type { Gathering } from './gathering.js';
import type { LoadIo, LoadReceiver } from './io/load-io.js';
import { L_DUE, L_IN_FLIGHT, L_OVERRUN, L_SEND_DROPPED, L_SENT, L_SKIPPED, T_LATENESS, recordTime } from './metrics.js';
import type { LoadAgent } from './ua/agent.js';

/** Calls begun in one turn. */
const STARTS_MAX = 24;
/** So many datagrams in a turn are a backlog. */
const BACKLOG = 64;
/** Beyond so many datagrams the clock is read once more in a turn. */
const LARGE_BATCH = 8;
/** A call that begins later than this counts as overrun; later than the second, it is not begun. Microseconds. */
const OVERRUN_US = 100_000;
const GIVE_UP_US = 1_000_000;
/** The event loop turns at least this often, microseconds. */
const TURN_EVERY_US = 50_000;
/** Longest sleep, microseconds: what a word of the coordinator waits at most. */
const SLEEP_MAX_US = 5_000;

export interface LoadLoopParts {
  readonly agent: LoadAgent;
  readonly io: LoadIo;
  readonly gathering: Gathering;
  readonly arrivals: Arrivals;
  readonly metrics: Float64Array;
  /** CTL_* cells. */
  readonly control: Float64Array;
  /** Calls in progress on the caller side of this thread. */
  readonly concurrency: number;
  /** False for a thread that only answers. */
  readonly calls: boolean;
  /** Nothing is in progress any more and nothing begins. */
  readonly onIdle: () => void;
}

export class LoadLoop {
  private readonly parts: LoadLoopParts;
  private readonly receiver: LoadReceiver;
  /** Due times of the calls begun in this turn, until they are handed to the kernel. */
  private readonly begun = new Float64Array(STARTS_MAX);
  private begunCount = 0;
  private saidIdle = false;

  constructor(parts: LoadLoopParts) {
    this.parts = parts;
    const { agent } = parts;
    const { ua } = agent;
    this.receiver = (start, end, from, eventUs) => {
      // A thread that was stopped behind its look at the clock must not date answers to a time at which they had not come.
      if (eventUs > ua.nowUs) ua.nowUs = eventUs;
      agent.onDatagram(start, end, from, eventUs);
    };
  }

  /** Runs until the coordinator says RUN_STOP. */
  async run(): Promise<void> {
    const { agent, arrivals, control, io, gathering } = this.parts;
    const { ua } = agent;
    let turnedUs = nowUs();
    for (;;) {
      const now = nowUs();
      ua.nowUs = now;
      const state = control[CTL_STATE]!;
      if (state === RUN_STOP) break;
      const received = io.receive(this.receiver);
      // A large batch takes its time, and what is due by now is what counts.
      if (received > LARGE_BATCH) ua.nowUs = nowUs();
      agent.advanceTime();
      if (state === RUN_GO) {
        this.saidIdle = false;
        // Behind a full batch there is more to be read, and it comes first: its queue is short, and what overflows is lost.
        if (received < BACKLOG) this.begin(ua.nowUs);
      } else {
        arrivals.stop();
        if (state === RUN_DRAIN) this.checkIdle();
      }
      io.flush();
      this.account(received);
      if (now - turnedUs >= TURN_EVERY_US) {
        await turnEventLoop();
        turnedUs = nowUs();
        continue;
      }
      const pauseUs = gathering.pauseUs(received, now);
      if (io.idle()) {
        const waiting = this.sleep(ua.nowUs, pauseUs);
        if (waiting !== undefined) await waiting;
      }
    }
    agent.abort();
    io.flush();
    this.account(1);
  }

  private begin(now: number): void {
    const { agent, arrivals, calls, control, metrics, concurrency } = this.parts;
    if (!calls) return;
    arrivals.setRate(control[CTL_BUDGET]! > 0 ? control[CTL_RATE]! : 0, now);
    while (this.begunCount < STARTS_MAX && arrivals.nextUs <= now) {
      if (control[CTL_BUDGET]! <= 0) {
        arrivals.stop();
        return;
      }
      const due = arrivals.take();
      const late = now - due;
      metrics[L_DUE]!++;
      if (late > OVERRUN_US) metrics[L_OVERRUN]!++;
      if (late > GIVE_UP_US) continue;
      if (metrics[L_IN_FLIGHT]! >= concurrency) {
        metrics[L_SKIPPED]!++;
        continue;
      }
      if (!agent.start(due)) continue;
      control[CTL_BUDGET]!--;
      this.begun[this.begunCount++] = due;
    }
  }

  /** After a flush: what was sent, and how late calls were begun. */
  private account(received: number): void {
    const { io, metrics } = this.parts;
    if (this.begunCount > 0) {
      const now = nowUs();
      for (let i = 0; i < this.begunCount; i++) recordTime(metrics, T_LATENESS, now - this.begun[i]!);
      this.begunCount = 0;
    } else if (received === 0) {
      return;
    }
    metrics[L_SENT] = io.sent();
    metrics[L_SEND_DROPPED] = io.dropped();
  }

  private sleep(now: number, pauseUs: number): Promise<void> | undefined {
    const { agent, arrivals, io } = this.parts;
    const dueUs = Math.max(0, Math.min(arrivals.nextUs, agent.nextTimerUs(), io.dueUs()) - now);
    return pauseUs > 0 ? io.pause(Math.min(dueUs, pauseUs)) : io.wait(Math.min(dueUs, SLEEP_MAX_US));
  }

  private checkIdle(): void {
    if (this.saidIdle || this.parts.agent.inFlight > 0) return;
    this.saidIdle = true;
    this.parts.onIdle();
  }
}

function turnEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
