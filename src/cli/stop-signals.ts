/** SIGINT and SIGTERM: the first asks for a clean stop, the second ends the process. Main thread. */
import type { EngineLog } from '../proxy/ports.js';

/** Requests to stop. */
export interface StopSignals {
  /** Resolves at the first signal. */
  readonly requested: Promise<void>;
  /** Listens no longer. */
  dispose(): void;
}

/** Starts to listen. `onSecond` has to end the process. */
export function onStopSignals(log: EngineLog, onSecond: () => void): StopSignals {
  let resolve: () => void;
  const requested = new Promise<void>((done) => (resolve = done));
  let asked = false;
  const onSignal = (signal: string): void => {
    if (asked) {
      log.warn({ signal }, 'second signal: stopping at once, transactions in flight are lost');
      onSecond();
      return;
    }
    asked = true;
    log.info({ signal }, 'stopping: transactions in flight may finish, a second signal stops at once');
    resolve();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    requested,
    dispose: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
