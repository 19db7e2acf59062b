/**
 * Plans of simulated calls: out of a seed and a few percentages, what every phone of every call does and what the
 * routing script does with it. Plans are made before the run and each call's out of a stream of its own, so that the same
 * seed plans the same call on any network, in any company, and whatever else is left out.
 */
import { formatV4 } from './address.js';
import type { Knobs } from './knobs.js';
import { M_INVITE, M_MESSAGE, M_OPTIONS } from './message-reader.js';
import { type Random, SteadyRandom, seedOf } from './random.js';
import type { CallerPlan } from './uac.js';
import type { CalleePlan } from './uas.js';

export { DEFAULT_KNOBS, type Knobs } from './knobs.js';

const PHONE_PORT = 5060;

/** `host:port` of the proxy number `node`, counted from 0. */
export function proxyAddress(node: number): string {
  return `10.0.0.${node + 1}:5060`;
}

export const PROXY_ADDRESS = proxyAddress(0);

/** What the script does with a call instead of relaying it, or beside that. */
export const SCRIPT_RELAYS = 0;
export const SCRIPT_REFUSES = 1;
/** Sends a provisional response of its own first. */
export const SCRIPT_RINGS_AND_REFUSES = 2;
/** Relays, and has an answer of its own before anybody else can. */
export const SCRIPT_RELAYS_AND_REFUSES = 3;
export const SCRIPT_RINGS_AND_RELAYS = 4;

/** Where a handler hangs for ever: nowhere, before it does anything, behind what it did, or in the failure handler. */
export const HANGS_NOT = 0;
export const HANGS_BEFORE = 1;
export const HANGS_BEHIND = 2;
export const HANGS_IN_FAILURE = 3;

export interface CallPlan {
  readonly call: number;
  readonly startMs: number;
  readonly caller: CallerPlan;
  /** First those that the script relays to, then those that it tries one by one when these have failed. */
  readonly callees: readonly CalleePlan[];
  /** Targets that the script forks to; empty: the Request-URI names the one callee. */
  readonly targets: readonly string[];
  readonly backups: readonly string[];
  readonly recordRoutes: boolean;
  /** Goes through the (last) proxy twice. */
  readonly spirals: boolean;
  readonly throws: boolean;
  /** Ms that the script awaits; -1: it is sync. */
  readonly awaitMs: number;
  /** Ms that the script pends behind its relay; -1: it does not. */
  readonly pendMs: number;
  /** What it answers then, if the call is still open; 0: nothing. */
  readonly pendStatus: number;
  /** It relays to the first of `backups` then; its failure handler leaves those alone. */
  readonly pendRelays: boolean;
  /** One of `SCRIPT_*`, and the status that goes with it. */
  readonly script: number;
  readonly scriptStatus: number;
  readonly hasReplyHandler: boolean;
  /** One of `HANGS_*`. */
  readonly hangs: number;
}

const REJECTIONS: readonly number[] = [486, 486, 404, 480, 503, 603, 302];

/** Address word of the caller of a call. */
export function callerWord(call: number): number {
  return 0x0a01_0000 + call;
}

/** Address word of one of its callees. */
export function calleeWord(call: number, branch: number): number {
  return 0x0a02_0000 + branch * 0x1_0000 + call;
}

/** Plans of all calls of a run by their numbers; with `knobs.only` the others are left out. */
export function planCalls(knobs: Knobs, random: Random): (CallPlan | undefined)[] {
  const plans: (CallPlan | undefined)[] = [];
  const seed = random.bits();
  const gapMs = 1000 / knobs.callsPerSecond;
  for (let call = 0; call < knobs.calls; call++) {
    if (knobs.only >= 0 && call !== knobs.only) {
      plans.push(undefined);
      continue;
    }
    const own = new SteadyRandom(seedOf(seed, call * 64));
    // The first call is at 1 ms and off the tick, like most others.
    plans.push(planCall(knobs, own, seed, call, 1 + Math.floor(call * gapMs) + own.below(20)));
  }
  return plans;
}

