/**
 * The memory that main shares with one shard, and main's ends of it. Made once a shard at start; every life of the shard
 * gets the same. Main thread.
 */
import { createBell, Doorbell } from '../ring/doorbell.js';
import { CONTROL_BYTES, CONTROL_HEAD, CONTROL_TAIL } from '../ring/layout.js';
import { createRing, RingReader, RingWriter } from '../ring/spsc-ring.js';
import { RECEIVE_BYTES } from '../net/udp-batch-receiver.js';
import { SEND_ARENA_BYTES } from '../net/udp-batch-sender.js';
import { ARENA_OVERHEAD_BYTES } from '../proxy/arena.js';
import { createControlWords } from '../shard/control-words.js';
import type { ShardMemory } from '../shard/shard-task.js';
import { shardBlock } from '../telemetry/blocks.js';
import type { RingLevels } from '../telemetry/snapshot.js';
import type { ShardInlet } from './dispatcher.js';

/** One shard as main sees it. */
export interface ShardEnds {
  readonly memory: ShardMemory;
  readonly inlet: ShardInlet;
  readonly outRing: RingReader;
  readonly counters: Float64Array;
  readonly words: Int32Array;
}

/**
 * Memory for shard `shard` with rings of `ringBytes` (see `createRing`) and a message store of `storeBytes`. The in-ring,
 * the send queue and the store lie in one block, so that a message on its way through never changes the array. Behind them
 * follows the memory into which main receives (see `receivePlace`): a datagram for this shard is copied within the block then,
 * too. Only the first shard's is used, which is all of them on the small machines where it counts. A shard that reads the sockets itself
 * receives there, too.
 * `blocks`: the counter blocks of the server;
 * `mainBell`: the bell of all out-rings.
 */
export function createShardEnds(shard: number, ringBytes: number, storeBytes: number, blocks: SharedArrayBuffer, mainBell: SharedArrayBuffer): ShardEnds {
  const words = createControlWords();
  const engineBytes = ARENA_OVERHEAD_BYTES + storeBytes;
  const memory: ShardMemory = {
    inRing: createRing(ringBytes, SEND_ARENA_BYTES + engineBytes + (shard === 0 ? RECEIVE_BYTES : 0)),
    ringBytes,
    engineBytes,
    inBell: createBell(),
    outRing: createRing(ringBytes),
    blocks,
    words: words.buffer,
    mainBell,
  };
  return {
    memory,
    inlet: { ring: new RingWriter(memory.inRing, ringBytes), bell: new Doorbell(memory.inBell) },
    outRing: new RingReader(memory.outRing),
    counters: shardBlock(blocks, shard),
    words,
  };
}

/** Where main receives datagrams: in the block of the first shard, behind what the shard uses. */
export function receivePlace(first: ShardEnds): { readonly bytes: Uint8Array; readonly start: number } {
  const bytes = first.inlet.ring.memory;
  return { bytes, start: bytes.length - RECEIVE_BYTES };
}

/** How full both rings of a shard are now. Only reads, so it may be asked at any time. */
export function ringLevels(memory: ShardMemory): RingLevels {
  return {
    inBytes: usedBytes(memory.inRing),
    outBytes: usedBytes(memory.outRing),
    ringBytes: memory.ringBytes,
  };
}

function usedBytes(ring: SharedArrayBuffer): number {
  const control = new Int32Array(ring, 0, CONTROL_BYTES / 4);
  // The head first: it never passes the tail that is read after it.
  const head = Atomics.load(control, CONTROL_HEAD);
  return (Atomics.load(control, CONTROL_TAIL) - head) >>> 0;
}
