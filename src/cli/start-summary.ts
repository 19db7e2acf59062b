/** What `viaduct run` says once it runs: where it listens, with what, and how to send it a first call. Pure. */
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/schema.js';
import type { RunningServer } from '../main/server.js';
import { VERSION } from '../telemetry/version.js';

/** The script whose next hop is known. */
const SHIPPED_SCRIPT = fileURLToPath(new URL('../../config/relay.ts', import.meta.url));
/** Where it sends calls. */
const NEXT_HOP = '127.0.0.1:5070';
/** Where the load generator sends its calls without a flag. */
const DEFAULT_TARGET = '127.0.0.1:5060';

/** The facts, for a log line or a text. */
export interface StartSummary {
  readonly version: string;
  readonly pid: number;
  readonly config: string | undefined;
  readonly listen: readonly { readonly bound: string; readonly advertised: string }[];
  readonly shards: number;
  readonly driver: string;
  readonly driverReason: string | undefined;
  readonly script: string;
  readonly control: string | undefined;
}

type Announced = Pick<RunningServer, 'addresses' | 'shards' | 'driver' | 'driverReason' | 'scriptFile'>;

/** Collects the facts. */
export function startSummary(config: Config, server: Announced): StartSummary {
  return {
    version: VERSION,
    pid: process.pid,
    config: config.file,
    listen: server.addresses.map(({ bound, advertised }) => ({ bound, advertised })),
    shards: server.shards,
    driver: server.driver,
    driverReason: server.driverReason,
    script: server.scriptFile,
    control: config.control.socket,
  };
}

/** The facts as lines for a terminal; `loadCommand` is how to run the load generator there, up to its flags: `viaduct load`. */
export function startText(summary: StartSummary, loadCommand: string): string {
  const { version, pid, config, listen, shards, driver, driverReason, script, control } = summary;
  const rows = [
    ...listen.map(({ bound, advertised }, index) => [index === 0 ? 'listens on' : '', `udp ${bound}${advertised === bound ? '' : `, known as ${advertised}`}`]),
    ['shards', shards === 0 ? 'none: inline, all in the main thread' : String(shards)],
    ['driver', `${driver}${driverReason === undefined ? '' : ` (not batch: ${driverReason})`}`],
    ['script', shownPath(script)],
    ['control', control ?? 'none'],
  ];
  return [
    `Viaduct ${version} is running (process ${pid}${config === undefined ? '' : `, ${shownPath(config)}`})`,
    ...rows.map(([name, text]) => `  ${(name ?? '').padEnd(12)}${text}`),
    ...firstCall(listen[0]?.bound, script, loadCommand),
    '',
  ].join('\n');
}

/** The load generator, caller and callee at once, with the flags that this address and this script want. */
function firstCall(bound: string | undefined, script: string, loadCommand: string): string[] {
  if (bound === undefined) return [];
  // A wildcard is nothing to send to.
  const target = bound.replace(/^0\.0\.0\.0:/, '127.0.0.1:').replace(/^\[::\]:/, '[::1]:');
  const shipped = script === SHIPPED_SCRIPT;
  const flags = [
    target === DEFAULT_TARGET ? '' : ` --target ${target}`,
    // Its callee takes calls on the host of the target, port 5070, unless it is told where.
    shipped && target.startsWith('127.0.0.1:') ? '' : ` --listen ${shipped ? NEXT_HOP : 'ADDRESS:PORT'}`,
  ];
  return [
    `A first call, from another terminal${shipped ? '' : ' (ADDRESS:PORT is the next hop of your script)'}:`,
    `  ${loadCommand}${flags.join('')} --calls 1`,
    'Ctrl+C stops.',
  ];
}

/** Relative to the working directory when that is shorter and does not climb out of it. */
function shownPath(path: string): string {
  const shorter = relative('', path);
  return shorter === '' || shorter.startsWith('..') ? path : shorter;
}
