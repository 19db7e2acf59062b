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

/** @param isNear the messages lie in the memory of the ring, where main receives for the first shard; else in another array. */
function pushing(bytes: number, batch: number, isNear: boolean): Task {
  const slotsBytes = batch * SLOT_STRIDE;
  const memory = createRing(RING_BYTES, slotsBytes);
  const writer = new RingWriter(memory, RING_BYTES);
  const reader = new RingReader(memory, RING_BYTES);
  const source = isNear ? writer.memory : new Uint8Array(slotsBytes);
  const first = source.length - slotsBytes;
  source.fill(65, first);
  const meta = createPacketMeta();
  return {
    name: `push and next${isNear ? '' : ' from another array'}, batches of ${batch}, ${bytes} bytes`,
    operations: ROUNDS * batch,
    bytes,
    run: () => {
      for (let round = 0; round < ROUNDS; round++) {
        for (let i = 0; i < batch; i++) {
          const start = first + i * SLOT_STRIDE;
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
}

export const ring = groupOfTasks('ring', 'one message from thread to thread, without the threads', () =>
  [300, 500, 1500, 3000].flatMap((bytes) =>
    [1, 8, 32].flatMap((batch) => [pushing(bytes, batch, true), pushing(bytes, batch, false)]),
  ),
);
