/** Counter blocks in shared memory. */
import { describe, expect, it } from 'vitest';
import { allocateBlocks, BLOCK_STRIDE_BYTES, mainBlock, shardBlock, shardBlocks } from '../../../src/telemetry/blocks.js';
import { COUNTER_COUNT, C_REQUESTS_IN } from '../../../src/telemetry/counters.js';

describe('counter blocks', () => {
  it('have a slot a counter, begin at zero, and share no cache line', () => {
    const memory = allocateBlocks(3);
    const blocks = [mainBlock(memory), ...shardBlocks(memory)];
    expect(blocks).toHaveLength(4);
    for (const block of blocks) {
      expect(block).toHaveLength(COUNTER_COUNT);
      expect(block.every((value) => value === 0)).toBe(true);
      expect(block.byteOffset % 64).toBe(0);
    }
    expect(BLOCK_STRIDE_BYTES).toBeGreaterThanOrEqual(COUNTER_COUNT * 8);
  });

  it('are the same memory in every view, and each other’s business in none', () => {
    const memory = allocateBlocks(2);
    mainBlock(memory).fill(1);
    shardBlock(memory, 1)[C_REQUESTS_IN] = 7;
    expect(shardBlocks(memory).map((block) => block[C_REQUESTS_IN])).toEqual([0, 7]);
    expect(mainBlock(memory).every((value) => value === 1)).toBe(true);
  });
});
