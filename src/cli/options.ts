/** Options that several commands share. */
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, Option } from 'commander';

/** The configuration of this package, used when none is named. */
export const DEFAULT_CONFIG_FILE = fileURLToPath(new URL('../../config/default.yaml', import.meta.url));

/** `--config FILE`. */
export function configOption(): Option {
  return new Option('-c, --config <file>', 'the configuration').default(DEFAULT_CONFIG_FILE, 'config/default.yaml of this package');
}

/** `--set key=value`, any number of them. */
export function setOption(): Option {
  return new Option('-s, --set <key=value>', 'override a setting, as in limits.transactions=1000 or listen.0=udp:127.0.0.1:5080; may be repeated')
    .argParser<string[]>((value, previous) => [...(previous ?? []), value])
    .default([], 'none');
}

/** A number of seconds between bounds, as milliseconds. */
export function secondsParser(minSeconds: number, maxSeconds: number): (text: string) => number {
  return (text) => {
    const seconds = text.trim() === '' ? Number.NaN : Number(text);
    if (seconds >= minSeconds && seconds <= maxSeconds) return seconds * 1000;
    throw new InvalidArgumentError(`Allowed: ${minSeconds} to ${maxSeconds} seconds.`);
  };
}
