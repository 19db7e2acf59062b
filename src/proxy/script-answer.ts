/** Answers by the words of a script: status, reason phrase, header fields and body. Pure. */
import { type AnswerText, plainAnswer } from './answers.js';
import { NO_TEXT } from './edit-plan.js';
import { ScriptError, type ReplyOptions } from '../script/api.js';
import { headerLines, oneLine } from '../script/message-headers.js';
import { bytesOf } from '../script/text.js';
import { reasonBytes } from '../sip/reasons.js';

const PLAIN_REASONS = new Map<number, AnswerText>();

/** The answer with the standard phrase; built once a status. */
export function plain(status: number): AnswerText {
  let text = PLAIN_REASONS.get(status);
  if (text === undefined) {
    text = plainAnswer(reasonBytes(status));
    PLAIN_REASONS.set(status, text);
  }
  return text;
}

/**
 * The answer that a script asked for.
 * @throws ScriptError VD_SCRIPT_STATUS, VD_SCRIPT_HEADER: what cannot be written into a message.
 */
export function answerText(status: number, reason: string | undefined, options: ReplyOptions | undefined): AnswerText {
  if (!Number.isInteger(status) || status < 100 || status > 699) {
    throw new ScriptError('VD_SCRIPT_STATUS', `reply() takes a status from 100 to 699, found ${String(status)}`);
  }
  if (reason === undefined && options === undefined) return plain(status);
  return {
    reason: reason === undefined ? reasonBytes(status) : bytesOf(oneLine(reason, 'reason phrase')),
    headers: options?.headers === undefined ? NO_TEXT : headerLines(options.headers),
    bodyType: options?.body === undefined ? NO_TEXT : bytesOf(oneLine(options.body.type, 'body type')),
    body: options?.body === undefined ? NO_TEXT : bytesOf(options.body.content),
  };
}
