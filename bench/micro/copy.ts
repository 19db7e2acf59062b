/**
 * How to copy a message: a loop over bytes, a loop over words, a view and `set`, and `copyWithin` inside one array, by length. The
 * reason why a shard keeps its ring, message store and send queue in one array.
 */
import { groupOfTasks, type Task } from './benchmark.js';

const LENGTHS = [16, 64, 300, 600, 1200, 3000];
const OPERATIONS = 64;
/** Messages lie apart like receive slots, and are copied to places one after the other, as into a ring. */
const SLOT_STRIDE = 65_536 + 1024;
const TARGET_STRIDE = 4096;

export const copy = groupOfTasks('copy', 'ways to copy a message', () => {
  const targetBytes = OPERATIONS * TARGET_STRIDE;
  const memory = new SharedArrayBuffer(targetBytes + OPERATIONS * SLOT_STRIDE);
  const whole = new Uint8Array(memory).fill(65);
  const target = new Uint8Array(memory, 0, targetBytes);
  const source = new Uint8Array(memory, targetBytes);
  const targetWords = new Int32Array(target.buffer, target.byteOffset, target.length >> 2);
  const sourceWords = new Int32Array(source.buffer, source.byteOffset, source.length >> 2);
  return LENGTHS.flatMap((length): Task[] => [
    {
      name: `loop over bytes, ${length} bytes`,
      operations: OPERATIONS,
      bytes: length,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) {
          const from = n * SLOT_STRIDE;
          const to = n * TARGET_STRIDE;
          for (let i = 0; i < length; i++) target[to + i] = source[from + i]!;
        }
      },
    },
    {
      name: `loop over words, ${length} bytes`,
      operations: OPERATIONS,
      bytes: length,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) {
          let from = (n * SLOT_STRIDE) >> 2;
          const start = (n * TARGET_STRIDE) >> 2;
          const end = start + ((length + 15) >> 4) * 4;
          for (let to = start; to < end; to += 4, from += 4) {
            targetWords[to] = sourceWords[from]!;
            targetWords[to + 1] = sourceWords[from + 1]!;
            targetWords[to + 2] = sourceWords[from + 2]!;
            targetWords[to + 3] = sourceWords[from + 3]!;
          }
        }
      },
    },
    {
      name: `set(subarray), ${length} bytes`,
      operations: OPERATIONS,
      bytes: length,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) target.set(source.subarray(n * SLOT_STRIDE, n * SLOT_STRIDE + length), n * TARGET_STRIDE);
      },
    },
    {
      name: `copyWithin, ${length} bytes`,
      operations: OPERATIONS,
      bytes: length,
      run: () => {
        for (let n = 0; n < OPERATIONS; n++) {
          const from = targetBytes + n * SLOT_STRIDE;
          whole.copyWithin(n * TARGET_STRIDE, from, from + length);
        }
      },
    },
  ]);
});
