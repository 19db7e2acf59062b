/**
 * The control words of one shard: a few int32 in shared memory through which main and shard see each other's progress
 * without a message. Every word has one writer. They live as long as the shard's rings; a
 * replacement goes on with them.
 */

/** Written by the shard: one of `STATE_*`. The supervisor resets it to STATE_STARTING before it starts a replacement. */
export const W_STATE = 0;
/** Written by main: counts control messages posted to the port, so that a loop that sleeps in `Atomics.wait` reads it. */
export const W_MAILBOX = 1;
/** Written by the shard while it drains: `Engine.pending()`. */
export const W_PENDING = 2;
const WORD_COUNT = 3;

/** The thread runs, the script is not instantiated yet. */
export const STATE_STARTING = 0;
/** Takes messages. */
export const STATE_READY = 1;
/** Takes messages, refuses new work. */
export const STATE_DRAINING = 2;
/** Has flushed and left its loop. */
export const STATE_STOPPED = 3;

/** New control words, all zero. */
export function createControlWords(): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT));
}
