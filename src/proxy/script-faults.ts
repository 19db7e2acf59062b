/**
 * What goes wrong in a routing script: counted always, logged a few times a second. Sans-I/O.
 */
import type { Core } from './core.js';
import { LogLimit } from './log-limit.js';
import { type RequestContext, callIdOf } from '../script/request-context.js';
import type { MessageView } from '../sip/message.js';
import { C_SCRIPT_ERRORS } from '../telemetry/counters.js';

/** Script errors logged a second; the rest are counted only. */
const ERRORS_LOGGED_PER_SECOND = 10;

export class ScriptFaults {
  readonly #core: Core;
  readonly #errorLimit = new LogLimit(ERRORS_LOGGED_PER_SECOND);
  readonly #warnLimit = new LogLimit(ERRORS_LOGGED_PER_SECOND);

  constructor(core: Core) {
    this.#core = core;
  }

  /** A handler that has to be sync, but returned a promise: what it does later has no effect, and its error is counted. */
  watch(handler: string, result: unknown, view: MessageView): void {
    if (!isThenable(result)) return;
    const callId = callIdOf(view);
    Promise.resolve(result).then(undefined, (error: unknown) => { this.report(handler, error, callId); });
  }

  /** Counts and logs what a handler threw. */
  report(handler: string, error: unknown, callId: string): void {
    const core = this.#core;
    core.counters[C_SCRIPT_ERRORS]!++;
    const suppressed = this.#errorLimit.pass(core.layer.wheel.nowMs);
    if (suppressed < 0) return;
    const fields: Record<string, unknown> = { handler, shard: core.options.shard, callId, err: error };
    if (suppressed > 0) fields['suppressed'] = suppressed;
    core.log.error(fields, `the ${handler} handler of the routing script failed`);
  }

  /** A line for what is most likely a mistake in the script; a few a second. */
  warn(context: RequestContext, text: string, fields: Readonly<Record<string, unknown>>): void {
    const core = this.#core;
    const suppressed = this.#warnLimit.pass(core.layer.wheel.nowMs);
    if (suppressed < 0) return;
    const about: Record<string, unknown> = { callId: callIdOf(context.view), method: context.method, ...fields };
    if (suppressed > 0) about['suppressed'] = suppressed;
    core.log.warn(about, text);
  }
}

/** True for promises, and for what a script may return in the place of one. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
