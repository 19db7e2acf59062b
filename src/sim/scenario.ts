/**
 * Plans of simulated calls: out of a seed and a few percentages, what every phone of every call does and what the
 * routing script does with it. Plans are made before the run, so that the same seed plans the same calls on any network.
 */
import type { RouteRequest, Routes } from '../script/api.js';
import { formatV4 } from './address.js';
import { M_INVITE, M_OPTIONS } from './message-reader.js';
import type { Random } from './random.js';
import type { CallerPlan } from './uac.js';
import type { CalleePlan } from './uas.js';

/** What a simulation is made of. Percentages are of calls, except those of the network, which are of datagrams. */
export interface Knobs {
  readonly seed: number;
  /** 1 to 65536 in one run. */
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly shards: number;
  readonly key: 'transaction' | 'call-id';
  readonly lossPercent: number;
  readonly dupPercent: number;
  readonly reorderPercent: number;
  readonly reorderMs: number;
  readonly delayMs: number;
  readonly jitterMs: number;
  /** Most branches of a call, 1 to 16. */
  readonly forks: number;
  readonly cancelPercent: number;
  /** Of the cancelled: those that do not wait for a provisional response. */
  readonly blindCancelPercent: number;
  /** Callees that answer a CANCEL with 200 and the INVITE with 200 as well: they were just answering. */
  readonly lateAnswerPercent: number;
  /** Scripts that await something before they decide. */
  readonly asyncPercent: number;
  readonly throwPercent: number;
  readonly silentPercent: number;
  /** Callees that ring until somebody gives up. */
  readonly noAnswerPercent: number;
  /** Callees that answer 486 and the like. */
  readonly rejectPercent: number;
  /** Requests outside of dialogs in place of calls. */
  readonly optionsPercent: number;
  /** Phones of RFC 2543, without the magic cookie. */
  readonly oldPhonePercent: number;
  /** Calls whose dialogs go through the proxy. */
  readonly recordRoutePercent: number;
  /** Shards that crash during the run. */
  readonly crashes: number;
  readonly lagMs: number;
  readonly batchMax: number;
}

export const DEFAULT_KNOBS: Knobs = {
  seed: 1,
  calls: 1000,
  callsPerSecond: 100,
  shards: 2,
  key: 'transaction',
  lossPercent: 0,
  dupPercent: 0,
  reorderPercent: 0,
  reorderMs: 400,
  delayMs: 5,
  jitterMs: 30,
  forks: 1,
  cancelPercent: 20,
  blindCancelPercent: 0,
  lateAnswerPercent: 10,
  asyncPercent: 0,
  throwPercent: 1,
  silentPercent: 3,
  noAnswerPercent: 3,
  rejectPercent: 20,
  optionsPercent: 5,
  oldPhonePercent: 5,
  recordRoutePercent: 90,
  crashes: 0,
  lagMs: 0,
  batchMax: 8,
};

export const PROXY_ADDRESS = '10.0.0.1:5060';

export interface CallPlan {
  readonly call: number;
  readonly startMs: number;
  readonly caller: CallerPlan;
  readonly callees: readonly CalleePlan[];
  /** Targets that the script forks to; empty: the Request-URI names the one callee. */
  readonly targets: readonly string[];
  readonly recordRoutes: boolean;
  readonly throws: boolean;
  /** Ms that the script awaits; -1: it is sync. */
  readonly awaitMs: number;
}

const REJECTIONS: readonly number[] = [486, 486, 404, 480, 503, 603, 302];
const PHONE_PORT = 5060;

/** Address word of the caller of a call. */
export function callerWord(call: number): number {
  return 0x0a01_0000 + call;
}

/** Address word of one of its callees. */
export function calleeWord(call: number, branch: number): number {
  return 0x0a02_0000 + branch * 0x1_0000 + call;
}

/** Plans all calls of a run. */
export function planCalls(knobs: Knobs, random: Random): CallPlan[] {
  const plans: CallPlan[] = [];
  const gapMs = 1000 / knobs.callsPerSecond;
  for (let call = 0; call < knobs.calls; call++) {
    // The first call is at 1 ms and off the tick, like most others.
    plans.push(planCall(knobs, random, call, 1 + Math.floor(call * gapMs) + random.below(20)));
  }
  return plans;
}

