/** A run in words, for its heading and its result. Pure. */
import type { LoadOptions } from '../options.js';
import type { ResultOptions } from '../report/result.js';
import { countOf, countText, durationText, percentText, shortTime } from '../units.js';
import type { RunHeading } from '../view/view.js';
import type { RunPlan } from './plan.js';
import type { BoundAddresses } from './threads.js';

/** `127.0.0.1:5060`, `[::1]:5060`. */
export function addressText({ host, family, port }: { readonly host: string; readonly family: 4 | 6; readonly port: number }): string {
  return `${family === 6 ? `[${host}]` : host}:${port}`;
}

/** The heading of a run. */
export function headingOf(options: LoadOptions, plan: RunPlan, addresses: BoundAddresses, findsMax: boolean): RunHeading {
  const { role, target } = options;
  const to = target === undefined ? '' : ` → ${addressText(target)}`;
  return {
    scenarios: scenariosText(options),
    where: role === 'uas' ? 'callee' : role === 'uac' ? `caller${to}` : `caller and callee${to}`,
    plan: planText(plan, findsMax),
    listens: addresses.uas,
  };
}

/** `call`, or with shares `call 80 %, cancel 20 %`. */
export function scenariosText({ scenarios }: Pick<LoadOptions, 'scenarios'>): string {
  const all = scenarios.reduce((sum, { weight }) => sum + weight, 0);
  return scenarios.map(({ scenario, weight }) => (scenarios.length === 1 ? scenario : `${scenario} ${percentText((100 * weight) / all)}`)).join(', ');
}

function planText({ ratePerS, durationMs, calls, rampMs, warmUpMs }: RunPlan, findsMax: boolean): string {
  const parts: string[] = [];
  if (findsMax) parts.push(`highest rate wanted, from ${countText(ratePerS ?? 0)} calls/s, steps of ${shortTime(durationMs ?? 0)}`);
  else if (ratePerS === undefined) parts.push(calls === undefined ? 'until Ctrl+C' : `until ${countOf(calls, 'call')} ${calls === 1 ? 'is' : 'are'} answered`);
  else parts.push(`${ratePerS.toLocaleString('en-US')} calls/s${calls === undefined ? '' : `, ${countOf(calls, 'call')}`}`);
  if (!findsMax && durationMs !== undefined) parts.push(`for ${shortTime(durationMs)}`);
  if (warmUpMs > 0) parts.push(`after ${shortTime(warmUpMs)} of warm-up`);
  if (rampMs > 0) parts.push(`rising over ${shortTime(rampMs)}`);
  return parts.join(' ');
}

/** The options as a result keeps them. */
export function resultOptions(options: LoadOptions, plan: RunPlan): ResultOptions {
  const { role, target, listen, scenarios, arrivals, ring, hold, cancelAfter, concurrency, threads, socketsPerThread, users, domain, faults, t1Ms, seed, driver } = options;
  return {
    role,
    target: target === undefined ? null : addressText(target),
    listen: role === 'uac' ? null : addressText(listen),
    ratePerS: plan.ratePerS ?? null,
    durationS: plan.durationMs === undefined ? null : plan.durationMs / 1000,
    calls: plan.calls ?? null,
    rampS: plan.rampMs / 1000,
    warmUpS: plan.warmUpMs / 1000,
    scenarios,
    arrivals,
    ring: durationText(ring),
    hold: durationText(hold),
    cancelAfter: durationText(cancelAfter),
    concurrency,
    threads,
    socketsPerThread,
    users: users.kind === 'list' ? users.list.length : users.count,
    domain,
    faults,
    t1Ms,
    seed,
    driver,
    coalesceUs: options.coalesceUs,
  };
}
