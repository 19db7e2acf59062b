/**
 * Every coded error, in one table: its code, what it says, and how a command that meets it exits. A code never changes
 * its meaning, so scripts may rely on it. Any thread.
 *
 * Errors of bad operator input say the place, what was found and what is allowed. Bad input from the network is no error
 * here: it is answered or dropped, and counted.
 */

interface ErrorRow {
  /** When it happens. */
  readonly meaning: string;
  /** What it says; `{name}` is replaced by a parameter. Null: the module that finds the problem says it in its own words. */
  readonly message: string | null;
  /** Exit code of a command that ends with it. */
  readonly exitCode: number;
}

/** The table. */
export const ERRORS = {
  VD_CONFIG_UNREADABLE: {
    meaning: 'the configuration file is missing, too large or unreadable',
    message: 'cannot read the configuration {file}: {reason}',
    exitCode: 1,
  },
  VD_CONFIG_INVALID: { meaning: 'the configuration has problems: all are listed', message: null, exitCode: 1 },
  VD_LISTEN_IN_USE: { meaning: 'another socket is bound to an address of `listen`', message: null, exitCode: 1 },
  VD_LISTEN_UNAVAILABLE: { meaning: 'an address of `listen` cannot be bound', message: null, exitCode: 1 },
  VD_DRIVER_UNAVAILABLE: { meaning: '`io.driver: batch` does not work on this machine', message: null, exitCode: 1 },
  VD_SCRIPT_LOAD: { meaning: 'the routing script cannot be loaded', message: null, exitCode: 1 },
  VD_SCRIPT_HEADER: { meaning: 'a routing script writes a header that it may not, or in a form that cannot be', message: null, exitCode: 1 },
  VD_SCRIPT_STATUS: { meaning: 'a routing script answers with a status that is none', message: null, exitCode: 1 },
  VD_SCRIPT_OVER: { meaning: 'a routing script reads a request or response that is over', message: null, exitCode: 1 },
  VD_SCRIPT_URI: { meaning: 'a routing script relays to a URI that is none', message: null, exitCode: 1 },
  VD_LOCATION_UNAVAILABLE: { meaning: 'the location store cannot be reached or will not write', message: null, exitCode: 1 },
  VD_SHARD_CRASH: { meaning: 'a shard died', message: null, exitCode: 1 },
  VD_STOPPED: { meaning: 'the server was stopped while it started', message: null, exitCode: 1 },
  VD_CONTROL_IN_USE: {
    meaning: 'a living process answers on the control socket',
    message: 'control.socket: {path} is in use by a running instance; stop it, or choose another path (or none)',
    exitCode: 1,
  },
  VD_CONTROL_UNAVAILABLE: {
    meaning: 'the control socket cannot be opened',
    message: 'control.socket: cannot listen on {path}: {reason}',
    exitCode: 1,
  },
  VD_CONTROL_UNREACHABLE: {
    meaning: 'no server answers on the control socket, or it went away',
    message: 'no Viaduct answers on the control socket {path}: {reason}',
    exitCode: 1,
  },
  VD_CONTROL_NONE: {
    meaning: 'there is no control socket to ask',
    message: 'the configuration has no control socket (control.socket: none)',
    exitCode: 1,
  },
  VD_CONTROL_PROTOCOL: {
    meaning: 'something else than Viaduct answers on the control socket',
    message: 'the control socket {path} does not speak Viaduct’s protocol: {reason}',
    exitCode: 1,
  },
  VD_CONTROL_REFUSED: {
    meaning: 'the server refused a command of the control socket',
    message: 'the control command {command} was refused: {reason}',
    exitCode: 1,
  },
  VD_LOAD_USAGE: { meaning: 'flags of `viaduct load` that do not go together, or a value that is not allowed', message: null, exitCode: 2 },
  VD_LOAD_FILE: { meaning: 'a file named to `viaduct load` cannot be read or written, or is none of its kind', message: null, exitCode: 2 },
  VD_LOAD_UNREACHABLE: { meaning: 'nobody answers at the target of `viaduct load`', message: null, exitCode: 2 },
  VD_LOAD_START: { meaning: 'a load thread cannot begin: a port in use, a scenario with an error', message: null, exitCode: 2 },
  VD_LOAD_THREAD: { meaning: 'a load thread died', message: null, exitCode: 1 },
  VD_LOAD_WATCH: { meaning: 'a process of `--watch-pid` cannot be watched', message: null, exitCode: 2 },
  VD_TUNE_USAGE: { meaning: 'flags of `viaduct tune` that do not go together', message: null, exitCode: 2 },
  VD_TUNE_UNSUPPORTED: { meaning: 'this system does not tell the CPU time of single threads, which `viaduct tune` needs', message: null, exitCode: 2 },
  VD_TUNE_PROXY: { meaning: 'a proxy that `viaduct tune` measures does not start, or died', message: null, exitCode: 1 },
  VD_TUNE_CALLS: { meaning: 'too few calls come through the proxies of `viaduct tune`', message: null, exitCode: 1 },
  VD_TUNE_FILE: { meaning: 'a file named to `viaduct tune` cannot be written', message: null, exitCode: 2 },
  VD_TUNE_WRITE: { meaning: '`viaduct tune` cannot change the configuration', message: null, exitCode: 1 },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** The codes whose message stands in the table. */
export type WordedCode = { [Code in ErrorCode]: (typeof ERRORS)[Code]['message'] extends string ? Code : never }[ErrorCode];

type Parameters<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Parameters<Rest> : never;

/** What the message of a code needs. */
export type ErrorParameters<Code extends WordedCode> = Readonly<Record<Parameters<(typeof ERRORS)[Code]['message']>, string>>;

/** An error of the table, complete with its message. */
export class ViaductError<Code extends WordedCode = WordedCode> extends Error {
  readonly code: Code;
  constructor(code: Code, parameters: ErrorParameters<Code>, options?: ErrorOptions) {
    super(fill(ERRORS[code].message, parameters), options);
    this.name = 'ViaductError';
    this.code = code;
  }
}

function fill(message: string, parameters: Readonly<Record<string, string>>): string {
  return message.replace(/\{(\w+)\}/g, (whole, name: string) => parameters[name] ?? whole);
}

/** The row of a coded error, whichever class carries the code; undefined for any other error. */
export function errorRow(error: unknown): (ErrorRow & { readonly code: ErrorCode }) | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const { code } = error;
  if (typeof code !== 'string' || !Object.hasOwn(ERRORS, code)) return undefined;
  return { ...ERRORS[code as ErrorCode], code: code as ErrorCode };
}

/** The reason of a failed system call in plain words, for a message; else the error's own words. */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return SYSTEM_REASONS.get(code) ?? error.message;
}

const SYSTEM_REASONS = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of its path is not a folder'],
  ['EADDRINUSE', 'the address is in use'],
  ['EADDRNOTAVAIL', 'this machine does not have that address'],
  ['ECONNREFUSED', 'nobody listens there'],
  ['ECONNRESET', 'the connection was closed'],
  ['EPIPE', 'the connection was closed'],
  ['ENOTSOCK', 'it is not a socket'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['ENOSPC', 'there is no space left on the device'],
]);
