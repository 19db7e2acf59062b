/**
 * Checks a scenario that came from a file: it is a value that nobody has typed. Pure; every problem is a sentence that
 * names the step.
 */
import { parseDuration, DURATION_FORM } from '../units.js';
import type { Scenario } from './scenario.js';

/** Steps of one side. */
export const STEPS_MAX = 64;
/** Largest body, bytes: a datagram has to hold headers as well. */
export const BODY_BYTES_MAX = 60_000;

const METHODS = ['INVITE', 'BYE', 'REGISTER', 'OPTIONS', 'MESSAGE', 'INFO', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'PUBLISH'];
const OWN_HEADERS = ['via', 'v', 'from', 'f', 'to', 't', 'call-id', 'i', 'cseq', 'contact', 'm', 'content-length', 'l', 'max-forwards', 'route', 'record-route'];
const PARTS = ['headers', 'body', 'bodyBytes'];
const KEYS: Readonly<Record<string, readonly string[]>> = {
  send: ['send', 'expect', 'cancelAfter', 'mustRing', ...PARTS],
  pause: ['pause'],
  receive: ['receive', 'within'],
  reply: ['reply', 'reason', ...PARTS],
  challenge: ['challenge', 'realm', 'algorithm', 'qop'],
};

type Fields = Readonly<Record<string, unknown>>;

/** What is wrong with `value` as a scenario, the first problem as one sentence; undefined when it is one. */
export function scenarioProblem(value: unknown): string | undefined {
  if (!isFields(value)) return `the default export must be defineScenario({ … }), but it is ${kindOf(value)}`;
  const unknown = Object.keys(value).find((key) => !['name', 'summary', 'caller', 'callee'].includes(key));
  if (unknown !== undefined) return `unknown property "${unknown}": a scenario has name, summary, caller and callee`;
  if (typeof value.name !== 'string' || !/^[\w-]{1,40}$/.test(value.name)) return '"name" must be 1 to 40 letters, digits, "-" or "_"';
  if (typeof value.summary !== 'string') return '"summary" must be a line of text';
  return sideProblem('caller', value.caller) ?? (value.callee === undefined ? undefined : sideProblem('callee', value.callee)) ?? orderProblem(value as unknown as Scenario);
}

function sideProblem(side: 'caller' | 'callee', steps: unknown): string | undefined {
  if (!Array.isArray(steps)) return `"${side}" must be a list of steps, but it is ${kindOf(steps)}`;
  if (steps.length === 0 || steps.length > STEPS_MAX) return `"${side}" must have 1 to ${STEPS_MAX} steps, it has ${steps.length}`;
  for (const [index, step] of steps.entries()) {
    const problem = stepProblem(side, step);
    if (problem !== undefined) return `${side} step ${index + 1}: ${problem}`;
  }
  return undefined;
}

function stepProblem(side: 'caller' | 'callee', step: unknown): string | undefined {
  if (!isFields(step)) return `a step is an object such as { send: 'INVITE' }, but this is ${kindOf(step)}`;
  const verbs = Object.keys(KEYS).filter((verb) => verb in step);
  const [verb] = verbs;
  if (verb === undefined || verbs.length > 1) return 'a step has exactly one of send, pause, receive, reply and challenge';
  if (side === 'callee' && wordsIn(step)) return 'a callee does not know the words in braces: they are for the messages of a caller';
  const unknown = Object.keys(step).find((key) => !KEYS[verb]!.includes(key));
  if (unknown !== undefined) return `unknown property "${unknown}": "${verb}" takes ${KEYS[verb]!.join(', ')}`;
  switch (verb) {
    case 'send':
      return methodProblem(step.send, METHODS) ?? expectProblem(step.expect) ?? cancelProblem(step) ?? ringProblem(step) ?? partsProblem(step);
    case 'pause':
      return timeProblem('pause', step.pause);
    case 'receive':
      return methodProblem(step.receive, [...METHODS, 'CANCEL']) ?? (step.within === undefined ? undefined : timeProblem('within', step.within));
    case 'reply':
      return statusProblem('reply', step.reply, 100) ?? reasonProblem(step.reason) ?? partsProblem(step);
    default:
      return side === 'caller' ? 'only a callee challenges' : challengeProblem(step);
  }
}

/** The names of a call are the caller's: a callee takes them as they come. */
function wordsIn(step: Fields): boolean {
  return /\{(?:callId|user|peer|number)\}/.test(JSON.stringify([step.headers, step.body]));
}

function methodProblem(method: unknown, allowed: readonly string[]): string | undefined {
  if (typeof method === 'string' && allowed.includes(method)) return undefined;
  if (method === 'ACK') return 'ACK is no step: it is sent and awaited by itself';
  if (method === 'CANCEL') return 'CANCEL is no step of its own: give the INVITE a cancelAfter';
  return `${show(method)} is not one of ${allowed.join(', ')}`;
}

function expectProblem(expect: unknown): string | undefined {
  if (expect === undefined) return undefined;
  for (const status of Array.isArray(expect) ? (expect as unknown[]) : [expect]) {
    const problem = statusProblem('expect', status, 200);
    if (problem !== undefined) return problem;
  }
  return Array.isArray(expect) && expect.length === 0 ? '"expect" needs at least one status' : undefined;
}

function cancelProblem(step: Fields): string | undefined {
  if (step.cancelAfter === undefined) return undefined;
  if (step.send !== 'INVITE') return 'only an INVITE can be cancelled';
  return timeProblem('cancelAfter', step.cancelAfter);
}

function ringProblem({ mustRing, send }: Fields): string | undefined {
  if (mustRing === undefined) return undefined;
  if (typeof mustRing !== 'boolean') return `"mustRing" must be true or false, but it is ${show(mustRing)}`;
  return mustRing && send !== 'INVITE' ? 'only an INVITE rings' : undefined;
}

