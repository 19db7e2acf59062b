/**
 * Runs simulated calls through the real engine and reports what broke.
 *
 * `simulate` is deterministic: knobs in, result out. When a rule was broken the run is made as small as it can be while it
 * still breaks one, and the result carries the message ladder of the call that suffers there.
 */
import { COUNTERS, C_LOOP_ERRORS, C_SCRIPT_SUSPENDED } from '../telemetry/counters.js';
import { endpointV4 } from './address.js';
import { Invariants, type Violation } from './invariants.js';
import { commandOf, DEFAULT_KNOBS, type Knobs } from './knobs.js';
import { ladder } from './ladder.js';
import { M_INVITE, M_OPTIONS, MessageReader } from './message-reader.js';
import { MessageWriter } from './message-writer.js';
import type { EngineFactory } from './node-viaduct.js';
import { Random } from './random.js';
import { calleeWord, callerWord, type CallPlan, HANGS_BEFORE, HANGS_NOT, planCalls, proxyAddress, PROXY_ADDRESS, SCRIPT_RELAYS, SCRIPT_RINGS_AND_RELAYS } from './scenario.js';
import { type ScriptSetting, simulationRoutes } from './scenario-routes.js';
import { shrink } from './shrink.js';
import { Trace } from './trace.js';
import { Uac } from './uac.js';
import { Uas } from './uas.js';
import type { UaWorld } from './user-agent.js';
import { CallbackEvent } from './virtual-clock.js';
import { DEFAULT_TIMERS, World } from './world.js';

const TICK_MS = 10;
const PHONE_PORT = 5060;
/** Room in the message store of a shard: its size classes take whole pages; and for each call and branch that may be alive. */
const LEAST_STORE_BYTES = 1 << 22;
const STORE_BYTES_EACH = 3072;

export interface SimulationResult {
  readonly knobs: Knobs;
  readonly violations: readonly Violation[];
  /** Message ladder of the first call with a violation, `''` when there is none. */
  readonly ladder: string;
  /** The smallest run found that breaks a rule, and what it breaks; undefined when nothing was broken. */
  readonly smallest: SmallestRun | undefined;
  /** How many callers got which final status. */
  readonly outcomes: ReadonlyMap<number, number>;
  /** Calls planned to be answered by their one callee and not cancelled, and how many of them were. */
  readonly answerable: number;
  readonly answered: number;
  readonly datagrams: number;
  readonly events: number;
  readonly virtualMs: number;
}

export interface SmallestRun {
  readonly knobs: Knobs;
  readonly violations: readonly Violation[];
}

export interface SimulateOptions {
  /** Most runs that are made to find a smaller one; 0: a failing run is reported as it is. Default 80. */
  readonly shrinkRuns?: number;
  /** Asked between two of them, to give up sooner. */
  readonly mayShrink?: () => boolean;
}

const SHRINK_RUNS = 80;

/** Runs one simulation. Knobs that are not given have the value of `DEFAULT_KNOBS`. */
export async function simulate(given: Partial<Knobs>, engine?: EngineFactory, options: SimulateOptions = {}): Promise<SimulationResult> {
  const knobs: Knobs = { ...DEFAULT_KNOBS, ...given };
  const result = await new Run(knobs, engine, NO_TRACE).finish();
  const { violations } = result;
  if (violations.length === 0) return result;
  const runs = options.shrinkRuns ?? SHRINK_RUNS;
  const fails = async (smaller: Knobs): Promise<readonly Violation[]> => (await new Run(smaller, engine, NO_TRACE).finish()).violations;
  const smallest = await shrink({ knobs, violations }, fails, runs, options.mayShrink ?? (() => true));
  const first = smallest.violations.find((violation) => violation.call >= 0);
  if (first === undefined) return { ...result, smallest };
  // Of a call on its own everything is shown, what proxies send to each other too.
  const again = new Run(smallest.knobs, engine, smallest.knobs.only >= 0 || smallest.knobs.calls === 1 ? -1 : first.call);
  await again.finish();
  return { ...result, smallest, ladder: again.ladder() };
}

