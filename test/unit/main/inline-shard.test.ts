/** The engine in the main thread, life after life: what goes in, what is sent when, and what becomes of an engine that throws. */
import { describe, expect, it } from 'vitest';
import { InlineShard, type InlineOutbox } from '../../../src/main/inline-shard.js';
import type { AbandonableEngine } from '../../../src/proxy/engine-api.js';
import { createPacketMeta } from '../../../src/ring/layout.js';
import type { Routes } from '../../../src/script/api.js';
import { COUNTER_COUNT, C_DROP_RING_FULL, C_KEEPALIVES_IN, C_LONGEST_PAUSE, C_LOOP_ERRORS, C_SHARD_RESTARTS } from '../../../src/telemetry/counters.js';

const OLD: Routes = { request: () => {} };
const NEW: Routes = { request: () => {} };

class FakeEngine implements AbandonableEngine {
  onWork: (() => void) | undefined;
  onWake: (() => void) | undefined;
  constructor(private readonly stage: Stage, readonly id: number, public routes: Routes) {}
  receive(bytes: Uint8Array, start: number, end: number): void {
    const text = new TextDecoder().decode(bytes.subarray(start, end));
    this.stage.notes.push(`${this.id} ${text}`);
    if (text.startsWith('die')) throw new Error(text);
  }
  advance(nowMs: number): void {
    this.stage.notes.push(`${this.id} advance ${nowMs}`);
    if (this.stage.timerDies) {
      this.stage.timerDies = false;
      throw new Error('timer');
    }
  }
  nextDeadlineMs(): number {
    return this.stage.deadlineMs;
  }
  sendFailed(owner: number): void {
    this.stage.notes.push(`${this.id} failed ${owner}`);
  }
  suspended(): number {
    return this.stage.suspended;
  }
  setRoutes(routes: Routes): void {
    this.routes = routes;
  }
  pending(): number {
    return 3;
  }
  drain(): void {
    this.stage.notes.push(`${this.id} drain`);
  }
  abandon(): void {
    this.stage.notes.push(`${this.id} abandoned`);
  }
}

class Stage {
  readonly notes: string[] = [];
  readonly engines: FakeEngine[] = [];
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly logged: Readonly<Record<string, unknown>>[] = [];
  readonly failures: number[] = [];
  readonly timers: { readonly delayMs: number; readonly fire: () => void }[] = [];
  nowMs = 5000;
  deadlineMs = Infinity;
  suspended = 0;
  timerDies = false;
  woken = 0;
  /** Engines that can be made before the next one cannot. */
  engineIsMade = true;
  readonly shard: InlineShard;