function planCall(knobs: Knobs, random: Random, seed: number, call: number, startMs: number): CallPlan {
  const isOptions = random.percent(knobs.optionsPercent);
  const isMessage = random.percent(knobs.messagePercent) && !isOptions;
  const isInvite = !isOptions && !isMessage;
  const forks = 1 + random.below(knobs.forks);
  const branches = isOptions ? 1 : forks;
  const isCancelled = random.percent(knobs.cancelPercent) && isInvite;
  const hasBackup = random.percent(knobs.failoverPercent);
  const backups = hasBackup ? 1 + random.below(2) : 0;
  const spirals = random.percent(knobs.spiralPercent);
  const callees: CalleePlan[] = [];
  for (let branch = 0; branch < branches; branch++) callees.push(planCallee(knobs, new SteadyRandom(seedOf(seed, call * 64 + 1 + branch)), isMessage));
  for (let i = 0; i < backups; i++) callees.push(planCallee(knobs, new SteadyRandom(seedOf(seed, call * 64 + 40 + i)), isMessage));
  const uris = callees.map((_, branch) => `sip:${call}@${formatV4(calleeWord(call, branch))}:${PHONE_PORT}`);
  const viaScript = branches > 1 || spirals;
  const pends = random.percent(knobs.pendPercent);
  const pendMs = random.below(200) < 20 ? random.below(250_000) : random.below(8000);
  const pendAnswers = random.percent(40);
  const pendRelays = pends && !pendAnswers && backups > 0;
  const awaits = random.percent(knobs.asyncPercent);
  const awaitMs = random.below(2500);
  const scriptActs = random.percent(knobs.scriptReplyPercent);
  const scriptKind = 1 + random.below(4);
  return {
    call,
    startMs,
    caller: planCaller(knobs, random, {
      method: isOptions ? M_OPTIONS : isMessage ? M_MESSAGE : M_INVITE,
      requestUri: viaScript ? `sip:${spirals ? 'x' : ''}${call}@${proxyAddress(knobs.nodes - 1)}` : uris[0]!,
      isCancelled,
    }),
    callees,
    targets: viaScript ? uris.slice(0, branches) : [],
    backups: uris.slice(branches),
    recordRoutes: random.percent(knobs.recordRoutePercent),
    spirals,
    throws: random.percent(knobs.throwPercent),
    awaitMs: awaits ? awaitMs : -1,
    pendMs: pends ? pendMs : -1,
    pendStatus: pendAnswers ? 480 : 0,
    pendRelays,
    script: scriptActs ? scriptKind : SCRIPT_RELAYS,
    scriptStatus: REJECTIONS[random.below(REJECTIONS.length)]!,
    hasReplyHandler: random.percent(knobs.replyHandlerPercent),
    hangs: random.percent(knobs.hangPercent) ? HANGS_BEFORE + random.below(3) : HANGS_NOT,
  };
}

function planCaller(
  knobs: Knobs,
  random: Random,
  call: { readonly method: number; readonly requestUri: string; readonly isCancelled: boolean },
): CallerPlan {
  const cancelAfterMs = random.below(4000);
  const isSoonCancelled = random.percent(25);
  const cancelsBlindly = random.percent(knobs.blindCancelPercent);
  const repeats = random.percent(knobs.dupCancelPercent);
  const cancelSends = 2 + random.below(2);
  const hangsUpAtOnce = random.percent(30);
  const hangsUp = random.percent(50);
  const hangUpAfterMs = 1 + random.below(3000);
  const reinvites = random.percent(knobs.reinvitePercent);
  const reinviteAfterMs = random.below(1500);
  const reinviteIsCancelled = random.percent(knobs.reinviteCancelPercent);
  const reinviteCancelAfterMs = random.below(2000);
  return {
    method: call.method,
    requestUri: call.requestUri,
    // A blind CANCEL right behind the INVITE is the one that the network can put before it.
    cancelAfterMs: !call.isCancelled ? -1 : cancelsBlindly && isSoonCancelled ? cancelAfterMs % 50 : cancelAfterMs,
    cancelsBlindly,
    cancelSends: repeats ? cancelSends : 1,
    hangUpAfterMs: hangsUpAtOnce ? 0 : hangsUp ? hangUpAfterMs : -1,
    reinviteAfterMs: reinvites ? reinviteAfterMs : -1,
    reinviteCancelAfterMs: reinviteIsCancelled ? reinviteCancelAfterMs : -1,
    isRouteless: random.percent(knobs.routelessPercent),
    hasCookie: !random.percent(knobs.oldPhonePercent),
  };
}

function planCallee(knobs: Knobs, random: Random, isMessage: boolean): CalleePlan {
  const rings = random.percent(85);
  const ringsSoon = random.percent(90);
  const ringMs = random.below(200);
  const lateRingMs = random.below(2500);
  const is180 = random.percent(80);
  const is183 = random.percent(50);
  const isRejecting = random.percent(knobs.rejectPercent);
  const neverAnswers = random.percent(knobs.noAnswerPercent);
  const answerMs = random.below(3000);
  const slowAnswerMs = random.below(24_000);
  const isSlow = random.percent(40);
  const rejection = REJECTIONS[random.below(REJECTIONS.length)]!;
  const reinviteRings = random.percent(85);
  const reinviteRingMs = random.below(200);
  const reinviteRefused = random.percent(25);
  const vanishes = random.percent(knobs.vanishPercent);
  return {
    isSilent: random.percent(knobs.silentPercent),
    vanishes,
    ringAfterMs: !rings ? -1 : ringsSoon ? ringMs : lateRingMs,
    ringStatus: isMessage ? 100 : is180 ? 180 : is183 ? 183 : 100,
    answerAfterMs: neverAnswers ? -1 : isMessage && isSlow ? slowAnswerMs : answerMs,
    status: isRejecting ? rejection : 200,
    answersWhenCancelled: random.percent(knobs.lateAnswerPercent),
    // The caller hangs up at its own time too; whoever is first.
    hangUpAfterMs: random.below(4000),
    reinviteRingAfterMs: reinviteRings ? reinviteRingMs : -1,
    reinviteAnswerAfterMs: random.below(2500),
    reinviteStatus: reinviteRefused ? 488 : 200,
    hasCookie: !random.percent(knobs.oldPhonePercent),
  };
}
