/**
 * Datagrams that could not be sent, by their owner, until the loop takes them: the engine must not be re-entered from a send
 * or a flush. Belongs to the engine's thread.
 */

/** Failures that wait to be taken. More than that in one batch are forgotten: their timers end them. */
const FAILURES_MAX = 1024;

/** A bounded list, first in, first out. */
export class SendFailures {
  private readonly owners = new Int32Array(FAILURES_MAX);
  private count = 0;
  private at = 0;

  /** Remembers one. */
  note(owner: number): void {
    if (this.count < FAILURES_MAX) this.owners[this.count++] = owner;
  }

  /** The next one, -1 when there is none: see `ShardOutbox.nextFailure`. */
  next(): number {
    if (this.at < this.count) return this.owners[this.at++]!;
    this.clear();
    return -1;
  }

  /** Forgets them: whom they concern is gone. */
  clear(): void {
    this.at = 0;
    this.count = 0;
  }
}
