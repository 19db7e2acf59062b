/**
 * From settings to the effective configuration: addresses parsed, paths made absolute, `auto` decided for this machine;
 * and the checks that concern more than one setting. Main thread.
 */
import { availableParallelism } from 'node:os';
import { isAbsolute, resolve } from 'node:path';
import { defaultControlSocket, isPipeName } from '../control/socket-path.js';
import { SHARDS_MAX, SOCKET_PATH_BYTES_MAX } from '../limits.js';
import { parseAdvertise, parseBind } from './address.js';
import type { Path } from './document.js';
import type { Config, ListenConfig, Settings } from './schema.js';
import type { Finding } from './validate.js';

/** Where relative paths start. */
export interface Surroundings {
  /** Absolute path of the configuration file, if it is one. */
  readonly file: string | undefined;
  /** The folder that a relative path at `path` starts from. */
  folderFor(path: Path): string;
}

/** The effective configuration, and what is wrong with it: use it only when nothing is. */
export function resolveSettings(settings: Settings, around: Surroundings): { readonly config: Config; readonly findings: Finding[] } {
  const listen = settings.listen.map(listenConfig);
  const socket = controlSocket(settings.control.socket, listen[0]?.port ?? 0, around.folderFor(['control', 'socket']));
  const config: Config = {
    file: around.file,
    listen,
    shards: settings.shards === 'auto' ? autoShards() : settings.shards,
    routes: resolve(around.folderFor(['routes']), settings.routes),
    io: settings.io,
    sharding: { ...settings.sharding, secret: settings.sharding.secret },
    timers: settings.timers,
    limits: settings.limits,
    proxy: settings.proxy,
    log: settings.log,
    control: { socket },
    shutdown: settings.shutdown,
  };
  return { config, findings: [...repeatedListeners(listen), ...timersOutOfOrder(settings), ...longSocketPath(socket)] };
}

/** One fewer than the processor cores, which is left to the main thread; at least 1. */
function autoShards(): number {
  return Math.min(SHARDS_MAX, Math.max(1, availableParallelism() - 1));
}

function listenConfig(listener: Settings['listen'][number]): ListenConfig {
  const bind = parseBind(listener.bind);
  if (bind === undefined) throw new Error(`the schema let a bad address through: ${listener.bind}`);
  return { ...bind, advertise: listener.advertise === undefined ? undefined : parseAdvertise(listener.advertise) };
}

function controlSocket(setting: string, firstPort: number, folder: string): string | undefined {
  if (setting === 'none') return undefined;
  if (setting === 'auto') return defaultControlSocket(firstPort);
  return isAbsolute(setting) || isPipeName(setting) ? setting : resolve(folder, setting);
}

function repeatedListeners(listen: readonly ListenConfig[]): Finding[] {
  const first = new Map<string, number>();
  const findings: Finding[] = [];
  for (const [index, { host, port }] of listen.entries()) {
    const key = `${host} ${port}`;
    const earlier = first.get(key);
    if (port === 0 || earlier === undefined) first.set(key, index);
    else findings.push({ path: ['listen', index], ofKey: false, message: `the same address as listen.${earlier}`, allowed: 'each address once' });
  }
  return findings;
}

function timersOutOfOrder({ timers }: Settings): Finding[] {
  if (timers.t2Ms >= timers.t1Ms) return [];
  return [{ path: ['timers', 't2Ms'], ofKey: false, message: `found ${timers.t2Ms}`, allowed: `at least timers.t1Ms, which is ${timers.t1Ms}` }];
}

function longSocketPath(socket: string | undefined): Finding[] {
  if (socket === undefined || isPipeName(socket)) return [];
  const bytes = Buffer.byteLength(socket);
  if (bytes <= SOCKET_PATH_BYTES_MAX) return [];
  return [{
    path: ['control', 'socket'],
    ofKey: false,
    message: `found a path of ${bytes} bytes, ${socket}`,
    allowed: `at most ${SOCKET_PATH_BYTES_MAX} bytes, the folder included: the system takes no longer one for a socket`,
  }];
}
