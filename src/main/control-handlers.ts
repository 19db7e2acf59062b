/** What a running server does for the commands of its control socket. Main thread. */
import type { ControlHandlers } from '../control/protocol.js';
import type { RunningServer } from './server.js';

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/**
 * The commands: `stats` (a StatsSnapshot), `reload` (compiles the routing script again), `log-level` (takes the level as
 * its argument).
 */
export function controlHandlers(server: Pick<RunningServer, 'snapshot' | 'reload' | 'setLogLevel'>): ControlHandlers {
  return {
    stats: () => server.snapshot(),
    reload: () => server.reload(),
    'log-level': (level) => {
      if (typeof level !== 'string' || !LEVELS.includes(level)) {
        throw new Error(`log level: found ${JSON.stringify(level)}; allowed: ${LEVELS.join(', ')}`);
      }
      server.setLogLevel(level);
    },
  };
}
