/**
 * Logs: one pino logger a thread, each line written before the call returns. A shard sleeps in `Atomics.wait`, where an
 * asynchronous destination or a transport in another thread would hold its lines back; logs are rare enough to wait for.
 *
 * Invariant: a line is one write to standard output, so the threads' lines do not mix.
 */
import { isatty } from 'node:tty';
import { pino, type DestinationStream, type Logger } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { EngineLog } from '../proxy/ports.js';

/** `log` of the configuration, as it crosses threads: `level` of pino or `silent`; `format`: auto, pretty or json. */
export interface LogSettings {
  readonly level: string;
  readonly format: string;
}

/** The log of one thread. */
export interface ThreadLog extends EngineLog {
  /** Changes the least important level that is written, from the next line on. */
  setLevel(level: string): void;
}

/** The log of a shard. */
export type ShardLogger = ThreadLog;

const STDOUT_FD = 1;

/** Names that carry secrets, in the fields of a line and one level down. */
const SECRET_NAMES = ['secret', 'password', 'token', 'authorization', 'Authorization', 'proxyAuthorization', '["proxy-authorization"]', '["Proxy-Authorization"]'];
const SECRET_PATHS = SECRET_NAMES.flatMap((name) => (name.startsWith('[') ? [name, `*${name}`] : [name, `*.${name}`]));

/** Whether lines are written for people to read: `auto` is so on a terminal. */
export function isPretty(format: string, stdoutIsTerminal = isatty(STDOUT_FD)): boolean {
  return format === 'pretty' || (format === 'auto' && stdoutIsTerminal);
}

/**
 * The log of a thread; `thread` (`main`, `shard 0`) stands in every line. `destination` takes whole lines and must be
 * done with one when it returns; standard output by default.
 */
export function createThreadLog(settings: LogSettings, thread: string, destination?: DestinationStream): ThreadLog {
  const stdout = destination ?? pino.destination({ dest: STDOUT_FD, sync: true });
  const stream = isPretty(settings.format) ? prettyStream(stdout, destination === undefined && isatty(STDOUT_FD)) : stdout;
  const options = {
    level: settings.level,
    base: { thread },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: SECRET_PATHS, censor: '[secret]' },
    // The level by name: whoever collects these lines need not know pino's numbers.
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return adapter(pino(options, stream));
}

/** The log of the main thread. */
export function createMainLogger(settings: LogSettings): ThreadLog {
  return createThreadLog(settings, 'main');
}

/** The log of shard `shard`. */
export function createShardLogger(settings: LogSettings, shard: number): ShardLogger {
  return createThreadLog(settings, `shard ${shard}`);
}

/** pino-pretty as a plain function of a line: its stream of its own would wait for a turn of the event loop. */
function prettyStream(to: DestinationStream, colorize: boolean): DestinationStream {
  const pretty = prettyFactory({
    colorize: colorize && process.env['NO_COLOR'] === undefined,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid,hostname,thread',
    messageFormat: '{thread}: {msg}',
  });
  return { write: (line) => to.write(pretty(line)) };
}

function adapter(logger: Logger): ThreadLog {
  return {
    error: (fields, text) => logger.error(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    info: (fields, text) => logger.info(fields, text),
    debug: (fields, text) => logger.debug(fields, text),
    setLevel: (level) => {
      logger.level = level;
    },
  };
}
