/**
 * How to copy a message: a loop over bytes, a view and `set`, and `copyWithin` inside one array, by length. The reason why
 * a shard keeps its ring, message store and send queue in one array.
 *
 *   npx esbuild bench/micro/copy.ts --bundle --platform=node --format=esm --packages=external \
 *     --outfile=dist/bench/copy.mjs && node dist/bench/copy.mjs [milliseconds per task, default 200]
 */
import { cpus } from 'node:os';
import { Bench } from 'tinybench';

const LENGTHS = [16, 64, 300, 600, 1200];
const ROUNDS_A_CALL = 64;

const one = new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(65);
const other = new Uint8Array(new SharedArrayBuffer(1 << 20));
const bench = new Bench({ time: Number(process.argv[2] ?? 200), warmupTime: 50 });

for (const length of LENGTHS) {
  bench.add(`${length} bytes, loop`, () => {
    for (let round = 0; round < ROUNDS_A_CALL; round++) {
      const from = round * 2048;
      for (let i = 0; i < length; i++) other[i] = one[from + i]!;
    }
  });
  bench.add(`${length} bytes, set(subarray)`, () => {
    for (let round = 0; round < ROUNDS_A_CALL; round++) other.set(one.subarray(round * 2048, round * 2048 + length), 0);
  });
  bench.add(`${length} bytes, copyWithin`, () => {
    for (let round = 0; round < ROUNDS_A_CALL; round++) one.copyWithin(1 << 19, round * 2048, round * 2048 + length);
  });
}
await bench.run();
console.log(`${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.version}`);
for (const task of bench.tasks) {
  const { result } = task;
  if (result.state === 'completed') console.log(`${task.name.padEnd(28)} ${((result.latency.p50 * 1e6) / ROUNDS_A_CALL).toFixed(0).padStart(6)} ns`);
}
