/**
 * A shard that takes its datagrams from the sockets itself: what `shards: 1` runs with the batch driver. There is no shard to
 * choose, so main lends the sockets that it owns, and neither a ring nor a second thread stands between them and the engine. Runs
 * in the shard's thread and owns it.
 *
 * Invariants: those of `EngineTurn`. What throws out of the engine ends the loop: the state of the engine can no longer be trusted,
 * and the supervisor starts another shard. What the kernel holds meanwhile that one takes; what had been received with the message
 * that did it is lost, as datagrams may be.
 */
import type { Libc } from '../net/libc.js';
import { Coalescer } from '../net/coalescer.js';
import { Pause } from '../net/pause.js';
import { UdpBatchReceiver, type UdpBatchReceiverOptions } from '../net/udp-batch-receiver.js';
import type { PacketMeta } from '../proxy/ports.js';
import type { EventFdBell } from '../ring/doorbell.js';
import type { Router } from '../main/dispatcher.js';
import { C_KEEPALIVES_IN } from '../telemetry/counters.js';
import type { Clock } from './clock.js';
import { STATE_STOPPED, W_MAILBOX, W_PENDING, W_STATE } from './control-words.js';
import { EngineTurn, type EngineTurnParts } from './engine-turn.js';
import { PauseGauge } from './pause-gauge.js';
import type { ShardRunner } from './shard-runner.js';
import { SocketLoop, type SocketHost } from './socket-loop.js';

/** Longest idle sleep, milliseconds: the thread can be ended in between only. Datagrams, timers and control messages end it. */
const IDLE_SLEEP_MS = 250;
/** The same while the script has timers, sockets or the like of its own. */
const BACKGROUND_SLEEP_MS = 10;

/** What a shard works with that has the sockets. Everything is owned by this thread; `words` are shared. */
export interface SocketShardParts extends EngineTurnParts {
  readonly libc: Libc;
  readonly sockets: UdpBatchReceiverOptions['sockets'];
  readonly receivePlace: NonNullable<UdpBatchReceiverOptions['receivePlace']>;
  /** Main rings it for control messages. */
  readonly bell: EventFdBell;
  /** Picks the kind and key of a message; every shard index is this one. */
  readonly router: Router;
  /** See `Coalescer`. */
  readonly coalesceUs: number;
  readonly words: Int32Array;
  readonly clock: Clock;
  /** Reads and obeys the control messages that have come in. Called outside of any engine call. */
  readonly onMailbox: () => void;
  /** How many things of Node keep this thread's event loop alive without the script: more of them are the script's. */
  readonly ownResources: number;
}

/** The shard. `run` once. */
export class SocketShard implements ShardRunner, SocketHost {
  readonly up = true;
  idleSleepMs = IDLE_SLEEP_MS;
  private readonly parts: SocketShardParts;
  private readonly turn: EngineTurn;
  private readonly pauses: PauseGauge;
  private readonly loop: SocketLoop;
  /** The clock is set for the present batch. */
  private begun = false;
  private mailboxSeen = 0;
  /** A control message is being obeyed: what throws then is not the engine. */
  private obeying = false;
  private stopping = false;
  private draining = false;
  /** Work of this thread, outside of the engine, that waits for the event loop: a script being loaded. */
  private held = 0;

  constructor(parts: SocketShardParts) {
    this.parts = parts;
    const { bell, clock, counters, libc, receivePlace, sockets } = parts;
    this.pauses = new PauseGauge(counters, clock.exactMs());
    // A script that goes on by itself does so in a turn of the event loop: the loop looks before it sleeps again.
    this.turn = new EngineTurn(parts, () => {});
    const receiver = new UdpBatchReceiver(libc, {
      sockets, counters, bell, receivePlace,
      onDatagram: (bytes, start, end, meta) => { this.datagram(bytes, start, end, meta); },
      onBatchEnd: () => {
        this.batchEnd();
        this.loop.batchEnd();
      },
    });
    this.loop = new SocketLoop({ receiver, host: this, coalescer: new Coalescer(parts.coalesceUs), pause: new Pause(libc), counters });
  }

  stop(): void {
    this.stopping = true;
  }

  holdEventLoop(work: Promise<unknown>): void {
    this.held++;
    const release = (): void => {
      this.held--;
    };
    work.then(release, release);
  }

  watchPending(): void {
    this.draining = true;
  }

  async run(): Promise<void> {
    try {
      await this.loop.run();
      this.batchEnd();
    } catch (error) {
      if (!this.obeying) this.turn.broken(error, 'the shard ends');
      throw error;
    }
    Atomics.store(this.parts.words, W_STATE, STATE_STOPPED);
  }

  // For the loop

  get dirty(): boolean {
    return this.turn.dirty;
  }

  get waiting(): boolean {
    return this.held > 0 || this.parts.engine.suspended() > 0;
  }

  look(): boolean {
    const { clock, engine, onMailbox, words } = this.parts;
    const posted = Atomics.load(words, W_MAILBOX);
    if (posted !== this.mailboxSeen) {
      this.mailboxSeen = posted;
      this.obeying = true;
      onMailbox();
      this.obeying = false;
    }
    if (this.draining) Atomics.store(words, W_PENDING, engine.pending());
    this.pauses.look(clock.exactMs());
    return !this.stopping;
  }

  tick(): void {
    this.begin();
    this.batchEnd();
  }

  sleepMs(longestMs: number): number {
    return this.turn.sleepMs(longestMs);
  }

  mayDoze(): boolean {
    const { bell, words } = this.parts;
    bell.announce();
    if (Atomics.load(words, W_MAILBOX) === this.mailboxSeen) return true;
    bell.cancel();
    return false;
  }

  turned(): void {
    this.idleSleepMs = process.getActiveResourcesInfo().length > this.parts.ownResources ? BACKGROUND_SLEEP_MS : IDLE_SLEEP_MS;
  }

  // For the sockets

  private datagram(bytes: Uint8Array, start: number, end: number, meta: PacketMeta): void {
    if (this.parts.router.route(bytes, start, end, meta) < 0) {
      this.parts.counters[C_KEEPALIVES_IN]!++;
      return;
    }
    if (!this.begun) this.begin();
    this.turn.receive(bytes, start, end, meta);
  }

  private begin(): void {
    this.begun = true;
    this.pauses.slept(this.parts.clock.exactMs());
    this.turn.begin();
  }

  /** Sends what the batch, or a tick, has led to. */
  private batchEnd(): void {
    this.begun = false;
    this.turn.end();
  }
}
