/**
 * The routing script of a random simulation: does with every request what the plan of its call says, and tells the checks
 * what they cannot see from outside.
 */
import type { RouteFailure, RouteReply, RouteRequest, Routes } from '../script/api.js';
import type { Knobs } from './knobs.js';
import {
  type CallPlan,
  HANGS_BEFORE,
  HANGS_BEHIND,
  HANGS_IN_FAILURE,
  proxyAddress,
  SCRIPT_REFUSES,
  SCRIPT_RELAYS_AND_REFUSES,
  SCRIPT_RINGS_AND_REFUSES,
  SCRIPT_RINGS_AND_RELAYS,
} from './scenario.js';

/** What the script asks of its world. */
export interface ScriptWorld {
  sleep(ms: number): Promise<void>;
}

/** What the script reports. */
export interface ScriptObserver {
  /** The request handler runs for a request that has a transaction. */
  scriptRan(call: number): void;
  /** The script answers by itself, while branches may be pending. */
  scriptAnswers(call: number): void;
  /** A handler of the script will never settle. */
  scriptHangs(): void;
}

export interface ScriptSetting {
  readonly knobs: Knobs;
  readonly plans: readonly (CallPlan | undefined)[];
  /** Which proxy of the row this is. */
  readonly node: number;
  /** Asked when a handler runs, since the world is built with the script. */
  readonly world: () => ScriptWorld;
  readonly observer: () => ScriptObserver;
}

/** The script of one proxy. Handlers that no call of the run has are left out: an engine goes other ways without them. */
export function simulationRoutes(setting: ScriptSetting): Routes {
  const { knobs } = setting;
  const script = new Script(setting);
  return {
    request: (req) => script.request(req),
    ...(knobs.failoverPercent > 0 || knobs.hangPercent > 0 ? { failure: (failure: RouteFailure) => script.failure(failure) } : {}),
    ...(knobs.replyHandlerPercent > 0 ? { reply: (reply: RouteReply) => { script.reply(reply); }, cancel: () => undefined } : {}),
  };
}

class Script {
  private readonly setting: ScriptSetting;
  private readonly isLast: boolean;
  private readonly nextNode: { readonly nextHop: string };

  constructor(setting: ScriptSetting) {
    this.setting = setting;
    this.isLast = setting.node === setting.knobs.nodes - 1;
    this.nextNode = { nextHop: `sip:${proxyAddress(setting.node + 1)}` };
  }

  request(req: RouteRequest): void | Promise<void> {
    const { setting } = this;
    const { method } = req;
    const call = Number.parseInt(req.callId, 10);
    const plan = setting.plans[call];
    if (method === 'CANCEL') {
      this.unmatchedCancel(req, plan);
      return undefined;
    }
    if (method === 'ACK') {
      // The ACK to a failure of a fork names this proxy; it gets here when a shard has crashed, and would go in a circle.
      if (req.looseRouted || plan === undefined) req.relay();
      else if (!this.isLast) req.relay(this.nextNode);
      else if (plan.targets.length === 0) req.relay();
      return undefined;
    }
    setting.observer().scriptRan(call);
    if (req.inDialog) {
      req.relay();
      return undefined;
    }
    if (plan === undefined) throw new Error(`no call ${call} is planned`);
    if (!this.isLast) {
      if (plan.recordRoutes) req.recordRoute();
      req.relay(this.nextNode);
      return undefined;
    }
    if (plan.spirals && req.uri.user?.startsWith('x') === true) {
      if (plan.recordRoutes) req.recordRoute();
      req.relay(`sip:${call}@${proxyAddress(setting.node)}`);
      return undefined;
    }
    if (plan.hangs === HANGS_BEFORE) return this.hang();
    if (plan.awaitMs >= 0) return this.actLater(req, plan);
    if (plan.pendMs >= 0) return this.actAndPend(req, plan);
    this.act(req, plan);
    return plan.hangs === HANGS_BEHIND ? this.hang() : undefined;
  }

  /** The next target, as long as there is one. */
  failure(failure: RouteFailure): void | Promise<void> {
    const { setting } = this;
    const { request, state } = failure;
    const plan = setting.plans[Number.parseInt(request.callId, 10)];
    if (plan === undefined || plan.pendRelays || request.inDialog || !this.isLast || request.uri.user?.startsWith('x') === true) return undefined;
    const tried = typeof state['tried'] === 'number' ? state['tried'] : 0;
    const target = plan.backups[tried];
    if (target === undefined) return plan.hangs === HANGS_IN_FAILURE ? this.hang() : undefined;
    state['tried'] = tried + 1;
    if (plan.awaitMs < 0) {
      failure.relay(target);
      return plan.hangs === HANGS_IN_FAILURE ? this.hang() : undefined;
    }
    return setting.world().sleep(plan.awaitMs).then(() => {
      failure.relay(target);
    });
  }

  reply(reply: RouteReply): void {
    const plan = this.setting.plans[Number.parseInt(reply.callId, 10)];
    if (plan?.hasReplyHandler !== true) return;
    reply.headers.add('X-Seen', String(reply.status));
    if (reply.status === 183) reply.drop();
  }

  /**
   * A CANCEL that matched nothing is relayed when shards crash and refused when they do not: then it can only be one that
   * came before its INVITE. What is forwarded statelessly goes to one target, so that a fork's cannot be.
   */
  private unmatchedCancel(req: RouteRequest, plan: CallPlan | undefined): void {
    if (this.setting.knobs.crashes === 0 || plan === undefined) req.reply(481);
    else if (!this.isLast) req.relay(this.nextNode);
    else if (plan.targets.length === 0) req.relay();
    else req.reply(481);
  }

  private act(req: RouteRequest, plan: CallPlan): void {
    if (plan.throws) throw new Error('planned by the simulation');
    if (plan.recordRoutes) req.recordRoute();
    const { script } = plan;
    if (script === SCRIPT_RINGS_AND_REFUSES || script === SCRIPT_RINGS_AND_RELAYS) req.reply(180);
    if (script === SCRIPT_REFUSES || script === SCRIPT_RINGS_AND_REFUSES) {
      req.reply(plan.scriptStatus);
      return;
    }
    req.relay(plan.targets.length === 0 ? undefined : plan.targets);
    if (script === SCRIPT_RELAYS_AND_REFUSES) {
      this.setting.observer().scriptAnswers(plan.call);
      req.reply(plan.scriptStatus);
    }
  }

  private async actLater(req: RouteRequest, plan: CallPlan): Promise<void> {
    await this.setting.world().sleep(plan.awaitMs);
    this.act(req, plan);
    await this.pend(req, plan);
    if (plan.hangs === HANGS_BEHIND) await this.hang();
  }

  private async actAndPend(req: RouteRequest, plan: CallPlan): Promise<void> {
    this.act(req, plan);
    await this.pend(req, plan);
  }

  private hang(): Promise<void> {
    this.setting.observer().scriptHangs();
    return new Promise(() => {});
  }

  private async pend(req: RouteRequest, plan: CallPlan): Promise<void> {
    if (plan.pendMs < 0) return;
    await this.setting.world().sleep(plan.pendMs);
    if (plan.pendRelays) req.relay(plan.backups[0]);
    if (plan.pendStatus === 0) return;
    this.setting.observer().scriptAnswers(plan.call);
    req.reply(plan.pendStatus);
  }
}
