/**
 * Thousands of calls between two sets of phones, every one of them tracked on both sides, so that the fate of each is
 * known: what it was doing when something happened to the proxy, and what became of it. The phones send again what is not
 * answered, as RFC 3261 asks of them, and know nothing of the proxy behind which they are.
 *
 * A call rings until its callee answers it, or until its caller cancels it: a call that is to be cancelled is never answered,
 * so that there is one right end for each.
 */
import { branchOf, linesOf, PhonePort, type PhoneMessage, type Repetition } from './phone-port.js';
import { hostPort, type Address } from './free-port.js';
import { waitUntil } from './process-group.js';
import type { Random } from '../../src/sim/random.js';

/** What a call is doing. `ringing` lasts from the first INVITE at the callee to the final response at the caller. */
export type Phase = 'setup' | 'ringing' | 'established' | 'ending' | 'over';

export interface RingingCall {
  readonly id: string;
  /** The caller hangs up this long after its INVITE; undefined: the callee answers. */
  readonly cancelAfterMs: number | undefined;
  readonly ringMs: number;
  readonly holdMs: number;
  phase: Phase;
  /** Shard of the branch by which the INVITE reached the callee; -1 before it did. */
  shard: number;
  /** The call ended as its two users wanted. */
  succeeded: boolean;
  /** Why it did not. */
  failure: string | undefined;
  /**
   * Cancelled, and the CANCEL was answered, but the 487 is lost: the caller ends its call by itself, 64 × T1 after the
   * CANCEL (RFC 3261 §9.1).
   */
  endsByItself: boolean;
  readonly caller: { branch: string; invite: Repetition | undefined; request: Repetition | undefined; ack: string; cancelled: boolean; cancelAnswered: boolean; provisional: boolean; refused: boolean };
  readonly callee: { branch: string; response: string; final: Repetition | undefined; acknowledged: boolean; timer: NodeJS.Timeout | undefined; cancelled: boolean; hungUp: boolean };
}

export interface RingingCallsOptions {
  readonly proxy: Address;
  readonly random: Random;
  /** Share of calls whose caller hangs up while it rings, percent. */
  readonly cancelPercent: number;
  readonly ringMs: readonly [number, number];
  readonly holdMs: readonly [number, number];
}

const TICK_MS = 5;

export class RingingCalls {
  readonly calls: RingingCall[] = [];
  readonly #byId = new Map<string, RingingCall>();
  readonly #options: RingingCallsOptions;
  readonly #callers: PhonePort;
  readonly #callees: PhonePort;
  readonly #name: string;
  /** Calls that are not over yet, at their caller or at their callee. */
  readonly active = new Set<RingingCall>();

  private constructor(options: RingingCallsOptions, callers: PhonePort, callees: PhonePort) {
    this.#options = options;
    this.#callers = callers;
    this.#callees = callees;
    this.#name = `${String(process.pid)}-${String(callers.address.port)}`;
    callers.onMessage = (message) => {
      const call = this.#byId.get(message.callId);
      if (call === undefined) return;
      if (message.status > 0) this.#atCaller(call, message);
    };
    callees.onMessage = (message) => {
      const call = this.#byId.get(message.callId);
      if (call !== undefined && message.status === 0) this.#atCallee(call, message);
    };
  }

  static async open(options: RingingCallsOptions): Promise<RingingCalls> {
    return new RingingCalls(options, await PhonePort.open(), await PhonePort.open());
  }

  /** Starts `count` calls at `callsPerSecond`, evenly; resolves when the last one has started. */
  start(count: number, callsPerSecond: number): Promise<void> {
    const startMs = performance.now();
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(count, Math.floor(((performance.now() - startMs) * callsPerSecond) / 1000) + 1);
        while (this.calls.length < due) this.#invite();
        if (this.calls.length < count) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
  }

  /**
   * Resolves when every call is over on both sides: each request answered or given up. One that is not after `limitMs`
   * has failed, but for those that their caller will end: the phone has stopped ringing, and nobody waits for anything.
   */
  async allOver(limitMs: number): Promise<void> {
    await waitUntil(() => this.active.size === 0, limitMs, () => '').catch(() => undefined);
    for (const call of this.active) {
      const { callee, caller } = call;
      if (caller.cancelAnswered && callee.cancelled && !caller.refused && call.failure === undefined) {
        call.endsByItself = true;
        this.#done(call);
        continue;
      }
      const seen = `${caller.provisional ? 'the caller has had a 1xx' : 'no 1xx came'}, ${callee.branch === '' ? 'the phone never rang' : 'the phone rang'}`;
      const cancel = `${callee.cancelled ? ', was cancelled' : ''}${callee.acknowledged ? ', got its ACK' : ''}`;
      this.#fail(call, `never ended, ${call.phase}: ${seen}${cancel}`);
    }
  }

  /** Datagrams lost in the phones' own sockets: the machine was too slow for them. */
  overflowed(): number {
    return this.#callers.overflowed() + this.#callees.overflowed();
  }

