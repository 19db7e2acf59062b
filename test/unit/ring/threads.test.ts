import { describe, expect, it } from 'vitest';
import { createBell } from '../../../src/ring/doorbell.js';
import { createRing } from '../../../src/ring/spsc-ring.js';
import { runWorker } from './worker-code.js';

/** What both threads derive every message from. */
const MESSAGES = `
  export const PATTERN = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7 + (i >> 8) * 13) % 251);
  export const sizeOf = (i) => (i % 997 === 0 ? 65507 : 1 + (Math.imul(i, 0x9e3779b1) >>> 0) % 1500);
  export const fromOf = (i) => (i * 37) % 4096;
`.replaceAll('export ', '');

const WRITER = `
  import { workerData, parentPort } from 'node:worker_threads';
  import { Doorbell } from '../../../src/ring/doorbell.js';
  import { RECORD_DATAGRAM, createPacketMeta } from '../../../src/ring/layout.js';
  import { RingWriter } from '../../../src/ring/spsc-ring.js';
  ${MESSAGES}
  const { memory, readerBell, writerBell, count } = workerData;
  const writer = new RingWriter(memory);
  const toReader = new Doorbell(readerBell);
  const mine = new Doorbell(writerBell);
  const meta = createPacketMeta();
  let fulls = 0;
  for (let i = 0; i < count; i++) {
    meta.keyLo = i;
    const from = fromOf(i);
    const push = () => writer.push(RECORD_DATAGRAM, PATTERN, from, from + sizeOf(i), meta, i);
    while (!push()) {
      fulls++;
      if (writer.publish()) toReader.ring();
      mine.announce();
      if (push()) { mine.cancel(); break; }
      if (!mine.wait(15_000)) throw new Error('the reader freed nothing, at message ' + i);
    }
    if (i % 7 === 0 && writer.publish()) toReader.ring();
  }
  if (writer.publish()) toReader.ring();
  parentPort.postMessage({ fulls });
`;

const READER = `
  import { workerData, parentPort } from 'node:worker_threads';
  import { Doorbell } from '../../../src/ring/doorbell.js';
  import { RingReader } from '../../../src/ring/spsc-ring.js';
  ${MESSAGES}
  const { memory, readerBell, writerBell, count } = workerData;
  const reader = new RingReader(memory);
  const mine = new Doorbell(readerBell);
  const toWriter = new Doorbell(writerBell);
  let seen = 0, wrong = 0;
  while (seen < count) {
    let batch = 0;
    while (batch < 64 && reader.next()) {
      const from = fromOf(seen), size = sizeOf(seen);
      const same = Buffer.compare(reader.bytes.subarray(reader.start, reader.end), PATTERN.subarray(from, from + size)) === 0;
      if (!same || reader.owner !== seen || reader.meta.keyLo !== seen) wrong++;
      seen++;
      batch++;
    }
    if (batch > 0) { reader.release(); toWriter.ring(); continue; }
    mine.announce();
    if (!reader.empty()) { mine.cancel(); continue; }
    if (!mine.wait(15_000)) break;
  }
  parentPort.postMessage({ seen, wrong });
`;

describe('a ring between two threads', () => {
  it('loses, repeats and damages none of 200,000 messages', { timeout: 60_000 }, async () => {
    const workerData = {
      memory: createRing(1 << 18), readerBell: createBell(), writerBell: createBell(), count: 200_000,
    };
    const [, read] = await Promise.all([runWorker(WRITER, workerData), runWorker(READER, workerData)]);
    expect(read).toEqual({ seen: 200_000, wrong: 0 });
  });
});
