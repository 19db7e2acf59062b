/** The table of --find-max, a line a step: it is printed as the search goes on, so its columns are fixed. Pure. */
import { P99_CALLS } from '../report/deciding-steps.js';
import type { FindMaxStep } from '../report/result.js';
import { countText, percentText, rateText, timeText } from '../units.js';
import type { Span } from './style.js';

const WIDTHS = { step: 4, asked: 11, reached: 11, calls: 10, failures: 10, p50: 9, p99: 9, max: 9, cpu: 10 };

function cells(texts: Readonly<Record<keyof typeof WIDTHS, string>>): string {
  return (Object.keys(WIDTHS) as (keyof typeof WIDTHS)[]).map((key) => texts[key].padStart(WIDTHS[key])).join(' ');
}

/** How a step came out, in words. */
export function stepOutcome({ passed, reason, calls, repeated }: FindMaxStep): string {
  const outcome = passed ? 'passed' : (reason ?? 'failed');
  return `${outcome}${calls < P99_CALLS ? '; too few calls for a p99' : ''}${repeated === true ? '; repeated' : ''}`;
}

/** The line above the first step. */
export function stepHeader(): Span[] {
  return [[cells({ step: 'step', asked: 'asked', reached: 'reached', calls: 'calls', failures: 'failures', p50: 'p50', p99: 'p99', max: 'max', cpu: 'CPU/call' }), 'dim']];
}

/** One step. */
export function stepLine(step: FindMaxStep): Span[] {
  const text = cells({
    step: String(step.step),
    asked: rateText(step.askedPerS),
    reached: rateText(step.reachedPerS),
    calls: countText(step.calls),
    failures: percentText(step.failurePercent),
    p50: timeText(step.p50Us),
    p99: timeText(step.p99Us),
    max: timeText(step.maxUs),
    cpu: step.cpuUsPerCall === undefined ? '–' : timeText(step.cpuUsPerCall),
  });
  return [text, '  ', [stepOutcome(step), step.passed ? 'green' : step.limit === 'generator' ? 'yellow' : 'red']];
}
