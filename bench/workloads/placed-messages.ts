/**
 * Messages laid out in memory as a shard has them: in one shared array, each at an odd offset. A message stands there several times,
 * so that a benchmark does not read the same few cache lines over and over.
 */
import type { SizedMessage } from './sized-messages.js';

/** Copies of each message. */
export const COPIES = 64;

export interface PlacedMessage extends SizedMessage {
  readonly memory: Uint8Array;
  /** Copy `i` is `memory[starts[i], starts[i] + bytes.length)`. */
  readonly starts: Int32Array;
}

/** Lays out COPIES of each message, from `from` on in `memory`; without one in an array of its own. */
export function placeMessages(messages: readonly SizedMessage[], memory?: Uint8Array, from = 0): PlacedMessage[] {
  const room = messages.reduce((sum, { bytes }) => sum + strideOf(bytes.length) * COPIES, 0);
  const target = memory ?? new Uint8Array(new SharedArrayBuffer(from + room));
  let at = from;
  return messages.map((message) => {
    const starts = new Int32Array(COPIES);
    for (let i = 0; i < COPIES; i++) {
      starts[i] = at + 1 + (i & 7);
      target.set(message.bytes, starts[i]);
      at += strideOf(message.bytes.length);
    }
    return { ...message, memory: target, starts };
  });
}

function strideOf(length: number): number {
  return (length + 8 + 63) & ~63;
}
