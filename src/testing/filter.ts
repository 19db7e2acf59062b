/** Picks messages: for `sim.messages`, for ladders, and for what the network does to particular ones. Pure. */
import type { Message } from './message.js';

/** A status, a class of them (`'1xx'` … `'6xx'`), or `'final'` for any from 200 up. */
export type StatusPattern = number | '1xx' | '2xx' | '3xx' | '4xx' | '5xx' | '6xx' | 'final';

/** Somebody with a name: a phone. */
interface Named {
  readonly name: string;
}

/** Which messages are meant: all that is given must hold. */
export interface MessageFields {
  /** Who sent it: a phone, its name, or `'viaduct'`. */
  readonly from?: string | Named;
  /** Who it goes to. */
  readonly to?: string | Named;
  /** Who sent it or gets it. */
  readonly phone?: string | Named;
  /** Requests of this method; together with `status`: responses to it. */
  readonly method?: string;
  /** Responses with this status. */
  readonly status?: StatusPattern;
  /** Messages of this call. */
  readonly call?: { readonly callId: string };
  /** False leaves out what was sent again, true takes only that. */
  readonly retransmission?: boolean;
}

/** Which messages are meant: by their parts, or by a function that says so. */
export type MessageFilter = MessageFields | ((message: Message) => boolean);

/** Whether a message is meant. */
export function matches(message: Message, filter: MessageFilter | undefined): boolean {
  if (filter === undefined) return true;
  if (typeof filter === 'function') return filter(message);
  const { from, to, phone, method, status, call, retransmission } = filter;
  if (from !== undefined && nameOf(from) !== message.from) return false;
  if (to !== undefined && nameOf(to) !== message.to) return false;
  if (phone !== undefined && nameOf(phone) !== message.from && nameOf(phone) !== message.to) return false;
  if (status !== undefined && (message.isRequest || !statusMatches(message.status, status))) return false;
  if (method !== undefined && (status === undefined ? message.method : message.cseqMethod) !== method) return false;
  if (call !== undefined && call.callId !== message.callId) return false;
  return retransmission === undefined || retransmission === message.isRetransmission;
}

/** Whether a status is meant. */
export function statusMatches(status: number, pattern: StatusPattern): boolean {
  if (typeof pattern === 'number') return status === pattern;
  return pattern === 'final' ? status >= 200 : String(status).startsWith(pattern.charAt(0));
}

/** A pattern in words, for errors. */
export function patternText(pattern: StatusPattern): string {
  return pattern === 'final' ? 'a final response' : typeof pattern === 'number' ? String(pattern) : `a ${pattern}`;
}

/** A filter in words, for errors. */
export function filterText(filter: MessageFilter): string {
  if (typeof filter === 'function') return filter.name === '' ? filter.toString() : filter.name;
  const parts = Object.entries(filter).map(([key, value]: [string, unknown]) => {
    const text = typeof value === 'object' && value !== null ? ('name' in value ? value.name : 'callId' in value ? value.callId : '') : value;
    return `${key}: ${typeof text === 'string' ? text : JSON.stringify(text)}`;
  });
  return `{ ${parts.join(', ')} }`;
}

function nameOf(who: string | Named): string {
  return typeof who === 'string' ? who : who.name;
}
