/** `viaduct tune`: how many shards this machine wants, measured, and written into the configuration. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { configSchema } from '../config/schema.js';
import { schemaAt, wordsOf } from '../config/schema-walk.js';
import { listenAddress, rate } from './load-values.js';
import { secondsParser } from './options.js';
import type { TuneFlags } from './tune-action.js';

const HELP = `
What it does: starts proxies on loopback with free ports, in processes of their own, places calls through each with the bundled
generator, and reads how long each of their threads was on a core. From that it works out how many shards keep the main thread
busy, on this machine and on bigger ones. Then it shows what it would change in CONFIG, and asks. Without a terminal it changes
nothing, unless --yes says so; without CONFIG it only prints. Comments and formatting of the file stay as they are.

The calls go through a plain relay script, so that nobody but this machine takes part. --routes measures with the script of the
configuration instead: it has to send new calls to ADDRESS:PORT of this machine, where the generator takes them. (The proxies are
bound to loopback: a script that sends calls to other machines reaches nobody, and tune says so.)

Run it on the machine that is to be tuned, when it has nothing else to do.

Examples:
  viaduct tune site.yaml                        measure for about a minute, show the change, ask
  viaduct tune site.yaml --dry-run              only measure and print
  viaduct tune site.yaml --yes --json tune.json for scripts: write without asking, and keep the figures
  viaduct tune --shards 1,2,4,8 --seconds 30    these numbers of shards, 30 s each
  viaduct tune site.yaml --routes               with the script of site.yaml, which sends calls to 127.0.0.1:5070

Exit code: 0 it went well; 1 it could not measure or write; 2 a flag is wrong; 130 stopped by Ctrl+C. docs/tuning.md says more.`;

/** The command. */
export function tuneCommand(): Command {
  return new Command('tune')
    .description('Measure how many shards this machine wants, and write it into a configuration.')
    .argument('[config]', 'the configuration to measure with and to change (default: that of this package, which is not changed)')
    .addOption(new Option('-c, --config <file>', 'the same as the argument'))
    .addOption(new Option('--shards <n,n,…>', 'numbers of shards to measure (default: from 1 to the number of cores; on more than 4 cores doubled)').argParser(shardCounts))
    .addOption(new Option('--coalesce <us,us,…|none>', 'settings of io.coalesceUs to compare with the present one').argParser(coalesceList).default([100, 250, 1000], '100,250,1000'))
    .addOption(new Option('-r, --rate <calls/s>', 'calls per second (default: what keeps this machine more than half busy)').argParser(rate))
    .addOption(new Option('--seconds <seconds>', 'length of each step, half of it warm-up (default: what makes about a minute in all)').argParser(secondsParser(0.5, 600)))
    .addOption(new Option('--routes [address:port]', 'measure with the script of the configuration, which sends calls there').argParser(listenAddress).preset('127.0.0.1:5070'))
    .addOption(new Option('--dry-run', 'measure and print, change nothing'))
    .addOption(new Option('-y, --yes', 'change the configuration without asking'))
    .addOption(new Option('--json <file>', 'write the result for machines; - is standard output'))
    .addHelpText('after', HELP)
    .action(async (config: string | undefined, flags: TuneFlags) => {
      // Only this command needs generator and sweep with all that they load.
      const { tune } = await import('./tune-action.js');
      await tune(config, flags);
    });
}

/** `1,2,4`: what the setting `shards` takes, each once, rising. */
function shardCounts(text: string): readonly number[] {
  const counts = numbers(text);
  const schema = configSchema.shape.shards;
  if (counts.length === 0 || !counts.every((count) => schema.safeParse(count).success)) throw new InvalidArgumentError(`Allowed: numbers of shards with commas between, as in 1,2,4; each ${wordsOf(schema)?.allowed.replace(/^auto, or /, '') ?? ''}.`);
  return counts;
}

/** `50,200`: what `io.coalesceUs` takes; `none`: an empty list. */
function coalesceList(text: string): readonly number[] {
  if (text === 'none') return [];
  const values = numbers(text);
  const schema = schemaAt(['io', 'coalesceUs']);
  const allowed = (value: number): boolean => schema !== undefined && z.safeParse(schema, value).success;
  if (values.length === 0 || values.length > 8 || !values.every(allowed)) throw new InvalidArgumentError(`Allowed: none, or up to 8 numbers with commas between, as in 50,200; each ${(schema && wordsOf(schema)?.allowed) ?? ''}.`);
  return values;
}

/** The numbers of a list, each once, rising; empty when something in it is none. */
function numbers(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  if (!parts.every((part) => /^\d{1,6}$/.test(part))) return [];
  return [...new Set(parts.map(Number))].sort((a, b) => a - b);
}
