/** What the contexts of a script need from the engine behind them. */
import type { ReplyOptions, ScriptLog, Target } from './api.js';
import type { RequestContext, RequestParts } from './request-context.js';
import type { MessageView } from '../sip/message.js';

export interface ScriptHost {
  /** A closed context was asked to act: counts it, and is false. */
  refuseLate(): false;
  relay(context: RequestContext, target: Target | readonly Target[] | undefined): boolean;
  reply(context: RequestContext, status: number, reason: string | undefined, options: ReplyOptions | undefined): boolean;
  /** The parts of a parked context, made anew from the stored message. They are the context's from here on. */
  wake(context: RequestContext): RequestParts;
  /** A log whose lines carry shard, the Call-ID of that message, and the transaction with that upstream key. */
  scriptLog(view: MessageView, keyLo: number, keyHi: number): ScriptLog;
}
