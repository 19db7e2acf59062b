#!/usr/bin/env node
/** The command `viaduct`: puts the commands together, and turns what goes wrong into one clear line and an exit code. */
import { Command, CommanderError } from 'commander';
import { VERSION } from '../telemetry/version.js';
import { checkCommand } from './check.js';
import { endWithReader } from './closed-pipe.js';
import { loadCommand } from './load.js';
import { reportError } from './report-error.js';
import { runCommand } from './run.js';
import { statsCommand } from './stats.js';
import { tuneCommand } from './tune.js';

const EXAMPLES = `
Examples:
  viaduct run                                     run with the configuration that comes with the package
  viaduct run --config site.yaml --set shards=4   run with a configuration of your own, one setting changed
  viaduct check --config site.yaml                say what is wrong with a configuration and its script
  viaduct stats --watch                           watch the counters of the running instance
  viaduct load --rate 500                         place calls through it, and measure
  viaduct tune site.yaml                          find out how many shards this machine wants, and write it there

VIADUCT_DEBUG=1 adds stack traces to errors.`;

const USAGE_EXIT_CODE = 2;

function program(): Command {
  const root = new Command('viaduct')
    .description('A multi-core SIP proxy, programmable in TypeScript.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);
  for (const command of [runCommand(), checkCommand(), statsCommand(), loadCommand(), tuneCommand()]) {
    command
      .version(VERSION, '-V, --version', 'print the version')
      .helpOption('-h, --help', 'print this help');
    root.addCommand(command);
  }
  for (const command of [root, ...root.commands]) {
    command.exitOverride().configureOutput({ outputError: (text, write) => write(usageError(text, command === root ? 'viaduct' : `viaduct ${command.name()}`)) });
  }
  return root;
}

/** Commander's error, which may have a second line with what was perhaps meant, as one line. */
function usageError(text: string, command: string): string {
  const line = text.replace(/^error: /, 'viaduct: ').trim().replace(/\s*\n\s*/g, ' ').replace(/\.$/, '');
  return `${line}; see ${command} --help\n`;
}

endWithReader();
try {
  await program().parseAsync();
} catch (error) {
  // Commander has printed its own errors; help and version that were asked for are none.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
  else process.exitCode = reportError(error);
}