function statusProblem(key: string, status: unknown, least: number): string | undefined {
  if (typeof status === 'number' && Number.isInteger(status) && status >= least && status <= 699) return undefined;
  return `"${key}" must be a status from ${least} to 699, but it is ${show(status)}`;
}

function reasonProblem(reason: unknown): string | undefined {
  if (reason === undefined || (typeof reason === 'string' && /^[\x20-\x7e]{1,100}$/.test(reason))) return undefined;
  return '"reason" must be a line of plain text';
}

function timeProblem(key: string, time: unknown): string | undefined {
  if (typeof time === 'string' && (['ring', 'hold', 'cancel'].includes(time) || parseDuration(time) !== undefined)) return undefined;
  return `"${key}" is ${show(time)}; it must be ring, hold, cancel, ${DURATION_FORM}`;
}

function partsProblem(step: Fields): string | undefined {
  const { headers, body, bodyBytes } = step;
  if (headers !== undefined) {
    if (!Array.isArray(headers)) return `"headers" must be a list of lines, but it is ${kindOf(headers)}`;
    for (const line of headers as unknown[]) {
      if (typeof line !== 'string' || !/^[A-Za-z0-9-.!%*_+`'~]+: ?[^\r\n]*$/.test(line)) return `"headers" has ${show(line)}, which is no line "Name: value"`;
      const name = line.slice(0, line.indexOf(':')).toLowerCase();
      if (OWN_HEADERS.includes(name)) return `the header ${show(line)} is the generator’s own to write`;
      if (['content-type', 'c'].includes(name)) return 'Content-Type is given with the body: { type, text }';
    }
  }
  if (body !== undefined && body !== 'sdp') {
    const text = isFields(body) ? body : undefined;
    if (typeof text?.text !== 'string' || typeof text.type !== 'string' || !/^[\w.+-]+\/[\w.+-]+[^\r\n]*$/.test(text.type)) {
      return '"body" must be "sdp" or { type: "text/plain", text: "…" }';
    }
    if (Buffer.byteLength(text.text) > BODY_BYTES_MAX) return `the text of "body" is longer than ${BODY_BYTES_MAX} bytes`;
  }
  if (bodyBytes === undefined) return undefined;
  if (body === undefined) return '"bodyBytes" needs a "body"';
  if (typeof bodyBytes === 'number' && Number.isInteger(bodyBytes) && bodyBytes >= 1 && bodyBytes <= BODY_BYTES_MAX) return undefined;
  return `"bodyBytes" must be 1 to ${BODY_BYTES_MAX}, but it is ${show(bodyBytes)}`;
}

function challengeProblem(step: Fields): string | undefined {
  if (step.challenge !== 401 && step.challenge !== 407) return `"challenge" must be 401 or 407, but it is ${show(step.challenge)}`;
  if (step.realm !== undefined && (typeof step.realm !== 'string' || !/^[^"\\\r\n]{1,100}$/.test(step.realm))) return '"realm" must be plain text without quotes';
  if (step.algorithm !== undefined && !['MD5', 'SHA-256', 'SHA-512-256'].includes(step.algorithm as string)) return '"algorithm" must be MD5, SHA-256 or SHA-512-256';
  if (step.qop !== undefined && step.qop !== 'auth' && step.qop !== 'none') return '"qop" must be auth or none';
  return undefined;
}

/** What makes sense on its own and not in this place. */
function orderProblem(scenario: Scenario): string | undefined {
  const first = scenario.caller[0]!;
  if (!('send' in first)) return 'caller step 1: a caller begins with a send';
  if (first.send === 'BYE') return 'caller step 1: a BYE belongs to a dialog, which begins with an INVITE';
  return awaitedProblem('caller', scenario.caller) ?? (scenario.callee === undefined ? undefined : calleeProblem(scenario.callee));
}

function calleeProblem(steps: NonNullable<Scenario['callee']>): string | undefined {
  const first = steps[0]!;
  if (!('receive' in first)) return 'callee step 1: a callee begins with a receive';
  if (first.receive === 'CANCEL' || first.receive === 'BYE') return `callee step 1: a ${first.receive} begins nothing`;
  if (first.receive !== 'INVITE') {
    const more = steps.findIndex((step, index) => index > 0 && ('send' in step || 'receive' in step || 'pause' in step));
    if (more > 0) return `callee step ${more + 1}: outside of a dialog a ${first.receive} is answered at once, nothing else`;
  }
  return awaitedProblem('callee', steps);
}

/** Replies need a request, and a request needs its final reply before the next thing is sent or awaited. */
function awaitedProblem(side: string, steps: readonly object[]): string | undefined {
  let open: unknown;
  for (const [index, step] of steps.entries()) {
    const at = `${side} step ${index + 1}`;
    if ('reply' in step || 'challenge' in step) {
      if (open === undefined) return `${at}: there is no request to answer here`;
      if (!('reply' in step) || Number(step.reply) < 200) continue;
      open = undefined;
    } else if ('receive' in step) {
      if (step.receive === 'CANCEL') {
        if (open !== 'INVITE') return `${at}: only an INVITE that has no final answer yet can be cancelled`;
        open = undefined;
      } else {
        if (typeof open === 'string') return `${at}: the ${open} before it has no final answer yet`;
        open = step.receive;
      }
    } else if ('send' in step && typeof open === 'string') {
      return `${at}: the ${open} before it has no final answer yet`;
    }
  }
  return typeof open === 'string' ? `${side}: the ${open} gets no final answer` : undefined;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 60)}"` : typeof value === 'number' ? String(value) : kindOf(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (value === undefined) return 'missing';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
