/** Public API of the package: what a routing script or an embedding program imports from `viaduct`. */
import type { Config } from './config/schema.js';
import type { RunningServer, ServerHooks } from './main/server.js';

export { defineRoutes, ScriptError } from './script/api.js';
export type {
  Handled,
  Headers,
  MutableHeaders,
  NameAddr,
  ReplyOptions,
  RouteFailure,
  RouteReply,
  RouteRequest,
  Routes,
  ScriptLog,
  SipUri,
  SourceAddress,
  Target,
} from './script/api.js';
export type { Config } from './config/schema.js';
export type { RunningServer, ServerAddress, ServerHooks } from './main/server.js';

/**
 * Starts a server in this process: see `startServer` in `main/server.ts`. Loaded on the first call, because routing scripts
 * import this module in every shard and need none of it.
 */
export async function startServer(config: Config, hooks?: ServerHooks): Promise<RunningServer> {
  const server = await import('./main/server.js');
  return server.startServer(config, hooks);
}
