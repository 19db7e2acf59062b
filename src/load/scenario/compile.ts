/**
 * Compiles scenarios into a `Program`. Pure; runs once in each load thread, before any call.
 */
import { METHOD_NAMES, M_INVITE, methodIdOf } from '../../sip/methods.js';
import { reasonPhrase } from '../../sip/reasons.js';
import type { Duration, LoadOptions } from '../options.js';
import { longestMs, parseDuration } from '../units.js';
import {
  CHALLENGE_NONCE, OP_CANCEL, OP_CHALLENGE, OP_CHALLENGE_REPLY, OP_CODE, OP_DURATION, OP_END, OP_EXPECT, OP_MESSAGE, OP_METHOD, OP_PAUSE, OP_RECEIVE, OP_REPLY,
  OP_RING, OP_SEND, OP_SLOTS, OP_STATUS, type ChallengeSpec, type Program, type ProgramEntry, type ReplySpec, type RequestSpec,
} from './program.js';
import type { CalleeStep, CallerStep, MessageParts, Scenario, ScenarioTime } from './scenario.js';

/** A scenario and its share of the calls. */
export interface WeightedScenario {
  readonly scenario: Scenario;
  readonly weight: number;
}

/** How long a callee alone waits for the next request of a caller that it knows nothing of, milliseconds. */
const FOREIGN_WAIT_MS = 3_600_000;
/** What is added to the longest times of a run before something counts as never come, milliseconds. */
const SPARE_WAIT_MS = 10_000;
const NO_PARTS: MessageParts = {};
const ANY_STATUS = Array.from({ length: 500 }, (_, i) => 200 + i);

/** The settings of a run that a program depends on. */
export type ProgramOptions = Pick<LoadOptions, 'role' | 'ring' | 'hold' | 'cancelAfter' | 'domain' | 't1Ms'>;

/** Compiles checked scenarios (see `scenarioProblem`). */
export function compileScenarios(scenarios: readonly WeightedScenario[], options: ProgramOptions): Program {
  return new Compiler(options).compile(scenarios);
}

/** Milliseconds that nothing in a run takes, unless it never comes. */
export function longestWaitMs(options: ProgramOptions): number {
  const longest = Math.max(longestMs(options.ring), longestMs(options.hold), longestMs(options.cancelAfter));
  return longest + 64 * options.t1Ms + SPARE_WAIT_MS;
}

class Compiler {
  private readonly code: number[] = [];
  private readonly requests: RequestSpec[] = [];
  private readonly replies: ReplySpec[] = [];
  private readonly durations: Duration[] = [];
  private readonly expects: Uint8Array[] = [];
  private readonly challenges: ChallengeSpec[] = [];

  constructor(private readonly options: ProgramOptions) {}

  compile(scenarios: readonly WeightedScenario[]): Program {
    const callerByeAt = this.side(0, 'caller', [{ send: 'BYE', expect: ANY_STATUS }], true);
    const callerBye = 0;
    const calleeByeAt = this.side(0, 'callee', [{ send: 'BYE', expect: ANY_STATUS }], true);
    const entries = scenarios.map(({ scenario, weight }, index): ProgramEntry => {
      const { callee } = scenario;
      const first = callee?.[0];
      return {
        name: scenario.name,
        weight,
        callerAt: this.side(index, 'caller', scenario.caller, false),
        calleeAt: callee === undefined ? -1 : this.side(index, 'callee', callee, false),
        calleeMethod: first !== undefined && 'receive' in first ? methodIdOf(first.receive) : 0,
        calleeSends: callee?.some((step) => 'send' in step) ?? false,
      };
    });
    const { requests, replies, durations, expects, challenges } = this;
    return { code: Int32Array.from(this.code), entries, requests, replies, durations, expects, challenges, callerByeAt, calleeByeAt, callerBye };
  }

