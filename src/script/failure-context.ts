/** What the `failure` handler sees: a transaction whose branches have all failed. Sans-I/O. */
import type { ReplyOptions, RouteFailure, RouteRequest, ScriptLog, Target } from './api.js';
import type { RequestContext } from './request-context.js';

export class FailureContext implements RouteFailure {
  readonly status: number;
  readonly reason: string;
  readonly local: boolean;
  readonly #context: RequestContext;

  constructor(context: RequestContext, status: number, reason: string, local: boolean) {
    this.#context = context;
    this.status = status;
    this.reason = reason;
    this.local = local;
  }

  get request(): RouteRequest {
    return this.#context;
  }

  get state(): Record<string, unknown> {
    return this.#context.state;
  }

  get log(): ScriptLog {
    return this.#context.log;
  }

  relay(target: Target | readonly Target[]): boolean {
    return this.#context.relay(target);
  }

  reply(status: number, reason?: string, options?: ReplyOptions): boolean {
    return this.#context.reply(status, reason, options);
  }
}
