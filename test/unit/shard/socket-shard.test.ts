/** A shard that reads the sockets itself: what goes through it in a batch, what main tells it, and what becomes of one that breaks. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Router } from '../../../src/main/dispatcher.js';
import { loadLibc } from '../../../src/net/libc.js';
import { UdpBatchDriver } from '../../../src/net/udp-batch.js';
import { RECEIVE_BYTES } from '../../../src/net/udp-batch-receiver.js';
import type { EngineApi } from '../../../src/proxy/engine-api.js';
import { EventFdBell, createBell } from '../../../src/ring/doorbell.js';
import { Clock, sharedNowMs } from '../../../src/shard/clock.js';
import { STATE_STOPPED, W_MAILBOX, W_PENDING, W_STATE, createControlWords } from '../../../src/shard/control-words.js';
import type { ShardOutbox } from '../../../src/shard/shard-outbox.js';
import { SocketShard } from '../../../src/shard/socket-shard.js';
import { COUNTER_COUNT, C_BATCHES, C_DATAGRAMS_IN, C_KEEPALIVES_IN, C_LOOP_ERRORS } from '../../../src/telemetry/counters.js';

const { libc } = loadLibc();

/** A shard around an engine that notes what happens to it, all in this thread. The message `stop` ends it. */
class Stage implements EngineApi {
  readonly notes: string[] = [];
  readonly logged: string[] = [];
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly words = createControlWords();
  readonly driver: UdpBatchDriver;
  readonly bell: EventFdBell;
  readonly shard: SocketShard;
  onMessage: (text: string) => void = () => {};
  onMailbox: () => void = () => {};
  deadlineMs = Infinity;
  pendingScripts = 0;
  onWork: (() => void) | undefined;
  onWake: (() => void) | undefined;

  constructor() {
    this.driver = UdpBatchDriver.open(libc!, {
      listen: [{ host: '127.0.0.1', family: 4, port: 0 }], receiveBufferBytes: 0, sendBufferBytes: 0, counters: new Float64Array(COUNTER_COUNT),
      onDatagram: () => { throw new Error('main has lent its sockets'); }, onBatchEnd: () => {}, onSendFailed: () => {},
    });
    this.bell = new EventFdBell(libc!, createBell(), libc!.eventfd());
    onTestFinished(async () => {
      await this.driver.close();
      libc!.close(this.bell.fd);
    });
    const outbox: ShardOutbox = { bytes: new Uint8Array(0), reserve: () => -1, commit: () => {}, send: () => false, offer: () => false, flush: () => void this.notes.push('flush'), nextFailure: () => -1 };
    const router: Router = { route: (bytes, start) => (bytes[start] === 0x0d ? -1 : 0) };
    const log = (_fields: unknown, text: string): void => void this.logged.push(text);
    this.shard = new SocketShard({
      engine: this, outbox, router, counters: this.counters, words: this.words, clock: new Clock(sharedNowMs()),
      log: { error: log, warn: log, info: log, debug: log },
      libc: libc!, sockets: this.driver.listeners, receivePlace: { bytes: new Uint8Array(RECEIVE_BYTES), start: 0 }, bell: this.bell,
      coalesceUs: 0, ownResources: Infinity, onMailbox: () => this.onMailbox(),
    });
  }

  /** The kernel has the datagrams when it resolves. */
  async send(...texts: string[]): Promise<void> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (const text of texts) await new Promise<void>((resolve) => socket.send(text, this.driver.listeners[0]!.port, '127.0.0.1', () => resolve()));
    socket.close();
  }

  post(): void {
    Atomics.add(this.words, W_MAILBOX, 1);
    this.bell.ring();
  }

  /** What was noted but for the clock. */
  get told(): string[] {
    return this.notes.filter((note) => note !== 'advance' && note !== 'flush');
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    const text = new TextDecoder().decode(bytes.slice(start, end));
    this.notes.push(text);
    if (text === 'stop') this.shard.stop();
    if (text === 'die') throw new Error('died of it');
    this.onMessage(text);
  }
  advance(): void {
    this.notes.push('advance');
  }
  nextDeadlineMs(): number {
    return this.deadlineMs;
  }
  sendFailed(): void {}
  suspended(): number {
    return this.pendingScripts;
  }
  setRoutes(): void {}
  pending(): number {
    return 7;
  }
  drain(): void {}
}

