/**
 * Runs simulated calls through the real engine and reports what broke.
 *
 * `simulate` is deterministic: knobs in, result out. When a rule was broken it runs the same seed once more with a trace
 * of the first call that suffered, and the result carries its message ladder.
 */
import { COUNTERS, C_LOOP_ERRORS } from '../telemetry/counters.js';
import { endpointV4 } from './address.js';
import { Invariants, type Violation } from './invariants.js';
import { ladder } from './ladder.js';
import { M_INVITE, MessageReader } from './message-reader.js';
import { MessageWriter } from './message-writer.js';
import type { EngineFactory } from './node-viaduct.js';
import { Random } from './random.js';
import {
  calleeWord,
  callerWord,
  type CallPlan,
  DEFAULT_KNOBS,
  type Knobs,
  planCalls,
  PROXY_ADDRESS,
  simulationRoutes,
} from './scenario.js';
import { Trace } from './trace.js';
import { Uac } from './uac.js';
import { Uas } from './uas.js';
import type { UaWorld } from './user-agent.js';
import { CallbackEvent } from './virtual-clock.js';
import { DEFAULT_TIMERS, World } from './world.js';

const TICK_MS = 10;
const PHONE_PORT = 5060;

export interface SimulationResult {
  readonly knobs: Knobs;
  readonly violations: readonly Violation[];
  /** Message ladder of the first call with a violation, `''` when there is none. */
  readonly ladder: string;
  /** How many callers got which final status. */
  readonly outcomes: ReadonlyMap<number, number>;
  /** Calls planned to be answered by their one callee and not cancelled, and how many of them were. */
  readonly answerable: number;
  readonly answered: number;
  readonly datagrams: number;
  readonly events: number;
  readonly virtualMs: number;
}

/** Runs one simulation. Knobs that are not given have the value of `DEFAULT_KNOBS`. */
export async function simulate(given: Partial<Knobs>, engine?: EngineFactory): Promise<SimulationResult> {
  const knobs: Knobs = { ...DEFAULT_KNOBS, ...given };
  const run = new Run(knobs, engine, -1);
  const result = await run.finish();
  const first = result.violations.find((violation) => violation.call >= 0);
  if (first === undefined) return result;
  const again = new Run(knobs, engine, first.call);
  await again.finish();
  return { ...result, ladder: again.ladder() };
}

/** A result as text: one line when all is well, else the knobs with their seed, the rules broken and the ladder. */
export function describe(result: SimulationResult): string {
  const { knobs, violations, outcomes } = result;
  if (violations.length === 0) {
    const statuses = [...outcomes].sort((a, b) => a[0] - b[0]).map(([status, count]) => `${status}: ${count}`);
    return `seed ${knobs.seed}: ${knobs.calls} calls, ${result.datagrams} datagrams, ${statuses.join(', ')}`;
  }
  const lines = violations.slice(0, 12).map(({ call, atMs, rule }) => `  call ${call} at ${atMs} ms: ${rule}`);
  const changed = Object.entries(knobs).filter(([name, value]) => DEFAULT_KNOBS[name as keyof Knobs] !== value || name === 'seed');
  return [
    `simulate({ ${changed.map(([name, value]) => `${name}: ${JSON.stringify(value)}`).join(', ')} }) broke ${violations.length} rules:`,
    ...lines,
    result.ladder,
  ].join('\n');
}

/** One pass of one seed. */
class Run {
  private readonly knobs: Knobs;
  private readonly world: World;
  private readonly invariants: Invariants;
  private readonly plans: readonly CallPlan[];
  private readonly callers: Uac[] = [];
  private readonly callees: Uas[][] = [];
  private readonly trace: Trace | undefined;

  constructor(knobs: Knobs, engine: EngineFactory | undefined, traceCall: number) {
    this.knobs = knobs;
    const random = new Random(knobs.seed);
    this.plans = planCalls(knobs, random.stream('plans'));
    const routes = simulationRoutes(this.plans, knobs.crashes > 0, () => this.world, () => this.invariants);
    const { lossPercent, dupPercent, reorderPercent, reorderMs, delayMs, jitterMs } = knobs;
    const records = Math.max(1024, Math.min(knobs.calls, knobs.callsPerSecond * 100) * (2 + 2 * knobs.forks));
    this.world = new World({
      routes,
      seed: random.stream('world').bits(),
      shards: knobs.shards,
      key: knobs.key,
      network: { lossPercent, dupPercent, reorderPercent, reorderMs, delayMs, jitterMs },
      limits: { transactions: records, branches: records, storeBytes: 64 * 1024 * 1024 },
      lagMs: knobs.lagMs,
      batchMax: knobs.batchMax,
      records: false,
      ...(engine === undefined ? {} : { engine }),
    });
    const { clock, network, slab, viaduct } = this.world;
    this.invariants = new Invariants(clock, {
      t1Ms: DEFAULT_TIMERS.t1Ms,
      t2Ms: DEFAULT_TIMERS.t2Ms,
      lateMs: TICK_MS + knobs.lagMs,
      lagMs: knobs.lagMs,
      checksTimes: knobs.crashes === 0,
      hasCrashes: knobs.crashes > 0,
    });
    viaduct.observer = this.invariants;
    if (traceCall >= 0) network.observer = this.trace = new Trace(clock, traceCall);
    const ua: UaWorld = {
      clock,
      network,
      reader: new MessageReader(),
      writer: new MessageWriter(slab),
      timers: DEFAULT_TIMERS,
      proxy: viaduct.ports[0]!,
      proxyAddress: PROXY_ADDRESS,
    };
    for (const plan of this.plans) {
      this.callers.push(new Uac(ua, endpointV4(callerWord(plan.call), PHONE_PORT), plan.call, plan.caller, plan.startMs));
      this.callees.push(
        plan.callees.map((callee, branch) => new Uas(ua, endpointV4(calleeWord(plan.call, branch), PHONE_PORT), plan.call, callee)),
      );
    }
    this.planCrashes(random.stream('crashes'));
  }

