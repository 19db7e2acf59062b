/** End-to-end runs: SIPp as caller and callee with the proxy between them, or as a caller that is not let through. */
import { hostPort, type Address, type LoopbackHost } from './free-port.js';
import type { ProcessGroup } from './process-group.js';
import type { ProxyProcess } from './proxy-process.js';
import { startUac, startUas, wentAsWritten, type SippResult } from './sipp.js';
import { SipSocket } from './sip-socket.js';

/** What both kinds of runs need. */
export interface CallerOptions {
  readonly group: ProcessGroup;
  readonly proxy: ProxyProcess;
  /** Scenario of the caller. */
  readonly caller: string;
  readonly calls: number;
  /** Calls a second; 50 by default. */
  readonly rate?: number;
  /** Which listener of the proxy the caller sends to; IPv4 by default. */
  readonly over?: 'IPv4' | 'IPv6';
  /** User part of the Request-URI; `callee` by default. */
  readonly user?: string;
  /** `[name]` in the caller's scenario, besides `[target]`. */
  readonly keys?: Readonly<Record<string, string>>;
  /** Of the pauses in the caller's scenario that name no time themselves; 0 by default. */
  readonly pauseMs?: number;
  readonly messageLog?: boolean;
  readonly timeoutSeconds?: number;
  /** The caller sends here instead: to something that passes on to the proxy. */
  readonly sendTo?: Address;
  /** Calls that may fail; 0 by default. */
  readonly failuresAllowed?: number;
}

export interface CallOptions extends CallerOptions {
  /** Scenario of the callee. */
  readonly callee: string;
  /** Where the callee binds; the caller's family by default. */
  readonly calleeHost?: LoopbackHost;
}

export interface CallResult {
  readonly caller: SippResult;
  readonly callee: SippResult;
}

const PROXY_LOG_LINES = 30;

function proxyLog(proxy: ProxyProcess): string {
  return `--- proxy\n${proxy.output().split('\n').slice(-PROXY_LOG_LINES).join('\n')}`;
}

function listener(options: CallerOptions): Address {
  if (options.over !== 'IPv6') return options.proxy.ipv4;
  if (options.proxy.ipv6 === undefined) throw new Error('the proxy does not listen on IPv6');
  return options.proxy.ipv6;
}

async function startCaller(options: CallerOptions, target: Address): Promise<{ readonly result: Promise<SippResult> }> {
  return startUac(options.group, options.sendTo ?? listener(options), {
    scenario: options.caller,
    calls: options.calls,
    rate: options.rate ?? 50,
    user: options.user ?? 'callee',
    keys: { ...options.keys, target: hostPort(target) },
    pauseMs: options.pauseMs ?? 0,
    messageLog: options.messageLog ?? true,
    timeoutSeconds: options.timeoutSeconds ?? 20,
  });
}

/** Runs both scenarios to their end; throws with all three sides' accounts unless every call went as both say. */
export async function runCalls(options: CallOptions): Promise<CallResult> {
  const { calls, failuresAllowed } = options;
  const uas = await startUas(options.group, {
    scenario: options.callee,
    host: options.calleeHost ?? listener(options).host,
    calls,
    messageLog: options.messageLog ?? true,
    timeoutSeconds: options.timeoutSeconds ?? 20,
  });
  const uac = await startCaller(options, uas.address);
  const caller = await uac.result;
  // The callee would wait for calls that do not come any more.
  if (!wentAsWritten(caller, calls, failuresAllowed)) uas.abandon();
  const callee = await uas.result;
  if (!wentAsWritten(caller, calls, failuresAllowed) || !wentAsWritten(callee, calls, failuresAllowed)) {
    throw new Error(`calls did not go as their scenarios say\n\n${caller.report()}\n\n${callee.report()}\n\n${proxyLog(options.proxy)}`);
  }
  return { caller, callee };
}

/**
 * Runs a caller whose requests may not get through the proxy: a bare socket stands where they are bound for, and
 * `afterwards` runs before it is looked at. Throws when the scenario failed or the socket received anything.
 */
export async function runRefused(options: CallerOptions, afterwards?: () => Promise<void>): Promise<SippResult> {
  const target = await SipSocket.open(listener(options).host);
  try {
    const uac = await startCaller(options, target.address);
    const result = await uac.result;
    if (!wentAsWritten(result, options.calls, options.failuresAllowed)) throw new Error(`${result.report()}\n\n${proxyLog(options.proxy)}`);
    await afterwards?.();
    const [first] = target.received;
    if (first !== undefined) throw new Error(`${String(target.received.length)} messages got through the proxy; the first:\n${first}`);
    return result;
  } finally {
    target.close();
  }
}