function planCall(knobs: Knobs, random: Random, call: number, startMs: number): CallPlan {
  const isOptions = random.percent(knobs.optionsPercent);
  const branches = isOptions ? 1 : 1 + random.below(knobs.forks);
  const isCancelled = !isOptions && random.percent(knobs.cancelPercent);
  const callees: CalleePlan[] = [];
  for (let branch = 0; branch < branches; branch++) callees.push(planCallee(knobs, random));
  const uri = (branch: number): string => `sip:${call}@${formatV4(calleeWord(call, branch))}:${PHONE_PORT}`;
  return {
    call,
    startMs,
    caller: {
      method: isOptions ? M_OPTIONS : M_INVITE,
      requestUri: branches === 1 ? uri(0) : `sip:${call}@${PROXY_ADDRESS}`,
      cancelAfterMs: isCancelled ? random.below(4000) : -1,
      cancelsBlindly: random.percent(knobs.blindCancelPercent),
      hangUpAfterMs: random.percent(30) ? 0 : random.percent(50) ? random.below(3000) : -1,
      hasCookie: !random.percent(knobs.oldPhonePercent),
    },
    callees,
    targets: branches === 1 ? [] : callees.map((_, branch) => uri(branch)),
    recordRoutes: random.percent(knobs.recordRoutePercent),
    throws: random.percent(knobs.throwPercent),
    awaitMs: random.percent(knobs.asyncPercent) ? random.below(2500) : -1,
  };
}

function planCallee(knobs: Knobs, random: Random): CalleePlan {
  const ringAfterMs = random.percent(85) ? random.below(random.percent(90) ? 200 : 2500) : -1;
  const isRejecting = random.percent(knobs.rejectPercent);
  const neverAnswers = random.percent(knobs.noAnswerPercent);
  return {
    isSilent: random.percent(knobs.silentPercent),
    ringAfterMs,
    ringStatus: random.percent(80) ? 180 : random.percent(50) ? 183 : 100,
    answerAfterMs: neverAnswers ? -1 : random.below(3000),
    status: isRejecting ? REJECTIONS[random.below(REJECTIONS.length)]! : 200,
    answersWhenCancelled: random.percent(knobs.lateAnswerPercent),
    // The caller hangs up at its own time too; whoever is first.
    hangUpAfterMs: random.below(4000),
    hasCookie: !random.percent(knobs.oldPhonePercent),
  };
}

/** What the script asks of its world. */
export interface ScriptWorld {
  sleep(ms: number): Promise<void>;
}

/** What the script reports. */
export interface ScriptObserver {
  scriptRan(call: number): void;
}

/**
 * The routing script of a simulation. `worldOf` is asked when a handler runs, since the world is built with the script.
 * A CANCEL that matched nothing is relayed when shards crash and refused when they do not: then it can only be one that
 * came before its INVITE.
 */
export function simulationRoutes(
  plans: readonly CallPlan[],
  relaysUnmatchedCancel: boolean,
  worldOf: () => ScriptWorld,
  observerOf: () => ScriptObserver,
): Routes {
  const act = (req: RouteRequest, plan: CallPlan): void => {
    if (plan.throws) throw new Error('planned by the simulation');
    if (plan.recordRoutes) req.recordRoute();
    req.relay(plan.targets.length === 0 ? undefined : plan.targets);
  };
  const actLater = async (req: RouteRequest, plan: CallPlan): Promise<void> => {
    await worldOf().sleep(plan.awaitMs);
    act(req, plan);
  };
  return {
    request(req) {
      const { method } = req;
      const call = Number.parseInt(req.callId, 10);
      const plan = plans[call];
      // The ACK to a failure of a fork names this proxy; it gets here when a shard has crashed, and would go in a circle.
      if (method === 'ACK' && !req.looseRouted && plan !== undefined && plan.targets.length > 0) return undefined;
      if (method === 'ACK' || (req.inDialog && method !== 'CANCEL')) {
        req.relay();
        return undefined;
      }
      if (method === 'CANCEL') {
        // What is forwarded statelessly goes to one target: a CANCEL for the branches of a fork cannot be.
        if (relaysUnmatchedCancel && plan?.targets.length === 0) req.relay();
        else req.reply(481);
        return undefined;
      }
      if (plan === undefined) throw new Error(`no call ${call} is planned`);
      if (method === 'INVITE') observerOf().scriptRan(call);
      if (plan.awaitMs >= 0) return actLater(req, plan);
      act(req, plan);
      return undefined;
    },
  };
}
