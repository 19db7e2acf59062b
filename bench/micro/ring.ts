/**
 * What a message costs in a ring, both ends in one thread: push, publish, next, release. The reader touches one byte of
 * each cache line, as a parser would. The second group is why `push` copies with TypedArray.set.
 *
 *   npx esbuild bench/micro/ring.ts --bundle --platform=node --format=esm --packages=external \
 *     --outfile=dist/bench/ring.mjs && node dist/bench/ring.mjs [milliseconds per task, default 200]
 */
import { cpus } from 'node:os';
import { Bench } from 'tinybench';
import { RECORD_DATAGRAM, createPacketMeta } from '../../src/ring/layout.js';
import { RingReader, RingWriter, createRing } from '../../src/ring/spsc-ring.js';

const RING_BYTES = 1 << 20;
const ROUNDS_A_CALL = 64;
/** Sources lie apart like receive slots, so that the copy meets the same caches. */
const SLOT_STRIDE = 65_536 + 1024;

const source = new Uint8Array(64 * SLOT_STRIDE).fill(65);
const sourceBuffer = Buffer.from(source.buffer);
const meta = createPacketMeta();
let consumed = 0;

const bench = new Bench({ time: Number(process.argv[2] ?? 200), warmupTime: 50 });
/** Messages that one call of a task handles. */
const messagesOf = new Map<string, number>();

function task(name: string, messages: number, run: () => void): void {
  messagesOf.set(name, messages);
  bench.add(name, run);
}

for (const bytes of [300, 500, 1500]) {
  for (const batch of [1, 8, 32]) {
    const memory = createRing(RING_BYTES);
    const writer = new RingWriter(memory);
    const reader = new RingReader(memory);
    task(`ring, ${bytes} bytes, batch of ${batch}`, ROUNDS_A_CALL * batch, () => {
      for (let round = 0; round < ROUNDS_A_CALL; round++) {
        for (let i = 0; i < batch; i++) {
          const start = i * SLOT_STRIDE;
          writer.push(RECORD_DATAGRAM, source, start, start + bytes, meta, -1);
        }
        writer.publish();
        while (reader.next()) {
          for (let at = reader.start; at < reader.end; at += 64) consumed += reader.bytes[at]!;
        }
        reader.release();
      }
    });
  }
}

for (const bytes of [20, 300, 500, 1500]) {
  const target = new Uint8Array(new SharedArrayBuffer(RING_BYTES));
  const copies: Record<string, (from: number, to: number) => void> = {
    'TypedArray.set': (from, to) => { target.set(source.subarray(from, from + bytes), to); },
    'Buffer.copy': (from, to) => { sourceBuffer.copy(target, to, from, from + bytes); },
    'byte loop': (from, to) => { for (let i = 0; i < bytes; i++) target[to + i] = source[from + i]!; },
  };
  for (const [name, copy] of Object.entries(copies)) {
    task(`copy ${bytes} bytes, ${name}`, ROUNDS_A_CALL, () => {
      for (let i = 0; i < ROUNDS_A_CALL; i++) copy(i * SLOT_STRIDE, i * 2048);
      consumed += target[2048]!;
    });
  }
}

await bench.run();
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, Node ${process.version}`);
console.table(bench.tasks.map(({ name, result }) => ({
  task: name,
  'ns a message': 'latency' in result ? Math.round((result.latency.p50 * 1e6) / messagesOf.get(name)!) : 'failed',
})));
if (consumed === 0) throw new Error('nothing was read');