describe.skipIf(libc === undefined)('a shard that reads the sockets', () => {
  it('hands a batch to the engine behind one look at the clock, and sends once', async () => {
    const stage = new Stage();
    await stage.send('one', '\r\n', 'two', 'stop');
    await stage.shard.run();
    const first = stage.notes.indexOf('one');
    expect(stage.notes.slice(first - 1, first + 4)).toEqual(['advance', 'one', 'two', 'stop', 'flush']);
    expect(stage.counters[C_DATAGRAMS_IN]).toBe(4);
    expect(stage.counters[C_KEEPALIVES_IN]).toBe(1);
    expect(stage.counters[C_BATCHES]).toBe(1);
    expect(Atomics.load(stage.words, W_STATE)).toBe(STATE_STOPPED);
  });

  it('obeys what main has posted, also when it was posted before the shard went to sleep', async () => {
    const stage = new Stage();
    stage.onMailbox = () => stage.shard.stop();
    stage.shard.look();
    expect(stage.shard.mayDoze()).toBe(true);
    Atomics.add(stage.words, W_MAILBOX, 1);
    expect(stage.shard.mayDoze()).toBe(false);
    await stage.shard.run();
    expect(Atomics.load(stage.words, W_STATE)).toBe(STATE_STOPPED);
  });

  it('is woken by main out of an idle sleep', async () => {
    const stage = new Stage();
    stage.onMailbox = () => stage.shard.stop();
    // Behind the announcement of a sleep the bell makes the descriptor readable: the sleep ends at once.
    stage.onMessage = () => {};
    expect(stage.shard.mayDoze()).toBe(true);
    stage.post();
    await stage.shard.run();
    expect(stage.told).toEqual([]);
  });

  it('tells main how much is pending once it drains', async () => {
    const stage = new Stage();
    await stage.send('one', 'stop');
    stage.shard.watchPending();
    await stage.shard.run();
    expect(Atomics.load(stage.words, W_PENDING)).toBe(7);
  });

  it('ends with what the engine threw, counted and with the message in the log', async () => {
    const stage = new Stage();
    await stage.send('one', 'die', 'two');
    await expect(stage.shard.run()).rejects.toThrow('died of it');
    expect(stage.told).toEqual(['one', 'die']);
    expect(stage.counters[C_LOOP_ERRORS]).toBe(1);
    expect(stage.logged).toEqual(['a broken invariant of the engine: the shard ends']);
    expect(Atomics.load(stage.words, W_STATE)).not.toBe(STATE_STOPPED);
  });

  it('ends with what a control message threw: that is no broken invariant', async () => {
    const stage = new Stage();
    stage.onMailbox = () => { throw new Error('crash asked for'); };
    stage.post();
    await expect(stage.shard.run()).rejects.toThrow('crash asked for');
    expect(stage.counters[C_LOOP_ERRORS]).toBe(0);
  });

  it('lets a script go on while one waits, and sends what it did', async () => {
    const stage = new Stage();
    stage.pendingScripts = 1;
    stage.onMessage = (text) => {
      if (text !== 'ask') return;
      void Promise.resolve().then(() => new Promise<void>((resolve) => setImmediate(resolve))).then(() => {
        stage.notes.push('answer');
        stage.onWork!();
        stage.pendingScripts = 0;
        void stage.send('stop');
      });
    };
    await stage.send('ask');
    await stage.shard.run();
    const at = stage.notes.indexOf('answer');
    expect(stage.notes.slice(at, at + 3)).toEqual(['answer', 'advance', 'flush']);
    expect(stage.told).toEqual(['ask', 'answer', 'stop']);
  });
});
