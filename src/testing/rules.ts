/**
 * What must hold at the end of every simulation, whatever the script and the network did. Looks at messages and counters only;
 * returns what is wrong in words for people.
 */
import { COUNTERS, C_LOOP_ERRORS, C_SCRIPT_NO_ACTION } from '../telemetry/counters.js';
import { type Kernel, PROXY_NAME } from './kernel.js';
import type { Message } from './message.js';
import type { ScriptWatch } from './scripts.js';
import { momentText } from './time.js';

/**
 * A rule that `finish` checks:
 * `scriptErrors`: no handler threw, and every request handler relayed or replied;
 * `nobody`: nothing was sent to an address where no phone is;
 * `strays`: phones got nothing that belongs to no request of theirs;
 * `network`: every `dropNext`, `delayNext` and `repeatNext` met its messages.
 */
export type Rule = 'scriptErrors' | 'nobody' | 'strays' | 'network';

/** Everything that is wrong at the end; empty when nothing is. */
export function brokenRules(kernel: Kernel, watch: ScriptWatch, allowed: readonly Rule[]): string[] {
  const broken = [...engineProblems(kernel, watch), ...(kernel.hasCrashed ? [] : protocolProblems(kernel.network.messages))];
  const check = (rule: Rule, problems: () => string[]): void => {
    if (!allowed.includes(rule)) broken.push(...problems());
  };
  check('scriptErrors', () => scriptProblems(kernel, watch));
  check('nobody', () => nobodyProblems(kernel));
  check('strays', () => kernel.strays.map((message) => `${message.to} got ${message.label} at ${momentText(message.arrivesMs)}, which belongs to nothing that it sent`));
  check('network', () => kernel.network.rules.filter(({ left }) => left > 0).map((rule) => `${rule.text} met ${rule.applied.length} messages, ${rule.left} fewer than it was for`));
  return broken;
}

function scriptProblems(kernel: Kernel, watch: ScriptWatch): string[] {
  const silent = kernel.world.viaduct.counter(C_SCRIPT_NO_ACTION);
  return [...watch.errors, ...(silent === 0 ? [] : [`the request handler ended ${silent} times without relay() or reply(), and without an await for it`])];
}

function nobodyProblems(kernel: Kernel): string[] {
  const addresses = new Set(kernel.network.messages.filter(({ fate }) => fate === 'nobody').map(({ toAddress }) => toAddress));
  return [...addresses].map((address) => `messages went to ${address}, where no phone is: sim.phone('name', { address: '${address}' }) puts one there`);
}

function engineProblems(kernel: Kernel, watch: ScriptWatch): string[] {
  const { viaduct } = kernel.world;
  const problems = [...watch.pending].map(
    ({ handler, method, callId, sinceMs }) =>
      `the ${handler} handler for ${method} (Call-ID ${callId}) is pending since ${momentText(sinceMs)} and never settles: what it awaits is neither sim.delay() nor anything that resolved`,
  );
  if (watch.pending.size > 0) return problems;
  COUNTERS.forEach(({ kind, name, help }, index) => {
    if (kind === 'gauge' && viaduct.counter(index) !== 0) problems.push(`${name} is ${viaduct.counter(index)}, not 0 (${help})`);
  });
  if (viaduct.counter(C_LOOP_ERRORS) !== 0) problems.push('the engine caught a broken invariant of its own: this is a fault of Viaduct');
  if (viaduct.nextDeadlineMs() !== Infinity) problems.push('a timer is armed');
  return problems;
}

