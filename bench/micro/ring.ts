/**
 * What a message costs in a ring, both ends in one thread: push, publish, next, release. The reader touches one byte of each cache
 * line, as a parser would.
 */
import { RECORD_DATAGRAM, createPacketMeta } from '../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../src/ring/spsc-ring.js';
import { consume, groupOfTasks, type Task } from './benchmark.js';

const RING_BYTES = 1 << 20;
const ROUNDS = 64;
/** Sources lie apart like receive slots, so that the copy meets the same caches. */
const SLOT_STRIDE = 65_536 + 1024;

export const ring = groupOfTasks('ring', 'one message from thread to thread, without the threads', () => {
  const source = new Uint8Array(32 * SLOT_STRIDE).fill(65);
  const meta = createPacketMeta();
  return [300, 500, 1500, 3000].flatMap((bytes) =>
    [1, 8, 32].map((batch): Task => {
      const memory = createRing(RING_BYTES);
      const writer = new RingWriter(memory);
      const reader = new RingReader(memory);
      return {
        name: `push and next, batches of ${batch}, ${bytes} bytes`,
        operations: ROUNDS * batch,
        bytes,
        run: () => {
          for (let round = 0; round < ROUNDS; round++) {
            for (let i = 0; i < batch; i++) {
              const start = i * SLOT_STRIDE;
              writer.push(RECORD_DATAGRAM, source, start, start + bytes, meta, -1);
            }
            writer.publish();
            while (reader.next()) {
              for (let at = reader.start; at < reader.end; at += 64) consume(reader.bytes[at]!);
            }
            reader.release();
          }
        },
      };
    }),
  );
});
