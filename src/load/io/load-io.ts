/**
 * The sockets of a load thread behind one small interface, for the batch driver (Linux), the portable one, and faults made
 * on purpose in between. Everything that is received, composed and stored lies in one block of memory, so that every copy
 * is one within it. Belongs to the load thread.
 */
import type { Endpoint } from '../../proxy/ports.js';
import type { BoundListener } from '../../net/udp-driver.js';

/**
 * Takes one datagram: `bytes[start, end)` of the thread's memory, borrowed until it returns, as `from`. It came at `eventUs` of the loop's
 * clock: the kernel's own time stamp where the driver has it, so that it does not matter how long it then waited to be read.
 */
export type LoadReceiver = (start: number, end: number, from: Endpoint, eventUs: number) => void;

export interface LoadIo {
  readonly kind: 'batch' | 'dgram';
  /** Open sockets; the index is `Endpoint.listener`. */
  readonly sockets: readonly BoundListener[];
  /** Room for `maxBytes` in the memory of the thread; -1: they are more than a datagram can ever have. May flush. */
  reserve(maxBytes: number): number;
  /** Queues what was composed at `[start, end)` in the room reserved last. */
  commit(start: number, end: number, to: Endpoint): void;
  /** Hands everything queued to the kernel. */
  flush(): void;
  /** What socket `from` sends arrives at socket `at` of this thread: there is nothing in between. A hint. */
  arrives(from: number, at: number): void;
  /** Hands over what is likely to have arrived, at most some dozens of datagrams a socket; returns how many there were. */
  receive(receiver: LoadReceiver): number;
  /** Whether `receive` has nothing in sight: time for `wait`, be it with 0. */
  idle(): boolean;
  /**
   * Waits until a datagram is there, `us` microseconds are over (or a little more), or something else wants attention. A
   * promise where the driver needs the event loop for it.
   */
  wait(us: number): Promise<void> | undefined;
  /** Lets `us` microseconds pass (or a little more) in which datagrams gather; all sockets are asked then. As `wait` where the driver cannot. */
  pause(us: number): Promise<void> | undefined;
  /** Microseconds of the loop's clock at which something that is held back has to be sent; Infinity: nothing is. */
  dueUs(): number;
  /** Messages handed to the kernel so far, and those that it did not take. */
  sent(): number;
  dropped(): number;
  close(): Promise<void>;
}

/** The memory of a load thread, and where its parts lie. */
export interface LoadMemory {
  readonly bytes: Uint8Array;
  /** The same as int32. */
  readonly words: Int32Array;
  /** Where messages are composed: SEND_ARENA_BYTES. */
  readonly sendStart: number;
  /** Where datagrams are received: RECEIVE_BYTES. */
  readonly receiveStart: number;
  /** The message store: up to the end. */
  readonly storeStart: number;
}

/** Datagrams that one system call receives. */
export const RECEIVE_SLOTS = 64;
/** Room for the largest datagram; the odd kilobyte spreads the slots over the sets of the processor's caches. */
export const RECEIVE_SLOT_BYTES = 65_536 + 1024;
export const RECEIVE_BYTES = RECEIVE_SLOTS * RECEIVE_SLOT_BYTES;