/** A result as text: one line when all is well, else the rules broken, the command that repeats it, and the ladder. */
export function describe(result: SimulationResult): string {
  const { knobs, violations, outcomes, smallest } = result;
  if (violations.length === 0) {
    const statuses = [...outcomes].sort((a, b) => a[0] - b[0]).map(([status, count]) => `${status}: ${count}`);
    return `seed ${knobs.seed}: ${knobs.calls} calls, ${result.datagrams} datagrams, ${statuses.join(', ')}`;
  }
  const lines = [`${commandOf(knobs)}`, `broke ${violations.length} rules:`, ...violations.slice(0, 12).map(lineOf)];
  if (smallest !== undefined && smallest.knobs !== knobs) {
    lines.push('The smallest run found that breaks one:', commandOf(smallest.knobs), ...smallest.violations.slice(0, 5).map(lineOf));
  }
  return [...lines, result.ladder].join('\n');
}

function lineOf({ call, atMs, rule }: Violation): string {
  return `  call ${call} at ${atMs} ms: ${rule}`;
}

const NO_TRACE = -2;

/** One pass of one seed. */
class Run {
  private readonly knobs: Knobs;
  private readonly world: World;
  /** One for each proxy. */
  private readonly invariants: Invariants[] = [];
  private readonly violations: Violation[] = [];
  private readonly plans: readonly (CallPlan | undefined)[];
  private readonly callers: (Uac | undefined)[] = [];
  private readonly callees: Uas[][] = [];
  private readonly trace: Trace | undefined;

  /** @param traceCall whose messages are kept; -1: everybody's, `NO_TRACE`: nobody's. */
  constructor(knobs: Knobs, engine: EngineFactory | undefined, traceCall: number) {
    this.knobs = knobs;
    const random = new Random(knobs.seed);
    this.plans = planCalls(knobs, random.stream('plans'));
    const { lossPercent, dupPercent, reorderPercent, reorderMs, delayMs, jitterMs } = knobs;
    // Calls whose transactions are alive at a time, each for a minute or two: shards get twice their share of them.
    const alive = knobs.only >= 0 ? 1 : Math.min(knobs.calls, knobs.callsPerSecond * 100);
    const calls = 64 + Math.ceil((2 * alive) / Math.max(2, knobs.shards));
    const transactions = calls * 6;
    const branches = calls * (4 + 3 * knobs.forks);
    this.world = new World({
      routes: this.routes(0),
      seed: random.stream('world').bits(),
      shards: knobs.shards,
      key: knobs.key,
      network: { lossPercent, dupPercent, reorderPercent, reorderMs, delayMs, jitterMs },
      limits: { transactions, branches, storeBytes: LEAST_STORE_BYTES + calls * (1 + knobs.forks) * STORE_BYTES_EACH, heldCancels: calls },
      earlyCancelMs: knobs.earlyCancelMs,
      sendFailPercent: knobs.sendFailPercent,
      lagMs: knobs.lagMs,
      batchMax: knobs.batchMax,
      records: false,
      ...(engine === undefined ? {} : { engine }),
    });
    const { world } = this;
    for (let node = 1; node < knobs.nodes; node++) world.addNode(node, [proxyAddress(node)], this.routes(node));
    for (const node of world.nodes) {
      const invariants = new Invariants(world.clock, {
        t1Ms: DEFAULT_TIMERS.t1Ms,
        t2Ms: DEFAULT_TIMERS.t2Ms,
        timerCMs: DEFAULT_TIMERS.timerCMs,
        timerDMs: DEFAULT_TIMERS.timerDMs,
        lateMs: TICK_MS + knobs.lagMs,
        lagMs: knobs.lagMs,
        earlyCancelMs: knobs.earlyCancelMs,
        offersMs: (knobs.lagMs + 1) * knobs.shards,
        hasCrashes: knobs.crashes > 0,
        isPrompt: (call) => isPrompt(this.plans[call]),
        isLeftAlone: (call) => isLeftAlone(this.plans[call]),
        violations: this.violations,
      });
      this.invariants.push(invariants);
      node.observer = invariants;
    }
    if (traceCall !== NO_TRACE) world.network.observer = this.trace = new Trace(world.clock, traceCall);
    this.placePhones();
    this.planCrashes(random.stream('crashes'));
  }