  close(): void {
    for (const call of this.active) {
      call.caller.invite?.stop();
      call.caller.request?.stop();
      call.callee.final?.stop();
      clearTimeout(call.callee.timer);
    }
    this.#callers.close();
    this.#callees.close();
  }

  // Caller

  #invite(): void {
    const { random, cancelPercent, holdMs, ringMs } = this.#options;
    const id = `${this.#name}-${String(this.calls.length)}`;
    const rings = random.between(...ringMs);
    const call: RingingCall = {
      id,
      cancelAfterMs: random.percent(cancelPercent) ? rings : undefined,
      ringMs: rings,
      holdMs: random.between(...holdMs),
      phase: 'setup',
      shard: -1,
      succeeded: false,
      failure: undefined,
      endsByItself: false,
      caller: { branch: `z9hG4bK-${id}`, invite: undefined, request: undefined, ack: '', cancelled: false, cancelAnswered: false, provisional: false, refused: false },
      callee: { branch: '', response: '', final: undefined, acknowledged: false, timer: undefined, cancelled: false, hungUp: false },
    };
    this.calls.push(call);
    this.#byId.set(id, call);
    this.active.add(call);
    const to = this.#options.proxy;
    call.caller.invite = this.#callers.repeat(this.#request(call, 'INVITE', ''), to, () => {
      this.#fail(call, 'the INVITE was never answered');
    }, Infinity);
    if (call.cancelAfterMs !== undefined) {
      setTimeout(() => {
        call.caller.cancelled = true;
        if (call.caller.provisional) this.#cancel(call);
      }, call.cancelAfterMs);
    }
  }

  /** The parts that INVITE, CANCEL and the ACK to a failure have in common (RFC 3261 §9.1, §17.1.1.3). */
  #request(call: RingingCall, method: string, toTag: string): string {
    const here = hostPort(this.#callers.address);
    const there = hostPort(this.#callees.address);
    return [
      `${method} sip:callee@${there} SIP/2.0`,
      `Via: SIP/2.0/UDP ${here};branch=${call.caller.branch}`,
      `From: <sip:caller@${here}>;tag=caller`,
      `To: <sip:callee@${there}>${toTag}`,
      `Call-ID: ${call.id}`,
      `CSeq: 1 ${method}`,
      'Max-Forwards: 70',
      ...(method === 'INVITE' ? [`Contact: <sip:caller@${here}>`] : []),
      'Content-Length: 0',
      '',
      '',
    ].join('\r\n');
  }

  #cancel(call: RingingCall): void {
    if (call.phase !== 'ringing' && call.phase !== 'setup') return;
    call.caller.request = this.#callers.repeat(this.#request(call, 'CANCEL', ''), this.#options.proxy, () => {
      this.#fail(call, 'the CANCEL was never answered');
    });
  }

  #atCaller(call: RingingCall, message: PhoneMessage): void {
    const { status, text } = message;
    switch (message.method) {
      case 'INVITE':
        call.caller.invite?.stop();
        if (status < 200) {
          if (!call.caller.provisional && call.caller.cancelled) this.#cancel(call);
          call.caller.provisional = true;
          if ((call.caller.ack !== '' || call.caller.refused) && status > 100) this.#fail(call, `a ${String(status)} after the final response`);
        } else if (status < 300) {
          this.#answered(call, text);
        } else {
          this.#refused(call, status, text);
        }
        break;
      case 'CANCEL':
        if (status < 200) break;
        call.caller.request?.stop();
        call.caller.cancelAnswered = true;
        if (status !== 200) this.#fail(call, `the CANCEL was answered ${String(status)}`);
        else if (call.caller.refused) this.#done(call);
        break;
      case 'BYE':
        if (status < 200) break;
        call.caller.request?.stop();
        if (status !== 200) this.#fail(call, `the BYE was answered ${String(status)}`);
        else if (!call.callee.hungUp) this.#fail(call, 'its BYE was answered 200, but not by its phone');
        else this.#done(call);
        break;
      default:
    }
  }

  #refused(call: RingingCall, status: number, text: string): void {
    const toTag = /^To:.*(;tag=[^;\s]+)/im.exec(text)?.[1] ?? '';
    this.#callers.send(this.#request(call, 'ACK', toTag), this.#options.proxy);
    if (call.caller.refused) return;
    call.caller.refused = true;
    if (status !== 487 || !call.caller.cancelled) this.#fail(call, `the INVITE was answered ${String(status)}`);
    else if (!call.callee.cancelled) this.#fail(call, 'answered 487, but its phone was not cancelled');
    else if (call.caller.cancelAnswered) this.#done(call);
  }

  #answered(call: RingingCall, text: string): void {
    if (call.caller.ack !== '') {
      this.#callers.send(call.caller.ack, this.#options.proxy);
      return;
    }
    const routes = linesOf(text, 'Record-Route').reverse().map((line) => line.slice('Record-'.length));
    const to = linesOf(text, 'To')[0] ?? '';
    const inDialog = (method: string, cseq: number): string => {
      const here = hostPort(this.#callers.address);
      return [
        `${method} sip:callee@${hostPort(this.#callees.address)} SIP/2.0`,
        `Via: SIP/2.0/UDP ${here};branch=${call.caller.branch}-${method}`,
        ...routes,
        `From: <sip:caller@${here}>;tag=caller`,
        to,
        `Call-ID: ${call.id}`,
        `CSeq: ${String(cseq)} ${method}`,
        'Max-Forwards: 70',
        'Content-Length: 0',
        '',
        '',
      ].join('\r\n');
    };
    call.caller.ack = inDialog('ACK', 1);
    this.#callers.send(call.caller.ack, this.#options.proxy);
    if (call.caller.cancelled) this.#fail(call, 'answered although it was cancelled');
    if (call.phase === 'over') return;
    call.phase = 'established';
    setTimeout(() => {
      if (call.phase !== 'established') return;
      call.phase = 'ending';
      call.caller.request = this.#callers.repeat(inDialog('BYE', 2), this.#options.proxy, () => {
        this.#fail(call, 'the BYE was never answered');
      });
    }, call.holdMs);
  }

  // Callee

  #atCallee(call: RingingCall, message: PhoneMessage): void {
    const { callee } = call;
    const { method, text } = message;
    const branch = branchOf(text);
    switch (method) {
      case 'INVITE':
        if (callee.branch === '') this.#ring(call, branch, text);
        else if (callee.branch === branch) this.#callees.send(callee.response, this.#options.proxy);
        else this.#fail(call, `a second INVITE came with the branch ${branch}, the first with ${callee.branch}`);
        break;
      case 'CANCEL':
        if (callee.branch !== branch) {
          this.#callees.send(answer(text, '481 No Such Transaction'), this.#options.proxy);
          this.#fail(call, `a CANCEL came with the branch ${branch}, the INVITE with ${callee.branch}`);
          break;
        }
        this.#callees.send(answer(text, '200 OK'), this.#options.proxy);
        if (callee.final !== undefined) break;
        callee.cancelled = true;
        this.#respond(call, callee.response.replace('SIP/2.0 180 Ringing', 'SIP/2.0 487 Request Terminated'));
        break;
      case 'ACK':
        callee.final?.stop();
        callee.acknowledged = true;
        if (call.phase === 'over') this.active.delete(call);
        break;
      case 'BYE':
        callee.hungUp = true;
        this.#callees.send(answer(text, '200 OK'), this.#options.proxy);
        break;
      default:
    }
  }

  #ring(call: RingingCall, branch: string, invite: string): void {
    const { callee } = call;
    callee.branch = branch;
    call.shard = Number.parseInt(/^z9hG4bKvd..(..)/.exec(branch)?.[1] ?? 'x', 16);
    if (call.phase === 'setup') call.phase = 'ringing';
    callee.response = answer(invite, '180 Ringing', `Contact: <sip:callee@${hostPort(this.#callees.address)}>`);
    this.#callees.send(callee.response, this.#options.proxy);
    if (call.cancelAfterMs !== undefined) return;
    callee.timer = setTimeout(() => {
      this.#respond(call, callee.response.replace('SIP/2.0 180 Ringing', 'SIP/2.0 200 OK'));
    }, call.ringMs);
  }

  /** A final response, until its ACK comes. */
  #respond(call: RingingCall, response: string): void {
    call.callee.response = response;
    call.callee.final = this.#callees.repeat(response, this.#options.proxy, () => {
      this.#fail(call, 'no ACK ever came to the callee');
    });
  }

  // Ends

  #done(call: RingingCall): void {
    if (call.phase === 'over') return;
    call.phase = 'over';
    call.succeeded = call.failure === undefined;
    this.#stop(call);
    if (call.callee.acknowledged) this.active.delete(call);
  }

  #fail(call: RingingCall, reason: string): void {
    call.failure ??= reason;
    call.succeeded = false;
    call.phase = 'over';
    call.callee.final?.stop();
    this.#stop(call);
    this.active.delete(call);
  }

  #stop(call: RingingCall): void {
    call.caller.invite?.stop();
    call.caller.request?.stop();
    clearTimeout(call.callee.timer);
  }
}

/** A response with a dialog's headers; `extra` is one more line. */
function answer(request: string, status: string, extra?: string): string {
  const [to = ''] = linesOf(request, 'To');
  return [
    `SIP/2.0 ${status}`,
    ...linesOf(request, 'Via'),
    ...linesOf(request, 'Record-Route'),
    ...linesOf(request, 'From'),
    to.includes(';tag=') ? to : `${to};tag=callee`,
    ...linesOf(request, 'Call-ID'),
    ...linesOf(request, 'CSeq'),
    ...(extra === undefined ? [] : [extra]),
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}
