/** Waiting that can be cut short. Main thread. */

/** A moment to wait for. One waiter at a time. */
export class Waker {
  private wakeUp: (() => void) | undefined;

  /** Resolves after `ms`, or at the next `wake`. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.wake(), Math.max(0, ms));
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends the wait in progress; without one it does nothing. */
  wake(): void {
    const { wakeUp } = this;
    this.wakeUp = undefined;
    wakeUp?.();
  }
}

/** The operator's wish to end the run early. */
export class StopRequest {
  private listener: (() => void) | undefined;
  private asked = false;

  get requested(): boolean {
    return this.asked;
  }

  /** Ends the run: what is in progress gets a moment, then the results so far are given. */
  request(): void {
    this.asked = true;
    this.listener?.();
  }

  /** Calls `listener` at a request; one listener at a time. */
  onRequest(listener: () => void): void {
    this.listener = listener;
  }
}