  constructor() {
    const outbox: InlineOutbox = {
      bytes: new Uint8Array(0),
      reserve: () => -1,
      commit: () => {},
      send: () => false,
      offer: () => false,
      flush: () => void this.notes.push('flush'),
      nextFailure: () => this.failures.shift() ?? -1,
      disown: () => void this.notes.push('disown'),
    };
    const log = (fields: Readonly<Record<string, unknown>>): void => void this.logged.push(fields);
    this.shard = new InlineShard({
      createEngine: (routes) => {
        if (!this.engineIsMade) throw new Error('no memory');
        const engine = new FakeEngine(this, this.engines.length, routes);
        this.engines.push(engine);
        return engine;
      },
      outbox,
      router: { route: (bytes, start) => (bytes[start] === 0x0d ? -1 : 0) },
      counters: this.counters,
      clock: { nowMs: () => this.nowMs, exactMs: () => this.nowMs },
      log: { error: log, warn: log, info: log, debug: log },
      onWork: () => void this.woken++,
      after: (delayMs, fire) => {
        const timer = { delayMs, fire };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
    }, OLD);
    this.takeNotes();
  }

  batch(...texts: string[]): void {
    for (const text of texts) {
      const bytes = new TextEncoder().encode(`..${text}`);
      this.shard.datagram(bytes, 2, bytes.length, createPacketMeta());
    }
    this.shard.batchEnd();
  }

  takeNotes(): string[] {
    return this.notes.splice(0);
  }

  count(counter: number): number {
    return this.counters[counter]!;
  }
}

describe('an inline shard', () => {
  it('sets the clock once a batch, hands each datagram over, and sends at the end', () => {
    const stage = new Stage();
    stage.batch('a', 'b');
    stage.nowMs = 5001;
    stage.batch('c');
    expect(stage.takeNotes()).toEqual(['0 advance 5000', '0 a', '0 b', 'flush', '0 advance 5001', '0 c', 'flush']);
  });

  it('keeps keep-alives to itself, and counts them', () => {
    const stage = new Stage();
    stage.batch('\r\n');
    expect(stage.takeNotes()).toEqual(['flush']);
    expect(stage.count(C_KEEPALIVES_IN)).toBe(1);
  });

  it('runs timers and sends without datagrams, and tells the engine what could not be sent', () => {
    const stage = new Stage();
    stage.failures.push(7);
    stage.shard.tick();
    expect(stage.takeNotes()).toEqual(['0 advance 5000', 'flush', '0 failed 7', 'flush']);
    stage.deadlineMs = 5025;
    expect([stage.shard.sleepMs(100), stage.shard.sleepMs(10)]).toEqual([25, 10]);
  });

  it('tells how long it was away from its sockets: work counts, sleep does not', () => {
    const stage = new Stage();
    stage.shard.look();
    stage.nowMs += 50;
    stage.batch('a');
    stage.nowMs += 7;
    stage.shard.look();
    expect(stage.count(C_LONGEST_PAUSE)).toBe(7);
  });

  it('says when a script waits, and when it has gone on by itself', () => {
    const stage = new Stage();
    expect([stage.shard.waiting, stage.shard.dirty]).toEqual([false, false]);
    stage.suspended = 1;
    expect(stage.shard.waiting).toBe(true);
    stage.engines[0]!.onWake?.();
    stage.engines[0]!.onWork?.();
    expect([stage.takeNotes(), stage.shard.dirty, stage.woken]).toEqual([['0 advance 5000'], true, 1]);
    stage.shard.tick();
    expect([stage.takeNotes(), stage.shard.dirty]).toEqual([['0 advance 5000', 'flush'], false]);
  });

  it('replaces an engine that throws before the next datagram of the same batch, with the script that is in use', async () => {
    const stage = new Stage();
    await stage.shard.reload(() => Promise.resolve(NEW));
    stage.nowMs = 9000;
    stage.batch('a', 'die INVITE\r\nCall-ID: x\r\n\r\n', 'b');
    expect(stage.takeNotes()).toEqual([
      '0 advance 9000', '0 a', '0 die INVITE\r\nCall-ID: x\r\n\r\n', '0 abandoned', 'flush', 'disown', '1 advance 9000', '1 b', 'flush',
    ]);
    expect(stage.engines[1]!.routes).toBe(NEW);
    expect([stage.count(C_SHARD_RESTARTS), stage.count(C_LOOP_ERRORS), stage.count(C_DROP_RING_FULL)]).toEqual([1, 1, 0]);
    expect(stage.logged).toEqual([expect.objectContaining({ firstLine: 'die INVITE', callId: 'x', restartInMs: 0 })]);
  });

  it('replaces one that a timer kills, without blaming or losing the datagram that comes next', () => {
    const stage = new Stage();
    stage.nowMs = 9000;
    stage.timerDies = true;
    stage.batch('a');
    expect(stage.takeNotes()).toEqual(['0 advance 9000', '0 abandoned', 'flush', 'disown', '1 advance 9000', '1 a', 'flush']);
    expect(stage.logged[0]).not.toHaveProperty('firstLine');
  });

  it('holds back one that keeps dying: it drops and counts meanwhile, and goes on with what comes afterwards', () => {
    const stage = new Stage();
    stage.batch('die', 'a', 'die', 'b', 'c');
    expect(stage.shard.up).toBe(false);
    expect(stage.count(C_DROP_RING_FULL)).toBe(2);
    expect([stage.shard.waiting, stage.shard.dirty, stage.shard.pending(), stage.shard.sleepMs(10)]).toEqual([false, false, 0, 10]);
    stage.shard.tick();
    expect(stage.timers.map(({ delayMs }) => delayMs)).toEqual([100]);
    stage.engineIsMade = false;
    stage.timers.shift()!.fire();
    expect(stage.timers.map(({ delayMs }) => delayMs)).toEqual([200]);
    stage.engineIsMade = true;
    stage.takeNotes();
    stage.timers.shift()!.fire();
    expect([stage.shard.up, stage.woken]).toEqual([true, 2]);
    stage.batch('d');
    expect(stage.takeNotes()).toEqual(['2 advance 5000', '2 advance 5000', '2 d', 'flush']);
    expect([stage.count(C_SHARD_RESTARTS), stage.engines.length]).toEqual([2, 3]);
  });

  it('replaces none while it drains, and none that waits to be replaced', () => {
    const stage = new Stage();
    stage.batch('die', 'die');
    stage.shard.drain();
    expect([stage.timers, stage.shard.up, stage.shard.pending()]).toEqual([[], false, 0]);
    const other = new Stage();
    other.shard.drain();
    expect(other.shard.pending()).toBe(3);
    other.shard.crash(new Error('crash asked for'));
    expect([other.shard.pending(), other.count(C_SHARD_RESTARTS), other.engines.length]).toEqual([0, 0, 1]);
  });

  it('keeps the old script when the new one does not load', async () => {
    const stage = new Stage();
    let fail!: (error: Error) => void;
    const reload = stage.shard.reload(() => new Promise((_resolve, reject) => { fail = reject; }));
    expect(stage.shard.waiting).toBe(true);
    fail(new Error('no script'));
    await expect(reload).rejects.toThrow('no script');
    expect([stage.shard.waiting, stage.engines[0]!.routes]).toEqual([false, OLD]);
  });

  it('stops with what it has sent, its handlers refused, and takes nothing any more', () => {
    const stage = new Stage();
    stage.shard.stop();
    expect(stage.takeNotes()).toEqual(['flush', '0 abandoned']);
    stage.batch('a');
    stage.shard.stop();
    expect(stage.takeNotes()).toEqual([]);
  });
});
