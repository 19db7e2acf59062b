/** `viaduct run`: the proxy itself, until a signal stops it. */
import { Command } from 'commander';
import { loadConfig } from '../config/load.js';
import { renderConfig } from '../config/render.js';
import type { Config } from '../config/schema.js';
import { removeSocketFile } from '../control/socket-path.js';
import type { RunningServer } from '../main/server.js';
import { createMainLogger, isPretty, type ThreadLog } from '../telemetry/logger.js';
import { configOption, setOption } from './options.js';
import { startSummary, startText } from './start-summary.js';
import { onStopSignals } from './stop-signals.js';

const EXAMPLES = `
Examples:
  viaduct run --config site.yaml
  viaduct run --set listen.0=udp:127.0.0.1:5080 --set log.level=debug
  viaduct run --config site.yaml --print-config > effective.yaml

SIGINT and SIGTERM let transactions in flight finish (shutdown.drainMs), a second one stops at once.`;

interface RunOptions {
  readonly config: string;
  readonly set: readonly string[];
  readonly printConfig?: boolean;
}

/** The command. */
export function runCommand(): Command {
  return new Command('run')
    .description('Run the proxy.')
    .addOption(configOption())
    .addOption(setOption())
    .option('-p, --print-config', 'print the effective configuration, commented, and exit')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunOptions) => {
      const config = loadConfig(options.config, options.set);
      if (options.printConfig === true) process.stdout.write(renderConfig(config));
      else await run(config);
    });
}

async function run(config: Config): Promise<void> {
  const log = createMainLogger(config.log);
  let server: RunningServer | undefined;
  const signals = onStopSignals(log, () => {
    if (server !== undefined) removeSocketFile(config.control.socket);
    process.exit(0);
  });
  try {
    // Only this command needs the server with all that it loads.
    const { startServer } = await import('../main/server.js');
    server = await startServer(config);
    announce(config, server, log);
    await Promise.race([signals.requested, server.done]);
    await server.stop();
    // Rejects when the server broke instead of having been stopped.
    await server.done;
    log.info({}, 'stopped');
  } finally {
    signals.dispose();
    if (config.shards === 0) endWithoutScript();
  }
}

/**
 * With `shards: 0` the script ran in this thread, and what it left there (timers, connections) would keep the process: it ends
 * all the same, behind whatever is still to be said about how it ended.
 */
function endWithoutScript(): void {
  setImmediate(() => process.exit()).unref();
}

/** Who has started this with `npm start` has the same way to the load generator. */
function loadCommand(): string {
  return process.env['npm_lifecycle_event'] === 'start' ? 'npm run load --' : 'viaduct load';
}

function announce(config: Config, server: RunningServer, log: ThreadLog): void {
  const summary = startSummary(config, server);
  if (isPretty(config.log.format)) process.stdout.write(startText(summary, loadCommand()));
  else log.info({ ...summary }, 'viaduct is running');
}
