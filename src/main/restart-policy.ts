/**
 * When a dead shard is started again: at once after a healthy life, later and later when it keeps dying, so that a shard
 * that cannot live costs a thread start now and then instead of a busy loop. Pure arithmetic. Main thread.
 */

/**
 * A shard that lived this long was healthy: its death starts the count afresh. What cannot live at all dies in less than
 * that, and one that has carried calls for a second shall carry the next ones without a delay: a message that kills a shard
 * now and then costs a thread start, not seconds of everybody's calls.
 */
const HEALTHY_LIFE_MS = 1_000;
/** Delay after the second death in a row; doubles with each further one. */
const FIRST_DELAY_MS = 100;
/** Longest delay. */
const LONGEST_DELAY_MS = 5_000;

/** The restart history of one shard. */
export class RestartPolicy {
  private deathsInARow = 0;

  /** The shard has died `lifeMs` milliseconds after its start. Returns how long to wait before the next start. */
  delayMs(lifeMs: number): number {
    this.deathsInARow = lifeMs >= HEALTHY_LIFE_MS ? 1 : this.deathsInARow + 1;
    if (this.deathsInARow === 1) return 0;
    return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(this.deathsInARow - 2, 20));
  }
}
