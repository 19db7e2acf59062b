/** `viaduct check`: is this configuration, with its script, good to run? */
import { Command } from 'commander';
import { loadConfig } from '../config/load.js';
import { formatProblem } from '../script/load-error.js';
import { configOption, setOption } from './options.js';
import { countOf } from './report-error.js';

const EXAMPLES = `
Examples:
  viaduct check --config site.yaml
  viaduct check --config site.yaml --set routes=./new-routes.ts

Prints every problem with its place and exits with 1, or says that all is well and exits with 0.`;

interface CheckOptions {
  readonly config: string;
  readonly set: readonly string[];
}

/** The command. */
export function checkCommand(): Command {
  return new Command('check')
    .description('Check a configuration and its routing script, types included.')
    .addOption(configOption())
    .addOption(setOption())
    .addHelpText('after', EXAMPLES)
    .action(async (options: CheckOptions) => {
      const config = loadConfig(options.config, options.set);
      // The checker brings the TypeScript compiler, which no other command needs.
      const { checkScript } = await import('../script/check.js');
      const problems = await checkScript(config.routes);
      if (problems.length === 0) {
        process.stdout.write(`OK: the configuration ${options.config} and its script ${config.routes} are good to run\n`);
        return;
      }
      process.stderr.write(`${[...problems.map(formatProblem), countOf(problems.length, 'the routing script')].join('\n')}\n`);
      process.exitCode = 1;
    });
}
