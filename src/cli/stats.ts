/** `viaduct stats`: the counters of a running instance, over its control socket. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { loadConfig } from '../config/load.js';
import { ControlClient } from '../control/client.js';
import { ViaductError } from '../errors.js';
import type { StatsSnapshot } from '../telemetry/snapshot.js';
import { statsTable } from '../telemetry/stats-table.js';
import { configOption, secondsParser } from './options.js';

const EXAMPLES = `
Examples:
  viaduct stats                          the instance that runs with the package's configuration
  viaduct stats --config site.yaml       the instance that runs with this configuration
  viaduct stats --watch 5                again every 5 seconds, with rates
  viaduct stats --json | jq .totals      for machines; with --watch one line each time`;

const WATCH_DEFAULT_MS = 1000;
const CLEAR_SCREEN = '\x1b[H\x1b[2J\x1b[3J';

interface StatsOptions {
  readonly config: string;
  readonly socket?: string;
  readonly watch?: number | true;
  readonly json?: boolean;
  readonly all?: boolean;
}

/** The command. */
export function statsCommand(): Command {
  return new Command('stats')
    .description('Print the counters of a running instance.')
    .addOption(configOption())
    .addOption(new Option('--socket <path>', 'the control socket, when it is not the one of the configuration'))
    .addOption(new Option('-w, --watch [seconds]', 'print again and again, with rates per second').argParser(secondsParser(0.1, 3600)))
    .option('-j, --json', 'print JSON')
    .option('-a, --all', 'show the counters that are zero too')
    .addHelpText('after', EXAMPLES)
    .action(stats);
}

async function stats(options: StatsOptions): Promise<void> {
  const client = await ControlClient.connect(options.socket ?? configuredSocket(options.config));
  const everyMs = options.watch === true ? WATCH_DEFAULT_MS : options.watch;
  try {
    let previous: StatsSnapshot | undefined;
    do {
      if (previous !== undefined) await sleep(everyMs);
      // The server is this package too: its snapshot is taken at its word.
      const snapshot = (await client.request('stats')) as StatsSnapshot;
      process.stdout.write(textOf(snapshot, previous, options));
      previous = snapshot;
    } while (everyMs !== undefined);
  } finally {
    client.close();
  }
}

function configuredSocket(file: string): string {
  const { socket } = loadConfig(file).control;
  if (socket === undefined) throw new ViaductError('VD_CONTROL_NONE', {});
  return socket;
}

function textOf(snapshot: StatsSnapshot, previous: StatsSnapshot | undefined, options: StatsOptions): string {
  if (options.json === true) return `${JSON.stringify(snapshot, null, options.watch === undefined ? 2 : undefined)}\n`;
  const table = statsTable(snapshot, {
    all: options.all ?? false,
    ...(previous === undefined ? {} : { previous }),
    ...(process.stdout.isTTY ? { columns: process.stdout.columns } : {}),
  });
  if (options.watch === undefined) return table;
  return process.stdout.isTTY ? `${CLEAR_SCREEN}${table}` : `${table}\n`;
}
