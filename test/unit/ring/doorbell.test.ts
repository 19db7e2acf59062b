import { describe, expect, it, onTestFinished } from 'vitest';
import { loadLibc, type Libc } from '../../../src/net/libc.js';
import { Doorbell, EventFdBell, createBell } from '../../../src/ring/doorbell.js';
import { runWorker } from './worker-code.js';

const ROUNDS = 5000;
const loaded = loadLibc();

/**
 * One side of a ping-pong on two counters. The other side rings after each step; a lost wake-up shows as a wait that
 * ends by its timeout.
 */
const PLAYER = `
  import { workerData, parentPort } from 'node:worker_threads';
  import { Doorbell } from '../../../src/ring/doorbell.js';
  const { counts, bells, me, rounds, kind } = workerData;
  const mine = new Doorbell(bells[me]);
  const other = new Doorbell(bells[1 - me]);
  const shared = new Int32Array(counts);
  const seen = (round) => Atomics.load(shared, 1 - me) >= round;
  async function play() {
    let sleeps = 0, lost = 0;
    for (let round = 1; round <= rounds; round++) {
      if (me === 0) { Atomics.store(shared, 0, round); other.ring(); }
      while (!seen(round)) {
        mine.announce();
        if (seen(round)) { mine.cancel(); break; }
        sleeps++;
        const rung = kind === 'sync' || me === 0 ? mine.wait(10_000) : await mine.waitAsync(10_000);
        if (!rung) lost++;
      }
      if (me === 1) { Atomics.store(shared, 1, round); other.ring(); }
    }
    parentPort.postMessage({ sleeps, lost });
  }
  void play();
`;

async function pingPong(kind: 'sync' | 'async', rounds: number): Promise<{ sleeps: number; lost: number }[]> {
  const shared = { counts: new SharedArrayBuffer(8), bells: [createBell(), createBell()], rounds, kind };
  const results = await Promise.all([0, 1].map((me) => runWorker(PLAYER, { ...shared, me })));
  return results as { sleeps: number; lost: number }[];
}

describe('Doorbell', () => {
  it('loses no wake-up between two threads that sleep at every step', { timeout: 60_000 }, async () => {
    const results = await pingPong('sync', ROUNDS);
    expect(results.map(({ lost }) => lost)).toEqual([0, 0]);
    expect(results.some(({ sleeps }) => sleeps > 0)).toBe(true);
  });

  it('loses no wake-up when the reader waits in its event loop', { timeout: 60_000 }, async () => {
    const results = await pingPong('async', 2000);
    expect(results.map(({ lost }) => lost)).toEqual([0, 0]);
  });

  it('rings only for a reader that announced its sleep, and once', () => {
    const memory = createBell();
    const reader = new Doorbell(memory);
    const writer = new Doorbell(memory);
    expect(writer.ring()).toBe(false);
    reader.announce();
    expect(writer.ring()).toBe(true);
    expect(writer.ring()).toBe(false);
    expect(reader.wait(60_000)).toBe(true);
    reader.announce();
    reader.cancel();
    expect(writer.ring()).toBe(false);
  });

  it('is awake again after a wait that timed out', async () => {
    const memory = createBell();
    const reader = new Doorbell(memory);
    reader.announce();
    expect(reader.wait(1)).toBe(false);
    expect(new Doorbell(memory).ring()).toBe(false);
    reader.announce();
    expect(await reader.waitAsync(1)).toBe(false);
    expect(new Doorbell(memory).ring()).toBe(false);
  });

  it('ends a wait in the event loop when its own thread cancels', async () => {
    const reader = new Doorbell(createBell());
    reader.announce();
    const waiting = reader.waitAsync(Infinity);
    reader.cancel();
    expect(await waiting).toBe(true);
  });
});

describe.skipIf(loaded.libc === undefined)('EventFdBell', () => {
  const libc = loaded.libc as Libc;

  function open(): EventFdBell {
    const fd = libc.eventfd();
    onTestFinished(() => { libc.close(fd); });
    return new EventFdBell(libc, createBell(), fd);
  }

  function readable(bell: EventFdBell): boolean {
    const pollfd = new Int32Array(new ArrayBuffer(8));
    pollfd[0] = bell.fd;
    pollfd[1] = 1;
    return libc.poll(new Uint8Array(pollfd.buffer), 1, 0) === 1;
  }

  it('makes its descriptor readable only for a reader that announced its sleep', () => {
    const bell = open();
    const writer = new EventFdBell(libc, bell.memory, bell.fd);
    expect(writer.ring()).toBe(false);
    expect(readable(bell)).toBe(false);
    bell.announce();
    expect(writer.ring()).toBe(true);
    expect(writer.ring()).toBe(false);
    expect(readable(bell)).toBe(true);
    bell.drain();
    expect(readable(bell)).toBe(false);
    bell.announce();
    bell.cancel();
    expect(writer.ring()).toBe(false);
  });

  it('survives draining without a ring', () => {
    const bell = open();
    bell.drain();
    expect(readable(bell)).toBe(false);
  });
});
