import { describe, expect, it } from 'vitest';
import type { EngineApi } from '../../../src/proxy/engine-api.js';
import { Doorbell, createBell } from '../../../src/ring/doorbell.js';
import { RECORD_DATAGRAM, RECORD_SEND_FAILED, RING_BYTES_MIN, createPacketMeta } from '../../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../../src/ring/spsc-ring.js';
import { Clock, sharedNowMs } from '../../../src/shard/clock.js';
import { STATE_STOPPED, W_MAILBOX, W_STATE, createControlWords } from '../../../src/shard/control-words.js';
import { ShardLoop } from '../../../src/shard/loop.js';
import type { ShardOutbox } from '../../../src/shard/shard-outbox.js';
import { COUNTER_COUNT, C_BATCHES, C_LONGEST_PAUSE, C_LOOP_ERRORS } from '../../../src/telemetry/counters.js';

const encoder = new TextEncoder();

/** One loop around an engine that notes what happens to it, all in this thread. The message `stop` ends the loop. */
class Stage implements EngineApi {
  readonly memory = createRing(RING_BYTES_MIN);
  readonly writer = new RingWriter(this.memory);
  readonly bell = new Doorbell(createBell());
  readonly counters = new Float64Array(COUNTER_COUNT);
  readonly words = createControlWords();
  readonly clock = new Clock(sharedNowMs());
  readonly notes: string[] = [];
  readonly logged: unknown[] = [];
  readonly failures: number[] = [];
  onMessage: (text: string) => void = () => {};
  onAdvance: (nowMs: number) => void = () => {};
  onMailbox: () => void = () => {};
  deadlineMs = Infinity;
  pendingScripts = 0;
  onWork: (() => void) | undefined;
  onWake: (() => void) | undefined;
  readonly loop: ShardLoop;

  constructor() {
    const note = (text: string): number => this.notes.push(text);
    const outbox: ShardOutbox = {
      bytes: new Uint8Array(0),
      reserve: () => -1,
      commit: () => {},
      send: () => false,
      offer: () => false,
      flush: () => void note('flush'),
      nextFailure: () => this.failures.shift() ?? -1,
    };
    const log = (fields: unknown, text: string): void => void this.logged.push([fields, text]);
    this.loop = new ShardLoop({
      engine: this,
      ring: new RingReader(this.memory),
      bell: this.bell,
      outbox,
      counters: this.counters,
      words: this.words,
      clock: this.clock,
      log: { error: log, warn: log, info: log, debug: log },
      onMailbox: () => this.onMailbox(),
      ownResources: Infinity,
    });
  }

  push(...texts: string[]): void {
    for (const text of texts) {
      const bytes = encoder.encode(text);
      this.writer.push(RECORD_DATAGRAM, bytes, 0, bytes.length, createPacketMeta(), -1);
    }
    this.writer.publish();
    this.bell.ring();
  }

  receive(bytes: Uint8Array, start: number, end: number): void {
    const text = new TextDecoder().decode(bytes.slice(start, end));
    this.notes.push(text);
    if (text === 'stop') this.loop.stop();
    this.onMessage(text);
  }
  advance(nowMs: number): void {
    this.onAdvance(nowMs);
  }
  nextDeadlineMs(): number {
    return this.deadlineMs;
  }
  sendFailed(owner: number): void {
    this.notes.push(`failed ${owner}`);
  }
  suspended(): number {
    return this.pendingScripts;
  }
  setRoutes(): void {}
  pending(): number {
    return 0;
  }
  drain(): void {}
}

