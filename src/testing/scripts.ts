/**
 * The script under test: loaded the way the product loads it, one instance a shard, and watched: what it throws and which
 * handlers are pending is known at the end. Reads files when the script is a path.
 */
import { fileURLToPath } from 'node:url';
import type { Handled, RouteRequest, Routes } from '../script/api.js';
import { compileScript, instantiateScript } from '../script/load.js';
import { validateRoutes } from '../script/validate-routes.js';

/**
 * A script to test: the path or `file:` URL of a routing script (relative paths: to the working directory), which goes
 * through Viaduct's own loader; or handlers made by `defineRoutes`; or a function that returns such handlers.
 */
export type Script<Sim> = string | URL | Routes | ((sim: Sim) => Routes);

/** A handler that is pending. */
export interface PendingHandler {
  readonly shard: number;
  readonly handler: string;
  readonly method: string;
  readonly callId: string;
  readonly sinceMs: number;
}

/** Makes one instance of the script for a shard. Each shard, and each one that replaces a crashed shard, gets its own. */
export async function scriptInstances<Sim>(script: Script<Sim>): Promise<(sim: Sim) => Promise<Routes>> {
  if (typeof script === 'string' || script instanceof URL) {
    const compiled = await compileScript(pathOf(script));
    return async () => instantiateScript(compiled);
  }
  if (typeof script === 'function') return async (sim) => validated(script(sim), 'the function given as "script"');
  const routes = validated(script, 'the option "script"');
  return async () => routes;
}

function pathOf(script: string | URL): string {
  return script instanceof URL || script.startsWith('file:') ? fileURLToPath(script) : script;
}

function validated(routes: unknown, where: string): Routes {
  const [problem] = validateRoutes(routes);
  if (problem !== undefined) throw new TypeError(`${where} must be or return a routing script: ${problem.message}`);
  return routes as Routes;
}

/** Watches the handlers of every instance. */
export class ScriptWatch {
  readonly pending = new Set<PendingHandler>();
  /** What handlers threw, as somebody wants to read it. */
  readonly errors: string[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** The same handlers, watched, for a shard. */
  watched(routes: Routes, shard: number): Routes {
    return {
      request: (req) => this.#run('request', shard, req, () => routes.request(req)),
      ...(routes.reply === undefined ? {} : { reply: (res) => this.#runSync('reply', () => routes.reply?.(res)) }),
      ...(routes.failure === undefined ? {} : { failure: (context) => this.#run('failure', shard, context.request, () => routes.failure?.(context)) }),
      ...(routes.cancel === undefined ? {} : { cancel: (req) => this.#runSync('cancel', () => routes.cancel?.(req)) }),
    };
  }

  /** The shard has crashed: nobody waits for its handlers any more. */
  forget(shard: number): void {
    for (const pending of this.pending) if (pending.shard === shard) this.pending.delete(pending);
  }

  #run(handler: string, shard: number, req: RouteRequest, run: () => Handled): Handled {
    const { method, callId } = req;
    const result = this.#runSync(handler, run);
    if (!isThenable(result)) return result;
    const pending: PendingHandler = { shard, handler, method, callId, sinceMs: this.#nowMs() };
    this.pending.add(pending);
    Promise.resolve(result).then(
      () => this.pending.delete(pending),
      (error: unknown) => {
        this.pending.delete(pending);
        this.#note(handler, error);
      },
    );
    return result;
  }

  #runSync<T>(handler: string, run: () => T): T {
    try {
      return run();
    } catch (error) {
      this.#note(handler, error);
      throw error;
    }
  }

  #note(handler: string, error: unknown): void {
    this.errors.push(`the ${handler} handler threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
