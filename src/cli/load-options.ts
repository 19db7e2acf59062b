/** From the flags of `viaduct load` to what is to be done: defaults filled in, names looked up, what cannot be refused. */
import { lookup } from 'node:dns/promises';
import { createSocket } from 'node:dgram';
import { statSync } from 'node:fs';
import { isIP } from 'node:net';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { nearest } from '../config/suggest.js';
import { LoadError } from '../load/load-error.js';
import type { LoadOptions, ScenarioShare } from '../load/options.js';
import type { FindMaxBounds } from '../load/run/run.js';
import type { RunPlan } from '../load/run/plan.js';
import { readUsers } from '../load/run/users-file.js';
import { shortTime } from '../load/units.js';
import { BUILT_IN_SCENARIOS } from '../load/scenario/built-in.js';
import type { LoadFlags } from './load-flags.js';
import type { TargetText } from './load-values.js';

const DEFAULT_RATE_PER_S = 100;
const DEFAULT_DURATION_MS = 20_000;
/** Of a search for the highest rate. */
const FIRST_RATE_PER_S = 500;
const STEP_MS = 5000;
const STEP_WARM_UP_MS = 2000;
const DEFAULT_BOUNDS: FindMaxBounds = { maxFailurePercent: 0.01, maxP99Us: 20_000 };
const CALLEE_PORT = 5070;

type Address = NonNullable<LoadOptions['target']>;

/** What is to be done. */
export interface LoadRequest {
  readonly options: LoadOptions;
  readonly plan: RunPlan;
  readonly findMax: FindMaxBounds | undefined;
}

/** Throws a LoadError that says which flag is wrong, and what is allowed. */
export async function resolveFlags(flags: LoadFlags): Promise<LoadRequest> {
  refuseContradictions(flags);
  const { role } = flags;
  const target = role === 'uas' ? undefined : await resolveTarget(flags.target ?? { host: '127.0.0.1', port: 5060 });
  const listenHost = target === undefined ? '127.0.0.1' : await localAddress(target);
  const listen = flags.listen ?? { host: listenHost, family: isIP(listenHost) === 6 ? (6 as const) : (4 as const), port: role === 'uac' ? 0 : CALLEE_PORT };
  if (role === 'both' && target !== undefined && listen.family !== target.family) {
    throw usage(`--listen and --target are of different IP versions: found ${listen.host} and ${target.host}; allowed: two of the same`);
  }
  const threads = flags.threads ?? Math.max(1, Math.ceil(availableParallelism() / 4));
  if (role !== 'uac' && listen.port !== 0 && listen.port + threads * flags.sockets - 1 > 65_535) {
    throw usage(`--listen: port ${listen.port} leaves no room for ${threads * flags.sockets} sockets; allowed: up to ${65_536 - threads * flags.sockets}`);
  }
  const isWildcard = listen.host === '0.0.0.0' || listen.host === '::';
  return {
    options: {
      role,
      target,
      listen,
      callerHost: flags.listen === undefined || isWildcard || (target !== undefined && listen.family !== target.family) ? listenHost : listen.host,
      socketsPerThread: flags.sockets,
      threads,
      scenarios: scenariosOf(flags),
      arrivals: flags.arrivals,
      concurrency: flags.concurrency,
      ring: flags.ring,
      hold: flags.hold,
      cancelAfter: flags.cancelAfter,
      domain: flags.domain ?? (target === undefined ? 'localhost' : target.family === 6 ? `[${target.host}]` : target.host),
      users: usersOf(flags),
      faults: { retransmitPercent: flags.retransmit, lossPercent: flags.loss, delayMs: flags.delay, reorderPercent: flags.reorder },
      t1Ms: flags.t1,
      // Two runs must not look alike to a proxy that still remembers the calls of the first.
      seed: flags.seed ?? Date.now() % 0x1_0000_0000,
      driver: flags.driver,
      coalesceUs: flags.coalesce * 1000,
    },
    plan: planOf(flags),
    findMax: flags.findMax === true ? { maxFailurePercent: flags.maxFailures ?? DEFAULT_BOUNDS.maxFailurePercent, maxP99Us: flags.maxP99 === undefined ? DEFAULT_BOUNDS.maxP99Us : flags.maxP99 * 1000 } : undefined,
  };
}

