/** What the contexts of a script need from the engine behind them. */
import type { ReplyOptions, ScriptLog, Target } from './api.js';
import type { RequestContext } from './request-context.js';
import type { MessageView } from '../sip/message.js';

export interface ScriptHost {
  relay(context: RequestContext, target: Target | readonly Target[] | undefined): boolean;
  reply(context: RequestContext, status: number, reason: string | undefined, options: ReplyOptions | undefined): boolean;
  /** A log whose lines carry shard, Call-ID and method of that message. */
  scriptLog(view: MessageView): ScriptLog;
}
