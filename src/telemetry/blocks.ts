/**
 * Counter blocks in shared memory: one for each shard and one for the main thread. Each block has a single writer, its
 * thread; main reads them all without asking anybody.
 *
 * Layout: every block starts on a cache line of its own, so that two threads counting never contend for one.
 */
import { COUNTER_COUNT } from './counters.js';

/** Bytes of a cache line on the processors we run on. */
const CACHE_LINE_BYTES = 64;

/** Bytes from the start of one block to the next. */
export const BLOCK_STRIDE_BYTES = Math.ceil((COUNTER_COUNT * Float64Array.BYTES_PER_ELEMENT) / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;

/** Memory for the blocks of `shards` shards and of main, all zero. Goes to the shards as it is. */
export function allocateBlocks(shards: number): SharedArrayBuffer {
  return new SharedArrayBuffer((shards + 1) * BLOCK_STRIDE_BYTES);
}

/** The block of the main thread: COUNTER_COUNT slots. */
export function mainBlock(memory: SharedArrayBuffer): Float64Array<SharedArrayBuffer> {
  return new Float64Array(memory, 0, COUNTER_COUNT);
}

/** The block of shard `shard` (from 0). */
export function shardBlock(memory: SharedArrayBuffer, shard: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(memory, (shard + 1) * BLOCK_STRIDE_BYTES, COUNTER_COUNT);
}

/** The blocks of all shards, in order. */
export function shardBlocks(memory: SharedArrayBuffer): Float64Array<SharedArrayBuffer>[] {
  const shards = memory.byteLength / BLOCK_STRIDE_BYTES - 1;
  return Array.from({ length: shards }, (_, shard) => shardBlock(memory, shard));
}