function refuseContradictions({ role, target, listen, rate, duration, ramp, warmUp, findMax, maxFailures, maxP99, calls, scenario, mix, failIf = [], watchPid, json, html }: LoadFlags): void {
  if (role === 'uas' && target !== undefined) throw usage('--target is for callers: --role uas only takes calls');
  if (role === 'uac' && listen !== undefined && listen.port !== 0) throw usage('--listen is for callees: with --role uac it may only say from which address calls come, as in --listen 10.0.0.5:0');
  if (role === 'uas' && rate !== undefined) throw usage('--rate is for callers: --role uas takes calls as they come');
  if (role === 'uas' && (ramp > 0 || findMax === true)) throw usage(`${ramp > 0 ? '--ramp' : '--find-max'} is for callers: --role uas takes calls as they come`);
  if (scenario !== undefined && mix !== undefined) throw usage('--scenario and --mix say the same thing in two ways: use one of them');
  if (findMax === true && calls !== undefined) throw usage('--calls and --find-max do not go together: steps of the search end by time (--duration)');
  if (findMax === true && ramp > 0) throw usage('--ramp and --find-max do not go together: the steps of the search have a --warm-up');
  if (findMax !== true && (maxFailures !== undefined || maxP99 !== undefined)) throw usage(`${maxFailures !== undefined ? '--max-failures' : '--max-p99'} is a bound of --find-max, which is missing; to fail by a bound there is --fail-if`);
  const runMs = duration === undefined ? (calls === undefined && role !== 'uas' ? DEFAULT_DURATION_MS + (warmUp ?? 0) : Infinity) : duration + (warmUp ?? 0);
  if (findMax !== true && ramp > runMs) throw usage(`--ramp is longer than the whole run, so the rate would never be reached: ${shortTime(ramp)} of ${shortTime(runMs)}; give a longer --duration`);
  const unwatched = failIf.find(({ needsWatch }) => needsWatch);
  if (unwatched !== undefined && watchPid === undefined) throw usage(`--fail-if '${unwatched.text}' needs --watch-pid: whose CPU or memory is it?`);
  if (json !== undefined && json !== '-' && json === html) throw usage(`--json and --html name the same file: found ${json}; allowed: two files`);
  if (calls !== undefined && warmUp !== undefined && rate !== undefined && (warmUp / 1000) * rate >= calls) throw usage(`--warm-up takes all of the calls: ${calls} are begun within ${calls / rate} s at ${rate} calls/s`);
}

function planOf({ role, rate, duration, calls, ramp, warmUp, findMax }: LoadFlags): RunPlan {
  if (findMax === true) return { ratePerS: rate ?? FIRST_RATE_PER_S, durationMs: duration ?? STEP_MS, calls: undefined, rampMs: 0, warmUpMs: warmUp ?? STEP_WARM_UP_MS };
  return {
    ratePerS: role === 'uas' ? undefined : (rate ?? DEFAULT_RATE_PER_S),
    durationMs: duration ?? (calls === undefined && role !== 'uas' ? DEFAULT_DURATION_MS : undefined),
    calls,
    rampMs: ramp,
    warmUpMs: warmUp ?? 0,
  };
}

/** Names are looked up once: a test of a proxy is no test of name servers. */
async function resolveTarget({ host, port }: TargetText): Promise<Address> {
  const literal = isIP(host);
  if (literal !== 0) return { host, family: literal === 6 ? 6 : 4, port };
  try {
    const { address, family } = await lookup(host);
    return { host: address, family: family === 6 ? 6 : 4, port };
  } catch (error) {
    throw new LoadError('VD_LOAD_UNREACHABLE', `--target: the name ${host} has no address that could be found`, { cause: error });
  }
}

/** The address of this machine from which packets to the target go. No packet is sent to find out. */
function localAddress({ host, family, port }: Address): Promise<string> {
  return new Promise((done, fail) => {
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.once('error', (error) => {
      socket.close();
      fail(new LoadError('VD_LOAD_UNREACHABLE', `--target: there is no way from this machine to ${host}`, { cause: error }));
    });
    // Not as the callback of connect: that one is called with the error, and `error` is then not emitted.
    socket.once('connect', () => {
      const { address } = socket.address();
      socket.close();
      done(address);
    });
    socket.connect(port, host);
  });
}

function scenariosOf({ scenario, mix }: LoadFlags): readonly ScenarioShare[] {
  const shares = scenario ?? mix ?? [{ scenario: 'call', weight: 1 }];
  return shares.map(({ scenario: name, weight }) => ({ scenario: scenarioOf(scenario === undefined ? '--mix' : '--scenario', name), weight }));
}

/** The names that `--scenario` takes. */
export const SCENARIO_NAMES: readonly string[] = [...BUILT_IN_SCENARIOS.map(({ name }) => name), 'mix'];

function scenarioOf(flag: string, name: string): string {
  if (SCENARIO_NAMES.includes(name)) return name;
  const file = resolve(name);
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file;
  const near = nearest(name, SCENARIO_NAMES);
  throw usage(`${flag}: found ${JSON.stringify(name)}, which is neither a scenario${near === undefined ? '' : ` (did you mean ${near}?)`} nor a file; allowed: ${SCENARIO_NAMES.join(', ')}, or the path of a file`);
}

function usersOf({ users, password }: LoadFlags): LoadOptions['users'] {
  if (!/^[\d_]+$/.test(users)) return { kind: 'list', list: readUsers(users) };
  const count = Number(users.replaceAll('_', ''));
  if (count < 1 || count > 10_000_000) throw usage(`--users: found ${users}; allowed: a number from 1 to 10,000,000, or the path of a CSV file`);
  return { kind: 'generated', count, password };
}

function usage(message: string): LoadError {
  return new LoadError('VD_LOAD_USAGE', message);
}