/** RFC 3261 §16.7 and §9, and that nobody is left without an answer: what is wrong with these messages, all of a simulation. */
export function protocolProblems(messages: readonly Message[]): string[] {
  const problems: string[] = [];
  const upstream = new Map<string, Message[]>();
  const received = new Map<string, Message>();
  const downstream = new Map<string, Message[]>();
  for (const message of messages) {
    const key = message.transactionKey;
    if (message.from === PROXY_NAME) append(message.isRequest ? downstream : upstream, message.isRequest ? message.branch : key, message);
    if (message.to === PROXY_NAME && message.fate === 'arrives' && message.isRequest && message.method !== 'ACK') received.set(key, received.get(key) ?? message);
  }
  for (const responses of upstream.values()) problems.push(...finalProblems(responses));
  for (const [key, request] of received) {
    const hasFinal = upstream.get(key)?.some(({ status }) => status >= 200) ?? false;
    // A request other than INVITE may stay without a final response: RFC 4320 forbids the 408 that would say so.
    if (!hasFinal && (request.method === 'INVITE' || request.method === 'CANCEL')) problems.push(`the ${request.method} of ${request.from} never got a final response`);
  }
  problems.push(...successProblems(messages));
  for (const requests of downstream.values()) problems.push(...cancelProblems(requests, messages));
  return problems;
}

function finalProblems(responses: readonly Message[]): string[] {
  const problems: string[] = [];
  let final: Message | undefined;
  for (const response of responses) {
    if (final === undefined) {
      if (response.status >= 200) final = response;
    } else if (response.status < 200) problems.push(`${response.to} was sent ${response.label} after the final ${final.label}`);
    else if (response.status !== final.status && !mayFollow(response, final)) problems.push(`${response.to} was sent ${response.label} after the final ${final.label}`);
  }
  return problems;
}

/** Several 2xx are what forking makes; a CANCEL that the script refused statelessly may meet its INVITE when it comes again. */
function mayFollow(response: Message, final: Message): boolean {
  const isSuccess = response.status >= 200 && response.status < 300;
  return isSuccess && (response.cseqMethod === 'INVITE' || (response.cseqMethod === 'CANCEL' && final.status === 481));
}

/** Every 2xx that reached the proxy and answers an INVITE of its own goes upstream (RFC 3261 §16.7 step 5); what is forged does not. */
function successProblems(all: readonly Message[]): string[] {
  const successes = all.filter(({ status, cseqMethod }) => status >= 200 && status < 300 && cseqMethod === 'INVITE');
  const key = ({ callId, cseq, toTag }: Message): string => `${callId} ${cseq} ${toTag}`;
  const forwarded = new Set(successes.filter(({ from }) => from === PROXY_NAME).map(key));
  const branches = new Set(all.filter(({ from, method }) => from === PROXY_NAME && method === 'INVITE').map(({ branch }) => branch));
  const lost = successes.find((message) => message.to === PROXY_NAME && message.fate === 'arrives' && branches.has(message.branch) && !forwarded.has(key(message)));
  return lost === undefined ? [] : [`the ${lost.status} of ${lost.from} never went upstream`];
}

function cancelProblems(requests: readonly Message[], all: readonly Message[]): string[] {
  const cancels = requests.filter(({ method }) => method === 'CANCEL');
  const [cancel] = cancels;
  const invite = requests.find(({ method }) => method === 'INVITE');
  if (cancel === undefined || invite === undefined || all.indexOf(cancel) < all.indexOf(invite)) return [];
  const problems: string[] = [];
  if (new Set(cancels.map(({ text }) => text)).size > 1) problems.push(`${cancel.to} was sent two different CANCELs for one INVITE`);
  const before = all.filter((message) => message.to === PROXY_NAME && message.branch === cancel.branch && message.arrivesMs <= cancel.sentMs);
  if (!before.some(({ status }) => status >= 100)) problems.push(`${cancel.to} was sent a CANCEL before its provisional response had come (RFC 3261 §9.1)`);
  return problems;
}

function append(map: Map<string, Message[]>, key: string, message: Message): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [message]);
  else list.push(message);
}

/** The rules that were broken, as one text. */
export function brokenText(problems: readonly string[]): string {
  return problems.length === 1 ? `At the end of the simulation ${problems[0]!}.` : `At the end of the simulation ${problems.length} things are wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`;
}

