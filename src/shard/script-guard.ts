/**
 * Keeps what a script leaves uncaught from ending its thread: a promise that it forgot about, an error that its timers and
 * sockets throw. Those are the script's errors, and no reason to drop every call. (Errors of the engine do not come by here:
 * they end the loop.) In the thread that runs the script.
 */
import type { EngineLog } from '../proxy/ports.js';
import { C_SCRIPT_ERRORS } from '../telemetry/counters.js';

/** Starts to count and log them; the returned function ends it. */
export function guardScript(counters: Float64Array, log: EngineLog): () => void {
  const onRejection = (reason: unknown): void => {
    counters[C_SCRIPT_ERRORS]!++;
    log.error({ err: reason }, 'unhandled rejection in the routing script');
  };
  const onException = (error: unknown): void => {
    counters[C_SCRIPT_ERRORS]!++;
    log.error({ err: error }, 'uncaught exception in the routing script');
  };
  process.on('unhandledRejection', onRejection);
  process.on('uncaughtException', onException);
  return () => {
    process.off('unhandledRejection', onRejection);
    process.off('uncaughtException', onException);
  };
}