  async finish(): Promise<SimulationResult> {
    const { world, knobs } = this;
    try {
      if (knobs.asyncPercent > 0) await world.finishAsync();
      else world.finish();
    } catch (error) {
      const where = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.invariants.broken(-1, `the engine or the simulation threw: ${where}`);
    }
    this.checkEngines();
    this.plans.forEach((plan) => this.checkCall(plan));
    const outcomes = new Map<number, number>();
    for (const caller of this.callers) outcomes.set(caller.outcome, (outcomes.get(caller.outcome) ?? 0) + 1);
    const answerable = this.plans.filter((plan) => expectedOutcome(plan) === 200);
    return {
      knobs,
      violations: this.invariants.violations,
      ladder: '',
      outcomes,
      answerable: answerable.length,
      answered: answerable.filter((plan) => this.callers[plan.call]!.outcome === 200).length,
      datagrams: world.network.sent,
      events: world.clock.fired,
      virtualMs: world.nowMs,
    };
  }

  ladder(): string {
    return this.trace === undefined ? '' : ladder(this.trace.entries);
  }

  private planCrashes(random: Random): void {
    const { knobs, world } = this;
    const spanMs = Math.ceil((knobs.calls / knobs.callsPerSecond) * 1000) + 3000;
    for (let i = 0; i < knobs.crashes; i++) {
      const shard = random.below(knobs.shards);
      world.clock.schedule(new CallbackEvent(() => world.viaduct.crash(shard)), random.below(spanMs));
    }
  }

  /** When all is over nothing may be left. */
  private checkEngines(): void {
    const { viaduct } = this.world;
    COUNTERS.forEach(({ kind, name }, index) => {
      if (kind === 'gauge' && viaduct.counter(index) !== 0) this.invariants.broken(-1, `${name} is ${viaduct.counter(index)} at the end`);
    });
    if (viaduct.counter(C_LOOP_ERRORS) !== 0) this.invariants.broken(-1, 'the engine caught broken invariants of its own');
    if (viaduct.nextDeadlineMs() !== Infinity) this.invariants.broken(-1, 'a timer is armed at the end');
    if (viaduct.pending() !== 0) this.invariants.broken(-1, `${viaduct.pending()} transactions are pending at the end`);
    if (viaduct.suspended() !== 0) this.invariants.broken(-1, `${viaduct.suspended()} handlers are suspended at the end`);
  }

  private checkCall(plan: CallPlan): void {
    const { knobs, invariants } = this;
    const { call } = plan;
    const caller = this.callers[call]!;
    invariants.finish(call);
    if (knobs.crashes > 0) return;
    const strays = this.callees[call]!.reduce((sum, callee) => sum + callee.strays, caller.strays);
    if (strays > 0) invariants.broken(call, `phones got ${strays} messages that belong to nothing`);
    for (const callee of this.callees[call]!) {
      if (callee.invites > 1) invariants.broken(call, `a callee got ${callee.invites} INVITEs of one call`);
    }
    const isPerfect = knobs.lossPercent === 0 && knobs.reorderPercent === 0;
    if (isPerfect) this.checkPlanned(plan, caller);
  }

  /** On a network that loses nothing and keeps the order every call goes as planned. */
  private checkPlanned(plan: CallPlan, caller: Uac): void {
    const { call } = plan;
    const { invariants } = this;
    const expected = expectedOutcome(plan);
    if (expected !== 0 && caller.outcome !== expected) {
      invariants.broken(call, `the caller got ${caller.outcome}, not the ${expected} that was planned`);
    }
    if (caller.timeouts > 0) invariants.broken(call, 'a request of the caller was never answered');
    for (const dialog of caller.dialogs) if (!dialog.isEnded) invariants.broken(call, 'a dialog of the caller was never ended');
    for (const callee of this.callees[call]!) {
      if (callee.timeouts > 0) invariants.broken(call, 'a callee got no ACK, or no answer to its BYE');
      if (callee.outcome === 200 && callee.dialog !== undefined && !callee.isEstablished) invariants.broken(call, 'a 2xx was never acknowledged');
      if (callee.cancelsUnmatched > 0) invariants.broken(call, 'a callee got a CANCEL for an INVITE that it never had');
    }
  }
}

/** Status that the caller of an uncancelled call to one callee must get; 0 when it is not so simple. */
function expectedOutcome(plan: CallPlan): number {
  const callee = plan.callees[0];
  if (plan.caller.cancelAfterMs >= 0 || plan.callees.length !== 1 || callee === undefined) return 0;
  if (plan.throws) return 500;
  // Timer B of the proxy; for other requests the caller's own Timer F, since RFC 4320 forbids a 408.
  if (callee.isSilent) return 408;
  if (callee.answerAfterMs < 0) {
    // Timer C cancels a branch that rings; one that never sent a provisional response ends by Timer B.
    if (plan.caller.method !== M_INVITE || callee.ringAfterMs < 0) return 408;
    return callee.answersWhenCancelled ? 200 : 487;
  }
  if (plan.caller.method !== M_INVITE) return 200;
  // A 503 is the callee's state, not the proxy's: it goes upstream as 500 (RFC 3261 §16.7 step 6).
  return callee.status === 503 ? 500 : callee.status;
}
