/**
 * The kernel's time stamps of received datagrams (SO_TIMESTAMPNS), on the clock of the load threads: when a datagram came does not
 * depend on when it was read. Belongs to one receive vector, and so to one thread. Linux, 64 bits.
 *
 * Ancillary data of a message, 32 bytes: length u64 0 | level i32 8 | type i32 12 | seconds u64 16 | nanoseconds u64 24
 */
import { CLOCK_REALTIME, SOL_SOCKET, SO_TIMESTAMPNS, type Libc } from '../../net/libc.js';
import type { MmsgVector } from '../../net/mmsg-vector.js';
import { nowUs } from '../clock.js';

/** Readings of the two clocks this close together belong to one moment. */
const TOGETHER_US = 20;
/** Pairs of readings that `sync` takes at most; a thread can lose its core between any two. */
const READINGS = 8;

const CONTROL_BYTES = 32;
const CONTROL_WORDS = CONTROL_BYTES / 4;
const WORD_LEVEL = 2;
const WORD_TYPE = 3;
const WORD_SECONDS = 4;
const WORD_NANOSECONDS = 6;

export class TimeStamps {
  private readonly libc: Libc;
  private readonly vector: MmsgVector;
  private readonly control: Int32Array;
  /** struct timespec. */
  private readonly clock = new Int32Array(new ArrayBuffer(128));
  private readonly clockAt: number;
  /** Of `sync`: the loop's clock, and the clock of the stamps. */
  private nowUs = 0;
  private seconds = 0;
  private nanoseconds = 0;

  constructor(libc: Libc, vector: MmsgVector, slots: number) {
    this.libc = libc;
    this.vector = vector;
    this.control = new Int32Array(new ArrayBuffer(slots * CONTROL_BYTES));
    this.clockAt = libc.addressOf(new Uint8Array(this.clock.buffer));
    const at = libc.addressOf(new Uint8Array(this.control.buffer));
    for (let i = 0; i < slots; i++) vector.setControl(i, at + i * CONTROL_BYTES, CONTROL_BYTES);
  }

  /** Asks for stamps on a socket; where the kernel has none, `eventUs` is the time of reading. */
  enable(fd: number): void {
    this.libc.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, new Uint8Array(new Int32Array([1]).buffer), 4);
  }

  /**
   * Reads both clocks at one moment: to be called right behind the receive. Returns the loop's. A pair of readings between which the
   * thread lost its core would shift every stamp by that time, so such a pair is read again; of all pairs the closest counts.
   */
  sync(): number {
    let closestUs = Infinity;
    let beforeUs = nowUs();
    for (let i = 0; i < READINGS && closestUs > TOGETHER_US; i++) {
      this.libc.clockGettime(CLOCK_REALTIME, this.clockAt);
      const afterUs = nowUs();
      if (afterUs - beforeUs < closestUs) {
        closestUs = afterUs - beforeUs;
        this.nowUs = afterUs;
        this.seconds = this.clock[0]! >>> 0;
        this.nanoseconds = this.clock[2]!;
      }
      beforeUs = afterUs;
    }
    return this.nowUs;
  }

  /** When message `index` of the receive came, microseconds of the loop's clock. Takes the stamp: once for each receive. */
  eventUs(index: number): number {
    const { control, vector } = this;
    const at = index * CONTROL_WORDS;
    const stamped = vector.controlBytes(index) === CONTROL_BYTES && control[at + WORD_LEVEL] === SOL_SOCKET && control[at + WORD_TYPE] === SO_TIMESTAMPNS;
    vector.setControlBytes(index, CONTROL_BYTES);
    if (!stamped) return this.nowUs;
    const ageUs = (this.seconds - (control[at + WORD_SECONDS]! >>> 0)) * 1e6 + (this.nanoseconds - control[at + WORD_NANOSECONDS]!) / 1000;
    // Somebody may have set the clock back in between.
    return ageUs > 0 ? this.nowUs - ageUs : this.nowUs;
  }
}