  async finish(): Promise<SimulationResult> {
    const { world, knobs } = this;
    try {
      if (knobs.asyncPercent > 0 || knobs.pendPercent > 0 || knobs.hangPercent > 0) await world.finishAsync();
      else world.finish();
    } catch (error) {
      const where = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.broken(-1, `the engine or the simulation threw: ${where}`);
    }
    this.checkEngines();
    for (const node of world.nodes) node.release();
    const outcomes = new Map<number, number>();
    let answerable = 0;
    let answered = 0;
    for (const plan of this.plans) {
      const caller = plan === undefined ? undefined : this.callers[plan.call];
      if (plan === undefined || caller === undefined) continue;
      this.checkCall(plan, caller);
      outcomes.set(caller.outcome, (outcomes.get(caller.outcome) ?? 0) + 1);
      if (expectedOutcome(plan) !== 200) continue;
      answerable++;
      if (caller.outcome === 200) answered++;
    }
    return {
      knobs,
      violations: this.violations,
      ladder: '',
      smallest: undefined,
      outcomes,
      answerable,
      answered,
      datagrams: world.network.sent,
      events: world.clock.fired,
      virtualMs: world.nowMs,
    };
  }

  ladder(): string {
    return this.trace === undefined ? '' : ladder(this.trace.entries);
  }

  private broken(call: number, rule: string): void {
    this.invariants[0]!.broken(call, rule);
  }

  private routes(node: number): ReturnType<typeof simulationRoutes> {
    const setting: ScriptSetting = { knobs: this.knobs, plans: this.plans, node, world: () => this.world, observer: () => this.invariants[node]! };
    return simulationRoutes(setting);
  }

  private placePhones(): void {
    const { clock, network, slab, viaduct } = this.world;
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
      this.callers.push(plan === undefined ? undefined : new Uac(ua, endpointV4(callerWord(plan.call), PHONE_PORT), plan.call, plan.caller, plan.startMs));
      this.callees.push(
        plan === undefined ? [] : plan.callees.map((callee, branch) => new Uas(ua, endpointV4(calleeWord(plan.call, branch), PHONE_PORT), plan.call, callee)),
      );
    }
  }

  private planCrashes(random: Random): void {
    const { knobs, world } = this;
    const spanMs = Math.ceil((knobs.calls / knobs.callsPerSecond) * 1000) + 3000;
    for (let i = 0; i < knobs.crashes; i++) {
      const shard = random.below(knobs.shards);
      const node = world.nodes[random.below(knobs.nodes)]!;
      world.clock.schedule(new CallbackEvent(() => { node.crash(shard); }), random.below(spanMs));
    }
  }

  /** When all is over nothing may be left. */
  private checkEngines(): void {
    for (const [index, node] of this.world.nodes.entries()) {
      // Handlers that hang are counted as long as their shard lives.
      const { hanging } = this.invariants[index]!;
      const suspended = node.suspended();
      COUNTERS.forEach(({ kind, name }, counter) => {
        const expected = counter === C_SCRIPT_SUSPENDED ? suspended : 0;
        if (kind === 'gauge' && node.counter(counter) !== expected) this.broken(-1, `${name} is ${node.counter(counter)} at the end`);
      });
      if (node.counter(C_LOOP_ERRORS) !== 0) this.broken(-1, 'the engine caught broken invariants of its own');
      if (node.nextDeadlineMs() !== Infinity) this.broken(-1, 'a timer is armed at the end');
      if (node.pending() !== 0) this.broken(-1, `${node.pending()} transactions are pending at the end`);
      if (suspended !== hanging && !(this.knobs.crashes > 0 && suspended < hanging)) {
        this.broken(-1, `${suspended} handlers are suspended at the end, of which ${hanging} hang`);
      }
      if (node.storedBytes() !== 0) this.broken(-1, `${node.storedBytes()} bytes of messages are stored at the end`);
    }
  }

  private checkCall(plan: CallPlan, caller: Uac): void {
    const { knobs } = this;
    const { call } = plan;
    for (const invariants of this.invariants) invariants.finish(call);
    if (knobs.crashes > 0) return;
    const strays = this.callees[call]!.reduce((sum, callee) => sum + callee.strays, caller.strays);
    if (strays > 0) this.broken(call, `phones got ${strays} messages that belong to nothing`);
    for (const callee of this.callees[call]!) {
      if (callee.invites > 1) this.broken(call, `a callee got ${callee.invites} INVITEs of one call`);
    }
    const isPerfect = knobs.lossPercent === 0 && knobs.reorderPercent === 0 && knobs.sendFailPercent === 0;
    if (isPerfect) this.checkPlanned(plan, caller);
  }

  /** On a network that loses nothing and keeps the order every call goes as planned. */
  private checkPlanned(plan: CallPlan, caller: Uac): void {
    const { call } = plan;
    const expected = expectedOutcome(plan);
    if (expected !== 0 && caller.outcome !== expected) {
      this.broken(call, `the caller got ${caller.outcome}, not the ${expected} that was planned`);
    }
    if (caller.timeouts > 0) this.broken(call, 'a request of the caller was never answered');
    for (const dialog of caller.dialogs) if (!dialog.isEnded) this.broken(call, 'a dialog of the caller was never ended');
    for (const callee of this.callees[call]!) {
      if (callee.timeouts > 0) this.broken(call, 'a callee got no ACK, or no answer to its BYE');
      if (callee.outcome === 200 && callee.dialog !== undefined && !callee.isEstablished) this.broken(call, 'a 2xx was never acknowledged');
      if (callee.cancelsUnmatched > 0) this.broken(call, 'a callee got a CANCEL for an INVITE that it never had');
    }
  }
}

