import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { nowUs } from '../../../src/load/clock.js';
import { BatchIo } from '../../../src/load/io/batch-io.js';
import { RECEIVE_BYTES, type LoadMemory } from '../../../src/load/io/load-io.js';
import { loadLibc, type Libc } from '../../../src/net/libc.js';
import { SEND_ARENA_BYTES } from '../../../src/net/udp-batch-sender.js';

const { libc } = loadLibc();
/** What the two clocks may be apart, microseconds; well under the time between two datagrams. */
const CLOCKS_US = 10_000;

/** Gets no core for 30 ms after each of the first `stalls` readings of the realtime clock. */
function stalling(of: Libc, stalls: number): Libc {
  return Object.create(of, {
    clockGettime: {
      value: (clock: number, at: number) => {
        const failed = of.clockGettime(clock, at);
        if (stalls-- > 0) for (const endUs = nowUs() + 30_000; nowUs() < endUs; );
        return failed;
      },
    },
  }) as Libc;
}

describe.skipIf(libc === undefined)('a datagram of the batch driver', () => {
  it.each([
    { when: 'however late it is read', stalls: 0 },
    { when: 'also when the thread loses its core between its two clocks', stalls: 3 },
  ])('came when the kernel got it, $when', async ({ stalls }) => {
    const bytes = new Uint8Array(SEND_ARENA_BYTES + RECEIVE_BYTES);
    const memory: LoadMemory = { bytes, words: new Int32Array(bytes.buffer), sendStart: 0, receiveStart: SEND_ARENA_BYTES, storeStart: bytes.length };
    const io = BatchIo.open(stalling(libc!, stalls), [{ host: '127.0.0.1', family: 4, port: 0 }], memory, 65_536, true);
    const sender = createSocket('udp4');
    try {
      const sent: { fromUs: number; toUs: number }[] = [];
      for (const text of ['one', 'two', 'three']) {
        const fromUs = nowUs();
        sender.send(text, io.sockets[0]!.port, '127.0.0.1');
        if (text === 'one') await once(sender, 'listening');
        await delay(20);
        sent.push({ fromUs, toUs: nowUs() });
      }
      const came: { text: string; eventUs: number }[] = [];
      io.wait(1_000_000);
      io.receive((start, end, _from, eventUs) => came.push({ text: new TextDecoder().decode(bytes.slice(start, end)), eventUs }));
      expect(came.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
      for (const [i, { fromUs, toUs }] of sent.entries()) {
        expect(came[i]!.eventUs).toBeGreaterThan(fromUs - CLOCKS_US);
        expect(came[i]!.eventUs).toBeLessThan(toUs + CLOCKS_US);
      }
    } finally {
      sender.close();
      await io.close();
    }
  });
});