  private side(scenario: number, side: 'caller' | 'callee', steps: readonly (CallerStep | CalleeStep)[], inDialog: boolean): number {
    const at = this.code.length;
    let dialog = inDialog || side === 'callee';
    let open = 0;
    for (const step of steps) {
      const slots = new Int32Array(OP_SLOTS);
      if ('send' in step) {
        slots[OP_CODE] = OP_SEND;
        slots[OP_METHOD] = methodIdOf(step.send);
        slots[OP_MESSAGE] = this.request({ scenario, side, method: step.send, inDialog: dialog, parts: step });
        slots[OP_EXPECT] = this.expect(step.expect ?? 200);
        slots[OP_CANCEL] = step.cancelAfter === undefined ? -1 : this.duration(this.time(step.cancelAfter));
        slots[OP_RING] = step.mustRing === true ? 1 : 0;
        if (step.send === 'INVITE') dialog = true;
      } else if ('pause' in step) {
        slots[OP_CODE] = OP_PAUSE;
        slots[OP_DURATION] = this.duration(this.time(step.pause));
      } else if ('receive' in step) {
        slots[OP_CODE] = OP_RECEIVE;
        slots[OP_METHOD] = open = methodIdOf(step.receive);
        slots[OP_DURATION] = this.duration(step.within === undefined ? this.longestWait() : this.time(step.within));
      } else if ('reply' in step) {
        slots[OP_CODE] = OP_REPLY;
        slots[OP_METHOD] = open;
        slots[OP_MESSAGE] = this.reply(step.reply, step.reason, open, step);
        slots[OP_STATUS] = step.reply;
      } else {
        const { challenge: status, realm = this.options.domain, algorithm = 'MD5', qop = 'auth' } = step;
        slots[OP_CODE] = OP_CHALLENGE_REPLY;
        slots[OP_METHOD] = open;
        slots[OP_MESSAGE] = this.reply(status, undefined, open, { headers: [challengeLine(status, realm, algorithm, qop)] });
        this.reply(403, undefined, open, NO_PARTS);
        slots[OP_STATUS] = status;
        slots[OP_CHALLENGE] = this.challenges.push({ status, realm, algorithm, qop }) - 1;
      }
      this.code.push(...slots);
    }
    this.code.push(OP_END, 0, 0, 0, 0, 0);
    return at;
  }

  private request(spec: RequestSpec): number {
    const at = this.requests.push(spec) - 1;
    if (spec.method === METHOD_NAMES[M_INVITE]) {
      this.requests.push({ ...spec, method: 'ACK', inDialog: true, parts: NO_PARTS });
      this.requests.push({ ...spec, method: 'CANCEL', parts: NO_PARTS });
    }
    return at;
  }

  private reply(status: number, reason: string | undefined, method: number, parts: MessageParts): number {
    return this.replies.push({ status, reason: reason ?? reasonPhrase(status), forInvite: method === M_INVITE, parts }) - 1;
  }

  private time(text: ScenarioTime): Duration {
    switch (text) {
      case 'ring':
        return this.options.ring;
      case 'hold':
        return this.options.hold;
      case 'cancel':
        return this.options.cancelAfter;
      default:
        // Checked by scenarioProblem.
        return parseDuration(text)!;
    }
  }

  private longestWait(): Duration {
    return { kind: 'fixed', ms: this.options.role === 'uas' ? FOREIGN_WAIT_MS : longestWaitMs(this.options) };
  }

  private duration(duration: Duration): number {
    return this.durations.push(duration) - 1;
  }

  private expect(statuses: number | readonly number[]): number {
    const right = new Uint8Array(700);
    for (const status of typeof statuses === 'number' ? [statuses] : statuses) right[status] = 1;
    return this.expects.push(right) - 1;
  }
}

function challengeLine(status: number, realm: string, algorithm: string, qop: string): string {
  const header = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
  return `${header}: Digest realm="${realm}", nonce="${CHALLENGE_NONCE}", algorithm=${algorithm}${qop === 'auth' ? ', qop="auth"' : ''}`;
}