describe('shard loop', () => {
  it('hands over what is in the ring in order, flushes once a batch, and frees the ring', async () => {
    const stage = new Stage();
    stage.push('a', 'b', 'stop');
    expect(stage.writer.usedBytes()).toBeGreaterThan(0);
    await stage.loop.run();
    expect(stage.notes).toEqual(['a', 'b', 'stop', 'flush', 'flush']);
    expect(stage.counters[C_BATCHES]).toBe(1);
    expect(stage.writer.usedBytes()).toBe(0);
    expect(stage.words[W_STATE]).toBe(STATE_STOPPED);
  });

  it('flushes a long backlog in bounded batches', async () => {
    const stage = new Stage();
    stage.push(...Array.from({ length: 200 }, (_, i) => `m${i}`), 'stop');
    await stage.loop.run();
    expect(stage.counters[C_BATCHES]).toBe(4);
  });

  it('moves the clock before it hands messages over', async () => {
    const stage = new Stage();
    stage.onAdvance = (nowMs) => {
      expect(Number.isInteger(nowMs)).toBe(true);
      if (stage.notes.length === 0) stage.notes.push('advance');
    };
    stage.push('stop');
    await stage.loop.run();
    expect(stage.notes[0]).toBe('advance');
  });

  it('tells for how long it was away from its ring', async () => {
    const stage = new Stage();
    stage.onMessage = () => {
      const beganMs = stage.clock.exactMs();
      while (stage.clock.exactMs() - beganMs < 5);
    };
    // The next look tells; after it the loop may end.
    stage.onAdvance = () => {
      if (stage.notes.length > 0) stage.loop.stop();
    };
    stage.push('a');
    await stage.loop.run();
    expect(stage.counters[C_LONGEST_PAUSE]).toBeGreaterThanOrEqual(5);
  });

  it('sleeps up to the next deadline, and not past it', async () => {
    const stage = new Stage();
    const dueMs = stage.clock.nowMs() + 20;
    stage.deadlineMs = dueMs;
    stage.onAdvance = (nowMs) => {
      if (nowMs < dueMs) return;
      stage.notes.push('due');
      stage.loop.stop();
    };
    await stage.loop.run();
    expect(stage.notes).toContain('due');
  });

  it('dies of a message that breaks an invariant, logs its first line and Call-ID alone, and its successor goes on behind it', async () => {
    const stage = new Stage();
    stage.onMessage = (text) => {
      if (text.startsWith('INVITE')) throw new Error('broken');
    };
    stage.push('before', 'INVITE sip:x SIP/2.0\r\nAuthorization: secret\r\ni: call-1\r\n\r\nbody', 'after');
    await expect(stage.loop.run()).rejects.toThrow('broken');
    expect(stage.counters[C_LOOP_ERRORS]).toBe(1);
    expect(stage.logged).toEqual([
      [{ firstLine: 'INVITE sip:x SIP/2.0', callId: 'call-1', err: new Error('broken') }, expect.any(String)],
    ]);
    const successor = new RingReader(stage.memory);
    expect(successor.next()).toBe(true);
    expect(new TextDecoder().decode(successor.bytes.slice(successor.start, successor.end))).toBe('after');
  });

  it('dies of a timer that breaks an invariant, without blaming a message', async () => {
    const stage = new Stage();
    stage.onAdvance = () => {
      throw new Error('broken');
    };
    stage.push('innocent');
    await expect(stage.loop.run()).rejects.toThrow('broken');
    expect(stage.logged).toEqual([[{ err: new Error('broken') }, expect.any(String)]]);
  });

  it('tells the engine what could not be sent, from the kernel and from main', async () => {
    const stage = new Stage();
    stage.writer.push(RECORD_SEND_FAILED, new Uint8Array(0), 0, 0, createPacketMeta(), 8);
    stage.push('stop');
    stage.failures.push(5, 6);
    await stage.loop.run();
    expect(stage.notes).toEqual(['failed 8', 'stop', 'flush', 'failed 5', 'failed 6', 'flush', 'flush']);
  });

  it('keeps the event loop turning while a script is pending, and flushes what it did', async () => {
    const stage = new Stage();
    let scriptDone: Promise<void> | undefined;
    stage.onMessage = (text) => {
      if (text !== 'async') return;
      stage.pendingScripts = 1;
      scriptDone = new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => {
        stage.pendingScripts = 0;
        stage.notes.push('script');
        stage.onWork?.();
        stage.push('stop');
      });
    };
    stage.push('async');
    await stage.loop.run();
    await scriptDone;
    expect(stage.notes.filter((note) => note !== 'flush')).toEqual(['async', 'script', 'stop']);
    expect(stage.notes.slice(stage.notes.indexOf('script')).includes('flush')).toBe(true);
  });

  it('takes messages while a script is pending', async () => {
    const stage = new Stage();
    stage.pendingScripts = 1;
    setTimeout(() => stage.push('a'), 1);
    stage.onMessage = (text) => {
      if (text === 'a') setImmediate(() => stage.push('stop'));
    };
    await stage.loop.run();
    expect(stage.notes.filter((note) => note !== 'flush')).toEqual(['a', 'stop']);
  });

  it('reads its mailbox, and dies of what comes out of it', async () => {
    const stage = new Stage();
    stage.onMailbox = () => {
      throw new Error('crash asked for');
    };
    Atomics.add(stage.words, W_MAILBOX, 1);
    await expect(stage.loop.run()).rejects.toThrow('crash asked for');
  });

  it('keeps the event loop turning for work of the thread itself', async () => {
    const stage = new Stage();
    stage.loop.holdEventLoop(
      new Promise<void>((resolve) => setTimeout(resolve, 5)).then(() => {
        stage.loop.stop();
        stage.bell.ring();
      }),
    );
    await stage.loop.run();
    expect(stage.words[W_STATE]).toBe(STATE_STOPPED);
  });
});