/** Whether the script decides at once and hangs then, in one of its handlers. */
function isLeftAlone(plan: CallPlan | undefined): boolean {
  return plan !== undefined && plan.awaitMs < 0 && plan.pendMs < 0 && plan.backups.length === 0 && plan.hangs > HANGS_BEFORE && plan.script === SCRIPT_RELAYS;
}

/** Whether the script decides at once and for good. */
function isPrompt(plan: CallPlan | undefined): boolean {
  return plan !== undefined && plan.awaitMs < 0 && plan.pendMs < 0 && plan.backups.length === 0 && plan.hangs === HANGS_NOT && plan.script === SCRIPT_RELAYS;
}

/** Status that the caller of an uncancelled call to one callee must get; 0 when it is not so simple. */
function expectedOutcome(plan: CallPlan): number {
  const callee = plan.callees[0];
  if (plan.caller.cancelAfterMs >= 0 || plan.callees.length !== 1 || callee === undefined) return 0;
  // Nobody else decides in the time of Timer C; another request than INVITE is left without an answer, like one that nobody takes.
  if (plan.hangs === HANGS_BEFORE && !plan.spirals) return plan.caller.method === M_INVITE ? 500 : 408;
  if (plan.throws) return 500;
  if (plan.script !== SCRIPT_RELAYS && plan.script !== SCRIPT_RINGS_AND_RELAYS) return plan.scriptStatus;
  if (plan.pendStatus !== 0 && plan.pendMs >= 0) return 0;
  // Timer B of the proxy; for other requests the caller's own Timer F, since RFC 4320 forbids a 408.
  if (callee.isSilent || callee.vanishes === true) return 408;
  if (callee.answerAfterMs < 0) {
    // Timer C cancels a branch that rings; one that never sent a provisional response ends by Timer B.
    if (plan.caller.method !== M_INVITE || callee.ringAfterMs < 0) return 408;
    return callee.answersWhenCancelled ? 200 : 487;
  }
  if (plan.caller.method === M_OPTIONS) return 200;
  // A 503 is the callee's state, not the proxy's: it goes upstream as 500 (RFC 3261 §16.7 step 6).
  return callee.status === 503 ? 500 : callee.status;
}
