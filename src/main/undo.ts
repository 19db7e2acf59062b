/**
 * What has been started so far, and how it is undone: in the opposite order, each step whatever became of the others.
 * Used for a start that fails half-way and for the regular stop alike. Main thread.
 */

/** A stack of things to undo. */
export class Undo {
  private readonly steps: (() => void | Promise<void>)[] = [];

  /** Has `step` run before everything that was added earlier. */
  add(step: () => void | Promise<void>): void {
    this.steps.push(step);
  }

  /** Runs every step once, last added first. Rejects with the first error, after all steps have run. */
  async run(): Promise<void> {
    const errors: unknown[] = [];
    for (let step = this.steps.pop(); step !== undefined; step = this.steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
